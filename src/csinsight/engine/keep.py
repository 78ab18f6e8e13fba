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


def hold(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Compute a table now and hold it for several plans that are collected one after the other.

    Polars shares parts within a plan only: what two plans begin with is computed twice. There the
    table is held in this process's memory; Spark keeps it as `keep` says.
    """
    return keep(frame) if frame.implementation.is_spark_like() else frame.collect().lazy()
