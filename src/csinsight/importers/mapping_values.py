"""The rows of a mapped file to the contract's values: cells, conversations, what refuses a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.cells import DTYPES, MASKED
from csinsight.contract.schema import Column, Kind, Messages, OrderLines, Orders
from csinsight.contract.textfile import read_text
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.chat_text import read_head
from csinsight.importers.mapping_spec import DEFAULT_ZONE, ColumnRule, Mapping
from csinsight.importers.one_shop import OrderRow, untold_zones
from csinsight.importers.order_states import ORDER_MONEY
from csinsight.importers.reading import (
    LINE_SCHEMA,
    NO_DATA,
    NUL_REASON,
    Line,
    Records,
    plain_word,
    plain_words,
    refused_rows,
)
from csinsight.importers.sift import Rule

#: What is no time to `auto`, and what to say about it.
_UNTOLD: Final = {
    r"^[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{4}\b": "{} may have the day or the month first; say "
    "which, such as `times: ['%d/%m/%Y %H:%M']`",
    r"^[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2}\b": "{} has a year of two digits; say where it "
    "stands, such as `times: ['%m/%d/%y %H:%M']`",
    r"^[34][0-9]{4}(\.[0-9]+)?$": "{} is a day as a spreadsheet counts them; say `times: [excel]`",
    r"^1[0-9]{9}(\.[0-9]+)?$": "{} counts seconds since 1970; say `times: [unix_s]`",
    r"^1[0-9]{12}$": "{} counts milliseconds since 1970; say `times: [unix_ms]`",
}

_MEANT: dict[Kind, str] = {
    "str": "a text",
    "datetime": "a time that the mapping's formats can read",
    "date": "a date that the mapping's formats can read",
    "float": "a number (where a comma is the decimal mark, say `decimal: ','`)",
    "int": "a whole number",
    "bool": "yes or no",
}

NOTE: Final = "_internal"


def order_facts(spec: Mapping) -> list[pl.Expr]:
    """Return the columns of `OrderRow` that the mapping tells of.

    Examples
    --------
    >>> spec = Mapping.model_validate({"table": "orders", "columns": {}, "currency": "EUR"})
    >>> rows = pl.DataFrame({"_exported_at": [None]}).select(order_facts(spec))
    >>> rows.columns, rows["_currency"].to_list()
    (['_currency', '_exported'], ['EUR'])
    """
    facts: list[pl.Expr] = []
    if spec.currency is not None and spec.currency_from is None:
        facts.append(pl.lit(spec.currency).alias(OrderRow.CURRENCY))
    if spec.currency is None and spec.currency_from is None and Orders.PAID_AMOUNT in spec.columns:
        facts.append(
            cells.currency_sign(cells.clean(raw(Orders.PAID_AMOUNT))).alias(OrderRow.CURRENCY)
        )
    if spec.currency_from is not None:
        facts.append(
            cells.clean(raw(OrderRow.CURRENCY)).str.to_uppercase().alias(OrderRow.CURRENCY)
        )
    updated = pl.col("_exported_at")
    if spec.updated is not None:
        updated = pl.coalesce(
            _times(cells.clean(raw(OrderRow.EXPORTED)), spec.times, spec), updated
        )
    facts.append(updated.alias(OrderRow.EXPORTED))
    for name, kind in LINE_FIELDS.items():
        if spec.lines is not None and getattr(spec.lines, kind) is not None:
            given = cells.clean(raw(name))
            rule = ColumnRule.model_validate({"from": getattr(spec.lines, kind)})
            number = _number(given, rule, OrderLines.AMOUNT, spec)
            facts.append((number if name == OrderRow.LINE_AMOUNT else given).alias(name))
    return facts


#: Columns of an order's line, and the key of `Lines` that says where each comes from.
LINE_FIELDS: Final = {
    OrderRow.LINE_ID: "id",
    OrderLines.PRODUCT_ID: "product_id",
    OrderLines.PRODUCT_NAME: "product_name",
    OrderLines.CATEGORY: "category",
    OrderRow.LINE_AMOUNT: "amount",
}


def raw(name: str) -> str:
    """Return the name of the column that holds what the source writes.

    Examples
    --------
    >>> raw("order_id")
    '_raw:order_id'
    """
    return f"{Line.RAW}:{name}"


def only_rules(spec: Mapping) -> list[Rule]:
    """Return what sets rows aside by the mapping's `only`.

    Examples
    --------
    >>> spec = Mapping.model_validate({"table": "orders", "columns": {}, "only": {"shop": ["A"]}})
    >>> [reason for _, reason in only_rules(spec)]
    ['no data: shop is none of A, as `only` asks']
    """
    return [
        (
            ~cells.clean(raw(f"only:{source}")).is_in([_told(value) for value in allowed]),
            f"{NO_DATA}{source} is none of {', '.join(map(_told, allowed))}, as `only` asks",
        )
        for source, allowed in spec.only.items()
    ]


def typed(lines: pl.DataFrame, spec: Mapping) -> tuple[pl.DataFrame, list[Rule], list[str]]:
    """Return the lines with the contract's columns, what refuses a line, and notices.

    Examples
    --------
    >>> spec = Mapping.model_validate({"table": "agents", "columns": {"agent_id": "who"}})
    >>> lines, rules, notices = typed(pl.DataFrame({raw("agent_id"): [" a1 "]}), spec)
    >>> lines["agent_id"].to_list()
    ['a1']
    """
    values: list[pl.Expr] = []
    notices: list[str] = []
    rules = only_rules(spec)
    note = f"{NO_DATA}an internal note or an event, which the buyer never saw; see `only`"
    rules.append((pl.col(NOTE), note))
    for name, rule in spec.rules().items():
        value, refusals, told = _column(lines, name, rule, spec)
        values.append(value.alias(name))
        rules += refusals
        notices += told
    for name, constant in spec.constants.items():
        column = spec.contract.column(name)
        text = pl.lit(_told(constant))
        values.append(
            _value(text, column, ColumnRule.model_validate({"from": name}), spec).alias(name)
        )
    return lines.with_columns(values), rules, notices


def _column(
    lines: pl.DataFrame, name: str, rule: ColumnRule, spec: Mapping
) -> tuple[pl.Expr, list[Rule], list[str]]:
    """Return the values of one column, what refuses a cell of it, and notices."""
    column = spec.contract.column(name)
    notices: list[str] = []
    given = cells.nulled(cells.clean(raw(name)), rule.empty or spec.empty)
    if name.endswith("_id") and cells.all_end_in_dot_zero(lines.select(given).to_series()):
        notices.append(f"{name}: all ids end in .0, as a program writes numbers; it is left out")
        given = given.str.replace(r"\.0+$", "")
    if column.kind in ("datetime", "date"):
        given = pl.when(~given.str.contains(cells.NO_TIME)).then(given)
    if name == Orders.BUYER_ID:
        given = cells.contact(given)
    value = _value(given, column, rule, spec)
    if column.kind == "float":
        notices += _rounded(lines.select(given).to_series(), name)
    if column.kind == "datetime" and spec.timezone is None:
        forms = rule.times or spec.times
        zoned = lines.select(cells.names_zone(given).any()).item() if "auto" in forms else False
        if zoned or set(forms) & {"unix_s", "unix_ms"} or any("%z" in form for form in forms):
            notices.append(f"{name} is brought to {DEFAULT_ZONE}; say `timezone:` for another")
    if column.kind == "datetime" and "auto" in (rule.times or spec.times):
        notices += untold_zones(lines.select(Line.FILE, given.alias(name)), name)
    return value, _doubts(lines, given, value, rule, column, spec), notices


def _rounded(texts: pl.Series, name: str) -> list[str]:
    """Return a notice of the numbers that are written as people write large ones."""
    counted = int(texts.str.contains(cells.MYRIAD_PATTERN).sum())
    told = (
        f"{name}: {counted} numbers are written in thousands or more, as 1.2万 for 12,000; they "
        "may be rounded: where there is a column of exact amounts, map that"
    )
    return [told] if counted else []


def _doubts(
    lines: pl.DataFrame,
    given: pl.Expr,
    value: pl.Expr,
    rule: ColumnRule,
    column: Column,
    spec: Mapping,
) -> list[Rule]:
    """Return what refuses a cell that can't be read, or be read in two ways."""
    name, rules = column.name, list[Rule]()
    if column.kind in ("datetime", "date"):
        rules += [
            (value.is_null() & given.str.contains(form), why.format(name))
            for form, why in _UNTOLD.items()
        ]
    meant = "among the mapping's values" if rule.values else _MEANT[column.kind]
    rules.append(cells.unreadable(given, value, name, meant))
    told = spec.decimal or rule.decimal or column.kind != "float"
    if not told and cells.may_be_thousands(lines.select(given).to_series()):
        why = f"{name} may be 1.234 or 1234; say `decimal: '.'` or `decimal: ','`"
        rules.append((given.str.contains(cells.THOUSANDS_PATTERN), why))
    letters = lines.select(given).to_series().drop_nulls().str.extract(cells.LETTER_PATTERN, 1)
    # Who counts in thousands does so for large amounts; a currency's letter stands behind each.
    if column.kind == "float" and len(letters) >= _COLUMN and letters.n_unique() == 1:
        why = f"{name}: each amount ends in {{}}, which may be a currency's letter or thousands: "
        why = why.format(letters[0]) + "write the amounts in full, or take the letter away"
        rules.append((given.str.contains(cells.LETTER_PATTERN), why))
    return rules


#: So many amounts that are all written alike tell of the column's form.
_COLUMN: Final = 3


def _told(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(given: pl.Expr, column: Column, rule: ColumnRule, spec: Mapping) -> pl.Expr:
    if rule.values:
        told = {source: _told(value) for source, value in rule.values.items()}
        rest = pl.when(given.is_not_null()).then(pl.lit(told.pop("*", None), dtype=pl.String))
        exact = given.replace_strict(told, default=None, return_dtype=pl.String)
        # Else as headers are looked up: in other characters, capitals or blanks.
        plain = {plain_word(source): value for source, value in reversed(told.items())}
        near = plain_words(given).replace_strict(plain, default=rest, return_dtype=pl.String)
        given = pl.coalesce(exact, near)
    if rule.html:
        given = cells.text_of_html(given)
    if column.kind == "str":
        return given
    if column.kind == "float":
        return _number(given, rule, column.name, spec)
    if column.kind == "int":
        return cells.whole(given, *_marks(spec, rule.decimal, rule.thousands))
    if column.kind == "bool":
        low = plain_words(given)
        return (
            pl.when(low.is_in(cells.YES))
            .then(statement=True)
            .when(low.is_in(cells.NO))
            .then(statement=False)
        )
    return _times(given, rule.times or spec.times, spec).cast(DTYPES[column.kind])


def _number(given: pl.Expr, rule: ColumnRule, name: str, spec: Mapping) -> pl.Expr:
    """Return the numbers of a column, or of an order's lines, in its own unit."""
    factor = unit_factor(rule, name)
    number = cells.number(given, *_marks(spec, rule.decimal, rule.thousands))
    if factor == 1:
        return number
    # 1.2万 below a header in 万元 says its unit twice, and is meant once.
    twice = (factor >= 1000) & given.str.contains(cells.MYRIAD_PATTERN)
    return pl.when(twice).then(number).otherwise((number * factor).round(4))


def unit_factor(rule: ColumnRule, name: str) -> float:
    """Return what a number of a column is multiplied by: as told, else by the unit behind its name.

    Examples
    --------
    >>> unit_factor(ColumnRule.model_validate({"from": "实付（分）"}), "paid_amount")
    0.01
    """
    if rule.factor is not None:
        return rule.factor
    unit = _UNIT.search(plain_word(str(rule.source))) if name in MONEY else None
    return _UNITS.get(unit["unit"], 1.0) if unit else 1.0


#: Columns of money, of every table.
MONEY: Final = (*ORDER_MONEY, OrderLines.AMOUNT)
_UNIT: Final = re.compile(r"[(\[【](?:单位[:：]?)?(?P<unit>[^()\[\]【】]+)[)\]】]$")
_UNITS: Final = {"分": 0.01, "角": 0.1, "千元": 1e3, "万元": 1e4, "万": 1e4}
_UNITS.update(dict.fromkeys(("cent", "cents", "pence", "¢"), 0.01))


def _marks(spec: Mapping, decimal: str | None, thousands: str | None) -> tuple[str, str]:
    """Return the decimal mark and the mark between thousands."""
    point = decimal or spec.decimal or "."
    group = spec.thousands if thousands is None else thousands
    return point, ("." if point == "," else ",") if group is None else group


def _times(given: pl.Expr, forms: Sequence[str], spec: Mapping) -> pl.Expr:
    return pl.coalesce(_time(given, form, spec.timezone or DEFAULT_ZONE) for form in forms)


def _time(given: pl.Expr, form: str, zone: str) -> pl.Expr:
    if form == "auto":
        return cells.local_time(given, zone)
    if form in ("unix_s", "unix_ms"):
        digits = pl.when(given.str.contains(r"^-?[0-9]{1,14}(\.0*)?$")).then(given)
        moment = digits.str.replace(r"\.0*$", "").cast(pl.Int64, strict=False)
        scale = 1_000_000 if form == "unix_s" else 1_000
        return cells.to_local((moment * scale).cast(pl.Datetime("us")), zone)
    if form == "excel":
        days = pl.when(given.str.contains(r"^[1-9][0-9]{4}(\.[0-9]+)?$")).then(given)
        return cells.counted_days(days)
    read = cells.by_pattern(given, form)
    return read.dt.convert_time_zone(zone).dt.replace_time_zone(None) if "%z" in form else read


#: Fields of help desks' exports that mark what stays among the agents.
_INTERNAL: Final[dict[str, tuple[str, ...]]] = {
    "part_type": ("note", "note_and_reopen", "close", "assignment", "open", "snoozed", "unsnoozed"),
    "public": ("false",),
    "private": ("true",),
    "internal": ("true",),
    "is_note": ("true", "1"),
    "channel": ("internal-note", "internal_note"),
    **dict.fromkeys(
        ("type", "kind", "message_type", "event_type", "Type", "Message type"),
        ("note", "internal", "internal-note", "internal_note", "private_note", "private note"),
    ),
}
NOBODY: Final = "nobody wrote as the buyer in this conversation, so nobody is known whose it is"
#: Marks of direction and narrow blanks that phones put into what they export.
_MARKS: Final = str.maketrans(
    {**dict.fromkeys("\u200e\u200f\u202a\u202b\u202c\ufeff"), "\u202f": " "}
)
BEFORE_REASON: Final = "the line stands before the first that the pattern fits"


def internal(header: Sequence[str], spec: Mapping) -> pl.Expr:
    """Return whether a message is an internal note or an event, which no buyer ever saw.

    Examples
    --------
    >>> spec = Mapping.model_validate({"table": "messages", "columns": {"text": "body"}})
    >>> rows = pl.DataFrame({"body": ["Hello", "is rude"], "private": ["false", "true"]})
    >>> rows.select(internal(rows.columns, spec)).to_series().to_list()
    [False, True]
    """
    marks = {name: values for name, values in _INTERNAL.items() if name not in spec.only}
    found = [
        cells.clean(name).str.to_lowercase().is_in(values)
        for name, values in marks.items()
        if spec.table == "messages" and name in header
    ]
    return pl.any_horizontal(pl.lit(value=False), *found).fill_null(value=False)


def refuse_whole_talks(frame: pl.DataFrame) -> None:
    """Refuse a table whose texts are whole talks, each with the heads of several messages.

    Raises
    ------
    ImporterError
        Naming the file and what reads it.

    Examples
    --------
    >>> lines = ["小雨 2026-10-05 10:00:00", "在吗", "店:小李 2026-10-05 10:00:09", "在"]
    >>> talk = {"_file": ["c.csv"], "text": [chr(10).join(lines)]}
    >>> refuse_whole_talks(pl.DataFrame(talk))
    Traceback (most recent call last):
    ...
    csinsight.errors.ImporterError: c.csv: `text` holds whole talks, each with the heads of ...
    """
    if Messages.TEXT not in frame.columns:
        return
    told = frame.select(Line.FILE, Messages.TEXT).drop_nulls()
    several = told.filter(pl.col(Messages.TEXT).str.contains("\n", literal=True)).head(_LOOKED_AT)
    talks = 0
    for text in several[Messages.TEXT]:
        lines = [line.strip() for line in text.split("\n")]
        talks += sum(read_head(line) is not None for line in lines) > 1
    if talks and talks > several.height / 2:
        raise ImporterError(
            f"{several[Line.FILE][0]}: `text` holds whole talks, each with the heads of several "
            "messages (nick and time): import the table as qianniu_chat, whose columns are "
            "客户ID and 聊天记录, or export a row a message"
        )


#: So many texts tell what the table holds.
_LOOKED_AT: Final = 200


def with_buyers(frame: pl.DataFrame, spec: Mapping) -> tuple[pl.DataFrame, list[Rule], list[str]]:
    """Return messages with the buyer of their conversation, what refuses one, and notices.

    Where one column names whoever wrote, as help desks write it, the buyer of an agent's line is
    who wrote as the buyer in its conversation. Masked buyers can't be told apart by their nick:
    each conversation counts as a buyer of its own.

    Examples
    --------
    >>> told = {"buyer_id": "who", "agent_id": "who", "sender": "side", "conversation_id": "talk"}
    >>> spec = Mapping.model_validate({"table": "messages", "columns": told})
    >>> rows = pl.DataFrame({"buyer_id": ["bo", "zoe"], "agent_id": ["bo", "zoe"],
    ...     "sender": ["buyer", "agent"], "conversation_id": ["7", "7"]})
    >>> with_buyers(rows, spec)[0].select("buyer_id", "agent_id").rows()
    [('bo', None), ('bo', 'zoe')]
    """
    buyer, agent, talk = Messages.BUYER_ID, Messages.AGENT_ID, Messages.CONVERSATION_ID
    if talk not in frame.columns and spec.line_pattern is not None:
        # A chat that a phone exports is a file.
        talk = Line.FILE
    rules: list[Rule] = []
    notices: list[str] = []
    if Messages.SENDER in frame.columns and spec.names_writers():
        wrote = pl.col(Messages.SENDER) == "buyer"
        by = [name for name in (Messages.SENT_AT, buyer) if name in frame.columns]
        owner = (
            pl.col(buyer)
            .filter(wrote & pl.col(buyer).is_not_null())
            .sort_by(*(pl.col(name).filter(wrote & pl.col(buyer).is_not_null()) for name in by))
        )
        whose = pl.when(wrote).then(buyer).otherwise(owner.first().over(talk))
        frame = frame.with_columns(whose.alias(buyer))
        rules.append((pl.col(buyer).is_null() & ~wrote, NOBODY))
    if agent in frame.columns:
        # Where one field names whoever wrote, the buyer is no agent; nor is a robot.
        own = (pl.col(agent) == pl.col(buyer)).fill_null(value=False)
        silent = ("bot", "system", *(("buyer",) if spec.names_writers() else ()))
        if Messages.SENDER in frame.columns:
            own = own | pl.col(Messages.SENDER).is_in(silent).fill_null(value=False)
        frame = frame.with_columns(pl.when(~own).then(pl.col(agent)).alias(agent))
    masked = pl.col(buyer).str.contains(MASKED).fill_null(value=False)
    several = int(frame.select(masked.sum()).item())
    if several and talk in frame.columns:
        apart = pl.concat_str(buyer, talk, separator="#", ignore_nulls=True)
        frame = frame.with_columns(pl.when(masked).then(apart).otherwise(buyer).alias(buyer))
        notices.append(
            f"{several} messages are by masked buyers (t**): each conversation counts as a buyer "
            "of its own, and none can be joined to orders"
        )
    elif several:
        why = (
            "the buyer is masked (t**), so conversations of several buyers can't be told apart: "
            "map `conversation_id`, or a column with the platform's id of the buyer"
        )
        rules.append((masked, why))
    return frame, rules, notices


def read_patterned(path: Path, pattern: str, encoding: str | None = None) -> Records:
    r"""Return the messages of a text file, one record for each line that `pattern` fits.

    Parameters
    ----------
    path : Path
    pattern : str
        A regular expression; its named groups are the columns. A line that it does not fit goes on
        with what the last group of the message above holds.
    encoding : str or None

    Raises
    ------
    ImporterError
        Where no line fits.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.txt"
    ...     _ = file.write_text("9:05 Bo: Hi\nthere\n9:06 Al: Yes\n", encoding="utf-8")
    ...     records = read_patterned(file, r"^(?P<at>\S+) (?P<who>\w+): (?P<text>.*)$")
    >>> records.frame["text"].to_list()
    ['Hi\nthere', 'Yes']
    """
    head = re.compile(pattern)
    names = tuple(head.groupindex)
    places = [head.groupindex[name] - 1 for name in names]
    rows: list[tuple[int, list[str], list[str | None]]] = []
    bad: list[tuple[str, int, str, str]] = []
    for number, line in enumerate(read_text(path, encoding).split("\n"), start=1):
        plain = line.translate(_MARKS).strip()
        found = head.match(plain) if plain else None
        if "\0" in line:
            bad.append((path.name, number, line, NUL_REASON))
        elif found:
            rows.append((number, [line], [found.groups()[place] for place in places]))
        elif plain and rows:
            _, raw, fields = rows[-1]
            raw.append(line)
            fields[-1] = f"{fields[-1]}\n{plain}" if fields[-1] else plain
        elif plain:
            bad.append((path.name, number, line, BEFORE_REASON))
    if not rows:
        first = bad[0][2].strip()[:60] if bad else ""
        raise ImporterError(
            f"{path.name}: no line fits the mapping's `line_pattern`; the first is {first!r}"
        )
    schema = {**LINE_SCHEMA, **dict.fromkeys(names, pl.String())}
    told = [(path.name, number, "\n".join(raw), *fields) for number, raw, fields in rows]
    return Records(
        path.name, names, pl.DataFrame(told, schema=schema, orient="row"), refused_rows(bad)
    )
