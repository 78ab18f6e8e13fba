"""The scorecard by hand: points, shares, red lines, talks with too little to score."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest
import yaml

from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.scorecard import (
    agent_scores,
    item_points,
    item_shares,
    load_scorecard,
    score_conversations,
)
from csinsight.behaviours.sequence_forms import Scorecard
from csinsight.behaviours.sequence_rules import load_rules
from csinsight.errors import ConfigError
from csinsight.params import shipped

RULES = load_rules(load_lexicon())
M = {"zh": "项目", "en": "item"}
CARD = Scorecard.model_validate(
    {
        "version": 1,
        "title": {"zh": "表", "en": "card"},
        "as_of": "2026-11-22",
        "sources": ["ours"],
        "least_points": 40,
        "red_lines": ["off_platform"],
        "items": {
            "polite": {
                "meaning": M,
                "group": "courtesy",
                "points": 30,
                "behaviour": "polite_words",
            },
            "not_curt": {
                "meaning": M,
                "group": "courtesy",
                "points": 20,
                "behaviour": "curt_reply",
                "good": False,
            },
            "quick": {
                "meaning": M,
                "group": "speed",
                "points": 10,
                "at_most": {"first_response_s": 60},
            },
            "worry": {"meaning": M, "group": "problems", "points": 40, "rule": "answers_worry"},
        },
    }
)


def _talks(**columns):
    frame = pd.DataFrame(columns)
    n = len(frame)
    given = {"agent_id": ["a"] * n, "agent_messages": [3] * n, "off_platform": [False] * n,
             "category": ["size"] * n, "started_at": [datetime(2026, 10, 5)] * n}  # fmt: skip
    frame = frame.assign(**{k: v for k, v in given.items() if k not in frame})
    for name in ("polite_words", "curt_reply", "off_platform"):
        frame[name] = frame[name].astype("boolean")
    return frame


TALKS = _talks(
    conversation_id=["all", "half", "red", "little"],
    polite_words=[True, False, True, None],
    curt_reply=[False, True, False, True],
    first_response_s=[60.0, 61.0, 10.0, None],
    off_platform=[False, False, True, None],
    agent_messages=[3, 3, 3, 1],
)
OPPORTUNITIES = pd.DataFrame(
    {
        "rule": ["answers_worry"] * 4,
        "agent_id": ["a"] * 4,
        "conversation_id": ["half", "half", "half", "half"],
        "position": [1, 3, 5, 9],
        "broken": [True, False, False, False],
    }
)


CROSSED = TALKS[["off_platform"]].fillna(value=False).astype(bool)


def test_points_by_hand():
    table = score_conversations(TALKS, OPPORTUNITIES, CARD, CROSSED).set_index("conversation_id")
    # all: 30 + 20 + 10 of 60, no opportunity for the worry. half: three of four worries met, 30
    # of 40, and nothing else of 60. red: 60 of 60, and 0. little: 0 of 20, too few points to score.
    assert table["earned"].tolist() == [60, 30, 60, 0]
    assert table["possible"].tolist() == [60, 100, 60, 20]
    assert table["score"].tolist()[:3] == [100, 30, 0]
    assert pd.isna(table.loc["little", "score"])
    assert table.loc["half", "lost"] == ["polite", "not_curt", "quick", "worry"]
    assert table["red_lines"].tolist() == [[], [], ["off_platform"], []]
    assert table["evidence"].tolist() == [[], [{"rule": "answers_worry", "position": 1}], [], []]


def test_agents_with_intervals():
    row = agent_scores(score_conversations(TALKS, OPPORTUNITIES, CARD, CROSSED)).iloc[0]
    assert (row["conversations"], row["red_line_conversations"]) == (3, 1)
    assert row["score"] == pytest.approx(130 / 3)
    assert 0 == row["score_low"] < row["score"] < row["score_high"] == 100
    one = agent_scores(
        score_conversations(TALKS.iloc[:1], OPPORTUNITIES, CARD, CROSSED.iloc[:1])
    ).iloc[0]
    assert one["score"] == 100
    assert pd.isna(one["score_low"])


def test_shares_of_items():
    shares = item_shares(item_points(TALKS, OPPORTUNITIES, CARD), CARD).set_index("item")
    assert shares["conversations"].to_dict() == {"polite": 3, "not_curt": 4, "quick": 3, "worry": 1}
    assert shares.loc["polite", "kept"] == pytest.approx(2 / 3)
    assert shares.loc["worry", ["kept", "lost"]].tolist() == [0, 10]


def test_nothing_to_score():
    table = score_conversations(TALKS.iloc[:0], OPPORTUNITIES.iloc[:0], CARD, CROSSED.iloc[:0])
    assert len(table) == 0
    assert len(agent_scores(table)) == 0
    shares = item_shares(item_points(TALKS.iloc[4:], OPPORTUNITIES.iloc[:0], CARD), CARD)
    assert shares["conversations"].tolist() == [0, 0, 0, 0]
    assert shares["kept"].isna().all()


def test_the_card_that_ships():
    card = load_scorecard(RULES)
    assert sum(item.points for item in card.items.values()) == 100
    assert set(card.title) == {"zh", "en"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {
                "greets_at_once": {
                    "meaning": M,
                    "group": "speed",
                    "points": 5,
                    "rule": "grets",
                }
            },
            "no windowed rule",
        ),
        (
            {
                "polite_words": {
                    "meaning": M,
                    "group": "speed",
                    "points": 10,
                    "behaviour": "kind",
                }
            },
            "no behaviour",
        ),
        (
            {
                "polite_words": {
                    "meaning": M,
                    "group": "speed",
                    "points": 90,
                    "behaviour": "greets",
                }
            },
            "make 100",
        ),
        ({"polite_words": {"meaning": M, "group": "speed", "points": 10}}, "exactly one of"),
        (
            {
                "no_slow_reply": {
                    "meaning": M,
                    "group": "speed",
                    "points": 10,
                    "at_most": {"speed": 1},
                }
            },
            "no timing",
        ),
    ],
)
def test_faults_of_a_card_are_named(tmp_path, change, told):
    source = (shipped("params") / "scorecard.yml").read_text(encoding="utf-8")
    values = yaml.safe_load(source)
    values["items"] |= change
    path = tmp_path / "card.yml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load_scorecard(RULES, path)
