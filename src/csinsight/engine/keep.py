"""Keeping a table that several others are made from."""

from __future__ import annotations

from typing import Any

import narwhals as nw


def keep(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Mark a lazy frame as needed more than once, so that it is computed once.

    Spark would compute it anew for each use: there it is kept (in memory, else on disk) until
    the session ends; the same frame made again is found again. Polars shares common parts of a
    plan by itself: there nothing is done.
    """
    if not frame.implementation.is_spark_like():
        return frame
    kept: nw.LazyFrame[Any] = nw.from_native(frame.to_native().persist())
    return kept
