"""The tables that a run writes, each declared once: rows, columns, types, units, meaning, nulls.

What is declared stands in ``declared/*.yml``; the classes of `csinsight.contract.artifacts` are its
names for code. The data dictionary, in the docs and beside the tables of a run, is the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from csinsight.config import load, nearest
from csinsight.contract import domain
from csinsight.contract.schema import Kind
from csinsight.contract.table_types import Artifact, ArtifactColumn, Text, Unit
from csinsight.errors import ArtifactError

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
