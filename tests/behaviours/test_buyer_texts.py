"""What buyers wrote, in numbers: like texts lie together, and few texts tell little."""

from __future__ import annotations

import numpy as np
import pandas as pd
from tests.validate.said import GOODS, said

from csinsight.behaviours.buyer_texts import LATER, OPENING, text_columns, text_numbers


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
    same = text_columns(pd.Series(["在吗"] * 40), pd.Series([1] * 40))
    assert not same.notna().to_numpy().any()
