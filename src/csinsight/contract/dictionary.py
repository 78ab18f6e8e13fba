"""The tables that a run writes, each declared once: rows, columns, types, units, meaning, nulls.

What is declared stands in ``declared/*.yml``; the classes of `csinsight.contract.artifacts` are its
names for code. The data dictionary, in the docs and beside the tables of a run, is the same text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


@cache
def artifacts() -> Mapping[str, Artifact]:
    """Return every table that a run writes, by name.

    Examples
    --------
    >>> [column.name for column in artifacts()["value_tiers"].columns][:3]
    ['buyer_id', 'tier', 'past_score']
    """
    shared = load(_SHARED, _Shared)
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
    )


def _reason(told: Text | str | None, shared: _Shared) -> Text | None:
    return shared.reasons[told] if isinstance(told, str) else told
