"""What a saved column mapping may say, and the checks that need no file.

Any table to one contract table, by a saved mapping of columns (YAML, see `mapping_spec`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from csinsight.config import did_you_mean, load
from csinsight.contract.schema import TABLES, Column, Kind, Table
from csinsight.errors import ConfigError, ImporterError
from csinsight.importers import cells
from csinsight.importers.reading import (
    LINE_SCHEMA,
    REFUSED_SCHEMA,
    Line,
    Records,
    gather,
    read_records,
    stack,
)
from csinsight.importers.records import read_json, read_jsonl, read_workbook, sheet_records
from csinsight.importers.sift import TYPES, Imported, Rule, finish, settle

TableName = Literal["buyers", "page_views", "orders", "messages", "agents", "ratings"]
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
NAMED_TIMES: Final = ("auto", "unix_s", "unix_ms")

_SAMPLE: Final = datetime(2024, 1, 25, 13, 14, 15, tzinfo=UTC)

Scalar = str | bool | int | float


class ColumnRule(BaseModel):
    """Where one contract column comes from and how its cells are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(alias="from")
    #: Text of the source to value of the contract; a text that is not in it is refused.
    values: dict[str, Scalar] | None = None
    #: Texts that mean "nothing".
    empty: tuple[str, ...] | None = None
    times: tuple[str, ...] | None = None
    decimal: str | None = Field(default=None, min_length=1, max_length=1)
    thousands: str | None = Field(default=None, max_length=1)


class Mapping(BaseModel):
    """A saved mapping of one outside table to one contract table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: TableName
    columns: dict[str, str | ColumnRule]
    constants: dict[str, Scalar] = Field(default_factory=dict)
    format: FileFormat | None = None
    encoding: str | None = None
    separator: str | None = Field(default=None, min_length=1, max_length=1)
    sheet: str | None = None
    header_line: int = Field(default=1, ge=1)
    strip_headers: bool = True
    #: JSON: the list inside each object whose members are the rows.
    records: str | None = None
    empty: tuple[str, ...] = ()
    #: Tried in order: ``auto`` (ISO and slashed), ``unix_s``, ``unix_ms`` or strptime patterns.
    times: tuple[str, ...] = ("auto",)
    #: Where the shop's clock stands: times with a zone and unix seconds are brought there.
    timezone: str = "Asia/Shanghai"
    decimal: str = Field(default=".", min_length=1, max_length=1)
    thousands: str = Field(default=",", max_length=1)

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
    """Read and check a mapping file.

    Raises
    ------
    ConfigError
        Naming the key or column that is wrong, and the nearest known one.
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
                "'unix_ms' or a pattern such as '%Y-%m-%d %H:%M:%S'"
            )
    try:
        ZoneInfo(mapping.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(
            f"{path.name}: timezone {mapping.timezone!r} is unknown; one is Asia/Shanghai"
        ) from error


def _reads_back(form: str) -> bool:
    """Tell whether a time written with the pattern can be read with it."""
    written = _SAMPLE.strftime(form.replace("%.f", ""))
    try:
        read = pl.Series([written]).str.to_datetime(form, strict=False)
    except pl.exceptions.PolarsError:
        return False
    return bool((read.dt.date() == _SAMPLE.date()).all()) and read.null_count() == 0


_MEANT: dict[Kind, str] = {
    "str": "a text",
    "datetime": "a time that the mapping's formats can read",
    "date": "a date that the mapping's formats can read",
    "float": "a number",
    "int": "a whole number",
    "bool": "yes or no",
}
_TRUE = ("true", "1", "yes", "y", "t", "是", "有")
_FALSE = ("false", "0", "no", "n", "f", "否", "无")


def read_mapping(files: Sequence[Path], mapping: Path | None = None) -> Imported:
    """Read files of one form into the contract table that a mapping names.

    Parameters
    ----------
    files : sequence of pathlib.Path
        CSV, TSV, XLSX, Parquet, JSON or JSON lines.
    mapping : pathlib.Path or None
        The mapping; it has to be told.

    Raises
    ------
    ImporterError
        Where the mapping is wrong, or a file can't be read or lacks a column of it.
    """
    if mapping is None:
        raise ImporterError("the format `mapping` takes a mapping file; give it as --mapping FILE")
    spec = load_mapping(mapping)
    read = [records for path in files for records in _read(path, spec)]
    lines = pl.concat([_picked(records, spec) for records in read])
    damaged = stack((records.damaged for records in read), REFUSED_SCHEMA)
    typed, rules = _typed(lines, spec)
    kept, refused = settle(spec.contract, typed, rules)
    table = finish(spec.contract, kept)
    empty = [c.name for c in spec.contract.columns if c.required and c.name not in typed.columns]
    return Imported(
        {spec.table: table} if table.height else {},
        stack([damaged, refused], REFUSED_SCHEMA),
        lines.height + damaged.height,
        table.height,
        (f"{', '.join(empty)}: not in the mapping, left empty",) if empty else (),
    )


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
                header_line=spec.header_line,
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
        strip=spec.strip_headers,
    )


def _parquet(path: Path) -> Records:
    try:
        frame = pl.read_parquet(path)
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
    columns = []
    for name, rule in spec.rules().items():
        source = rule.source.strip() if spec.strip_headers else rule.source
        if source not in records.header:
            if not records.frame.height:
                columns.append(pl.lit(None, dtype=pl.String).alias(_raw(name)))
                continue
            raise ImporterError(
                f"{records.file}: has no column {source!r}, which the mapping takes for {name}; "
                f"{_near(source, records.header)}"
            )
        columns.append(pl.col(source).alias(_raw(name)))
    return records.frame.select(*LINE_SCHEMA, *columns)


def _near(name: str, header: Sequence[str]) -> str:
    """Return the mend for a missing column; a header is not listed, it may be a row with names."""
    return did_you_mean(name, header, "is `header_line` the line with the names?")


def _raw(name: str) -> str:
    return f"{Line.RAW}:{name}"


def _typed(lines: pl.DataFrame, spec: Mapping) -> tuple[pl.DataFrame, list[Rule]]:
    values: list[pl.Expr] = []
    rules: list[Rule] = []
    for name, rule in spec.rules().items():
        column = spec.contract.column(name)
        given = cells.nulled(cells.clean(_raw(name)), rule.empty or spec.empty)
        value = _value(given, column, rule, spec)
        values.append(value.alias(name))
        meant = "among the mapping's values" if rule.values else _MEANT[column.kind]
        rules.append(cells.unreadable(given, value, name, meant))
    for name, constant in spec.constants.items():
        column = spec.contract.column(name)
        text = pl.lit(_told(constant))
        values.append(
            _value(text, column, ColumnRule.model_validate({"from": name}), spec).alias(name)
        )
    return lines.with_columns(values), rules


def _told(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(given: pl.Expr, column: Column, rule: ColumnRule, spec: Mapping) -> pl.Expr:
    if rule.values:
        told = {source: _told(value) for source, value in rule.values.items()}
        given = given.replace_strict(told, default=None, return_dtype=pl.String)
    decimal = rule.decimal or spec.decimal
    thousands = spec.thousands if rule.thousands is None else rule.thousands
    if column.kind == "str":
        return given
    if column.kind == "float":
        return cells.number(given, decimal, thousands)
    if column.kind == "int":
        return cells.whole(given, decimal, thousands)
    if column.kind == "bool":
        low = given.str.to_lowercase()
        return (
            pl.when(low.is_in(_TRUE))
            .then(statement=True)
            .when(low.is_in(_FALSE))
            .then(statement=False)
        )
    times = [_time(given, form, spec.timezone) for form in rule.times or spec.times]
    return pl.coalesce(times).cast(TYPES[column.kind])


def _time(given: pl.Expr, form: str, zone: str) -> pl.Expr:
    if form == "auto":
        return cells.local_time(given, zone)
    if form in ("unix_s", "unix_ms"):
        digits = pl.when(given.str.contains(r"^-?[0-9]{1,14}(\.0*)?$")).then(given)
        moment = digits.str.replace(r"\.0*$", "").cast(pl.Int64, strict=False)
        scale = 1_000_000 if form == "unix_s" else 1_000
        return cells.to_local((moment * scale).cast(pl.Datetime("us")), zone)
    read = given.str.to_datetime(form, strict=False, time_unit="us")
    return read.dt.convert_time_zone(zone).dt.replace_time_zone(None) if "%z" in form else read
