"""Text cells to values: ids, times, numbers and truth, as Polars expressions.

What other tools write is brought into the contract's form, which `csinsight.contract.cells` reads:
there is one grammar of numbers and times, and this is what stands before it.
Every reader gives null for an empty cell and for one that can't be read; `unreadable` tells
the two apart, so that the row can be refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

import polars as pl

from csinsight.contract.cells import FALSE, TRUE, read

#: Sums of money agree within less than a cent.
CENT: Final = 0.005
#: All white space of Unicode, and the marks that show nothing.
_BLANKS: Final = "".join(c for c in map(chr, range(0x3001)) if c.isspace()) + "\u200b\ufeff"
_DATE: Final = r"([12][0-9]{3})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
#: An hour alone is a time too: some logs are cut to it.
_CLOCK: Final = (
    r"([0-9]{1,2})(?:[:时時點点]([0-9]{1,2})(?:[:分]([0-9]{2})(?:[.,]([0-9]+))?秒?)?)?"
    r"(?:整|分|时|点|點)?"
)
HALF_WORDS: Final = r"上午|下午|凌晨|早上|中午|晚上|[AaPp]\.?[Mm]\.?"
_HALF: Final = rf"({HALF_WORDS})?"
#: Postgres writes +08, others +5:30.
_ZONE: Final = r"\s*(Z|[+-][0-9]{1,2}(?::?[0-9]{2})?)?"
#: ISO and slashed dates, with or without a clock, half of the day, seconds and zone.
TIME_PATTERN: Final = rf"^{_DATE}(?:[T\s]*{_HALF}\s*{_CLOCK}\s*{_HALF}{_ZONE})?$"
#: Dates and times without marks, as 20261005 or 20261005093000.
_COMPACT: Final = (
    r"^(20[0-9]{2})([01][0-9])([0-3][0-9])(?:[T\s]?([0-2][0-9]):?([0-5][0-9]):?([0-5][0-9]))?$"
)
_AFTERNOON: Final = ("下午", "晚上", "中午", "pm", "p.m.")
_MORNING: Final = ("上午", "凌晨", "早上", "am", "a.m.")
#: How other tools write yes and no, besides the contract.
YES: Final = (*TRUE, "1.0", "yes", "y", "t", "是", "有")
NO: Final = (*FALSE, "0.0", "no", "n", "f", "否", "无")
_UNITS: Final = ("¥", "￥", "元", "CNY", "RMB", "US$", "USD", "EUR", "GBP", "$", "€", "£", " ")
#: What a sign on an amount says of its currency; a bare $ is some dollar, ¥ is yuan or yen.
_SIGNS: Final = {"US$": "USD", "€": "EUR", "£": "GBP", "RMB": "CNY", "元": "CNY", "￥": "¥"}
_SIGN: Final = r"(US\$|USD|EUR|GBP|CNY|RMB|€|£|\$|¥|￥|元)"


def clean(column: str) -> pl.Expr:
    """Return the cell without blanks around it and without `="…"`; null where it is empty.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": [" a ", '="0012"', "  "]})
    >>> rows.select(clean("c"))["c"].to_list()
    ['a', '0012', None]
    """
    bare = pl.col(column).map_batches(_bare, return_dtype=pl.String, is_elementwise=True)
    return pl.when(bare != "").then(bare)


def _bare(texts: pl.Series) -> pl.Series:
    texts = texts.cast(pl.String).str.strip_chars(_BLANKS)
    # Nearly no column is wrapped or quoted, and to look is far quicker than to replace.
    if texts.str.starts_with("=").any():
        texts = texts.str.replace(r'^="?([^"]*)"?$', "${1}")
    if texts.str.starts_with("'").any() or texts.str.starts_with("‘").any():
        texts = texts.str.replace(r"^['‘](.*)$", "${1}")
    return texts.str.strip_chars(_BLANKS)


#: What platforms write into a cell that holds nothing.
NOTHING: Final = ("-", "--", "---", "\u2014", "\u2014\u2014", "/", "null", "NULL", "None", "N/A")


def told(column: str) -> pl.Expr:
    """Return the cell as `clean` does; null also where a mark says that there is nothing.

    Examples
    --------
    >>> pl.DataFrame({"c": ["--", "3"]}).select(told("c"))["c"].to_list()
    [None, '3']
    """
    return nulled(clean(column), NOTHING)


_SPELT_PHONE: Final = r"^(?:\+|00)[0-9 ]|^(?:86[- ]|1[3-9][0-9][- ])[0-9]|^1[3-9][0-9]{9}\.0$"
_MOBILE: Final = (
    r"^(?:(?:\+|00) ?86|86[- ])?[- ]*(1[3-9][0-9])[- ]?([0-9]{4})[- ]?([0-9]{4})(?:\.0)?$"
)
_ABROAD: Final = r"^\+[0-9][0-9 ()./-]{6,20}$"


def contact(cell: pl.Expr) -> pl.Expr:
    """Return ids of buyers, e-mails and phone numbers among them in one spelling.

    Programs keep them differently; an id that only looks like a phone number is left as it is.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": ["Ann@X.com", "TB_a", "+86 138-0013-8000", "+1 (555) 010-2030"]})
    >>> rows.select(contact(pl.col("c")))["c"].to_list()
    ['ann@x.com', 'TB_a', '13800138000', '+15550102030']
    """

    def parse(texts: pl.Series) -> pl.Series:
        frame = texts.cast(pl.String).to_frame("text")
        text = pl.col("text")
        mail = text.str.contains(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
        spelt = pl.when(mail).then(text.str.to_lowercase()).otherwise(text)
        # Nearly no column of buyers holds phone numbers that are not eleven digits.
        if frame.select(text.str.contains(_SPELT_PHONE).any()).item():
            mobile = text.str.replace(_MOBILE, "${1}${2}${3}")
            abroad = "+" + text.str.replace_all(r"[^0-9]", "")
            phone = pl.when(text.str.contains(_MOBILE)).then(mobile).otherwise(abroad)
            known = text.str.contains(_MOBILE) | text.str.contains(_ABROAD)
            spelt = pl.when(known).then(phone).otherwise(spelt)
        return frame.select(spelt).to_series()

    return cell.map_batches(parse, return_dtype=pl.String, is_elementwise=True)


def nulled(cell: pl.Expr, empties: tuple[str, ...]) -> pl.Expr:
    """Return `cell` with every text of `empties` as null.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": ["-", "3"]})
    >>> rows.select(nulled(pl.col("c"), ("-",)))["c"].to_list()
    [None, '3']
    """
    return pl.when(~cell.is_in(empties)).then(cell) if empties else cell


def time(cell: pl.Expr) -> pl.Expr:
    """Return times written in ISO or with slashes, as local datetimes; zones are left out.

    A clock may have twelve hours (``2:30 PM``, ``下午 02:30``); 24:00 is the next day's 00:00.
    Which of 05/10/2026 is the month nobody can tell: such a date is not read.

    Examples
    --------
    >>> cells = pl.DataFrame({"at": ["2026/10/5 下午2:30", "2026-10-05 24:00", "05/10/2026"]})
    >>> [str(at) for at in cells.select(time(pl.col("at"))).to_series()]
    ['2026-10-05 14:30:00', '2026-10-06 00:00:00', 'None']
    """

    def parse(cells: pl.Series) -> pl.Series:
        texts = cells.cast(pl.String)
        # Nearly every export writes the contract's form throughout: no closer look is needed.
        plain = texts.to_frame("text").select(read(pl.col("text"), "datetime")).to_series()
        return plain if plain.null_count() == texts.null_count() else _parsed(texts)["at"]

    return cell.map_batches(parse, return_dtype=pl.Datetime("us"), is_elementwise=True)


def _read(cell: pl.Expr, made: Callable[[pl.DataFrame, str], pl.Series], zone: str = "") -> pl.Expr:
    """Return what `made` makes of the parsed times; each cell is parsed once."""

    def parse(cells: pl.Series) -> pl.Series:
        return made(_parsed(cells.cast(pl.String)), zone)

    return cell.map_batches(parse, return_dtype=pl.Datetime("us"), is_elementwise=True)


def _parsed(texts: pl.Series) -> pl.DataFrame:
    """Return ``at``, the time as it is written, and ``ahead``, its zone's minutes from UTC."""
    text = texts.alias("text").str.normalize("NFKC").str.replace_all("\u2212", "-", literal=True)
    frame = text.to_frame().with_columns(
        pl.when(pl.col("text").str.contains(_COMPACT))
        .then(pl.col("text").str.replace(_COMPACT, "${1}-${2}-${3} ${4}:${5}:${6}"))
        .otherwise("text")
        .str.strip_chars_end(" :")
        .str.extract_groups(TIME_PATTERN)
        .alias("parts")
    )
    names = ["year", "month", "day", "half", "hour", "minute", "second", "part", "after", "zone"]
    frame = frame.select(pl.col("parts").struct.rename_fields(names)).unnest("parts")
    half = pl.coalesce("half", "after").str.to_lowercase()
    hour = pl.col("hour").cast(pl.Int64, strict=False).fill_null(0)
    # 晚上 12:30 is the night before to one, the night after to another.
    hour = pl.when(~((half.fill_null("") == "晚上") & (hour == 12))).then(hour)
    zeros = pl.concat_str(pl.col("minute", "second").fill_null("0")).str.strip_chars("0") == ""
    frame = frame.with_columns(
        # 中午 12:30 and 12:30 PM are past noon, 12:30 AM past midnight; 下午 14:30 says it twice.
        pl.when(half.is_in(_AFTERNOON) & (hour < 12))
        .then(hour + 12)
        .when(half.is_in(_MORNING) & (hour == 12))
        .then(0)
        .otherwise(hour)
        .alias("hour"),
        ((hour == 24) & zeros).alias("end"),
    )
    hour = pl.when("end").then(0).otherwise("hour").cast(pl.String).str.zfill(2)
    day = pl.format("{}-{}-{}", "year", *(pl.col(n).str.zfill(2) for n in ("month", "day")))
    clock = (pl.col(name).fill_null("0").str.zfill(2) for name in ("minute", "second"))
    part = pl.col("part").fill_null("0").str.slice(0, 6)
    at = read(pl.format("{} {}:{}:{}.{}", day, hour, *clock, part), "datetime")
    named = pl.col("zone").str.replace("Z", "+00:00", literal=True)
    hours, minutes = (named.str.extract(r"^.([0-9]{1,2}?)(?::?([0-9]{2}))?$", n) for n in (1, 2))
    ahead = hours.cast(pl.Int64) * 60 + minutes.cast(pl.Int64).fill_null(0)
    return frame.select(
        pl.when("end").then(at + pl.duration(days=1)).otherwise(at).alias("at"),
        pl.when(named.str.starts_with("-")).then(-ahead).otherwise(ahead).alias("ahead"),
    )


def hour_of_day(hour: int, half: str) -> int | None:
    """Return the hour of a day of 24 that an hour beside a word for its half is; None for none.

    Examples
    --------
    >>> hour_of_day(3, "下午"), hour_of_day(12, "AM"), hour_of_day(12, "晚上")
    (15, 0, None)
    """
    word = half.lower()
    if word in _AFTERNOON and hour < 12:
        return hour + 12
    if hour == 12 and word == "晚上":
        return None
    return 0 if hour == 12 and word in _MORNING else hour


def by_pattern(given: pl.Expr, form: str) -> pl.Expr:
    """Return times written in a strptime pattern; an hour alone is a time too.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": ["5 Oct 2026 09"]})
    >>> rows.select(by_pattern(pl.col("c"), "%d %b %Y %H"))["c"].to_list()
    [datetime.datetime(2026, 10, 5, 9, 0)]
    """
    if "%H" in form and not re.search(r"%[MTRXc]", form):
        given, form = given + ":00", f"{form}:%M"
    return given.str.to_datetime(form, strict=False, time_unit="us")


def to_local(moment: pl.Expr, timezone: str) -> pl.Expr:
    """Return UTC times as local times of `timezone`, without zone.

    Examples
    --------
    >>> rows = pl.DataFrame({"at": ["2026-10-01T02:00:00"]}).select(pl.col("at").str.to_datetime())
    >>> str(rows.select(to_local(pl.col("at"), "Asia/Shanghai"))["at"][0])
    '2026-10-01 10:00:00'
    """
    return (
        moment.dt.replace_time_zone("UTC").dt.convert_time_zone(timezone).dt.replace_time_zone(None)
    )


def utc(cell: pl.Expr) -> pl.Expr:
    """Return times as `time` does, those that name a zone brought to UTC.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": ["2026-10-01T10:00:00+08:00"]})
    >>> rows.select(utc(pl.col("c")))["c"].to_list()
    [datetime.datetime(2026, 10, 1, 2, 0)]
    """
    return _read(cell, lambda parsed, _: _utc(parsed))


def _utc(parsed: pl.DataFrame) -> pl.Series:
    ahead = pl.duration(minutes=pl.col("ahead").fill_null(0))
    return parsed.select(pl.col("at") - ahead).to_series()


def at_clock(cell: pl.Expr, timezone: str | None) -> pl.Expr:
    """Return local times: of `timezone` where one is told, else of the zone that they name.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": ["2026-10-01T02:00:00Z"]})
    >>> rows.select(at_clock(pl.col("c"), "Asia/Shanghai"))["c"].to_list()
    [datetime.datetime(2026, 10, 1, 10, 0)]
    """
    return time(cell) if timezone is None else local_time(cell, timezone)


def local_time(cell: pl.Expr, timezone: str) -> pl.Expr:
    """Return times as `time` does, those that name a zone brought to `timezone`.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": ["2026-10-01T02:00:00Z", "2026-10-01 10:00"]})
    >>> rows.select(local_time(pl.col("c"), "Asia/Shanghai"))["c"].to_list()
    [datetime.datetime(2026, 10, 1, 10, 0), datetime.datetime(2026, 10, 1, 10, 0)]
    """
    return _read(cell, _local, timezone)


def _local(parsed: pl.DataFrame, timezone: str) -> pl.Series:
    brought = parsed.with_columns(_utc(parsed).alias("utc"))
    there = to_local(pl.col("utc"), timezone)
    written = pl.when(pl.col("ahead").is_null()).then("at").otherwise(there)
    return brought.select(written).to_series()


def number(cell: pl.Expr, decimal: str = ".", thousands: str = ",") -> pl.Expr:
    """Return finite decimal numbers, without currency signs and with grouping that fits.

    ``1,234.50`` is a number; ``1,50`` and ``1.234,50`` are not, unless `decimal` says that the
    comma is the decimal mark: a guess would be wrong by a hundred times. ``1.2万`` and ``1.2w``
    are 12,000, as pages write large numbers. ``15000W`` is none: nobody counts fifteen thousand
    ten thousands, and won are written so.

    Examples
    --------
    >>> cells = pl.DataFrame({"x": ["1,234.50", "1.234,50", "￥12", "1,50", "1.2万元", "15000W"]})
    >>> cells.select(number(pl.col("x")))["x"].to_list()
    [1234.5, None, 12.0, None, 12000.0, None]
    >>> cells.select(number(pl.col("x"), ",", "."))["x"].to_list()
    [None, 1234.5, 12.0, 1.5, None, None]
    """
    return read(_plain(cell, decimal, thousands), "float")


#: Signs behind a number that count it in ten thousands, and so on: pages and tables for people
#: write ``1.2万`` for 12,000 (rounded, mostly).
MYRIADS: Final = {
    **dict.fromkeys("万萬wW", "e4"),
    **dict.fromkeys("亿億", "e8"),
    **dict.fromkeys("千kK", "e3"),
}
MYRIAD_PATTERN: Final = rf"[0-9.,]\s*([{''.join(MYRIADS)}])元?$"
#: A unit's letter in Latin: some write their currency so (won, kwacha).
LETTER_PATTERN: Final = r"[0-9.,]\s*([wWkK])元?$"
_GROUPED_LETTER: Final = r"[0-9][, '.][0-9]{3}[, '.]?[0-9]*\s*[wWkK]元?$"
_PLAIN_NUMBER: Final = r"^[0-9]{1,18}(\.[0-9]*)?$"


def _plain(cell: pl.Expr, decimal: str, thousands: str) -> pl.Expr:
    """Return the text of numbers as the contract writes them; null where it is none."""

    def parse(texts: pl.Series) -> pl.Series:
        texts = texts.cast(pl.String)
        # Nearly every export writes plain numbers throughout, which need no closer look.
        if decimal == "." and texts.str.contains(_PLAIN_NUMBER).all():
            return texts
        return texts.to_frame("x").select(_brought(pl.col("x"), decimal, thousands)).to_series()

    return cell.map_batches(parse, return_dtype=pl.String, is_elementwise=True)


def _brought(cell: pl.Expr, decimal: str, thousands: str) -> pl.Expr:
    text = cell.str.normalize("NFKC").str.replace_all("\u2212", "-", literal=True)
    # Accountants write what is owed in brackets.
    text = text.str.replace(r"^\(([^()]*)\)$", "-${1}")
    for unit in (*_UNITS, *({thousands} & {" ", "'"})):
        text = text.str.replace_all(unit, "", literal=True)
    point = re.escape(decimal)
    counted = text.str.extract(MYRIAD_PATTERN, 1)
    # A letter that is left in front of its amount or behind a long one makes it no number.
    long = text.str.contains(rf"[0-9]{{5}}({point}[0-9]*)?\s*[wWkK]元?$|{_GROUPED_LETTER}")
    counted = pl.when(~long).then(counted)
    text = text.str.head(text.str.len_chars() - counted.is_not_null())
    grouped = rf"^[-+]?[0-9]{{1,3}}({re.escape(thousands)}[0-9]{{3}})+({point}[0-9]*)?$"
    if thousands and thousands not in (" ", "'"):
        without = text.str.replace_all(thousands, "", literal=True)
        text = pl.coalesce(pl.when(text.str.contains(grouped)).then(without), text)
    whole = rf"^[-+]?([0-9]{{1,18}}({point}[0-9]*)?|{point}[0-9]+)([eE][-+]?[0-9]{{1,2}})?$"
    plain: pl.Expr = pl.when(text.str.contains(whole)).then(text)
    plain = plain if decimal == "." else plain.str.replace(decimal, ".", literal=True)
    # A number that has an exponent and a unit besides is none.
    return plain + counted.replace_strict(MYRIADS, default="").fill_null("")


def currency_sign(cell: pl.Expr) -> pl.Expr:
    """Return what the sign on an amount says of its currency; null where it bears none.

    Examples
    --------
    >>> amounts = pl.DataFrame({"x": ["$9", "9 €", "9元", "9"]})
    >>> amounts.select(currency_sign(pl.col("x"))).to_series().to_list()
    ['$', 'EUR', 'CNY', None]
    """
    return cell.str.extract(_SIGN, 1).replace(_SIGNS)


def whole(cell: pl.Expr, decimal: str = ".", thousands: str = ",") -> pl.Expr:
    """Return whole numbers; 2.0 is one, 2.5 is not.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": ["1,200", "2.0", "2.5"]})
    >>> rows.select(whole(pl.col("c")))["c"].to_list()
    [1200, 2, None]
    """
    return read(_plain(cell, decimal, thousands), "int")


AMOUNT: Final = (
    "a number such as 12.50 (where a comma is the decimal mark, say `decimal: ','` in a YAML file "
    "given as the mapping)"
)
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

    Examples
    --------
    >>> may_be_thousands(pl.Series(["1.200", "12.345"]))
    True
    """
    some = int(texts.str.contains(THOUSANDS_PATTERN).sum())
    return some > 0 and not int(texts.str.contains(r"\.[0-9]{1,2}$").sum())


def all_end_in_dot_zero(texts: pl.Series) -> bool:
    """Tell whether every id of a column that is a number has ``.0`` behind it.

    Examples
    --------
    >>> all_end_in_dot_zero(pl.Series(["12.0", "a7"]))
    True
    """
    there = texts.drop_nulls()
    numbers = there.filter(there.str.contains(r"^[0-9]+(\.[0-9]+)?$"))
    return len(numbers) > 0 and bool(numbers.str.contains(r"^[0-9]{1,15}\.0+$").all())


def names_zone(cell: pl.Expr) -> pl.Expr:
    """Tell whether a time names its zone.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": ["2026-10-01T02:00:00Z", "2026-10-01 10:00"]})
    >>> rows.select(names_zone(pl.col("c")))["c"].to_list()
    [True, False]
    """
    return cell.str.normalize("NFKC").str.extract(TIME_PATTERN, 10).is_not_null()


def text_of_html(cell: pl.Expr) -> pl.Expr:
    """Return the text of HTML: lines for paragraphs and breaks, no tags, entities read.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": ["<p>a &amp; b</p>"]})
    >>> rows.select(text_of_html(pl.col("c")))["c"].to_list()
    ['a & b']
    """
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


def looks_rounded(cell: pl.Expr) -> pl.Expr:
    """Tell whether a long number may have lost its last digits; null where it is not long.

    A spreadsheet keeps fifteen digits of a number, a cell of a workbook what a float holds.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": ["4012345678901235200", "4012345678901234567", "17"]})
    >>> rows.select(looks_rounded(pl.col("c")))["c"].to_list()
    [True, False, None]
    """
    held = cell.cast(pl.Float64, strict=False)
    shown = held.cast(pl.String).str.extract(r"^([0-9.]+)e", 1).str.replace(".", "", literal=True)
    digits = cell.str.strip_chars_end("0")
    exact = held.cast(pl.UInt64, strict=False) == cell.cast(pl.UInt64, strict=False)
    beyond = (digits == shown.str.strip_chars_end("0")) | exact
    lost = cell.str.contains(r"^[0-9]{15}0+$") | (beyond & (held > 2**53)).fill_null(value=False)
    return pl.when(cell.str.contains(r"^[0-9]{16,30}$")).then(lost)


def unreadable(given: pl.Expr, value: pl.Expr, name: str, what: str) -> tuple[pl.Expr, str]:
    """Return the rule that refuses a cell which holds something that can't be read.

    Examples
    --------
    >>> cell = pl.col("n")
    >>> wrong, why = unreadable(cell, number(cell), "paid_amount", "a number")
    >>> pl.DataFrame({"n": ["12", "twelve", None]}).select(wrong).to_series().to_list(), why
    ([False, True, False], 'paid_amount is not a number')
    """
    return given.is_not_null() & value.is_null(), f"{name} is not {what}"


#: How databases and spreadsheets write that there is no time.
NO_TIME: Final = (
    r"^(?:0000[-/.]0?0[-/.]0?0|0001[-/.]0?1[-/.]0?1|1900[-/.]0?1[-/.]0?[01]\b"
    r"|1970[-/.]0?1[-/.]0?1(?:[T ]0?[08]:00(?::00(?:\.0+)?)?)?Z?$)"
)
#: Days since the end of 1899, for the years 2000 to 2099.
_COUNTED: Final = r"^(?:3[6-9]|[4-6][0-9]|7[0-2])[0-9]{3}(?:\.[0-9]+)?$"
_DAY_0: Final = datetime(1899, 12, 30)


def counted_days(cell: pl.Expr) -> pl.Expr:
    """Return the times of days that a spreadsheet counts, to the second.

    Examples
    --------
    >>> rows = pl.DataFrame({"c": ["46300.3958333", "46301"]})
    >>> [str(at) for at in rows.select(counted_days(pl.col("c"))).to_series()]
    ['2026-10-05 09:30:00', '2026-10-06 00:00:00']
    """
    seconds = (cell.cast(pl.Float64, strict=False) * 86_400).round().cast(pl.Int64)
    return pl.lit(_DAY_0) + pl.duration(seconds=seconds)


def told_times(frame: pl.DataFrame, *columns: str) -> tuple[pl.DataFrame, list[str]]:
    """Return rows whose times are written as times or not at all, and what was made of them.

    A cell that means no time is empty; one that counts days is written out, as `dated` does.

    Parameters
    ----------
    frame : polars.DataFrame
    *columns : str
        Columns of an export's times, as text.

    Examples
    --------
    >>> rows = pl.DataFrame({"placed": ["46300.3958333"], "paid": ["0000-00-00 00:00:00"]})
    >>> rows, told = told_times(rows, "placed", "paid")
    >>> rows.rows(), told[0][:32]
    ([('2026-10-05 09:30:00', None)], '1 rows have times as days that a')
    """
    frame, told = dated(frame, *columns)
    timed = [pl.when(~pl.col(name).str.contains(NO_TIME)).then(name) for name in columns]
    return frame.with_columns(timed), told


def dated(frame: pl.DataFrame, *columns: str) -> tuple[pl.DataFrame, list[str]]:
    """Return rows with the days that a spreadsheet counts written out, and a notice of them.

    A spreadsheet leaves such numbers where the column's form was lost.

    Parameters
    ----------
    frame : polars.DataFrame
    *columns : str
        Columns of an export's times, as text.

    Examples
    --------
    >>> rows, told = dated(pl.DataFrame({"at": ["46300.3958333", "2026-10-05"]}), "at")
    >>> rows["at"].to_list(), len(told)
    (['2026-10-05 09:30:00', '2026-10-05'], 1)
    """
    counted = [pl.col(name).str.contains(_COUNTED) for name in columns]
    found = int(frame.select(pl.any_horizontal(counted).sum()).item() or 0)
    if not found:
        return frame, []
    written = [
        pl.when(count)
        .then(counted_days(pl.when(count).then(name)).dt.to_string("%Y-%m-%d %H:%M:%S"))
        .otherwise(name)
        .alias(name)
        for name, count in zip(columns, counted, strict=True)
    ]
    told = (
        f"{found} rows have times as days that a spreadsheet counts (such as 46300.4): they are "
        "read as it counts from 1900; look whether the dates are right"
    )
    return frame.with_columns(written), [told]
