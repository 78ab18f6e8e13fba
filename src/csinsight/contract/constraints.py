"""The contract's tables as pandera schemas: the one truth about the values that may be in them."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Final

import polars as pl

from csinsight.contract.cells import DTYPES
from csinsight.contract.schema import Agents, Column, Messages, Orders, Table


@cache
def _pandera() -> Any:
    """Return pandera, which takes seconds and a hundred megabytes to load, once it is needed."""
    with warnings.catch_warnings():
        # Pandera looks whether PySpark is there, and PySpark warns of pandas 3.
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        import pandera.polars as pa
    return pa


#: Names of the checks, as they stand in pandera's failure cases.
NOT_NULL = "not_nullable"


UNIQUE = "field_uniqueness"


AT_LEAST = "at_least"


AT_MOST = "at_most"


ONE_OF = "one_of"


ALL_OR_NOTHING = "all_or_nothing"


YEARS = "years"


SPACES = "spaces"


SPOILT = "spoilt"


WRAPPED = "wrapped"


PAID_AFTER_PLACED = "paid_after_placed"


REFUND_WITHIN_PAID = "refund_within_paid"


TALK_KNOWN = "talk_known"


TALK_OF_ONE_BUYER = "talk_of_one_buyer"


SAME_AS_KNOWN = "same_as_known"


#: Rules that a row keeps or breaks by itself, or, of agents, in a table of one stretch.
OF_A_ROW = (PAID_AFTER_PLACED, REFUND_WITHIN_PAID, SAME_AS_KNOWN)


#: Years that a shop's times may lie in: before, nobody sold online; far ahead is a slip.
FIRST_YEAR = 2000


YEARS_AHEAD = 5


#: What a spreadsheet makes of a long number: 1.9E+15.
SPOILT_PATTERN: Final = r"^[0-9]([.][0-9]*)?[eE][+][0-9]{2,3}$"


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
    ("agents", Agents.SAME_AS): (
        Rule(
            SAME_AS_KNOWN,
            (Agents.AGENT_ID,),
            pl.col(Agents.SAME_AS).is_in(
                pl.col(Agents.AGENT_ID).filter(pl.col(Agents.SAME_AS).is_null()).implode()
            ),
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


def schema(table: Table, names: Collection[str] | None = None) -> Any:
    """Return the pandera schema of a contract table.

    Parameters
    ----------
    table : Table
    names : collection of str or None
        The columns that the file has; None for all. Rules between columns hold only where both
        are there.

    Examples
    --------
    >>> from csinsight.contract.schema import RATINGS
    >>> sorted(schema(RATINGS).columns)
    ['agent_id', 'buyer_id', 'rated_at', 'score']
    """
    have = {c.name for c in table.columns} if names is None else set(names)
    columns = {c.name: _column(c, table, have) for c in table.columns if c.name in have}
    return _pandera().DataFrameSchema(columns, name=table.name)


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

    Examples
    --------
    >>> from csinsight.contract.schema import BUYERS
    >>> buyers = pl.DataFrame({"buyer_id": ["b1", "b1"]})
    >>> failures(buyers, BUYERS, ["buyer_id"]).rows()
    [('buyer_id', 'field_uniqueness', 0), ('buyer_id', 'field_uniqueness', 1)]
    """
    try:
        schema(table, names).validate(frame.select(names), lazy=True)
    except _pandera().errors.SchemaErrors as error:
        cases: pl.DataFrame = error.failure_cases
        return cases.select("column", "check", pl.col("index").cast(pl.Int64))
    return pl.DataFrame(schema={"column": pl.String, "check": pl.String, "index": pl.Int64})


def out_of_years(column: Column) -> pl.Expr:
    """Return, cell by cell, whether a time lies in no year that a shop's times may lie in.

    By whole numbers: Python's own times end with the year 9999.

    Examples
    --------
    >>> from csinsight.contract.schema import BUYERS
    >>> buyers = pl.DataFrame({"joined_at": [datetime(1026, 10, 5), datetime(2026, 10, 5)]})
    >>> buyers.select(out_of_years(BUYERS.column("joined_at"))).to_series().to_list()
    [True, False]
    """
    last = datetime.now().year + YEARS_AHEAD
    moments = pl.col(column.name).cast(pl.Datetime("us")).cast(pl.Int64)
    ends = (datetime(FIRST_YEAR, 1, 1), datetime(last + 1, 1, 1))
    low, high = ((end - datetime(1970, 1, 1)) // timedelta(microseconds=1) for end in ends)
    return ((moments < low) | (moments >= high)).fill_null(value=False)


def breaks(column: Column) -> dict[str, pl.Expr]:
    """Return by the name of a check, cell by cell, whether a typed value breaks it.

    These are the rules of single cells, for checking tables and for refusing rows at import alike;
    null breaks `NOT_NULL` alone.

    Examples
    --------
    >>> from csinsight.contract.schema import RATINGS
    >>> score = RATINGS.column("score")
    >>> scores = pl.DataFrame({"score": [0, 3, None]})
    >>> {name: scores.select(wrong)["score"].to_list() for name, wrong in breaks(score).items()}
    {'not_nullable': [False, False, True], 'at_least': [True, False, False],
     'at_most': [False, False, False]}
    """
    value = pl.col(column.name)
    wrong: dict[str, pl.Expr] = {}
    if not column.nullable and not column.all_or_nothing:
        wrong[NOT_NULL] = value.is_null()
    if column.at_least is not None:
        wrong[AT_LEAST] = value < column.at_least
    if column.at_most is not None:
        wrong[AT_MOST] = value > column.at_most
    if column.one_of:
        wrong[ONE_OF] = ~value.is_in(column.one_of)
    if column.name.endswith("_id"):
        wrong[SPACES] = value != value.str.strip_chars()
        wrong[SPOILT] = value.str.contains(SPOILT_PATTERN)
        wrong[WRAPPED] = value.str.starts_with('="')
    if column.kind in ("datetime", "date"):
        wrong[YEARS] = out_of_years(column)
    return {name: broken.fill_null(value=False) for name, broken in wrong.items()}


def rules(table: Table) -> dict[str, tuple[Rule, ...]]:
    """Return the rules between columns of a row, by the column at which they are reported.

    Examples
    --------
    >>> from csinsight.contract.schema import ORDERS
    >>> {column: [rule.name for rule in found] for column, found in rules(ORDERS).items()}
    {'paid_at': ['paid_after_placed'], 'refund_amount': ['refund_within_paid']}
    """
    return {column: rules for (name, column), rules in _RULES.items() if name == table.name}


def _column(column: Column, table: Table, have: set[str]) -> Any:
    # Nulls are pandera's own to find, and years are read before a schema could judge them.
    single = {n: wrong for n, wrong in breaks(column).items() if n not in (NOT_NULL, YEARS)}
    checks = [_check(~wrong, name) for name, wrong in single.items()]
    if column.all_or_nothing:
        value = pl.col(column.name)
        checks.append(_check(value.is_not_null() | value.is_null().all(), ALL_OR_NOTHING))
    between = rules(table).get(column.name, ())
    checks += [_check(rule.holds, rule.name) for rule in between if set(rule.needs) <= have]
    return _pandera().Column(
        DTYPES[column.kind],
        checks=checks,
        nullable=column.nullable or column.all_or_nothing,
        unique=column.unique,
        required=column.required,
    )


def _check(holds: pl.Expr, name: str) -> Any:
    """Return a check of an expression over the whole table; null holds."""
    holding = partial(_evaluate, holds.fill_null(value=True))
    return _pandera().Check(holding, error=name, ignore_na=False)


def _evaluate(holds: pl.Expr, data: Any) -> pl.LazyFrame:
    frame: pl.LazyFrame = data.lazyframe
    return frame.select(holds)
