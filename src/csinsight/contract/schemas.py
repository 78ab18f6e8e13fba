"""The contract's tables as pandera schemas: the one truth about the values that may be in them.

Import this module where it is needed, not at the top of a file: pandera takes seconds to load.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from csinsight.contract.parse import DTYPES
from csinsight.contract.tables import Column, Messages, Orders, Table

with warnings.catch_warnings():
    # Pandera looks whether PySpark is there, and PySpark warns of pandas 3.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
    import pandera.polars as pa

#: Names of the checks, as they stand in pandera's failure cases.
NOT_NULL = "not_nullable"
UNIQUE = "field_uniqueness"
AT_LEAST = "at_least"
AT_MOST = "at_most"
ONE_OF = "one_of"
ALL_OR_NOTHING = "all_or_nothing"
SPACES = "spaces"
SPOILT = "spoilt"
WRAPPED = "wrapped"
PAID_AFTER_PLACED = "paid_after_placed"
REFUND_WITHIN_PAID = "refund_within_paid"
TALK_KNOWN = "talk_known"
TALK_OF_ONE_BUYER = "talk_of_one_buyer"

#: Amounts are decimal units in binary floats: half a cent is no difference.
_HALF_A_CENT = 0.005


@dataclass(frozen=True)
class Rule:
    """A rule between columns of a row: reported at one column, needing others."""

    name: str
    needs: tuple[str, ...]
    holds: pl.Expr


_RULES = {
    ("orders", Orders.PAID_AT): (
        Rule(
            PAID_AFTER_PLACED,
            (Orders.PLACED_AT,),
            pl.col(Orders.PAID_AT) >= pl.col(Orders.PLACED_AT),
        ),
    ),
    ("orders", Orders.REFUND_AMOUNT): (
        Rule(
            REFUND_WITHIN_PAID,
            (Orders.PAID_AMOUNT,),
            pl.col(Orders.REFUND_AMOUNT) <= pl.col(Orders.PAID_AMOUNT) + _HALF_A_CENT,
        ),
    ),
    ("messages", Messages.CONVERSATION_ID): (
        Rule(
            TALK_KNOWN,
            (Messages.SENT_AT,),
            pl.col(Messages.CONVERSATION_ID).is_not_null()
            | pl.col(Messages.SENT_AT).is_not_null().any(),
        ),
        Rule(
            TALK_OF_ONE_BUYER,
            (Messages.BUYER_ID,),
            pl.col(Messages.CONVERSATION_ID).is_null()
            | (
                pl.col(Messages.BUYER_ID)
                == pl.col(Messages.BUYER_ID).first().over(Messages.CONVERSATION_ID)
            ),
        ),
    ),
}


def schema(table: Table, names: Collection[str] | None = None) -> pa.DataFrameSchema:
    """Return the pandera schema of a contract table.

    Parameters
    ----------
    table : Table
    names : collection of str or None
        The columns that the file has; None for all. Rules between columns hold only where both
        are there.
    """
    have = {c.name for c in table.columns} if names is None else set(names)
    columns = {c.name: _column(c, table, have) for c in table.columns if c.name in have}
    return pa.DataFrameSchema(columns, name=table.name)


def failures(frame: pl.DataFrame, table: Table, names: Collection[str]) -> pl.DataFrame:
    """Return the cells of a typed table that break its schema.

    Parameters
    ----------
    frame : polars.DataFrame
        Typed as the contract says.
    table : Table
    names : collection of str
        The columns that the file has.

    Returns
    -------
    polars.DataFrame
        One row a broken rule and cell: ``column``, ``check`` (a name of this module) and
        ``index`` (row of `frame`, from 0).
    """
    try:
        schema(table, names).validate(frame.select(names), lazy=True)
    except pa.errors.SchemaErrors as error:
        cases: pl.DataFrame = error.failure_cases
        return cases.select("column", "check", pl.col("index").cast(pl.Int64))
    return pl.DataFrame(schema={"column": pl.String, "check": pl.String, "index": pl.Int64})


def _column(column: Column, table: Table, have: set[str]) -> pa.Column:
    return pa.Column(
        DTYPES[column.kind],
        checks=[*_limits(column), *_identifiers(column), *_between(column, table, have)],
        nullable=column.nullable or column.all_or_nothing,
        unique=column.unique,
        required=column.required,
    )


def _limits(column: Column) -> list[pa.Check]:
    checks = []
    if column.at_least is not None:
        checks.append(pa.Check.ge(column.at_least, error=AT_LEAST))
    if column.at_most is not None:
        checks.append(pa.Check.le(column.at_most, error=AT_MOST))
    if column.one_of:
        checks.append(pa.Check.isin(column.one_of, error=ONE_OF))
    if column.all_or_nothing:
        value = pl.col(column.name)
        checks.append(_check(value.is_not_null() | value.is_null().all(), ALL_OR_NOTHING))
    return checks


def _identifiers(column: Column) -> list[pa.Check]:
    if not column.name.endswith("_id"):
        return []
    value = pl.col(column.name)
    return [
        _check(value == value.str.strip_chars(), SPACES),
        _check(~value.str.contains(r"^[0-9]([.][0-9]*)?[eE][+][0-9]{2,3}$"), SPOILT),
        _check(~value.str.starts_with('="'), WRAPPED),
    ]


def _between(column: Column, table: Table, have: set[str]) -> list[pa.Check]:
    rules = _RULES.get((table.name, column.name), ())
    return [_check(rule.holds, rule.name) for rule in rules if set(rule.needs) <= have]


def _check(holds: pl.Expr, name: str) -> pa.Check:
    """Return a check of an expression over the whole table; null holds."""
    return pa.Check(partial(_evaluate, holds.fill_null(value=True)), error=name, ignore_na=False)


def _evaluate(holds: pl.Expr, data: Any) -> pl.LazyFrame:
    frame: pl.LazyFrame = data.lazyframe
    return frame.select(holds)
