"""Text cells to values: ids, times, numbers and truth, as Polars expressions.

Every reader gives null for an empty cell and for one that can't be read; `unreadable` tells
the two apart, so that the row can be refused.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from csinsight.importers.sift import Rule

#: All white space of Unicode, and the marks that show nothing.
_BLANKS: Final = "".join(c for c in map(chr, range(0x3001)) if c.isspace()) + "\u200b\ufeff"
_DATE: Final = r"([12][0-9]{3})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
_CLOCK: Final = r"([0-9]{1,2})[:\uff1a]([0-9]{2})(?:[:\uff1a]([0-9]{2})(?:[.,]([0-9]+))?)?"
_ZONE: Final = r"\s*(Z|[+-][0-9]{2}:?[0-9]{2})?"
#: ISO and slashed dates, with or without a clock, seconds and zone.
TIME_PATTERN: Final = rf"^{_DATE}(?:[T\s]+{_CLOCK}{_ZONE})?$"
#: What a spreadsheet makes of a long number: 1.9E+15.
SPOILT_PATTERN: Final = r"^[0-9](\.[0-9]+)?[eE]\+?[0-9]+$"
_UNITS: Final = ("¥", "￥", "元", "CNY", "RMB", " ")


def clean(column: str) -> pl.Expr:
    """Return the cell without blanks around it and without `="…"`; null where it is empty."""
    cell = pl.col(column).str.strip_chars(_BLANKS)
    cell = cell.str.replace(r'^="?([^"]*)"?$', "${1}")
    cell = cell.str.replace(r"^['‘](.*)$", "${1}").str.strip_chars(_BLANKS)
    return pl.when(cell != "").then(cell)


def nulled(cell: pl.Expr, empties: tuple[str, ...]) -> pl.Expr:
    """Return `cell` with every text of `empties` as null."""
    return pl.when(~cell.is_in(empties)).then(cell) if empties else cell


def time(cell: pl.Expr) -> pl.Expr:
    """Return times written in ISO or with slashes, as local datetimes; zones are left out."""
    parts = cell.str.extract_groups(TIME_PATTERN).struct
    numbers = [parts.field(str(index)).fill_null("0") for index in range(1, 7)]
    padded = [number.str.zfill(4 if index == 0 else 2) for index, number in enumerate(numbers)]
    fraction = parts.field("7").fill_null("0").str.slice(0, 6).str.pad_end(6, "0")
    text = pl.concat_str([*padded, fraction], separator=" ")
    read = text.str.to_datetime("%Y %m %d %H %M %S %6f", strict=False, time_unit="us")
    return pl.when(cell.str.contains(TIME_PATTERN)).then(read)


def to_local(moment: pl.Expr, timezone: str) -> pl.Expr:
    """Return UTC times as local times of `timezone`, without zone."""
    return (
        moment.dt.replace_time_zone("UTC").dt.convert_time_zone(timezone).dt.replace_time_zone(None)
    )


def local_time(cell: pl.Expr, timezone: str) -> pl.Expr:
    """Return times as `time` does, those that name a zone brought to `timezone`."""
    written = time(cell)
    named = cell.str.extract(TIME_PATTERN, 8).str.replace("Z", "+00:00", literal=True)
    hours = named.str.slice(1, 2).cast(pl.Int64, strict=False)
    minutes = named.str.slice(-2, 2).cast(pl.Int64, strict=False)
    sign = pl.when(named.str.starts_with("-")).then(-1).otherwise(1)
    shift = sign * (hours * 3600 + minutes * 60) * 1_000_000
    utc = (written.dt.epoch("us") - shift).cast(pl.Datetime("us"))
    return pl.when(shift.is_null()).then(written).otherwise(to_local(utc, timezone))


def number(cell: pl.Expr, decimal: str = ".", thousands: str = ",") -> pl.Expr:
    """Return finite decimal numbers, without currency signs and thousands marks."""
    text = cell.str.normalize("NFKC")
    for unit in (*_UNITS, thousands):
        if unit != decimal:
            text = text.str.replace_all(unit, "", literal=True)
    if decimal != ".":
        text = text.str.replace_all(".", "?", literal=True)
        text = text.str.replace_all(decimal, ".", literal=True)
    plain = pl.when(
        text.str.contains(r"^[-+]?([0-9]{1,18}(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?$")
    ).then(text)
    return plain.cast(pl.Float64, strict=False)


def whole(cell: pl.Expr, decimal: str = ".", thousands: str = ",") -> pl.Expr:
    """Return whole numbers; 2.0 is one, 2.5 is not."""
    value = number(cell, decimal, thousands)
    return pl.when(value == value.floor()).then(value).cast(pl.Int64, strict=False)


def looks_rounded(text: str | None) -> bool | None:
    """Tell whether a long number may have lost its last digits; None where it is not long."""
    if text is None or not (text.isascii() and text.isdigit() and 16 <= len(text) <= 30):
        return None
    return set(text[15:]) == {"0"} or int(float(f"{float(text):.15g}")) == int(text)


def unreadable(given: pl.Expr, value: pl.Expr, name: str, what: str) -> Rule:
    """Return the rule that refuses a cell which holds something that can't be read."""
    return given.is_not_null() & value.is_null(), f"{name} is not {what}"
