"""What a mapping file may say: the shop's clock and currency, and which column is what."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from csinsight.config import did_you_mean, load
from csinsight.contract.schema import TABLES, Table
from csinsight.errors import ConfigError
from csinsight.importers.cells import by_pattern
from csinsight.importers.one_shop import Told

_STAMP: Final = re.compile(
    r"(?<![0-9])(20[0-9]{2})[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12][0-9]|3[01])"
    r"(?:[-_T. ]?([01][0-9]|2[0-3])[-_.:]?([0-5][0-9])(?:[-_.:]?([0-5][0-9]))?(?![-_.:]?[0-9]))?"
    r"(?![0-9])"
)
_Told = TypeVar("_Told", bound=BaseModel)


def known_zone(name: str) -> str:
    """Return the name of a time zone; `ConfigError` where there is none of that name.

    Examples
    --------
    >>> known_zone("Asia/Shanghai")
    'Asia/Shanghai'
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"{name!r} is no time zone; write one such as Asia/Shanghai") from error
    return name


Zone = Annotated[str, AfterValidator(known_zone)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Options(BaseModel):
    """What a mapping file may tell of a format that has a form of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: The shop's clock: times that carry a zone are brought there.
    timezone: Zone | None = None


class ShopOptions(BaseModel):
    """What a mapping file may tell of orders that name their shop, on its clock."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Whether the files are of one shop, whatever they call it.
    one_shop: bool = False
    #: The encoding of text files; found out unless told.
    encoding: str | None = None
    #: The decimal mark of amounts; the other of the two stands between thousands.
    decimal: Literal[".", ","] = "."

    @property
    def marks(self) -> tuple[str, str]:
        """The decimal mark and that between thousands."""
        return self.decimal, "," if self.decimal == "." else "."

    def told(self) -> Told:
        """Return what is told of the shop."""
        return Told(one_shop=self.one_shop)


class ChatOptions(Options):
    """What a mapping file may tell of chats whose agents' nicks name their shop."""

    #: Whether the files are of one shop, whatever their agents call it.
    one_shop: bool = False
    #: The encoding of text files; found out unless told.
    encoding: str | None = None


class OrderOptions(ShopOptions):
    """What a mapping file may tell of orders."""

    #: The shop's clock: times that carry a zone are brought there.
    timezone: Zone | None = None
    #: The currency to take where the files hold several.
    currency: Currency | None = None
    #: What one unit of another currency is worth in it.
    rates: dict[Currency, Annotated[float, Field(gt=0)]] = {}

    def told(self) -> Told:
        """Return what is told of money and of the shop."""
        return Told(self.currency or "", self.rates or None, self.one_shop)


def read_options(mapping: Path | None, model: type[_Told], timezone: str | None = None) -> _Told:
    """Return the options in a mapping file; a time zone of the command line wins.

    Examples
    --------
    >>> read_options(None, OrderOptions, "Europe/Berlin").timezone
    'Europe/Berlin'
    """
    options = load(mapping, model) if mapping else model()
    return options if timezone is None else options.model_copy(update={"timezone": timezone})


def exported_at(name: str) -> datetime | None:
    """Return when a file was exported, by its name; the latest date of several.

    Examples
    --------
    >>> exported_at("ExportOrderList20261101.csv")
    datetime.datetime(2026, 11, 1, 0, 0)
    >>> exported_at("orders_2026-10-01_2026-10-31.csv")
    datetime.datetime(2026, 10, 31, 0, 0)
    >>> exported_at("orders.csv") is None
    True
    """
    found = []
    for match in _STAMP.finditer(name):
        try:
            found.append(datetime(*(int(part or 0) for part in match.groups())))  # type: ignore[arg-type]
        except ValueError:
            continue
    return max(found, default=None)


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
    ".xlsb": "xlsx",
    ".ods": "xlsx",
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
#: Time formats with a name; any other is a strptime pattern.
NAMED_TIMES: Final = ("auto", "unix_s", "unix_ms", "excel")

_SAMPLE: Final = datetime(2024, 1, 25, 13, 14, 15, tzinfo=UTC)


Scalar = str | bool | int | float
#: Where times that carry a zone are brought where nothing is told: said in a notice.
DEFAULT_ZONE: Final = "Asia/Shanghai"


def _no_truth(source: Any) -> Any:
    """Refuse a name that YAML takes for true or false; as a number it would be column 1 or 0."""
    if isinstance(source, bool):
        raise ValueError("YAML takes No, Yes, On and Off for true or false: write 'No' in quotes")  # noqa: TRY004 - pydantic takes it
    return source


#: A column of the source: its name, or its number from 1.
Source = Annotated[str | int, BeforeValidator(_no_truth)]


class ColumnRule(BaseModel):
    """Where one contract column comes from and how its cells are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: The column's name, or its number from 1.
    source: Source = Field(alias="from")
    #: Text of the source to value of the contract; a text that is not in it is refused, unless
    #: ``"*"`` says what all others are.
    values: dict[str, Scalar] | None = None
    #: Texts that mean "nothing".
    empty: tuple[str, ...] | None = None
    times: tuple[str, ...] | None = None
    decimal: str | None = Field(default=None, min_length=1, max_length=1)
    thousands: str | None = Field(default=None, max_length=1)
    #: What a number is multiplied by: 0.01 where money counts cents, -1 for a list of refunds.
    factor: float | None = None
    #: Whether the cells are HTML, of which the text is wanted.
    html: bool = False


class Lines(BaseModel):
    """How a file of orders with a row a line is folded; see `csinsight.importers.orders`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: ``sum``: the row's amounts are the line's. ``repeat``: they are the whole order's, repeated.
    amounts: Literal["sum", "repeat"]
    #: Columns of the source: the platform's number of the line, its product, its own amount.
    id: Source | None = None
    product_id: Source | None = None
    product_name: Source | None = None
    category: Source | None = None
    amount: Source | None = None


class Mapping(BaseModel):
    """A saved mapping of one outside table to one contract table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: TableName
    columns: dict[str, Source | ColumnRule]
    constants: dict[str, Scalar] = Field(default_factory=dict)
    format: FileFormat | None = None
    encoding: str | None = None
    #: One character; a blank stands for one or more.
    separator: str | None = Field(default=None, min_length=1, max_length=1)
    #: Chats as text: the pattern of a message's first line; its named groups are the columns.
    line_pattern: str | None = None
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
    updated: Source | None = None
    #: The currency of the file, or the column that names it; which to take, and rates to it.
    currency: Currency | None = None
    currency_from: Source | None = None
    rates: dict[Currency, float] = Field(default_factory=dict)
    #: Whether cells of an order are merged over its lines: below the first they are empty.
    merged: bool = False
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

    def names_writers(self) -> bool:
        """Tell whether one column names whoever wrote a message, buyer or agent."""
        rules = self.rules()
        sources = [rules[name].source for name in ("buyer_id", "agent_id") if name in rules]
        return self.table == "messages" and len(sources) == 2 and sources[0] == sources[1]

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
    _check_pattern(mapping, path)
    alone = mapping.line_pattern is None and "conversation_id" not in mapping.columns
    if mapping.names_writers() and alone:
        raise ConfigError(
            f"{path.name}: buyer_id and agent_id come from one column, the writer's; map "
            "`conversation_id` too, so that an agent's line finds its buyer"
        )
    _check_times(mapping, path)
    return mapping


def _check_pattern(mapping: Mapping, path: Path) -> None:
    if mapping.line_pattern is None:
        return
    try:
        groups = re.compile(mapping.line_pattern).groupindex
    except re.error as error:
        raise ConfigError(f"{path.name}: line_pattern is no regular expression: {error}") from error
    absent = [
        str(rule.source)
        for rule in mapping.rules().values()
        if rule.source not in (*groups, "file")
    ]
    if absent:
        raise ConfigError(
            f"{path.name}: line_pattern has no group {absent[0]!r}; write it as "
            f"(?P<{absent[0]}>...), or take `file` for the file's name"
        )


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
        read = by_pattern(pl.lit(written), form)
        found = pl.select(read.dt.replace_time_zone(None) if "%z" in form else read).to_series()
    except pl.exceptions.PolarsError:
        return False
    return found.null_count() == 0 and bool((found.dt.date() == _SAMPLE.date()).all())
