"""What a saved column mapping may say, and the checks that need no file.

Any table to one contract table, by a saved mapping of columns (YAML, see `mapping_spec`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from csinsight.config import did_you_mean, load
from csinsight.contract.cells import DTYPES
from csinsight.contract.schema import TABLES, Column, Kind, Messages, OrderLines, Orders, Table
from csinsight.errors import ConfigError, ImporterError
from csinsight.importers import cells
from csinsight.importers.options import Currency, exported_at
from csinsight.importers.orders import Row, Rows, Told, import_orders, shop_of
from csinsight.importers.reading import (
    HEADER_WITHIN,
    LINE_SCHEMA,
    NO_DATA,
    REFUSED_SCHEMA,
    Line,
    Records,
    find_header,
    gather,
    read_records,
    stack,
)
from csinsight.importers.records import read_json, read_jsonl
from csinsight.importers.sift import Imported, Rule, finish, settle
from csinsight.importers.workbook import read_workbook, sheet_records

TableName = Literal[
    "buyers",
    "page_views",
    "orders",
    "messages",
    "agents",
    "ratings",
    "order_lines",
    "order_buyers",
    "platform_kpis",
]
FileFormat = Literal["csv", "tsv", "xlsx", "parquet", "json", "jsonl"]
#: By a file's suffix, where the mapping does not say its format.
FORMAT_OF_SUFFIX: Final[dict[str, FileFormat]] = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "tsv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xlsx",
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
#: Time formats with a name; any other is a strptime pattern.
NAMED_TIMES: Final = ("auto", "unix_s", "unix_ms", "excel")

_SAMPLE: Final = datetime(2024, 1, 25, 13, 14, 15, tzinfo=UTC)

#: Day 0 of a spreadsheet's dates.
_EXCEL_START: Final = datetime(1899, 12, 30)
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

Scalar = str | bool | int | float
#: Where times that carry a zone are brought where nothing is told: said in a notice.
DEFAULT_ZONE: Final = "Asia/Shanghai"


class ColumnRule(BaseModel):
    """Where one contract column comes from and how its cells are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: The column's name, or its number from 1.
    source: str | int = Field(alias="from")
    #: Text of the source to value of the contract; a text that is not in it is refused.
    values: dict[str, Scalar] | None = None
    #: Texts that mean "nothing".
    empty: tuple[str, ...] | None = None
    times: tuple[str, ...] | None = None
    decimal: str | None = Field(default=None, min_length=1, max_length=1)
    thousands: str | None = Field(default=None, max_length=1)
    #: Whether the cells are HTML, of which the text is wanted.
    html: bool = False


class Lines(BaseModel):
    """How a file of orders with a row a line is folded; see `csinsight.importers.orders`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: ``sum``: the row's amounts are the line's. ``repeat``: they are the whole order's, repeated.
    amounts: Literal["sum", "repeat"]
    #: Columns of the source: the platform's number of the line, its product, its own amount.
    id: str | int | None = None
    product_id: str | int | None = None
    product_name: str | int | None = None
    category: str | int | None = None
    amount: str | int | None = None


class Mapping(BaseModel):
    """A saved mapping of one outside table to one contract table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: TableName
    columns: dict[str, str | int | ColumnRule]
    constants: dict[str, Scalar] = Field(default_factory=dict)
    format: FileFormat | None = None
    encoding: str | None = None
    #: One character; a blank stands for one or more.
    separator: str | None = Field(default=None, min_length=1, max_length=1)
    sheet: str | None = None
    #: The line with the names; None looks for it among the first lines; 0: there is none.
    header_line: int | None = Field(default=None, ge=0)
    #: Names for the columns of a file without a header.
    names: tuple[str, ...] = ()
    strip_headers: bool = True
    #: JSON: the list whose members are the rows, such as ``sessions[].messages[]``.
    records: str | None = None
    #: Values that a column of the source must have; other rows are refused and counted.
    only: dict[str, tuple[Scalar, ...]] = Field(default_factory=dict)
    empty: tuple[str, ...] = ()
    lines: Lines | None = None
    #: A column with the time of the last change, which tells the newer of two rows.
    updated: str | int | None = None
    #: The currency of the file, or the column that names it; which to take, and rates to it.
    currency: Currency | None = None
    currency_from: str | int | None = None
    rates: dict[Currency, float] = Field(default_factory=dict)
    #: Whether the files are of one shop, whatever they call it.
    one_shop: bool = False
    #: Tried in order: ``auto`` (ISO and slashed), ``unix_s``, ``unix_ms``, ``excel`` (days as a
    #: spreadsheet counts them) or strptime patterns.
    times: tuple[str, ...] = ("auto",)
    #: Where the shop's clock stands: times with a zone and unix seconds are brought there.
    timezone: str | None = None
    #: The decimal mark; a point unless told. The mark between thousands is the other of the two.
    decimal: str | None = Field(default=None, min_length=1, max_length=1)
    thousands: str | None = Field(default=None, max_length=1)

    @property
    def contract(self) -> Table:
        """The contract table that the rows become."""
        return TABLES[self.table]

    def rules(self) -> dict[str, ColumnRule]:
        """Return the rule of each mapped contract column."""
        return {
            name: rule
            if isinstance(rule, ColumnRule)
            else ColumnRule.model_validate({"from": rule})
            for name, rule in self.columns.items()
        }


def load_mapping(path: Path) -> Mapping:
    r"""Read and check a mapping file.

    Raises
    ------
    ConfigError
        Naming the key or column that is wrong, and the nearest known one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "map.yml"
    ...     text = "table: orders\ncolumns: {order_id: id, placed_at: t}\n"
    ...     _ = file.write_text(text, encoding="utf-8")
    ...     mapping = load_mapping(file)
    >>> mapping.table
    'orders'
    """
    mapping = load(path, Mapping)
    known = [column.name for column in mapping.contract.columns]
    for name in (*mapping.columns, *mapping.constants):
        if name not in known:
            raise ConfigError(
                f"{path.name}: {mapping.table} has no column `{name}`; {did_you_mean(name, known)}"
            )
    both = sorted(set(mapping.columns) & set(mapping.constants))
    if both:
        raise ConfigError(f"{path.name}: {both[0]} is both a column and a constant; drop one")
    needed = [
        column.name
        for column in mapping.contract.columns
        if column.required and not column.nullable and not column.all_or_nothing
    ]
    missing = [name for name in needed if name not in (*mapping.columns, *mapping.constants)]
    if missing:
        raise ConfigError(
            f"{path.name}: {mapping.table} needs {', '.join(missing)}; "
            "say under `columns` where it comes from"
        )
    _check_times(mapping, path)
    return mapping


def _check_times(mapping: Mapping, path: Path) -> None:
    told = {*mapping.times, *(t for rule in mapping.rules().values() for t in rule.times or ())}
    for form in sorted(told - set(NAMED_TIMES)):
        if not _reads_back(form):
            raise ConfigError(
                f"{path.name}: time format {form!r} names no whole day; write 'auto', 'unix_s', "
                "'unix_ms', 'excel' or a pattern such as '%Y-%m-%d %H:%M:%S'"
            )
    try:
        ZoneInfo(mapping.timezone or DEFAULT_ZONE)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(
            f"{path.name}: timezone {mapping.timezone!r} is unknown; one is Asia/Shanghai"
        ) from error


def _reads_back(form: str) -> bool:
    """Tell whether a time written with the pattern can be read with it."""
    written = _SAMPLE.strftime(form.replace("%.f", ""))
    try:
        read = _by_pattern(pl.lit(written), form)
        found = pl.select(read.dt.replace_time_zone(None) if "%z" in form else read).to_series()
    except pl.exceptions.PolarsError:
        return False
    return found.null_count() == 0 and bool((found.dt.date() == _SAMPLE.date()).all())


_MEANT: dict[Kind, str] = {
    "str": "a text",
    "datetime": "a time that the mapping's formats can read",
    "date": "a date that the mapping's formats can read",
    "float": "a number (where a comma is the decimal mark, say `decimal: ','`)",
    "int": "a whole number",
    "bool": "yes or no",
}


def read_mapping(
    files: Sequence[Path], mapping: Path | None = None, *, timezone: str | None = None
) -> Imported:
    """Read files of one form into the contract table that a mapping names.

    Parameters
    ----------
    files : sequence of pathlib.Path
        CSV, TSV, XLSX, Parquet, JSON or JSON lines, in any order.
    mapping : pathlib.Path or None
        The mapping; it has to be told.
    timezone : str or None
        In place of the mapping's.

    Raises
    ------
    ImporterError
        Where a file can't be read or lacks a column of the mapping.
    ConfigError
        Where the mapping is wrong.
    """
    if mapping is None:
        raise ImporterError("the format `mapping` takes a mapping file; give it as --mapping FILE")
    spec = load_mapping(mapping)
    if timezone is not None:
        spec = spec.model_copy(update={"timezone": timezone})
    read = [records for path in files for records in _read(path, spec)]
    lines = pl.concat([_picked(records, spec) for records in read])
    damaged = stack((records.damaged for records in read), REFUSED_SCHEMA)
    typed, rules, notices = _typed(lines, spec)
    empty = [c.name for c in spec.contract.columns if c.required and c.name not in typed.columns]
    if empty:
        notices.append(f"{', '.join(empty)}: not in the mapping, left empty")
    if spec.table == "orders":
        rows, doubts, told = _rows_of(typed, spec)
        return import_orders(
            typed.with_columns(_order_facts(spec)),
            [*rules, *doubts],
            rows=rows,
            damaged=[damaged],
            notices=[*notices, *told],
            # Without a column the currency is a fact of the file, not a choice among several.
            told=Told(
                (spec.currency or "") if spec.currency_from else "",
                spec.rates or None,
                spec.one_shop,
            ),
        )
    if spec.table == "messages" and Messages.AGENT_ID in typed.columns:
        # Where one field names whoever wrote, the buyer is no agent.
        own = pl.col(Messages.AGENT_ID) == pl.col(Messages.BUYER_ID)
        agent = pl.when(~own.fill_null(value=False)).then(pl.col(Messages.AGENT_ID))
        typed = typed.with_columns(agent.alias(Messages.AGENT_ID))
    kept, refused = settle(spec.contract, typed, rules)
    table = finish(spec.contract, kept)
    return Imported(
        {spec.table: table} if table.height else {},
        stack([damaged, refused], REFUSED_SCHEMA),
        lines.height + damaged.height,
        table.height,
        tuple(notices),
        used=kept.select(Line.FILE),
    )


#: Among so many of the orders with several rows the amounts have to differ to be the lines' own.
_DIFFER: Final = 0.2


def _rows_of(typed: pl.DataFrame, spec: Mapping) -> tuple[Rows, list[Rule], list[str]]:
    """Tell what a row of the file is: what the mapping says, else what the amounts show."""
    if spec.lines is not None:
        return ("lines" if spec.lines.amounts == "sum" else "repeated"), [], []
    if Orders.PAID_AMOUNT not in typed.columns:
        return "orders", [], []
    # Rows alike in all that is written are one row twice, not two lines.
    once = typed.unique([Line.FILE, Line.RAW], maintain_order=True)
    one_time = pl.col(Orders.PLACED_AT).n_unique() == 1
    several = (
        once.drop_nulls(Orders.ORDER_ID)
        .group_by(Line.FILE, Orders.ORDER_ID)
        .agg(pl.len(), pl.col(Orders.PAID_AMOUNT).n_unique() > 1, one_time)
        .filter((pl.col("len") > 1) & pl.col(Orders.PLACED_AT))
    )
    if several.is_empty():
        return "orders", [], []
    if float(several[Orders.PAID_AMOUNT].sum()) >= _DIFFER * several.height:
        told = (
            f"{several.height} orders have several rows with amounts of their own: they are summed "
            "as lines; where each row has the whole order's, say `lines: {amounts: repeat}`"
        )
        return "lines", [], [told]
    why = (
        "the order has several rows, and nothing shows whether an amount is the line's or the "
        "whole order's; say in the mapping `lines: {amounts: sum}` or `lines: {amounts: repeat}`"
    )
    unclear = pl.col(Orders.ORDER_ID).is_in(several[Orders.ORDER_ID].implode())
    return "orders", [(unclear, why)], []


def _internal(records: Records, spec: Mapping) -> pl.Expr:
    """Return whether a message is an internal note or an event, which no buyer ever saw."""
    marks = {name: values for name, values in _INTERNAL.items() if name not in spec.only}
    found = [
        cells.clean(name).str.to_lowercase().is_in(values)
        for name, values in marks.items()
        if spec.table == "messages" and name in records.header
    ]
    return pl.any_horizontal(pl.lit(value=False), *found).fill_null(value=False).alias(_NOTE)


_NOTE: Final = "_internal"
#: Fields of help desks' exports that mark what stays among the agents.
_INTERNAL: Final[dict[str, tuple[str, ...]]] = {
    "part_type": ("note", "note_and_reopen", "close", "assignment", "open", "snoozed", "unsnoozed"),
    "public": ("false",),
    "private": ("true",),
    "internal": ("true",),
}


def _order_facts(spec: Mapping) -> list[pl.Expr]:
    """Return the columns of `Row` that the mapping tells of."""
    facts: list[pl.Expr] = []
    if spec.currency is not None and spec.currency_from is None:
        facts.append(pl.lit(spec.currency).alias(Row.CURRENCY))
    if spec.currency is None and spec.currency_from is None and Orders.PAID_AMOUNT in spec.columns:
        facts.append(cells.currency_sign(cells.clean(_raw(Orders.PAID_AMOUNT))).alias(Row.CURRENCY))
    if spec.currency_from is not None:
        facts.append(cells.clean(_raw(Row.CURRENCY)).str.to_uppercase().alias(Row.CURRENCY))
    updated = pl.col("_exported_at")
    if spec.updated is not None:
        updated = pl.coalesce(_times(cells.clean(_raw(Row.EXPORTED)), spec.times, spec), updated)
    facts.append(updated.alias(Row.EXPORTED))
    for name, kind in _LINE_FIELDS.items():
        if spec.lines is not None and getattr(spec.lines, kind) is not None:
            given = cells.clean(_raw(name))
            number = cells.number(given, *_marks(spec, None, None))
            facts.append((number if name == Row.LINE_AMOUNT else given).alias(name))
    return facts


#: Columns of an order's line, and the key of `Lines` that says where each comes from.
_LINE_FIELDS: Final = {
    Row.LINE_ID: "id",
    OrderLines.PRODUCT_ID: "product_id",
    OrderLines.PRODUCT_NAME: "product_name",
    OrderLines.CATEGORY: "category",
    Row.LINE_AMOUNT: "amount",
}


def _read(path: Path, spec: Mapping) -> list[Records]:
    form = spec.format or FORMAT_OF_SUFFIX.get(path.suffix.lower())
    if form is None:
        raise ImporterError(
            f"{path.name}: what kind of file {path.suffix!r} is, the mapping has to say (`format:`)"
        )
    if form in ("csv", "tsv"):
        return [_delimited(path, form, spec)]
    if form == "xlsx":
        return [
            sheet_records(
                f"{path.name}, sheet {name}",
                grid,
                header_line=_sheet_header(grid, spec),
                names=spec.names,
                strip=spec.strip_headers,
            )
            for name, grid in read_workbook(path, spec.sheet).items()
            if spec.sheet is not None or grid.height
        ]
    if form == "parquet":
        return [_parquet(path)]
    reader = read_json if form == "json" else read_jsonl
    return [reader(path, spec.records, spec.encoding)]


def _delimited(path: Path, form: FileFormat, spec: Mapping) -> Records:
    return read_records(
        path,
        spec.separator or ("\t" if form == "tsv" else None),
        spec.encoding,
        header_line=spec.header_line,
        wanted=_sources(spec),
        names=spec.names,
        strip=spec.strip_headers,
    )


def _sources(spec: Mapping) -> tuple[str, ...]:
    """Return the named columns of the source that the mapping needs."""
    sources = [rule.source for rule in spec.rules().values()]
    return tuple(source for source in sources if isinstance(source, str))


def _sheet_header(grid: pl.DataFrame, spec: Mapping) -> int:
    if spec.names:
        return spec.header_line or 0
    if spec.header_line is not None:
        return spec.header_line
    rows = [[cell or "" for cell in row] for row in grid.head(HEADER_WITHIN).rows()]
    return find_header(rows, _sources(spec))


#: A few kilobytes of Parquet may stand for more rows than any machine holds.
_MOST_CELLS: Final = 1_000_000_000


def _parquet(path: Path) -> Records:
    try:
        scanned = pl.scan_parquet(path, glob=False)
        cells_of = scanned.select(pl.len()).collect().item() * len(scanned.collect_schema())
        if cells_of > _MOST_CELLS:
            raise ImporterError(
                f"{path.name}: holds {cells_of:,} cells, more than can be read at once; split it "
                "into several files"
            )
        frame = pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ImporterError(f"{path.name}: can't be read as Parquet; export it again") from error
    simple = frame.select(
        pl.col(name).cast(pl.String)
        for name, kind in frame.schema.items()
        if not kind.is_nested() and kind not in (pl.Binary, pl.Object)
    )
    rows = (
        (number, "\t".join(cell or "" for cell in row), row)
        for number, row in enumerate(simple.iter_rows(), start=1)
    )
    return gather(path.name, simple.columns, rows)


def _picked(records: Records, spec: Mapping) -> pl.DataFrame:
    """Return the lines with the mapped source columns, named after the contract's."""
    wanted: dict[str, str | int] = {name: rule.source for name, rule in spec.rules().items()}
    more = {Row.CURRENCY: spec.currency_from, Row.EXPORTED: spec.updated}
    if spec.lines is not None:
        more |= {name: getattr(spec.lines, kind) for name, kind in _LINE_FIELDS.items()}
    wanted |= {name: source for name, source in more.items() if source is not None}
    wanted |= {f"only:{source}": source for source in spec.only}
    columns = [_column_of(records, name, source, spec) for name, source in wanted.items()]
    when = pl.lit(exported_at(records.file), dtype=pl.Datetime("us")).alias("_exported_at")
    return records.frame.select(
        *LINE_SCHEMA, *columns, when, shop_of(records.header), _internal(records, spec)
    )


def _column_of(records: Records, name: str, source: str | int, spec: Mapping) -> pl.Expr:
    if isinstance(source, int):
        if not 1 <= source <= len(records.header):
            raise ImporterError(
                f"{records.file}: has no column {source}, which the mapping takes for {name}; it "
                f"has {len(records.header)}"
            )
        return pl.col(records.header[source - 1]).alias(_raw(name))
    source = source.strip() if spec.strip_headers else source
    if source in records.header:
        return pl.col(source).alias(_raw(name))
    if not records.frame.height:
        return pl.lit(None, dtype=pl.String).alias(_raw(name))
    raise ImporterError(
        f"{records.file}: has no column {source!r}, which the mapping takes for {name}; "
        f"{_near(source, records.header)}"
    )


def _near(name: str, header: Sequence[str]) -> str:
    """Return the mend for a missing column; a header is not listed, it may be a row with names."""
    return did_you_mean(name, header, "is `header_line` the line with the names?")


def _raw(name: str) -> str:
    return f"{Line.RAW}:{name}"


def _typed(lines: pl.DataFrame, spec: Mapping) -> tuple[pl.DataFrame, list[Rule], list[str]]:
    """Return the lines with the contract's columns, what refuses a line, and notices."""
    values: list[pl.Expr] = []
    notices: list[str] = []
    rules: list[Rule] = [
        (
            ~cells.clean(_raw(f"only:{source}")).is_in([_told(value) for value in allowed]),
            f"{NO_DATA}{source} is none of {', '.join(map(_told, allowed))}, as `only` asks",
        )
        for source, allowed in spec.only.items()
    ]
    note = f"{NO_DATA}an internal note or an event, which the buyer never saw; see `only`"
    rules.append((pl.col(_NOTE), note))
    for name, rule in spec.rules().items():
        column = spec.contract.column(name)
        given = cells.nulled(cells.clean(_raw(name)), rule.empty or spec.empty)
        if name.endswith("_id") and cells.all_end_in_dot_zero(lines.select(given).to_series()):
            notices.append(
                f"{name}: all ids end in .0, as a program writes numbers; it is left out"
            )
            given = given.str.replace(r"\.0+$", "")
        value = _value(given, column, rule, spec)
        values.append(value.alias(name))
        meant = "among the mapping's values" if rule.values else _MEANT[column.kind]
        if column.kind in ("datetime", "date"):
            rules += [
                (value.is_null() & given.str.contains(form), why.format(name))
                for form, why in _UNTOLD.items()
            ]
        rules.append(cells.unreadable(given, value, name, meant))
        told = spec.decimal or rule.decimal or column.kind != "float"
        if not told and cells.may_be_thousands(lines.select(given).to_series()):
            why = f"{name} may be 1.234 or 1234; say `decimal: '.'` or `decimal: ','`"
            rules.append((given.str.contains(cells.THOUSANDS_PATTERN), why))
        if column.kind == "datetime" and spec.timezone is None:
            forms = rule.times or spec.times
            zoned = lines.select(cells.names_zone(given).any()).item() if "auto" in forms else False
            if zoned or set(forms) & {"unix_s", "unix_ms"} or any("%z" in form for form in forms):
                notices.append(f"{name} is brought to {DEFAULT_ZONE}; say `timezone:` for another")
    for name, constant in spec.constants.items():
        column = spec.contract.column(name)
        text = pl.lit(_told(constant))
        values.append(
            _value(text, column, ColumnRule.model_validate({"from": name}), spec).alias(name)
        )
    return lines.with_columns(values), rules, notices


def _told(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(given: pl.Expr, column: Column, rule: ColumnRule, spec: Mapping) -> pl.Expr:
    if rule.values:
        told = {source: _told(value) for source, value in rule.values.items()}
        given = given.replace_strict(told, default=None, return_dtype=pl.String)
    decimal, thousands = _marks(spec, rule.decimal, rule.thousands)
    if rule.html:
        given = cells.text_of_html(given)
    if column.kind == "str":
        return given
    if column.kind == "float":
        return cells.number(given, decimal, thousands)
    if column.kind == "int":
        return cells.whole(given, decimal, thousands)
    if column.kind == "bool":
        low = given.str.to_lowercase()
        return (
            pl.when(low.is_in(cells.YES))
            .then(statement=True)
            .when(low.is_in(cells.NO))
            .then(statement=False)
        )
    return _times(given, rule.times or spec.times, spec).cast(DTYPES[column.kind])


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
        seconds = (days.cast(pl.Float64, strict=False) * 86_400).round().cast(pl.Int64)
        return pl.lit(_EXCEL_START) + pl.duration(seconds=seconds)
    read = _by_pattern(given, form)
    return read.dt.convert_time_zone(zone).dt.replace_time_zone(None) if "%z" in form else read


def _by_pattern(given: pl.Expr, form: str) -> pl.Expr:
    if "%H" in form and not re.search(r"%[MTRXc]", form):
        # An hour alone is a time too, but not to the parser.
        given, form = given + ":00", f"{form}:%M"
    return given.str.to_datetime(form, strict=False, time_unit="us")
