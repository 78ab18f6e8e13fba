"""Which of several rows of an order tells its latest state, and lines folded to whole orders."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import polars as pl

from csinsight.contract.schema import OrderLines, Orders
from csinsight.importers.one_shop import OrderRow
from csinsight.importers.reading import REFUSED_SCHEMA, REPEAT, Line, as_refused, stack
from csinsight.importers.sift import Rule, sift

#: What a row of the file is: an order; a line with its own amount; a line on which the order's
#: amounts are repeated.
Rows = Literal["orders", "lines", "repeated"]


ORDER_MONEY: Final = (Orders.LIST_AMOUNT, Orders.PAID_AMOUNT, Orders.REFUND_AMOUNT)
NEWER: Final = f"{REPEAT}another row has this order in a newer state, or in the same"
SAME: Final = f"{REPEAT}another row tells the same"
LIKE: Final = (
    f"{REPEAT}another line of this order is like it but for a larger refund, and no line numbers "
    "tell whether they are two: they count as one"
)


def latest_rows(frame: pl.DataFrame, rows: Rows) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that tell the latest state of each order, and the others, refused.

    Examples
    --------
    >>> state = {"refund_amount": pl.Float64, "_closed": pl.Boolean, "_exported": pl.Datetime}
    >>> rows = pl.DataFrame({"order_id": ["1", "1"], "paid_at": [None, datetime(2026, 10, 5)]})
    >>> rows = rows.with_columns(pl.lit(None, dtype=kind).alias(n) for n, kind in state.items())
    >>> rows = rows.with_columns(_file=pl.lit("a.csv"), _line=pl.Series([2, 3]), _raw=pl.lit("1,…"))
    >>> kept, refused = latest_rows(rows, "orders")
    >>> kept["_line"].to_list(), refused["_reason"].to_list()
    ([3], ['repeat: another row has this order in a newer state, or in the same'])
    """
    if rows == "orders":
        return _latest(frame, Orders.ORDER_ID)
    if rows == "lines":
        return _latest_lines(frame)
    # Each line repeats the state of its order, so the file with the newest has the whole of it. A
    # line of its own may have less of it, such as no refund, unless it is told again with more.
    marked = frame.with_columns(state_of_order().alias("_state"))
    state, order = pl.col("_state"), [Line.FILE, Orders.ORDER_ID]
    line = [OrderRow.LINE_ID, OrderLines.PRODUCT_ID, OrderLines.PRODUCT_NAME, Orders.UNITS]
    elsewhere = state.max().over(order) < state.max().over(Orders.ORDER_ID)
    again = state < state.max().over(*order, *line, OrderRow.LINE_AMOUNT)
    back = pl.col(Orders.REFUND_AMOUNT).fill_null(0.0)
    told = [pl.col(Orders.PAID_AT).is_not_null(), pl.col(OrderRow.CLOSED).fill_null(value=False)]
    like = pl.col(OrderRow.LINE_ID).is_null() & (
        back < back.max().over(*order, *line, OrderRow.LINE_AMOUNT, *told)
    )
    like = like & ~elsewhere
    kept, older = sift(marked, [(again & like, LIKE), (elsewhere | again, NEWER)])
    kept = kept.drop("_state")
    kept, repeats = _latest_lines(kept)
    return kept, stack([older, repeats], REFUSED_SCHEMA)


def state_of_order() -> pl.Expr:
    """Return one number that is larger for a later state of an order.

    Examples
    --------
    >>> rows = pl.DataFrame({"refund_amount": [9.0, 0.0], "_closed": [True, True]})
    >>> none = pl.lit(None, pl.Datetime("us"))
    >>> rows = rows.with_columns(paid_at=none, _exported=none)
    >>> state = rows.select(state_of_order()).to_series()
    >>> state[0] > state[1]
    True
    """
    paid = pl.col(Orders.PAID_AT).is_not_null().cast(pl.Int64)
    refund = (pl.col(Orders.REFUND_AMOUNT).fill_null(0.0) * 100).round().cast(pl.Int64)
    closed = pl.col(OrderRow.CLOSED).fill_null(value=False).cast(pl.Int64)
    exported = pl.col(OrderRow.EXPORTED).dt.epoch("s").fill_null(0)
    # Int128 holds them one above the other: 1, 50, 1 and 40 bits.
    wide = [part.cast(pl.Int128) for part in (paid, refund, closed, exported)]
    return ((wide[0] * 2**50 + wide[1]) * 2 + wide[2]) * 2**40 + wide[3]


def _latest(frame: pl.DataFrame, *key: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the newest row of each key in the order of the rows, and the others, refused."""
    by = [
        pl.col(Orders.PAID_AT).is_not_null(),
        pl.col(Orders.REFUND_AMOUNT).fill_null(0.0),
        pl.col(OrderRow.CLOSED).fill_null(value=False),
        pl.col(OrderRow.EXPORTED).fill_null(datetime(1, 1, 1)),
        # Alike by all that tells states: any fixed choice, whichever file was named first.
        pl.col(Line.FILE),
        pl.col(Line.NUMBER),
    ]
    down = [True] * (len(by) - 1) + [False]
    # Ranked beside the rows, not among them: their raw text is most of the memory.
    ranks = frame.select(
        pl.struct(*key).alias("_key"),
        *(rank.alias(f"_rank{number}") for number, rank in enumerate(by)),
    ).with_row_index("_row")
    if ranks["_key"].n_unique() == frame.height:
        return frame, pl.DataFrame(schema=REFUSED_SCHEMA)
    ranks = ranks.sort([f"_rank{number}" for number in range(len(by))], descending=down)
    best = ranks.unique("_key", keep="first", maintain_order=True)["_row"]
    kept = frame.select(pl.int_range(pl.len()).is_in(best.implode())).to_series()
    said = pl.lit(NEWER).alias(Line.REASON)
    return frame.filter(kept), as_refused(frame.filter(~kept).with_columns(said))


def _latest_lines(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return each line once: two files may hold the same order, whole or in parts.

    A line is known by the platform's number; without one by product, units and amount, and by
    being the first, second … such line of its order in its file.
    """
    alike = [
        Orders.ORDER_ID,
        OrderLines.PRODUCT_ID,
        OrderLines.PRODUCT_NAME,
        Orders.UNITS,
        Orders.PAID_AMOUNT,
        OrderRow.LINE_AMOUNT,
    ]
    which = pl.int_range(pl.len()).over(Line.FILE, *alike)
    bare = pl.col(OrderRow.LINE_ID).is_null()
    named = frame.with_columns(
        pl.when(bare).then(pl.struct(*alike[1:]).hash().cast(pl.String)).alias("_like"),
        pl.when(bare).then(which).alias("_which"),
    )
    kept, repeats = _latest(named, Orders.ORDER_ID, OrderRow.LINE_ID, "_like", "_which")
    repeats = repeats.with_columns(pl.lit(SAME).alias(Line.REASON))
    return kept.drop("_like", "_which"), repeats


def folded(lines: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    """Return one row an order: amounts summed or taken once, units summed, one state.

    Examples
    --------
    Two lines of one order, each with what was paid for it:

    >>> told = {"order_id": "1", "_file": "a.csv", "_line": [2, 3], "_raw": "…", "buyer_id": "b1"}
    >>> told |= dict.fromkeys(("placed_at", "paid_at", "_exported"), datetime(2026, 10, 5))
    >>> told |= dict.fromkeys((Line.MONEY, *ORDER_MONEY), 9.5) | {"units": 1, "coupon_used": False}
    >>> folded(pl.DataFrame(told), "lines").select("paid_amount", "units").rows()
    [(19.0, 2)]
    """
    newest = pl.col(OrderRow.EXPORTED).fill_null(datetime(1, 1, 1)).arg_max()
    one = {name: pl.col(name).drop_nulls().n_unique() for name in (Orders.BUYER_ID, *ORDER_MONEY)}
    # Sums of cents in binary floats: rounded to a hundredth of a cent.
    sums = {
        name: pl.when(pl.col(name).count() > 0).then(pl.col(name).sum().round(4))
        for name in ORDER_MONEY
    }
    taken = {name: pl.col(name).get(newest) for name in ORDER_MONEY}
    # A refund that differs from line to line is each line's own.
    back = pl.col(Orders.REFUND_AMOUNT)
    same = back.fill_null(0.0).n_unique() == 1
    taken[Orders.REFUND_AMOUNT] = pl.when(same).then(back.first()).otherwise(back.sum().round(4))
    amounts = [(sums if rows == "lines" else taken)[name].alias(name) for name in ORDER_MONEY]
    return lines.group_by(Orders.ORDER_ID, maintain_order=True).agg(
        pl.col(Line.FILE).first(),
        pl.col(Line.NUMBER).first(),
        pl.col(Line.RAW).first(),
        pl.col(Line.MONEY).sum(),
        pl.col(Orders.BUYER_ID).drop_nulls().first(),
        pl.col(Orders.PLACED_AT).min(),
        pl.col(Orders.PAID_AT).min(),
        *amounts,
        pl.when(pl.col(Orders.UNITS).null_count() == 0)
        .then(pl.col(Orders.UNITS).sum())
        .alias(Orders.UNITS),
        pl.col(Orders.COUPON_USED).any(ignore_nulls=False),
        *(count.alias(f"_{name}_values") for name, count in one.items()),
    )


def fold_rules(rows: Rows) -> list[Rule]:
    """Return what refuses an order whose lines don't agree.

    Examples
    --------
    >>> [why for _, why in fold_rules("lines")], fold_rules("orders")
    (['the lines of this order name two buyers'], [])
    """
    if rows == "orders":
        return []
    rules: list[Rule] = [
        (pl.col(f"_{Orders.BUYER_ID}_values") > 1, "the lines of this order name two buyers")
    ]
    if rows == "repeated":
        differs = (
            "the lines of this order differ in {}, which should be the whole order's; where it is "
            "each line's own, import the file by a mapping with `lines: {{amounts: sum}}`"
        )
        rules += [
            (pl.col(f"_{name}_values") > 1, differs.format(name))
            for name in (Orders.LIST_AMOUNT, Orders.PAID_AMOUNT)
        ]
    return rules
