"""The tables that a run writes, each declared once: rows, columns, types, units, meaning, nulls.

What is declared stands in ``declared/*.yml``; the classes of `csinsight.contract.artifacts` are its
names for code. The data dictionary, in the docs and beside the tables of a run, is the same text. A
table that a run writes is held to it, and one that is read gets its types from it, whatever engine
made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from csinsight.config import load, nearest
from csinsight.contract import domain
from csinsight.contract.files import write_atomically
from csinsight.contract.schema import Kind
from csinsight.errors import ArtifactError

Unit = Literal[
    "",
    "probability",
    "share",
    "points",
    "points or doublings",
    "per unit",
    "seconds",
    "money",
    "count",
    "turn",
    "position",
    "ratio",
    "score",
    "stars",
]
_ARROW: Final[Mapping[Kind, pa.DataType]] = {
    "str": pa.large_string(),
    "datetime": pa.timestamp("us"),
    "date": pa.date32(),
    "float": pa.float64(),
    "int": pa.int64(),
    "bool": pa.bool_(),
}
#: Pandas' types by kind: without nulls, and with them.
_PANDAS: Final[Mapping[Kind, tuple[str, str]]] = {
    "str": ("str", "str"),
    "datetime": ("datetime64[us]", "datetime64[us]"),
    "date": ("datetime64[us]", "datetime64[us]"),
    "float": ("float64", "float64"),
    "int": ("int64", "Int64"),
    "bool": ("bool", "boolean"),
}
#: What pandas may call the values of each kind; whole numbers that are kept as floats are checked.
_FITS: Final[Mapping[Kind, frozenset[str]]] = {
    "str": frozenset({"string", "categorical"}),
    "datetime": frozenset({"datetime64", "datetime", "date"}),
    "date": frozenset({"datetime64", "datetime", "date"}),
    "float": frozenset({"integer", "floating", "mixed-integer-float", "decimal"}),
    "int": frozenset({"integer", "floating", "mixed-integer-float"}),
    "bool": frozenset({"boolean"}),
}


class Text(BaseModel):
    """A text in both languages."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    en: str
    zh: str

    def about(self, name: str, value: str) -> Text:
        """Return the text with `value` in place of ``{name}``."""
        hole = f"{{{name}}}"
        return Text(en=self.en.replace(hole, value), zh=self.zh.replace(hole, value))


@dataclass(frozen=True)
class ArtifactColumn:
    """One column of a table that a run writes.

    Parameters
    ----------
    name : str
    kind : Kind or "list"
    meaning : Text
    unit : Unit
    null : Text or None
        What a null means; None: there is none.
    absent : Text or None
        What it means that a table lacks the column; None: it never does.
    one_of : tuple of str
        Allowed values; empty for any.
    of : tuple of (str, Kind)
        Of a list, the fields of each of its members; empty for a list of texts.
    family : str
        The name of `FAMILIES` that it is one of, empty for most, and which is its `member`.
    part_of : str
        Of an interval's end, a numerator or a denominator: the figure's column.
    single : bool
        Whether a float is kept in single precision, in half the space.
    """

    name: str
    kind: Kind | Literal["list"]
    meaning: Text
    unit: Unit = ""
    null: Text | None = None
    absent: Text | None = None
    one_of: tuple[str, ...] = ()
    of: tuple[tuple[str, Kind], ...] = ()
    family: str = ""
    member: str = ""
    part_of: str = ""
    single: bool = False

    def of_member(self, member: str) -> ArtifactColumn:
        """Return the column of one member of its family, where this one's name holds braces."""
        hole = f"{{{self.family}}}"
        return replace(self, name=self.name.replace(hole, member), member=member)

    @property
    def arrow(self) -> pa.DataType:
        """The type in Parquet."""
        if self.single:
            return pa.float32()
        if self.kind != "list":
            return _ARROW[self.kind]
        fields = [pa.field(name, _ARROW[kind]) for name, kind in self.of]
        return pa.list_(pa.struct(fields) if fields else pa.large_string())

    @property
    def pandas(self) -> str:
        """The type in pandas, but of a list."""
        return "float32" if self.single else _PANDAS[self.kind][self.null is not None]  # type: ignore[index]

    @property
    def told_kind(self) -> str:
        """The kind as a reader of the dictionary is told it."""
        if self.kind != "list":
            return self.kind
        fields = ", ".join(f"{name}: {kind}" for name, kind in self.of)
        return f"list of {{{fields}}}" if fields else "list of str"

    def from_arrow(self, values: pa.ChunkedArray) -> pd.Series:
        """Return what Parquet holds in pandas' type of the column."""
        if self.kind == "list":
            return pd.Series(pd.arrays.ArrowExtensionArray(values))
        dtype = self.pandas
        if dtype in ("Int64", "boolean"):
            masked: Any = pd.api.types.pandas_dtype(dtype)
            return pd.Series(masked.__from_arrow__(values))
        plain: pd.Series = values.to_pandas().astype(dtype)
        return plain

    def typed(self, values: pd.Series) -> pd.Series:
        """Return values in the column's own type.

        Raises
        ------
        ValueError
            Saying what is wrong with them.
        """
        empty = values.isna()
        if empty.any() and self.null is None:
            raise ValueError(f"holds {int(empty.sum()):,} nulls of {len(values):,}, and may not")
        if self.kind == "list":
            return _lists(values, self.arrow)
        known = values[~empty]
        found = pd.api.types.infer_dtype(known)
        if len(known) and found not in _FITS[self.kind]:
            raise ValueError(f"holds {found} where {self.kind} is declared")
        if self.kind == "int" and found != "integer" and not known.astype(float).mod(1).eq(0).all():
            raise ValueError("holds fractions where whole numbers are declared")
        if self.one_of and not known.isin(self.one_of).all():
            odd = known[~known.isin(self.one_of)].iloc[0]
            raise ValueError(f"holds {odd!r}, which is none of {', '.join(self.one_of)}")
        dtype = self.pandas
        if self.kind in ("int", "bool") and values.dtype == object:
            # Nones among objects; pandas knows what to do with its own missing values.
            values = values.astype("object").where(~empty, pd.NA)
        made: pd.Series = values.astype(dtype)  # type: ignore[call-overload]
        return made


@dataclass(frozen=True)
class Artifact:
    """One table that a run writes.

    Parameters
    ----------
    name : str
    by : str
        The notebook that writes it.
    one_row : Text
        What a row is.
    columns : tuple of ArtifactColumn
    file : str
        Where it is declared.
    each_own : tuple of ArtifactColumn
        What it has besides of every behaviour of the shop's own, whose id stands for the braces.
    """

    name: str
    by: str
    one_row: Text
    columns: tuple[ArtifactColumn, ...]
    file: str
    each_own: tuple[ArtifactColumn, ...] = ()

    def with_own(self, behaviours: Iterable[str]) -> Artifact:
        """Return the table as it is in a shop with behaviours of its own.

        Examples
        --------
        >>> from csinsight.contract.dictionary import artifact
        >>> table = artifact("agent_sessions").with_own(["offers_wrap"])
        >>> table.columns[-1].name, table.columns[-1].kind
        ('offers_wrap', 'bool')
        """
        own = (column.of_member(name) for name in behaviours for column in self.each_own)
        return replace(self, columns=(*self.columns, *own))

    def typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a table with the declared types, its columns in the order in which they came.

        Parameters
        ----------
        frame : DataFrame
            Its index is left out.

        Raises
        ------
        ArtifactError
            One line a fault: the table, the column, what is wrong, and the mend.

        Examples
        --------
        >>> from csinsight.contract.dictionary import artifact
        >>> tiers = artifact("tiers_by_month")
        >>> frame = pd.DataFrame({"as_of": [pd.Timestamp("2026-11-01")], "buyer_id": ["b1"]})
        >>> tiers.typed(frame.assign(tier="vip")).dtypes.astype(str).to_dict()
        {'as_of': 'datetime64[us]', 'buyer_id': 'str', 'tier': 'str'}
        >>> tiers.typed(frame.assign(tier=3))
        Traceback (most recent call last):
        ...
        csinsight.errors.ArtifactError: tiers_by_month, column tier: holds integer where str is
        declared; see contract/declared/buyers.yml
        """
        mend = f"see contract/declared/{self.file}"
        declared = {column.name: column for column in self.columns}
        faults = [
            f"{self.name}, column {name}: {what}; {mend}" for name, what in self._astray(frame)
        ]
        found = {}
        for name in [name for name in frame if name in declared]:
            try:
                values = frame[name].reset_index(drop=True)
                found[name] = declared[name].typed(values)
            except (ValueError, TypeError, pa.ArrowException) as error:
                faults.append(f"{self.name}, column {name}: {error}; {mend}")
        if faults:
            raise ArtifactError("\n".join(faults))
        return pd.DataFrame(found, index=pd.RangeIndex(len(frame)))

    def _astray(self, frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
        """Yield the columns that are missing, or there without being declared."""
        declared = {column.name for column in self.columns}
        for column in self.columns:
            if column.name not in frame and column.absent is None:
                yield column.name, "is missing"
        for name in [str(name) for name in frame if name not in declared]:
            near = nearest(name, declared)
            yield name, f"is not declared{f' (did you mean {near}?)' if near else ''}"

    def _as_in(self, table: pa.Table) -> Artifact:
        """Return the table with those of the shop's own behaviours that Parquet holds."""
        known = {column.name for column in self.columns}
        flags = {n for n in table.column_names if pa.types.is_boolean(table.schema.field(n).type)}
        return self.with_own(sorted(flags - known)) if self.each_own else self

    def write(self, frame: pd.DataFrame, path: Path) -> pd.DataFrame:
        """Write a table as Parquet whole or not at all, and return it as it will be read.

        The same table gives the same bytes. Missing folders are made.

        Parameters
        ----------
        frame : DataFrame
            Its index is left out.
        path : Path

        Raises
        ------
        ArtifactError
            As `typed`; a file at `path` is left as it was.

        Examples
        --------
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "agent_status.parquet"
        >>> status = pd.DataFrame({"agent_id": ["a1"], "inquiries": [40], "month_inquiries": [12]})
        >>> from csinsight.contract.dictionary import artifact
        >>> table = artifact("agent_status")
        >>> _ = table.write(status.assign(status="keep it up"), file)
        >>> table.read(file)["inquiries"].tolist()
        [40]
        """
        typed = self.typed(frame)
        declared = {column.name: column for column in self.columns}
        lists = [str(name) for name in typed if declared[str(name)].kind == "list"]
        plain = typed.drop(columns=lists)
        schema = pa.schema([pa.field(str(name), declared[str(name)].arrow) for name in plain])
        table = pa.Table.from_pandas(plain, schema=schema, preserve_index=False)
        # Pandas by itself can't read what it would note of lists: they go in without a note.
        for name in lists:
            table = table.append_column(name, typed[name].array.__arrow_array__())
        table = table.select([str(name) for name in typed])
        with write_atomically(path) as draft:
            pq.write_table(table, draft, compression="zstd", version="2.6")
        return typed

    def read(self, path: Path, **where: str) -> pd.DataFrame:
        """Return the table that a run has written at `path`, with the declared types.

        Parameters
        ----------
        path : Path
        **where
            By column the value that rows are asked for; all rows unless told.

        Raises
        ------
        ArtifactError
            Where it is not as declared: another version of csinsight wrote it.
        """
        table = pq.read_table(path, filters=[(n, "==", v) for n, v in where.items()] or None)
        kinds = {column.name: column for column in self._as_in(table).columns}
        wanted = [name for name, column in kinds.items() if column.absent is None]
        wrong = [f"{name} is missing" for name in wanted if name not in table.column_names]
        for name in table.column_names:
            if name not in kinds:
                wrong.append(f"{name} is not declared")
            elif table[name].type != kinds[name].arrow:
                wrong.append(f"{name} is {table[name].type}, not {kinds[name].arrow}")
        if wrong:
            raise ArtifactError(
                f"{path}: another version wrote it ({'; '.join(wrong)}); make the month again with "
                "csinsight run"
            )
        found = {name: kinds[name].from_arrow(table[name]) for name in table.column_names}
        return pd.DataFrame(found, index=pd.RangeIndex(table.num_rows))


def _lists(values: pd.Series, dtype: pa.DataType) -> pd.Series:
    """Return lists as Arrow keeps them: a million of Python's own take gigabytes."""
    wanted = pd.ArrowDtype(dtype)
    if values.dtype == wanted:
        return values
    held = values.array.__arrow_array__() if isinstance(values.dtype, pd.ArrowDtype) else None
    made = pa.array(values, type=dtype, from_pandas=True) if held is None else held.cast(dtype)
    return pd.Series(pd.arrays.ArrowExtensionArray(made), index=values.index)


Lang = Literal["zh", "en"]

_FOLDER: Final = Path(__file__).parent / "declared"
_SHARED: Final = _FOLDER / "shared.yml"
#: Families that a shop's own behaviours belong to as well.
_OPEN: Final = ("marker", "turn_marker")
#: By the name that stands in braces in a column's name: what is put in its place.
FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "type": domain.BUYER_TYPES,
    "timing": domain.TIMINGS,
    "marker": domain.MARKERS,
    "rule": domain.COMPLIANCE,
    "turn_marker": domain.TURN_MARKERS,
    "number": domain.TEXT_NUMBERS,
}


class _Column(BaseModel):
    """A column as YAML has it; ``with`` declares parts besides, ``empty`` may be a shared one."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Kind | Literal["list"]
    en: str
    zh: str
    unit: Unit = ""
    empty: Text | str | None = None
    absent: Text | str | None = None
    one_of: str = ""
    of: dict[str, Kind] = {}
    parts: str = Field("", alias="with")
    single: bool = False


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    by: str
    one_row: Text
    #: Another table, whose columns these are where nothing else is said.
    like: str = ""
    columns: dict[str, _Column | None]


class _Tables(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    tables: dict[str, _Table]


class _Shared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    #: Why something is null or absent, by a short name.
    reasons: dict[str, Text]
    #: Ends of an interval, numerator and denominator: by kind of figure, by suffix.
    parts: dict[str, dict[str, _Column]]
    columns: dict[str, _Column]
    #: The words of the data dictionary, and the names of units.
    page: dict[str, Text]
    units: dict[Unit, Text]


@cache
def _shared() -> _Shared:
    return load(_SHARED, _Shared)


@cache
def artifacts() -> Mapping[str, Artifact]:
    """Return every table that a run writes, by name.

    Examples
    --------
    >>> [column.name for column in artifacts()["value_tiers"].columns][:3]
    ['buyer_id', 'tier', 'past_score']
    """
    shared = _shared()
    found: dict[str, Artifact] = {}
    for file in sorted(_FOLDER.glob("*.yml")):
        if file == _SHARED:
            continue
        for name, table in load(file, _Tables).tables.items():
            known = {c.name: c for c in found[table.like].columns} if table.like else {}
            columns = tuple(
                column
                for own, declared in table.columns.items()
                for column in _expanded(own, declared or shared.columns.get(own), shared, known)
            )
            own = tuple(
                replace(_column(own, declared, shared), family=family)
                for own, declared in table.columns.items()
                for family in _OPEN
                if declared and f"{{{family}}}" in own
            )
            found[name] = Artifact(name, table.by, table.one_row, columns, file.name, own)
    return found


def artifact(name: str) -> Artifact:
    """Return the declaration of one table.

    Raises
    ------
    ArtifactError
        Where no table of that name is declared.

    Examples
    --------
    >>> artifact("value_tiers").one_row.en
    'a buyer who was seen buying, or is known otherwise'
    >>> artifact("value_tier")
    Traceback (most recent call last):
    ...
    csinsight.errors.ArtifactError: value_tier: no table of a run is called so (did you mean
    value_tiers?); declare it in contract/declared/
    """
    known = artifacts()
    if name not in known:
        near = nearest(name, known)
        hint = f" (did you mean {near}?)" if near else ""
        raise ArtifactError(
            f"{name}: no table of a run is called so{hint}; declare it in contract/declared/"
        )
    return known[name]


def _expanded(
    name: str, declared: _Column | None, shared: _Shared, known: Mapping[str, ArtifactColumn]
) -> Iterator[ArtifactColumn]:
    """Yield the columns that one line of YAML declares."""
    family = next((family for family in FAMILIES if f"{{{family}}}" in name), "")
    for member in FAMILIES[family] if family else ("",):
        own = name.replace(f"{{{family}}}", member)
        if declared is None:
            yield from (c for n, c in known.items() if own in (n, c.part_of))
            continue
        yield replace(_column(name, declared, shared), family=family).of_member(member)
        for suffix, part in shared.parts[declared.parts].items() if declared.parts else ():
            made = _column(f"{own}{suffix}", part, shared)
            meaning = made.meaning.about("of", f"`{own}`")
            yield replace(made, meaning=meaning, unit=made.unit or declared.unit, part_of=own)


def _column(name: str, declared: _Column, shared: _Shared) -> ArtifactColumn:
    one_of = getattr(domain, declared.one_of) if declared.one_of else ()
    return ArtifactColumn(
        name,
        declared.kind,
        Text(en=declared.en, zh=declared.zh),
        declared.unit,
        _reason(declared.empty, shared),
        _reason(declared.absent, shared),
        tuple(one_of),
        tuple(declared.of.items()),
        single=declared.single,
    )


def _reason(told: Text | str | None, shared: _Shared) -> Text | None:
    return shared.reasons[told] if isinstance(told, str) else told


def data_dictionary(
    lang: Lang, tables: Iterable[Artifact], label: Callable[[str, str], str]
) -> str:
    """Return the data dictionary as Markdown.

    Parameters
    ----------
    lang : {"zh", "en"}
    tables : iterable of Artifact
        In the order in which they are to stand.
    label : callable
        Given a name of `FAMILIES` and a member, what the member is called.

    Examples
    --------
    >>> told = data_dictionary("en", [artifact("value_tiers")], lambda family, member: member)
    >>> print(told.splitlines()[14][:76])
    | `expected_spend_90d` | float | money in the shop's currency | net spend ex
    """
    words = {name: getattr(text, lang) for name, text in _shared().page.items()}
    head = " | ".join(words[name] for name in ("column", "kind", "unit", "meaning", "empty"))
    parts = [f"# {words['title']}", "", words["lead"]]
    for table in tables:
        told = words["one_row"].format(what=getattr(table.one_row, lang), by=table.by)
        parts += ["", f"## {table.name}", "", told, "", f"| {head} |", "|---|---|---|---|---|"]
        parts += [_line(column, lang, words, label) for column in table.columns]
    return "\n".join(parts) + "\n"


def _line(
    column: ArtifactColumn, lang: Lang, words: Mapping[str, str], label: Callable[[str, str], str]
) -> str:
    """Return a column's line of the dictionary."""

    def told(text: Text | None) -> str:
        named = label(column.family, column.member) if column.family else ""
        return getattr(text.about(column.family, named), lang) if text else ""

    meaning = [told(column.meaning)]
    if column.one_of:
        meaning.append(words["one_of"].format(values=", ".join(f"`{v}`" for v in column.one_of)))
    if column.absent:
        meaning.append(words["absent"].format(why=told(column.absent)))
    units = _shared().units
    unit = getattr(units[column.unit], lang) if column.unit else ""
    cells = (
        f"`{column.name}`",
        column.told_kind,
        unit,
        words["join"].join(meaning),
        told(column.null),
    )
    plain = [cell.replace("|", "\\|") or "–" for cell in cells]
    return f"| {' | '.join(plain)} |"
