"""Phrases: every line has its turn, and parallel banks stay parallel."""

from __future__ import annotations

import re
from string import Formatter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csinsight.simulate.arrays import make_calendar
from csinsight.simulate.people import draw_staff
from csinsight.simulate.phrases import load_phrases
from csinsight.simulate.scenario import scenario_named
from csinsight.simulate.script import Deck, draw_slots

PHRASES = load_phrases()


@given(size=st.integers(1, 40), talks=st.integers(1, 20), seed=st.integers(0, 99))
def test_as_many_turns_as_lines_tell_every_line_once(size: int, talks: int, seed: int) -> None:
    deck = Deck(np.random.default_rng(seed), talks)
    everyone = np.arange(talks)
    told = np.stack([deck.index(everyone, "bank", size, turn) for turn in range(size)])
    assert (np.sort(told, axis=0) == np.arange(size)[:, None]).all()


def test_every_worry_has_its_answer() -> None:
    worries = [name for name in PHRASES.buyers if name.startswith("worry_")]
    assert len(worries) == 7
    for name in worries:
        answers = PHRASES.agents[name.replace("worry", "empathize")]
        assert len(answers) == len(PHRASES.buyers[name])


def test_every_question_can_be_answered() -> None:
    for subject, questions in PHRASES.questions.items():
        kinds = {"ask", "vague"} | (
            {"exact"} if subject in ("quality", "size", "bed", "shipping") else set()
        )
        for question in questions:
            assert kinds <= set(question), subject
            assert all(question[kind] for kind in kinds)


def test_every_slot_of_a_template_is_known() -> None:
    rng = np.random.default_rng(0)
    staff = draw_staff(rng, 2, scenario_named("demo"), make_calendar(1, "2026-10"), PHRASES)
    one = np.zeros(1, dtype=np.int64)
    slots = {*draw_slots(rng, PHRASES, staff, one > 0, one, one - 1), "oid"}
    lines = [line for bank in (PHRASES.buyers, PHRASES.agents) for b in bank.values() for line in b]
    lines += [
        t for qs in PHRASES.questions.values() for q in qs for kind in q.values() for t in kind
    ]
    used = {field for line in lines for _, field, _, _ in Formatter().parse(line) if field}
    assert used <= slots


@pytest.mark.parametrize("subject", ["quality", "size", "bed", "shipping"])
def test_vague_answers_are_vague(subject: str) -> None:
    """Figures and slots belong to exact answers, else `gives_specifics` would not be true."""
    for lines in PHRASES.lines(subject, "vague"):
        assert not any(re.search(r"[0-9{]", line) for line in lines)
