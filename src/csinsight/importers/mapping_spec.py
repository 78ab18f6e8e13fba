"""What a saved column mapping may say, and the checks that need no file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from csinsight.contract.tables import TABLES, Table
from csinsight.importers.reading import ImporterError
from csinsight.importers.yaml_file import load_yaml, nearest

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
    ImporterError
        Naming the key or column that is wrong, and the nearest known one.
    """
    mapping = load_yaml(path, Mapping, ColumnRule)
    known = [column.name for column in mapping.contract.columns]
    for name in (*mapping.columns, *mapping.constants):
        if name not in known:
            raise ImporterError(
                f"{path.name}: {mapping.table} has no column `{name}`; {nearest(name, known)}"
            )
    both = sorted(set(mapping.columns) & set(mapping.constants))
    if both:
        raise ImporterError(f"{path.name}: {both[0]} is both a column and a constant; drop one")
    needed = [
        column.name
        for column in mapping.contract.columns
        if column.required and not column.nullable and not column.all_or_nothing
    ]
    missing = [name for name in needed if name not in (*mapping.columns, *mapping.constants)]
    if missing:
        raise ImporterError(
            f"{path.name}: {mapping.table} needs {', '.join(missing)}; "
            "say under `columns` where it comes from"
        )
    _check_times(mapping, path)
    return mapping


def _check_times(mapping: Mapping, path: Path) -> None:
    told = {*mapping.times, *(t for rule in mapping.rules().values() for t in rule.times or ())}
    for form in sorted(told - set(NAMED_TIMES)):
        if not _reads_back(form):
            raise ImporterError(
                f"{path.name}: time format {form!r} names no whole day; write 'auto', 'unix_s', "
                "'unix_ms' or a pattern such as '%Y-%m-%d %H:%M:%S'"
            )
    try:
        ZoneInfo(mapping.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ImporterError(
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
