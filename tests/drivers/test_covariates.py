"""Conversations that a colleague takes over: what is shown in a turn is its author's."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.contexts import LEAST, LEXICON, RULES

from csinsight.behaviours.buyer_states import build_buyer_states
from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.contract.artifacts import opportunity_column, turn_column
from csinsight.contract.domain import TURN_MARKERS
from csinsight.drivers.covariates import turn_authors
from csinsight.drivers.design import design
from csinsight.drivers.estimates import estimate_drivers
from csinsight.engine import open_shop

AS_OF = datetime(2026, 11, 1)
START = datetime(2026, 10, 10, 10)
TURNS = 4


def _chats(folder, lines):
    rows = [
        (f"b{name}", who, "buyer" if who is None else "agent", START + timedelta(minutes=at), text)
        for name, talk in lines.items()
        for at, who, text in talk
    ]
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / "messages.parquet")
    return mark_messages(ChatSource(open_shop(folder), AS_OF, 1, RULES, LEXICON))


def test_each_turn_is_told_by_who_wrote_it(tmp_path):
    marked = _chats(
        tmp_path,
        {
            # Ann opens, Bo takes over within her second turn and stays.
            "1": [
                (0, None, "165穿什么码"), (1, "ann", "您好"), (2, None, "在吗"),
                (3, "ann", "为您转接"), (4, "bo", "您好，我是小博"), (5, "bo", "建议M码"),
                (6, None, "好的"), (7, "bo", "M码胸围96cm"), (8, "ann", "面料是纯棉的"),
                (9, "bo", "不起球"),
            ],
            "2": [(0, None, "包邮吗"), (1, "ann", "包邮的亲")],
        },
    )  # fmt: skip
    states, conversations = build_buyer_states(marked), build_conversations(marked)
    talk = conversations.set_index("buyer_id")["conversation_id"]
    wrote = states.set_index(["conversation_id", "turn"])["agent_id"]
    assert wrote[talk["b1"]].to_dict() == {1: "ann", 2: "bo", 3: "bo"}
    assert conversations.set_index("buyer_id")["agent_id"].to_dict() == {"b1": "bo", "b2": "ann"}
    own = states[states["conversation_id"] == talk["b1"]]
    agents = conversations.set_index("buyer_id").loc[["b2", "b1"], "agent_id"]
    assert turn_authors(agents, own, np.ones(3, int), 3).tolist() == [[0, 0, 0], [0, 1, 1]]


def _taken_over(rng, *, whole=False):
    """Draw conversations without effects, some taken over by colleagues who say more and sell more.

    What is said is decided turn by turn, or, where `whole`, once and shown in any turn.
    """
    n, agents = 6000, 12
    skill = rng.normal(size=agents)
    first = rng.integers(0, agents // 2, n)
    # The other half only take over, and the better of them more often.
    pull = np.exp(skill[agents // 2 :])
    second = agents // 2 + rng.choice(agents // 2, n, p=pull / pull.sum())
    handed = np.where(rng.random(n) < 0.5, rng.integers(1, 3, n), TURNS)
    author = np.where(np.arange(TURNS) < handed[:, None], first[:, None], second[:, None])
    turns = rng.integers(2, TURNS + 1, n)
    there = np.arange(TURNS) < turns[:, None]
    both = (skill[author] * there).sum(axis=1) / turns
    paid = rng.random(n) < 1 / (1 + np.exp(0.5 - 1.2 * both))
    mine = (there & (author == first[:, None])).sum(axis=1)
    most = np.where(mine > turns - mine, first, second)
    table = {
        "conversation_id": [f"c{i:05d}" for i in range(n)],
        "agent_id": [f"agent{a:02d}" for a in most],
        "started_at": pd.Timestamp("2026-08-01")
        + pd.to_timedelta(rng.integers(0, 92 * 86_400, n), unit="s"),
        "category": "size",
        "is_inquiry": True,
        "mature": True,
        "ordered": paid,
        "paid": paid,
        "first_response_s": rng.exponential(60, n),
        "turns_judged": pd.array(turns, dtype="Int64"),
        "closes_warmly": pd.array(rng.random(n) < 0.3),
    }
    table["counted_at"] = table["started_at"]
    for name in TURN_MARKERS:
        chance = 1 / (1 + np.exp(1.5 - 1.0 * skill[author]))
        said = rng.random((n, TURNS)) < chance
        if whole:
            said = rng.random((n, 1)) < 1 / (1 + np.exp(0.5 - 1.0 * both))[:, None]
            said = said & (np.arange(TURNS) == np.floor(rng.random(n) * turns)[:, None])
        said &= there
        turn = np.where(said.any(axis=1), said.argmax(axis=1) + 1, None)
        table[turn_column(name)] = pd.array(turn, dtype="Int64")
        table[opportunity_column(name)] = pd.array([1] * n, dtype="Int64")
        table[name] = pd.array(said.any(axis=1), dtype="boolean")
    row, at = np.nonzero(there)
    states = pd.DataFrame(
        {
            "conversation_id": np.array(table["conversation_id"])[row],
            "turn": at + 1,
            "agent_id": [f"agent{a:02d}" for a in author[row, at]],
        }
    )
    return pd.DataFrame(table), states


@pytest.mark.parametrize("whole", [False, True])
def test_a_colleague_who_says_more_and_sells_more_makes_no_driver(whole):
    conversations, states = _taken_over(np.random.default_rng(4), whole=whole)
    told = {"outcome": "paid", "as_of": AS_OF, "months": 3}
    covered = []
    for known in (states.drop(columns="agent_id"), states):
        plan = design(conversations, states=known, **told)
        found = estimate_drivers(plan, scopes=(), **LEAST).set_index("behaviour")
        found = found.loc[list(TURN_MARKERS)]
        covered.append(((found["low_pp"] < 0) & (found["high_pp"] > 0)).mean())
        named = found["verdict"].isin(["helps", "hurts"]).any()
    assert bool(plan.by_conversation) is whole
    assert not named
    without, with_authors = covered
    assert with_authors >= 0.85 > without


def test_nobody_took_over():
    states = pd.DataFrame({"turn": [1], "agent_id": ["a"]})
    assert turn_authors(pd.Series(["a"]), states, np.zeros(1, int), 2) is None
    assert turn_authors(pd.Series(["a"]), states[["turn"]], np.zeros(1, int), 2) is None
