"""A hundred broken inputs end in a clear line each; `make hardship` tries a thousand and more."""

from __future__ import annotations

import pytest
from tests.fuzz import KINDS, fuzz


@pytest.mark.parametrize("kind", KINDS)
def test_broken_inputs_are_taken_or_refused_with_a_reason(kind: str) -> None:
    told = fuzz(kind, 30, number=7)
    assert sum(told.values()) >= 25
    assert all(told.values()), "all alike: nothing was tried"
