"""A card says how many of the conversations that it counts it shows, and where the others are."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.tables import complete

from csinsight.views import agent_card
from csinsight.views.sample import sample_card, sample_study


@pytest.mark.parametrize(("counted", "told"), [(3, "2 of 3 conversations"), (2, "")])
def test_what_is_not_shown_of_a_rule_is_counted(counted, told):
    study, ids = sample_study(), [f"c{n}" for n in range(counted)]
    said = {"agent_id": "a001", "behaviour": "over_promises", "side": "misses", "sender": "agent"}
    lines = pd.DataFrame({"conversation_id": ids, **said, "text": "保证七天见效", "marked": True})
    study.write("coaching_excerpts", complete("coaching_excerpts", lines))
    row = {"agent_id": "a001", "behaviour": "over_promises", "kind": "compliance", "likely": 1.0}
    row |= {"rate": counted / 40, "opportunities": 40, "evidence": ids, "read": 5, "right": 5}
    card = sample_card()
    card = card.__class__(**{**vars(card), "compliance": pd.DataFrame([row])})
    text = " ".join(block.plain() for block in agent_card.advised(study, card))
    assert ("conversations are shown here" in text) == bool(told)
    assert told in text
    assert text.count("保证七天见效") == 2
