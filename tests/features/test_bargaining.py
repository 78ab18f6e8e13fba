"""What counts as bargaining in chat."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError
from tests.contexts import WINDOWS

from csinsight import behaviours
from csinsight.features.buyers import Bargaining, buyer_features, load_bargaining


@pytest.fixture
def lexicon_examples() -> dict[str, list[str]]:
    """What the lexicon holds its own marker of bargaining to."""
    file = Path(behaviours.__file__).parent / "lexicons" / "10_buyer.yml"
    markers = yaml.safe_load(file.read_text(encoding="utf-8"))["markers"]
    return markers["about_bargaining"]["examples"]


def test_what_bargains_here_bargains_in_the_lexicon_too(lexicon_examples):
    told = load_bargaining()
    assert not any(told.found_in(text) for text in lexicon_examples["no_match"])
    found = [text for text in lexicon_examples["match"] if told.found_in(text)]
    assert len(found) >= len(lexicon_examples["match"]) - 1


def test_only_the_buyers_own_words_are_counted(shop_of, talk):
    lines = talk("b1", ("buyer", 0), ("agent", 5), ("buyer", 10), ("buyer", 20))
    for line, text in zip(
        lines, ("Any DISCOUNT?", "再便宜点也行", "能便宜点吗", None), strict=True
    ):
        line["text"] = text
    row = buyer_features(shop_of(messages=lines), datetime(2026, 11, 1), **WINDOWS).iloc[0]
    assert (row["buyer_messages"], row["bargaining_messages"]) == (3, 2)


def test_a_pattern_that_breaks_its_examples_is_refused():
    rules = load_bargaining().model_dump()
    with pytest.raises(ValidationError, match="should count as bargaining"):
        Bargaining.model_validate({**rules, "patterns": ["nothing like it"]})
    with pytest.raises(ValidationError, match="should not count as bargaining"):
        Bargaining.model_validate({**rules, "patterns": [*rules["patterns"], "发货"]})
