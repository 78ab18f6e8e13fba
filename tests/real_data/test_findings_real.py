"""Findings about people on real chats: few conversations carry one, and each hit has been read."""

from __future__ import annotations

import pytest
from tests.real_data.findings_read import READ, hits_of

from csinsight.behaviours.findings import rule_precisions
from csinsight.behaviours.lexicon import load_lexicon

pytestmark = pytest.mark.real_data

LEXICON = load_lexicon()


@pytest.fixture(scope="module")
def found(shared_data):
    return hits_of(shared_data)


def test_at_most_one_conversation_in_a_hundred_carries_a_finding(found):
    conversations, lines, hits = found
    assert (conversations, lines) == (1401, 9817)
    carrying = {name for places in hits.values() for name in places}
    assert 0 < len(carrying) <= 0.01 * conversations


@pytest.mark.parametrize("rule", READ)
def test_every_hit_has_been_read(found, rule):
    assert sorted(found[2][rule]) == sorted(READ[rule])


def test_the_published_precision_is_what_was_read(found):
    published = rule_precisions(LEXICON)
    for rule, places in READ.items():
        hits = found[2][rule]
        right = sum(hits[name] for name, is_right in places.items() if is_right)
        # One English hit of `over_promises` ("a guaranteed genuine product") was wrong.
        english = 1 if rule == "over_promises" else 0
        assert (published[rule].right, published[rule].read) == (
            right,
            sum(hits.values()) + english,
        ), rule
