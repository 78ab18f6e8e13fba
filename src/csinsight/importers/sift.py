"""Sorting rows: each one becomes a row of a contract table or is refused with its reason."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self

import polars as pl

from csinsight.contract import cells, constraints
from csinsight.contract.imports import NoteKind
from csinsight.contract.schema import Column, Table
from csinsight.importers.reading import REFUSED_SCHEMA, REPEAT, Line, as_refused, stack

Rule = tuple[pl.Expr, str]

#: Why a row is refused that breaks a rule of the contract, by the name of the check.
_SAID: Final = {
    constraints.SPOILT: "{name} was spoilt by a spreadsheet (1.9E+15): its digits are lost; export "
    "it again and import the file without saving it in a spreadsheet",
    constraints.NOT_NULL: "{name} is empty",
    constraints.ONE_OF: "{name} is none of {known}",
    constraints.AT_LEAST: "{name} is under {at_least:g}",
    constraints.AT_MOST: "{name} is over {at_most:g}",
    constraints.PAID_AFTER_PLACED: "the order is paid before it is placed",
    constraints.REFUND_WITHIN_PAID: "refund_amount is more than paid_amount",
    constraints.TALK_OF_ONE_BUYER: "the conversation is another buyer's on an earlier row",
}


class FileNotice(str):
    """A notice about rows of one file, which the record of imports keeps.

    Parameters
    ----------
    text : str
        As the import says it.
    file : str
        With the sheet, for a workbook.
    kind : NoteKind
    rows : int
        How many rows it is about.

    Examples
    --------
    >>> FileNotice("a.xlsx: sheet 2 is not read", "a.xlsx", "unread_sheets", 7).rows
    7
    """

    __slots__ = ("file", "kind", "rows")

    file: str
    kind: NoteKind
    rows: int

    def __new__(cls, text: str, file: str, kind: NoteKind, rows: int = 0) -> Self:
        """Make a string that remembers what it is about."""
        made = super().__new__(cls, text)
        made.file, made.kind, made.rows = file, kind, rows
        return made


@dataclass(frozen=True)
class FileFacts:
    """What a file says of itself.

    Parameters
    ----------
    currency : tuple of str
        ISO 4217 codes that its rows name.
    offsets : tuple of int
        Minutes from UTC of the times that it leaves in the tables.
    exported : datetime or None
        When it was exported, by its name or its columns.
    shops : tuple of str
        Shops that its rows name as the seller.
    """

    currency: tuple[str, ...] = ()
    offsets: tuple[int, ...] = ()
    exported: datetime | None = None
    shops: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """What an importer made of its files.

    Parameters
    ----------
    tables : dict of str to polars.DataFrame
        Contract tables by name, columns in contract order.
    refused : polars.DataFrame
        Refused rows, as `REFUSED_SCHEMA`.
    rows_in, rows_out : int
        Rows of the source, and those that went into the tables; the rest was refused.
    notices : tuple of str
        What the user should know of the whole; a `FileNotice` is kept in the record.
    used : polars.DataFrame or None
        ``_file``, and ``_money`` where the rows tell some, of each source row that was used.
    money_in : float or None
        What all rows of the source are worth that tell money; None where none does.
    facts : dict of str to FileFacts
        By file name.
    late : polars.DataFrame or None
        Of the refused rows those that give money back for orders of no file: the columns of `Line`
        but the reason, ``order_id``, ``placed_at`` and ``paid_amount``, below zero.
    """

    tables: dict[str, pl.DataFrame]
    refused: pl.DataFrame
    rows_in: int
    rows_out: int
    notices: tuple[str, ...] = field(default=())
    used: pl.DataFrame | None = None
    money_in: float | None = None
    facts: dict[str, FileFacts] = field(default_factory=dict)
    late: pl.DataFrame | None = None


def sift(frame: pl.DataFrame, rules: Sequence[Rule]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split rows by rules: those that none holds for, and those refused for the first that does.

    Returns
    -------
    tuple of polars.DataFrame
        The rows kept, all columns; the rows refused, as `REFUSED_SCHEMA`.

    Examples
    --------
    >>> told = {"_file": ["a.csv"] * 2, "_line": [1, 2], "_raw": ["5", "-5"], "n": [5, -5]}
    >>> rows = pl.DataFrame(told)
    >>> kept, refused = sift(rows, [(pl.col("n") < 0, "n is under 0")])
    >>> kept["n"].to_list(), refused["_reason"].to_list()
    ([5], ['n is under 0'])
    """
    if not rules:
        return frame, pl.DataFrame(schema=REFUSED_SCHEMA)
    reason = pl.coalesce(
        [pl.when(wrong.fill_null(value=False)).then(pl.lit(why)) for wrong, why in rules]
    )
    reasons = frame.select(reason.alias(Line.REASON)).to_series()
    if reasons.null_count() == frame.height:
        # Nearly always; a copy of all rows is what takes most memory.
        return frame, pl.DataFrame(schema=REFUSED_SCHEMA)
    judged = frame.with_columns(reasons)
    refused = as_refused(judged.filter(pl.col(Line.REASON).is_not_null()))
    return judged.filter(pl.col(Line.REASON).is_null()).drop(Line.REASON), refused


def settle(
    table: Table, frame: pl.DataFrame, rules: Sequence[Rule] = ()
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Refuse the rows that the contract would not take.

    Parameters
    ----------
    table : Table
    frame : polars.DataFrame
        Typed contract columns beside those of `Line`; an absent column counts as empty.
    rules : sequence of Rule
        What the importer refuses before.

    Returns
    -------
    tuple of polars.DataFrame
        The rows kept, with the columns of `Line`; the rows refused.

    Examples
    --------
    >>> from csinsight.contract.schema import AGENTS
    >>> rows = {"_file": "a.csv", "_line": [2, 3], "_raw": ["a1", "a1"], "agent_id": ["a1", "a1"]}
    >>> kept, refused = settle(AGENTS, pl.DataFrame(rows))
    >>> kept["_line"].to_list(), refused["_reason"].to_list()
    ([2], ['agent_id repeats an earlier row'])
    """
    frame = frame.with_columns(
        cells.absent(column) for column in table.columns if column.name not in frame.columns
    )
    # The contract's rules of single rows, in the order in which they are told.
    cell = [rule for column in table.columns for rule in _column_rules(column)]
    between = _between(table, (constraints.PAID_AFTER_PLACED, constraints.REFUND_WITHIN_PAID))
    kept, refused = sift(frame, [*rules, *cell, *between])
    all_refused = [refused]
    for column in table.columns:
        if column.all_or_nothing and 0 < kept[column.name].null_count() < kept.height:
            reason = f"{column.name} is empty here but filled in other rows"
            kept, refused = sift(kept, [(pl.col(column.name).is_null(), reason)])
            all_refused.append(refused)
        if column.unique:
            reason = f"{column.name} repeats an earlier row"
            kept, refused = sift(kept, [(~pl.col(column.name).is_first_distinct(), reason)])
            all_refused.append(refused)
    # Only now, so that the earlier row that a conversation is held against is one that is kept.
    if shared := _between(table, (constraints.TALK_OF_ONE_BUYER,)):
        kept, refused = sift(kept, shared)
        all_refused.append(refused)
    return kept, stack(all_refused, REFUSED_SCHEMA)


def settle_once(
    table: Table, frame: pl.DataFrame, rules: Sequence[Rule] = ()
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Refuse rows as `settle` does, and those that another file tells too.

    Exports overlap. Each file may say the same several times; what counts is how often the fuller
    one does, and the file that comes first by name keeps its rows.

    Examples
    --------
    >>> from datetime import datetime
    >>> from csinsight.contract.schema import RATINGS
    >>> rows = {"_file": ["b.csv", "a.csv"], "_line": [2, 2], "_raw": "…", "buyer_id": "b1"}
    >>> rows |= {"agent_id": "a1", "rated_at": datetime(2026, 10, 5), "score": 5}
    >>> kept, repeats = settle_once(RATINGS, pl.DataFrame(rows))
    >>> kept["_file"].to_list(), repeats["_reason"].to_list()
    (['a.csv'], ['repeat: the same row stands in another file'])
    """
    kept, refused = settle(table, frame, rules)
    if kept[Line.FILE].n_unique() < 2:
        return kept, refused
    told = [column.name for column in table.columns]
    which = pl.int_range(pl.len()).over(Line.FILE, *told)
    ranked = kept.select(*told, Line.FILE, which.alias("_which")).with_row_index("_row")
    first = ranked.sort(Line.FILE).unique([*told, "_which"], keep="first", maintain_order=True)
    again = ~pl.int_range(pl.len()).is_in(first["_row"].implode())
    kept, repeats = sift(kept, [(again, f"{REPEAT}the same row stands in another file")])
    return kept, stack([refused, repeats], REFUSED_SCHEMA)


def _between(table: Table, names: Collection[str]) -> list[Rule]:
    """Return those of the contract's rules between columns that `names` name."""
    found = (rule for rules in constraints.rules(table).values() for rule in rules)
    return [(~rule.holds, _SAID[rule.name]) for rule in found if rule.name in names]


def _column_rules(column: Column) -> list[Rule]:
    wrong = constraints.breaks(column)
    rules: list[Rule] = []
    if constraints.YEARS in wrong:
        early = pl.col(column.name).dt.year() < constraints.FIRST_YEAR
        ahead = f"{column.name} lies more than {constraints.YEARS_AHEAD} years ahead"
        before = f"{column.name} lies before the year {constraints.FIRST_YEAR}"
        rules += [(wrong[constraints.YEARS] & early, before), (wrong[constraints.YEARS], ahead)]
    told = {
        "name": column.name,
        "known": ", ".join(column.one_of),
        "at_least": column.at_least or 0.0,
        "at_most": column.at_most or 0.0,
    }
    names = (
        constraints.SPOILT,
        constraints.NOT_NULL,
        constraints.ONE_OF,
        constraints.AT_LEAST,
        constraints.AT_MOST,
    )
    rules += [(wrong[name], _SAID[name].format(**told)) for name in names if name in wrong]
    return rules


def finish(table: Table, kept: pl.DataFrame) -> pl.DataFrame:
    """Return the contract columns of `kept` in order, optional ones only where they hold values.

    Examples
    --------
    >>> from csinsight.contract.schema import AGENTS
    >>> rows = {"_file": "a.csv", "_line": [2], "_raw": "a1,Anna", "agent_id": "a1", "name": "Anna"}
    >>> finish(AGENTS, settle(AGENTS, pl.DataFrame(rows))[0]).columns
    ['agent_id', 'name']
    """
    columns = [
        column.name
        for column in table.columns
        if column.required or kept[column.name].null_count() < kept.height
    ]
    return kept.select(columns)


def with_table(
    imported: Imported, table: Table, kept: pl.DataFrame, refused: pl.DataFrame
) -> Imported:
    """Return an import with the rows of one more table, those used and those refused.

    Parameters
    ----------
    imported : Imported
    table : Table
    kept : polars.DataFrame
        As `settle` returns it.
    refused : polars.DataFrame
        As `REFUSED_SCHEMA`.

    Examples
    --------
    >>> from csinsight.contract.schema import AGENTS
    >>> rows = {"_file": "a.csv", "_line": [2, 3], "_raw": "…", "agent_id": ["a1", None]}
    >>> none = Imported({}, pl.DataFrame(schema=REFUSED_SCHEMA), 0, 0)
    >>> more = with_table(none, AGENTS, *settle(AGENTS, pl.DataFrame(rows)))
    >>> more.tables["agents"].rows(), more.rows_in, more.rows_out
    ([('a1',)], 2, 1)
    """
    used = kept.select(Line.FILE)
    tables = {**imported.tables, table.name: finish(table, kept)}
    return replace(
        imported,
        tables={name: frame for name, frame in tables.items() if frame.height},
        refused=stack([imported.refused, refused], REFUSED_SCHEMA),
        rows_in=imported.rows_in + kept.height + refused.height,
        rows_out=imported.rows_out + kept.height,
        used=used if imported.used is None else pl.concat([imported.used, used]),
    )
