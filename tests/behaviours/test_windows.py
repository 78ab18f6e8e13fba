"""Windowed rules: their file's examples, the form of the file, and windows by hand."""

from __future__ import annotations

from datetime import datetime

import narwhals as nw
import pandas as pd
import polars as pl
import pytest
import yaml
from tests.contexts import DEFAULT

from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.markers import mark
from csinsight.behaviours.sequence_forms import SequenceRule
from csinsight.behaviours.sequence_rules import (
    find_opportunities,
    load_rules,
    rule_opportunities,
    try_example,
)
from csinsight.engine import open_shop
from csinsight.errors import ConfigError
from csinsight.features.conversations import with_turns
from csinsight.params import shipped

LEXICON = load_lexicon()
RULES = load_rules(LEXICON)
EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{number}")
    for name, rule in RULES.items()
    for number, example in enumerate(rule.examples)
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_examples_of_every_rule(name, example):
    found = try_example(RULES[name], example, LEXICON)
    assert found == (example.opportunities, example.broken)


def test_every_rule_is_shown_kept_and_broken():
    for name, rule in RULES.items():
        assert any(e.broken for e in rule.examples), name
        assert any(e.opportunities > e.broken for e in rule.examples), name


def _found(rule, *lines, start=600):
    """Occasions of one rule in a talk of (minute, sender, text); minutes count from ten o'clock."""
    frame = pl.DataFrame(
        {
            "conversation_id": ["c"] * len(lines),
            "sender": [sender for _, sender, _ in lines],
            "agent_id": [None if sender == "buyer" else "a1" for _, sender, _ in lines],
            "text": [text for *_, text in lines],
            "sent_at_ms": [None if m is None else int((start + m) * 60_000) for m, *_ in lines],
            "message_no": range(len(lines)),
        },
        schema_overrides={"sent_at_ms": pl.Int64, "message_no": pl.Int64},
    )
    marked = mark(with_turns(nw.from_native(frame.lazy())), LEXICON)
    table = find_opportunities(marked, {"r": rule}, DEFAULT.rules)
    columns = ["position", "lines", "until", "shown_at", "broken"]
    return [tuple(row) for row in table[columns].astype(object).itertuples(index=False)]


LATE = [(0, "buyer", "在吗"), (4, "agent", "您好"), (5, "agent", "抱歉让您久等了")]


def test_where_the_evidence_stands():
    rule = RULES["sorry_for_the_wait"]
    assert _found(rule, *LATE) == [(2, 2, 3, 3, False)]
    late = rule.model_copy(update={"within": rule.within.model_copy(update={"messages": 1})})
    ((position, lines, until, _, broken),) = _found(late, *LATE)
    assert (position, lines, until, broken) == (2, 1, 2, True)


def test_a_wait_outside_service_hours_is_none():
    assert _found(RULES["sorry_for_the_wait"], *LATE, start=60) == []


def test_without_times_there_is_no_wait_and_no_window_of_minutes():
    untimed = [(None, sender, text) for _, sender, text in LATE]
    assert _found(RULES["sorry_for_the_wait"], *untimed) == []
    minutes = {"kind": "opens"}, {"minutes": 5}, {"any_of": ["apologizes"]}
    rule = _rule(*minutes)
    assert _found(rule, *untimed) == []
    ((*_, broken),) = _found(rule, *LATE)
    assert not broken


def test_a_window_of_minutes_counts_silence_as_broken():
    rule = _rule({"kind": "opens"}, {"minutes": 2}, {"any_of": ["greets"]})
    ((_, lines, until, _, broken),) = _found(rule, *LATE)
    assert (lines, pd.isna(until), broken) == (0, True, True)


def _rule(trigger, within, expect):
    talk = {"conversation": [[0, "buyer", "在吗"]], "opportunities": 0, "broken": 0}
    meaning = {"zh": "规则", "en": "a rule"}
    return SequenceRule.model_validate(
        {"meaning": meaning, "trigger": trigger, "within": within, "expect": expect,
         "examples": [talk, talk]}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"trigger": {"kind": "wait"}}, "kind `wait` takes over_s"),
        ({"within": {"messages": 2, "minutes": 3}}, "either `messages` or `minutes`"),
        ({"expect": {"any_of": ["apologises"]}}, "`apologises` is no marker of the agent's lines"),
        ({"colour": "red"}, "unknown key"),
        ({"examples": []}, "at least 2 items"),
    ],
)
def test_faults_of_a_file_are_named(tmp_path, change, told):
    source = (shipped("params") / "sequence_rules.yml").read_text(encoding="utf-8")
    values = yaml.safe_load(source)
    values["rules"]["sorry_for_the_wait"] |= change
    path = tmp_path / "own.yml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ConfigError, match=told) as fault:
        load_rules(LEXICON, path)
    assert str(path) in str(fault.value)
    assert "sorry_for_the_wait" in str(fault.value)


def test_the_demo_shop(demo_folder):
    marked = mark_messages(
        ChatSource(open_shop(demo_folder), datetime(2026, 11, 1), 1, DEFAULT.rules, LEXICON)
    )
    ids = build_conversations(marked)["conversation_id"]
    found = rule_opportunities(marked, RULES, ids)
    assert found["agent_id"].notna().all()
    assert set(found["rule"]) == set(RULES)
    counts = found.groupby("rule")["broken"].agg(["size", "sum"])
    assert (counts["size"] > 10).all()
    assert (counts["sum"] < counts["size"]).all()
    assert (found["until"].dropna() >= found.loc[found["until"].notna(), "position"]).mean() > 0.99
