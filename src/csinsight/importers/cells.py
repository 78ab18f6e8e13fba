"""Text cells to values: ids, times, numbers and truth, as Polars expressions.

Every reader gives null for an empty cell and for one that can't be read; `unreadable` tells
the two apart, so that the row can be refused.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from csinsight.contract.cells import FALSE, TRUE

#: All white space of Unicode, and the marks that show nothing.
_BLANKS: Final = "".join(c for c in map(chr, range(0x3001)) if c.isspace()) + "\u200b\ufeff"
_DATE: Final = r"([12][0-9]{3})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
#: An hour alone is a time too: some logs are cut to it.
_CLOCK: Final = r"([0-9]{1,2})(?:[:\uff1a]([0-9]{2})(?:[:\uff1a]([0-9]{2})(?:[.,]([0-9]+))?)?)?"
_ZONE: Final = r"\s*(Z|[+-][0-9]{2}:?[0-9]{2})?"
#: ISO and slashed dates, with or without a clock, seconds and zone.
TIME_PATTERN: Final = rf"^{_DATE}(?:[T\s]+{_CLOCK}{_ZONE})?$"
#: How other tools write yes and no, besides the contract.
YES: Final = (*TRUE, "1.0", "yes", "y", "t", "是", "有")
NO: Final = (*FALSE, "0.0", "no", "n", "f", "否", "无")
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


def utc(cell: pl.Expr) -> pl.Expr:
    """Return times as `time` does, those that name a zone brought to UTC."""
    return time(cell) - _offset(cell).fill_null(pl.duration())


def at_clock(cell: pl.Expr, timezone: str | None) -> pl.Expr:
    """Return local times: of `timezone` where one is told, else of the zone that they name."""
    return time(cell) if timezone is None else local_time(cell, timezone)


def local_time(cell: pl.Expr, timezone: str) -> pl.Expr:
    """Return times as `time` does, those that name a zone brought to `timezone`."""
    offset = _offset(cell)
    return pl.when(offset.is_null()).then(time(cell)).otherwise(to_local(utc(cell), timezone))


def _offset(cell: pl.Expr) -> pl.Expr:
    """Return how far the zone that a time names is ahead of UTC; null where it names none."""
    named = cell.str.extract(TIME_PATTERN, 8).str.replace("Z", "+00:00", literal=True)
    hours = named.str.slice(1, 2).cast(pl.Int64, strict=False)
    minutes = named.str.slice(-2, 2).cast(pl.Int64, strict=False)
    sign = pl.when(named.str.starts_with("-")).then(-1).otherwise(1)
    return pl.duration(minutes=sign * (hours * 60 + minutes))


def number(cell: pl.Expr, decimal: str = ".", thousands: str = ",") -> pl.Expr:
    """Return finite decimal numbers, without currency signs and with grouping that fits.

    ``1,234.50`` is a number; ``1,50`` and ``1.234,50`` are not, unless `decimal` says that the
    comma is the decimal mark: a guess would be wrong by a hundred times.

    Examples
    --------
    >>> cells = pl.DataFrame({"x": ["1,234.50", "1.234,50", "￥12", "1,50"]})
    >>> cells.select(number(pl.col("x")))["x"].to_list()
    [1234.5, None, 12.0, None]
    >>> cells.select(number(pl.col("x"), ",", "."))["x"].to_list()
    [None, 1234.5, 12.0, 1.5]
    """
    text = cell.str.normalize("NFKC")
    for unit in (*_UNITS, *({thousands} & {" ", "'"})):
        text = text.str.replace_all(unit, "", literal=True)
    point = re.escape(decimal)
    grouped = rf"^[-+]?[0-9]{{1,3}}({re.escape(thousands)}[0-9]{{3}})+({point}[0-9]*)?$"
    if thousands and thousands not in (" ", "'"):
        without = text.str.replace_all(thousands, "", literal=True)
        text = pl.coalesce(pl.when(text.str.contains(grouped)).then(without), text)
    whole = rf"^[-+]?([0-9]{{1,18}}({point}[0-9]*)?|{point}[0-9]+)([eE][-+]?[0-9]{{1,2}})?$"
    plain = pl.when(text.str.contains(whole)).then(text).otherwise(None)
    if decimal != ".":
        plain = plain.str.replace(decimal, ".", literal=True)
    return plain.cast(pl.Float64, strict=False)


def whole(cell: pl.Expr, decimal: str = ".", thousands: str = ",") -> pl.Expr:
    """Return whole numbers; 2.0 is one, 2.5 is not."""
    value = number(cell, decimal, thousands)
    return pl.when(value == value.floor()).then(value).cast(pl.Int64, strict=False)


_ENTITIES: Final = (
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", '"'),
    ("&#39;", "'"),
    ("&nbsp;", " "),
    ("&amp;", "&"),
)
#: A number of which nobody can tell whether the point is the decimal mark.
THOUSANDS_PATTERN: Final = r"^[-+]?[1-9][0-9]{0,2}\.[0-9]{3}$"


def may_be_thousands(texts: pl.Series) -> bool:
    """Tell whether points in a column of amounts may well stand between thousands.

    So it is where some have exactly three digits behind the point and none has one or two.
    """
    some = int(texts.str.contains(THOUSANDS_PATTERN).sum())
    return some > 0 and not int(texts.str.contains(r"\.[0-9]{1,2}$").sum())


def all_end_in_dot_zero(texts: pl.Series) -> bool:
    """Tell whether every id of a column is a whole number with ``.0`` behind it."""
    there = texts.drop_nulls()
    return len(there) > 0 and bool(there.str.contains(r"^[0-9]{1,15}\.0+$").all())


def names_zone(cell: pl.Expr) -> pl.Expr:
    """Tell whether a time names its zone."""
    return cell.str.extract(TIME_PATTERN, 8).is_not_null()


def text_of_html(cell: pl.Expr) -> pl.Expr:
    """Return the text of HTML: lines for paragraphs and breaks, no tags, entities read."""
    text = cell.str.replace_all(r"(?i)<(br|/p|/div|/li)\s*/?>", "\n")
    text = text.str.replace_all(r"(?is)<(script|style)\b.*?</(script|style)>", "")
    text = text.str.replace_all(r"<[^>]{0,2000}>", "")
    for entity, sign in _ENTITIES:
        text = text.str.replace_all(entity, sign, literal=True)
    text = text.str.replace_all("&nbsp;", " ", literal=True).str.replace_all(
        "&amp;", "&", literal=True
    )
    text = text.str.strip_chars(_BLANKS)
    return pl.when(text != "").then(text)


def looks_rounded(text: str | None) -> bool | None:
    """Tell whether a long number may have lost its last digits; None where it is not long."""
    if text is None or not (text.isascii() and text.isdigit() and 16 <= len(text) <= 30):
        return None
    return set(text[15:]) == {"0"} or int(float(f"{float(text):.15g}")) == int(text)


def unreadable(given: pl.Expr, value: pl.Expr, name: str, what: str) -> tuple[pl.Expr, str]:
    """Return the rule that refuses a cell which holds something that can't be read."""
    return given.is_not_null() & value.is_null(), f"{name} is not {what}"
