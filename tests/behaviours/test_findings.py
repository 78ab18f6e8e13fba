"""Findings about people: what a rule has to be worth before it accuses anybody."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from csinsight.behaviours.findings import (
    Precision,
    compliance_findings,
    crossed_red_lines,
    rule_precisions,
    waiting,
)
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.contract.domain import COMPLIANCE
from csinsight.contract.labels import load_labels
from csinsight.errors import DataError

AS_OF = datetime(2026, 11, 1)
RULE = "off_platform"


def _sessions(**hits):
    """Agents with twenty sessions each, of which the first so many show the rule."""
    rows = [
        {"conversation_id": f"{agent}{n}", "agent_id": agent, RULE: n < count}
        for agent, count in hits.items()
        for n in range(20)
    ]
    table = pd.DataFrame(rows).assign(
        started_at=datetime(2026, 10, 5), counted_at=datetime(2026, 10, 5)
    )
    for rule in COMPLIANCE:
        table[rule] = table.get(rule, pd.Series(data=False, index=table.index)).astype("boolean")
    return table


def _read(shown):
    told = {"conversation_id": list(shown), "behaviour": RULE, "shown": list(shown.values())}
    return pd.DataFrame(told).assign(reader="qc")


def _found(sessions, right, read, labels=None):
    precisions = dict.fromkeys(COMPLIANCE, Precision(right, read))
    return compliance_findings(sessions, AS_OF, precisions, labels).set_index("agent_id")


def test_a_rule_that_is_seldom_right_accuses_nobody():
    found = _found(_sessions(a=6, b=0), right=2, read=12)
    assert found["stands"].tolist() == [False]
    assert found.loc["a", "conversations"] == 6
    # Six hits of a rule that is right one time in six, unsurely so, are no certainty.
    assert 0.4 < found.loc["a", "likely"] < 0.75


def test_the_probability_carries_how_little_was_read():
    once, often = Precision(1, 1), Precision(100, 100)
    assert once.any_right(1) == pytest.approx(0.75)
    assert once.any_right(3) < 0.97
    assert often.any_right(1) > 0.99
    assert Precision(0, 50).any_right(20) < 0.25


def test_a_trusted_rule_stands_with_its_size_and_its_lines():
    found = _found(_sessions(a=3, b=1), right=19, read=20)
    assert found["stands"].all()
    assert found["conversations"].to_dict() == {"a": 3, "b": 1}
    assert found.loc["a", "evidence"] == ["a2", "a1", "a0"]
    assert found.loc["a", "peer_rate"] == pytest.approx(1 / 20)
    assert found.loc["a", ["right", "read"]].tolist() == [19, 20]


def test_who_pays_for_praise_is_not_listed_for_asking_for_it_too():
    sessions = _sessions(a=0, b=0)
    sessions["trades_for_praise"] = sessions["conversation_id"].isin(["a0", "a1"])
    sessions["asks_for_praise"] = sessions["conversation_id"].isin(["a0", "a1", "a2", "b0"])
    found = _found(sessions, right=19, read=20).set_index("behaviour", append=True)
    assert found["conversations"].to_dict() == {
        ("a", "trades_for_praise"): 2,
        ("a", "asks_for_praise"): 1,
        ("b", "asks_for_praise"): 1,
    }
    # A line that waits to be checked is on nobody's card, under no lesser name either.
    unsure = dict.fromkeys(COMPLIANCE, Precision(19, 20)) | {"trades_for_praise": Precision(2, 2)}
    found = compliance_findings(sessions, AS_OF, unsure)
    assert found.query("stands")["evidence"].tolist() == [["a2"], ["b0"]]
    assert waiting(found).to_dict() == {"trades_for_praise": 2}
    # Once a person has cleared it of the graver one, the lesser is left.
    read = _read({"a0": False}).assign(behaviour="trades_for_praise")
    found = compliance_findings(sessions, AS_OF, unsure, read).query("stands")
    assert found["evidence"].tolist() == [["a2", "a0"], ["b0"]]


@pytest.mark.parametrize(
    ("right", "read", "trusted"),
    [(2, 2, False), (4, 4, False), (5, 5, True), (5, 6, False), (7, 8, True), (16, 20, False)],
)
def test_a_rule_accuses_only_where_enough_of_its_hits_were_read(right, read, trusted):
    assert Precision(right, read).trusted == trusted


def test_what_a_person_read_outweighs_the_rule():
    read = _read({"a0": False, "a1": True})
    found = _found(_sessions(a=3, b=1), right=0, read=0, labels=read)
    # The line that was confirmed stands; the unread one beside it accuses nobody.
    rows = found[["stands", "conversations", "confirmed"]].reset_index().to_numpy().tolist()
    assert sorted(rows) == [["a", False, 1, 0], ["a", True, 1, 1], ["b", False, 1, 0]]
    assert found.query("stands")["likely"].tolist() == [1.0]
    assert found.query("stands")["evidence"].tolist() == [["a1"]]


def test_a_shops_own_reading_is_added_to_the_published_one():
    sessions, lexicon = _sessions(a=6, b=6), load_lexicon()
    published = rule_precisions(lexicon)
    assert not published[RULE].trusted
    read = _read({f"a{n}": True for n in range(6)} | {"a19": True})
    own = rule_precisions(lexicon, sessions, read)
    # Six of its hits were read; the seventh label is of a conversation where it fired not.
    assert own[RULE].read == published[RULE].read + 6
    assert own[RULE].trusted
    assert own["over_promises"] == published["over_promises"]


def test_a_red_line_takes_a_person():
    sessions = _sessions(a=2, b=1)
    assert not crossed_red_lines(sessions, [RULE])[RULE].any()
    read = crossed_red_lines(sessions, [RULE], _read({"b0": True, "a1": False, "a9": True}))
    assert sessions.loc[read[RULE], "conversation_id"].tolist() == ["b0"]


def test_labels_are_read_with_their_faults_named(tmp_path):
    assert load_labels(tmp_path).empty
    path = tmp_path / "labels.csv"
    path.write_text(
        "conversation_id,sent_at,behaviour,shown,reader\nc1,2026-10-05 10:00:00,greets,true,qc\n"
    )
    assert load_labels(tmp_path)["shown"].tolist() == [True]
    path.write_text("conversation_id,behaviour,shown,reader\nc1,greets,perhaps,qc\n")
    with pytest.raises(DataError, match=r"row 2.*shown"):
        load_labels(tmp_path)
