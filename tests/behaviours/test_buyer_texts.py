"""What buyers wrote, in numbers: like texts lie together, and few texts tell little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.validate.said import GOODS, said

from csinsight.behaviours import buyer_texts
from csinsight.behaviours.buyer_texts import (
    LATER,
    OPENING,
    TEXT_COLUMNS,
    text_columns,
    text_numbers,
)
from csinsight.contract.dictionary import artifact

BUYER_STATES = [column.name for column in artifact("buyer_states").columns]


def test_openings_tell_what_they_are_about() -> None:
    rng = np.random.default_rng(4)
    goods = rng.integers(0, len(GOODS), 1500)
    texts = said(rng, goods, np.zeros((1500, 1), dtype=bool))[:, 0]
    numbers = text_numbers(list(texts), OPENING)
    kinds = (goods[:, None] == np.arange(len(GOODS))).astype(float)
    kinds -= kinds.mean(axis=0)
    fitted = numbers @ np.linalg.lstsq(numbers, kinds, rcond=None)[0]
    assert ((kinds - fitted) ** 2).sum() < 0.2 * (kinds**2).sum()


def test_openings_have_more_numbers_than_later_lines_and_few_texts_few() -> None:
    rng = np.random.default_rng(5)
    lines = said(rng, rng.integers(0, len(GOODS), 400), rng.random((400, 2)) < 0.2)
    texts, turns = pd.Series(lines.ravel()), pd.Series(np.tile([1, 2], 400))
    told = text_columns(texts, turns).notna()
    first, later = told[turns == 1], told[turns == 2]
    assert first.all().sum() == OPENING
    assert later.all().sum() == LATER
    assert (first.nunique() == 1).all()
    assert text_columns(pd.Series(["在吗"] * 40), pd.Series([1] * 40)).shape == (40, 0)


def test_the_table_of_a_large_shop_grows_by_lines_and_not_by_lines_times_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buyer_texts, "TEXT_CELLS", 2000)
    rng = np.random.default_rng(6)
    widths = []
    for talks in (100, 800):
        texts = said(rng, rng.integers(0, len(GOODS), talks), np.zeros((talks, 2), dtype=bool))
        turns = pd.Series(np.tile([1, 2], talks))
        told = text_columns(pd.Series(texts.ravel()), turns)
        assert told.size <= 2 * 2 * 2000
        widths.append(told[turns == 1].notna().all().sum())
    # Drivers of 800 inquiries would compare two numbers of these.
    assert widths == [40, 5]
    states = pd.DataFrame({"conversation_id": ["a"] * len(told), "turn": turns}).join(told)
    others = dict.fromkeys(set(BUYER_STATES) - set(states) - set(TEXT_COLUMNS), np.nan)
    path = tmp_path / "buyer_states.parquet"
    artifact("buyer_states").write(states.assign(**others), path)
    kept = artifact("buyer_states").read(path)[list(told)]
    assert set(kept.dtypes.astype(str)) == {"float32"}
    pd.testing.assert_frame_equal(kept, told)
