"""Conversations of two agents: every word, finding, wait and score is that of who wrote it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import polars as pl
import pytest
from tests.contexts import LEXICON, LIMITS, RATES, RULES

from csinsight.behaviours.agent_sessions import build_agent_sessions, count_month
from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.behaviours.findings import Precision, compliance_findings, crossed_red_lines
from csinsight.behaviours.kpis import agent_kpis
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.profiles import load_profile
from csinsight.behaviours.scorecard import load_scorecard, score_conversations
from csinsight.behaviours.sequence_rules import load_rules, rule_opportunities
from csinsight.coaching.card import agent_card, agent_rates, conversions
from csinsight.coaching.plan import agent_status, coaching_plan
from csinsight.contract.domain import COMPLIANCE, MARKERS
from csinsight.engine import open_shop

AS_OF = datetime(2026, 11, 1)
START = datetime(2026, 10, 10, 10)
#: By conversation: minute, who wrote (b: the buyer), text; "o" is the buyer's order.
TALKS = {
    # A greets and gives the size; B scolds, and wins the order.
    "scolded": [
        (0, "b", "165穿什么码"),
        (1, "A", "您好，欢迎光临"),
        (2, "A", "165建议M码，胸围96cm"),
        (3, "b", "知道了"),
        (4, "B", "爱买不买"),
        (5, "o", ""),
    ],
    # A refuses flatly, B offers another way after a long wait.
    "way_out": [
        (0, "b", "能便宜点吗"),
        (1, "A", "不行"),
        (2, "b", "真的不能便宜点吗，能便宜点吗"),
        (9, "B", "抱歉让您久等了，可以用券，您领一张10元优惠券更划算"),
    ],
    # B answers alone.
    "alone": [(0, "b", "会起球吗 质量怎么样"), (2, "B", "是100%棉的，克重220克"), (3, "o", "")],
}


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two_agents")
    rows, orders = [], []
    for place, (name, lines) in enumerate(TALKS.items()):
        for minute, who, text in lines:
            at = START + timedelta(days=place, minutes=minute)
            if who == "o":
                orders.append((f"o_{name}", f"b_{name}", at, at, 90.0, 90.0, 1))
            else:
                agent, sender = (None, "buyer") if who == "b" else (who, "agent")
                rows.append((f"b_{name}", agent, sender, at, text, name))
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text", "conversation_id"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / "messages.parquet")
    # Weeks later, so that every outcome above is known.
    late = datetime(2026, 10, 30)
    orders.append(("o_late", "b_late", late, late, 90.0, 90.0, 1))
    names = ["order_id", "buyer_id", "placed_at", "paid_at", "list_amount", "paid_amount", "units"]
    pl.DataFrame(orders, schema=names, orient="row").write_parquet(folder / "orders.parquet")
    return mark_messages(ChatSource(open_shop(folder), AS_OF, 12, RULES, LEXICON))


@pytest.fixture(scope="module")
def conversations(marked):
    return build_conversations(marked)


@pytest.fixture(scope="module")
def sessions(marked, conversations):
    return build_agent_sessions(marked, conversations, load_profile("taobao"))


def _of(sessions, conversation, agent):
    rows = sessions.set_index(["conversation_id", "agent_id"])
    return rows.loc[(conversation, agent)]


@pytest.mark.parametrize(
    ("conversation", "agent", "behaviour", "shown"),
    [
        ("scolded", "A", "greets", True),
        ("scolded", "B", "greets", None),
        ("scolded", "A", "gives_specifics", True),
        ("scolded", "B", "gives_specifics", None),
        ("scolded", "A", "rude_or_blaming", False),
        ("scolded", "B", "rude_or_blaming", True),
        ("way_out", "A", "refuses_flatly", True),
        ("way_out", "B", "refuses_flatly", False),
        ("way_out", "A", "offers_alternative", False),
        ("way_out", "B", "offers_alternative", True),
        ("way_out", "B", "apologizes", True),
        ("way_out", "A", "apologizes", None),
        ("alone", "B", "gives_specifics", True),
    ],
)
def test_words_are_those_of_who_wrote_them(sessions, conversation, agent, behaviour, shown):
    found = _of(sessions, conversation, agent)[behaviour]
    assert (None if pd.isna(found) else bool(found)) is shown


def test_one_row_each_and_nothing_shown_is_lost(sessions, conversations):
    assert sorted(zip(sessions["conversation_id"], sessions["agent_id"], strict=True)) == [
        ("alone", "B"), ("scolded", "A"), ("scolded", "B"), ("way_out", "A"), ("way_out", "B"),
    ]  # fmt: skip
    whole = conversations.set_index("conversation_id")
    for name in (*MARKERS, *COMPLIANCE):
        shown = sessions[sessions[name].fillna(value=False)]["conversation_id"]
        assert set(shown) == set(whole.index[whole[name].fillna(value=False)]), name


def test_waits_are_those_of_who_let_wait(sessions):
    assert _of(sessions, "way_out", "A")["mean_response_s"] == 60
    assert _of(sessions, "way_out", "B")["mean_response_s"] == 420
    assert _of(sessions, "way_out", "B")["slow_reply_share"] == 1
    assert _of(sessions, "scolded", "A")["first_response_s"] == 60
    assert pd.isna(_of(sessions, "scolded", "B")["first_response_s"])


def test_the_outcome_is_shared_by_the_rule(sessions, marked, conversations):
    assert _of(sessions, "scolded", "B")["paid"] and not _of(sessions, "scolded", "A")["paid"]
    assert _of(sessions, "scolded", "A")["handed_over"]
    own = conversions(sessions)  # both inquiries of A were handed over
    assert own[["agent_id", "inquiries", "paid"]].to_numpy().tolist() == [["B", 3, 2]]
    profile = load_profile("taobao")
    month = count_month(marked, conversations, sessions, profile)
    kpis = agent_kpis(month, profile=profile).set_index("agent_id")
    assert kpis["paid_rate_numerator"].to_dict() == {"A": 0, "B": 2}
    assert kpis["inquiries"].to_dict() == {"A": 0, "B": 3}


def test_findings_stand_on_the_card_of_who_wrote_them(sessions):
    sure = dict.fromkeys(COMPLIANCE, Precision(99, 100))
    found = compliance_findings(sessions, AS_OF, sure)
    assert found[["agent_id", "behaviour"]].to_numpy().tolist() == [["B", "rude_or_blaming"]]
    assert found["evidence"].tolist() == [["scolded"]]
    plan = coaching_plan(sessions, None, as_of=AS_OF, limits=LIMITS, broken=found)
    rates = agent_rates(sessions, as_of=AS_OF, **RATES)
    status = agent_status(sessions, plan, as_of=AS_OF, months=3, min_agent_inquiries=50)
    tables, told = (plan, rates, status, conversions(sessions)), {"as_of": AS_OF}
    cards = {agent: agent_card(agent, sessions, *tables, **told, trend_months=12) for agent in "AB"}
    assert cards["A"].compliance.empty
    assert cards["B"].compliance["behaviour"].tolist() == ["rude_or_blaming"]


def test_windows_and_scores_are_those_of_who_wrote(marked, sessions):
    rules = load_rules(load_lexicon())
    found = rule_opportunities(marked, rules, sessions["conversation_id"])
    late = found[found["rule"] == "sorry_for_the_wait"]
    assert late[["conversation_id", "agent_id"]].to_numpy().tolist() == [["way_out", "B"]]
    card = load_scorecard(rules)
    read = pd.DataFrame(
        {"conversation_id": ["scolded"], "behaviour": "rude_or_blaming", "shown": [True]}
    )
    crossed = crossed_red_lines(sessions, card.red_lines, read)
    scores = score_conversations(sessions, found, card, crossed)
    red = scores[scores["red_lines"].map(len) > 0]
    assert red[["conversation_id", "agent_id"]].to_numpy().tolist() == [["scolded", "B"]]
