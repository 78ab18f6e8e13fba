"""Traditional characters read as simplified ones, alike on every engine, place by place."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Final

import narwhals as nw
import polars as pl

_TABLE: Final = Path(__file__).with_name("traditional.txt")


def simplified(frame: nw.LazyFrame[Any], column: str) -> nw.LazyFrame[Any]:
    """Write a text column in simplified characters.

    Parameters
    ----------
    frame : narwhals.LazyFrame
    column : str
        Text; each character keeps its place. Words are left alone: a shop in Taipei may say
        other words for the same thing.

    Returns
    -------
    narwhals.LazyFrame

    Examples
    --------
    >>> frame = nw.from_native(pl.LazyFrame({"text": ["請問有貨嗎"]}))
    >>> simplified(frame, "text").collect()["text"].to_list()
    ['请问有货吗']
    """
    table = _pairs()
    native: Any = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        read = pl.col(column).str.replace_many(list(table), list(table.values()))
        return nw.from_native(native.with_columns(read))
    import pyspark.sql.functions as sf

    translated = sf.translate(sf.col(column), "".join(table), "".join(table.values()))
    plain: nw.LazyFrame[Any] = nw.from_native(native.withColumn(column, translated))
    return plain


def simplify(text: str) -> str:
    """Return one text as `simplified` writes it.

    Examples
    --------
    >>> simplify("請問有貨嗎")
    '请问有货吗'
    """
    return text.translate(_translation())


@functools.cache
def _translation() -> dict[int, str]:
    return {ord(character): other for character, other in _pairs().items()}


@functools.cache
def _pairs() -> dict[str, str]:
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    pairs = " ".join(line for line in lines if not line.startswith("#")).split()
    return {pair[0]: pair[1] for pair in pairs}
