"""Rows of order files to orders: which state is the latest, and lines folded to whole orders.

Three things are the same for every platform, so they stand here and nowhere else.

*Order of files is not time.* Of two rows of one order the later state wins by the states
themselves: paid beats unpaid, the larger refund wins, closed beats open; then the file exported
later; never the order in which files were given.

*An order is whole or refused.* A file with a row a line is folded: amounts and units are summed
(or the amounts stand for the whole order on each line), buyer and times are one. Where one line
is refused, all lines of its order are.

*One folder, one shop, one currency, one clock.* See `csinsight.importers.one_shop`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from csinsight.contract.constraints import SPOILT_PATTERN
from csinsight.contract.schema import ORDER_LINES, ORDERS, OrderLines, Orders
from csinsight.importers import cells
from csinsight.importers.one_shop import OrderRow, Told, refuse_mixed_orders
from csinsight.importers.order_states import (
    LIKE,
    ORDER_MONEY,
    SAME,
    Rows,
    fold_rules,
    folded,
    latest_rows,
    state_of_order,
)
from csinsight.importers.reading import (
    LINE_SCHEMA,
    NO_DATA,
    REFUSED_SCHEMA,
    REPEAT,
    SUM_REASON,
    SUM_WORDS,
    SUMMARY,
    Line,
    as_refused,
    stack,
)
from csinsight.importers.sift import FileFacts, FileNotice, Imported, Rule, finish, settle, sift

_DEFAULTS: Final[dict[str, pl.DataType]] = {
    OrderRow.CLOSED: pl.Boolean(),
    OrderRow.EXPORTED: pl.Datetime("us"),
    OrderRow.CURRENCY: pl.String(),
    OrderRow.OFFSET: pl.Int64(),
    OrderRow.KEY: pl.String(),
    OrderRow.SHOP: pl.String(),
    OrderRow.LINE_ID: pl.String(),
    OrderRow.LINE_AMOUNT: pl.Float64(),
    Line.MONEY: pl.Float64(),
    OrderLines.PRODUCT_ID: pl.String(),
    OrderLines.PRODUCT_NAME: pl.String(),
    OrderLines.CATEGORY: pl.String(),
    Orders.BUYER_ID: pl.String(),
    Orders.PLACED_AT: pl.Datetime("us"),
    Orders.PAID_AT: pl.Datetime("us"),
    Orders.LIST_AMOUNT: pl.Float64(),
    Orders.PAID_AMOUNT: pl.Float64(),
    Orders.REFUND_AMOUNT: pl.Float64(),
    Orders.UNITS: pl.Int64(),
    Orders.COUPON_USED: pl.Boolean(),
}
#: Rows below the data that sum it up stand where orders' numbers do.
_SUMMARY: Final = pl.coalesce(
    pl.col(Orders.ORDER_ID).str.contains(SUMMARY.pattern),
    # Or first in a row whose number is further on.
    pl.col(Line.RAW).str.contains(rf'(?i)^[\s,;|"]*{SUM_WORDS}[:：\s"]*[,;|\t]'),
    pl.lit(value=False),
)
#: Whether a row sums up others.
_SUM: Final = "_sum"
_PARCEL: Final = (
    f"{REPEAT}another row tells this line, as exports do that have a row a parcel: with both, the "
    "lines would come to more than the order"
)
_WHOLE: Final = "another line of this order is refused, and an order is taken whole or not at all"
_MERGED: Final = (
    "rows below this order have units but no number, time or amount, as lines have whose cells "
    "were merged: in a mapping, `merged: true` reads them as lines of the order above"
)
_ROUNDED: Final = (
    "order_id was rounded by a spreadsheet, so its last digits are lost; export the orders again "
    "and import the file without saving it in a spreadsheet"
)
_SPOILT: Final = (
    "order_id was spoilt by a spreadsheet (1.9E+15): its digits are lost; export it again and "
    "import the file without saving it in a spreadsheet"
)
_ROUNDED_SHARE: Final = 0.5
NO_ORDER: Final = (
    "the row gives money back, and the order that it belongs to is not in the files, nor in the "
    "folder: import both together"
)
#: Of an order of which other lines were bought.
NONE_BOUGHT: Final = f"{NO_DATA}the line was cancelled: none of it was bought"
#: What is known of such a row.
_LATE: Final = (*LINE_SCHEMA, Line.MONEY, Orders.ORDER_ID, Orders.PLACED_AT, Orders.PAID_AMOUNT)


def import_orders(
    frame: pl.DataFrame,
    rules: Sequence[Rule],
    *,
    rows: Rows = "orders",
    damaged: Sequence[pl.DataFrame] = (),
    notices: Sequence[str] = (),
    told: Told | None = None,
) -> Imported:
    """Return ``orders``, and ``order_lines`` where there are lines, of the rows of order files.

    Parameters
    ----------
    frame : polars.DataFrame
        The columns of `Line` and of the contract's orders, typed; those of `OrderRow` where the
        files tell them. ``_money`` is what the row is worth, whether it is taken or not; where it
        is missing it is the row's ``paid_amount``.
    rules : sequence of Rule
        What the format refuses, in its own words.
    rows : {'orders', 'lines', 'repeated'}
    damaged : sequence of polars.DataFrame
        Records that could not be read at all, as `REFUSED_SCHEMA`.
    notices : sequence of str
    told : Told or None

    Raises
    ------
    ImporterError
        Where the files are of two shops, clocks or currencies.

    Examples
    --------
    >>> from datetime import datetime
    >>> rows = {"_file": "a.csv", "_line": [2, 3], "_raw": "…", "order_id": ["1", "2"]}
    >>> rows |= {"buyer_id": "b1", "placed_at": datetime(2026, 10, 5), "paid_amount": [59.0, None]}
    >>> rows |= {"paid_at": datetime(2026, 10, 5), "refund_amount": 0.0, "units": 1}
    >>> rows |= {"list_amount": 60.0, "coupon_used": False}
    >>> imported = import_orders(pl.DataFrame(rows), [])
    >>> imported.tables["orders"]["order_id"].to_list(), imported.refused["_reason"].to_list()
    (['1'], ['paid_amount is empty here but filled in other rows'])
    """
    told = told or Told()
    whole = rows != "orders"
    frame = _prepared(frame, rules, rows)
    refuse_mixed_orders(frame, told)
    frame, turned = _refunds_upward(_in_one_currency(frame, told))
    frame = frame.with_columns(pl.when(~pl.col(_SUM)).then(Line.MONEY).alias(Line.MONEY))
    kept, refused = _sift_whole(frame, _refusals(frame, rules, told), whole=whole)
    kept, given_back, odd_refunds, late = _refund_rows(kept, rows)
    kept, repeats = latest_rows(kept, rows)
    kept, parcels = _by_parcel(kept) if rows == "repeated" else (kept, refused.clear())
    orders = _with_refunds(folded(kept, rows) if whole else kept, given_back)
    settled, odd = settle(ORDERS, orders, fold_rules(rows))
    used, rest = _used(kept, settled, odd, whole=whole)
    used, again = _money_once(used) if rows == "repeated" else (used, 0.0)
    tables = {ORDERS.name: finish(ORDERS, settled)}
    notices = [*notices, *turned, *_like_lines(repeats), *_several_numbers(settled)]
    if whole:
        tables[ORDER_LINES.name], said = _order_lines(used, rows)
        notices += [f"{used.height} lines make {settled.height} orders", *said]
    back, unplaced = _placed_refunds(given_back, settled)
    if back.height:
        notices.append(f"{back.height} rows below zero are taken as refunds of their orders")
    everything = [*damaged, refused, parcels, odd_refunds, repeats, rest, unplaced]
    return Imported(
        {name: table for name, table in tables.items() if table.height},
        stack(everything, REFUSED_SCHEMA),
        frame.height + sum(part.height for part in damaged),
        used.height + back.height,
        tuple(notices),
        used=pl.concat([part.select(Line.FILE, Line.MONEY) for part in (used, back)]),
        money_in=float(frame[Line.MONEY].sum()) - again if frame[Line.MONEY].count() else None,
        facts=_facts(frame, told),
        late=late,
    )


def _prepared(frame: pl.DataFrame, rules: Sequence[Rule], rows: Rows) -> pl.DataFrame:
    """Return the columns that are needed, absent ones empty, with what each row is worth."""
    needed = {name for rule, _ in rules for name in rule.meta.root_names()}
    needed |= {*LINE_SCHEMA, Orders.ORDER_ID, *_DEFAULTS}
    # What no rule looks at is dropped: a large file's text columns are most of the memory.
    frame = frame.select(name for name in frame.columns if name in needed)
    absent = [name for name in _DEFAULTS if name not in frame.columns]
    worth = pl.col(Orders.PAID_AMOUNT) if Line.MONEY in absent else pl.col(Line.MONEY)
    filled = frame.with_columns(pl.lit(None, dtype=_DEFAULTS[name]).alias(name) for name in absent)
    if rows == "repeated" and Line.MONEY in absent:
        # The order's amount stands on each of its lines: it is counted on one of the newest.
        order = [Line.FILE, Orders.ORDER_ID]
        newest = state_of_order() == state_of_order().max().over(order)
        filled = filled.with_columns(newest.alias("_newest"))
        first = pl.struct(*order, "_newest").is_first_distinct() & pl.col("_newest")
        worth = pl.when(first).then(worth)
    # Line numbers that a spreadsheet spoilt tell no lines apart.
    line = pl.col(OrderRow.LINE_ID)
    sound = ~(line.str.contains(SPOILT_PATTERN) | cells.looks_rounded(line).fill_null(value=False))
    filled = filled.with_columns(
        worth.alias(Line.MONEY), pl.when(sound).then(line).alias(OrderRow.LINE_ID)
    )
    return filled.with_columns((_SUMMARY | _sums_up(filled)).alias(_SUM))


def _sums_up(frame: pl.DataFrame) -> pl.Expr:
    """Tell which rows bear no word for it, but the sum of all others in their file."""
    bare = pl.col(Orders.ORDER_ID).is_null() & pl.col(Orders.PLACED_AT).is_null()
    if not frame.select(bare.any()).item():
        return pl.lit(value=False)
    amount = pl.col(Orders.PAID_AMOUNT)
    sums = [
        pl.when(~bare).then(name).sum().over(Line.FILE) for name in (Orders.PAID_AMOUNT, Line.MONEY)
    ]
    equal = pl.any_horizontal((amount - total).abs() < cells.CENT for total in sums)
    return (bare & (amount > 0) & equal).fill_null(value=False)


def _by_parcel(kept: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return lines without those that are told again for each parcel that they went in.

    So it is where the lines of an order come to its amount once like ones are counted once.
    """
    order = [Line.FILE, Orders.ORDER_ID]
    line = [OrderLines.PRODUCT_ID, OrderLines.PRODUCT_NAME, Orders.UNITS, OrderRow.LINE_AMOUNT]
    bare, worth = pl.col(OrderRow.LINE_ID).is_null(), pl.col(OrderRow.LINE_AMOUNT)
    again = bare & ~pl.struct(*order, *line).is_first_distinct()
    if not kept.select(again.any()).item():
        return kept, pl.DataFrame(schema=REFUSED_SCHEMA)
    listed = pl.col(Orders.LIST_AMOUNT).max().over(order)
    every = (worth.sum().over(order) - listed).abs() < cells.CENT
    once = (pl.when(~again).then(worth).sum().over(order) - listed).abs() < cells.CENT
    return sift(kept, [(again & once & ~every, _PARCEL)])


def _refusals(frame: pl.DataFrame, rules: Sequence[Rule], told: Told) -> list[Rule]:
    """Return what refuses a row, the format's own words between those of every format."""
    number = pl.col(Orders.ORDER_ID)
    # A spoilt number stands for several orders: none of them is a repeat of another.
    spoilt = (number.str.contains(SPOILT_PATTERN), _SPOILT)
    refusals: list[Rule] = [(pl.col(_SUM), SUM_REASON), spoilt]
    if told.currency:
        other = ~pl.col(OrderRow.CURRENCY).is_in([told.currency, *(told.rates or {})])
        why = f"the order is not in {told.currency}, and no rate for it is told"
        refusals.append((other, why))
    refusals += [*rules, (number.is_null(), "order_id is empty")]
    torn, rounded = _torn_orders(frame), _rounded(frame)
    refusals += [(number.is_in(torn.implode()), _MERGED)] if len(torn) else []
    return [(number.is_in(rounded.implode()), _ROUNDED), *refusals] if len(rounded) else refusals


def _rounded(frame: pl.DataFrame) -> pl.Series:
    """Return the orders' numbers that a spreadsheet rounded.

    One number may look so by chance; where half of a file's long numbers do, they all were.
    """
    looks = cells.looks_rounded(pl.col(Orders.ORDER_ID)).alias("looks")
    told = frame.select(Line.FILE, Orders.ORDER_ID, looks).drop_nulls()
    share = pl.col("looks").mean().over(Line.FILE)
    return told.filter(pl.col("looks") & (share >= _ROUNDED_SHARE))[Orders.ORDER_ID].unique()


def _torn_orders(frame: pl.DataFrame) -> pl.Series:
    """Return the orders below which rows stand without number, time and amount, but with units.

    So a workbook writes lines of an order whose cells were merged: the order would lack them.
    """
    number = pl.col(Orders.ORDER_ID)
    empty = (Orders.ORDER_ID, Orders.PLACED_AT, Orders.PAID_AMOUNT)
    bare = pl.all_horizontal(pl.col(name).is_null() for name in empty)
    bare = bare & pl.col(Orders.UNITS).is_not_null()
    if not frame.select(bare.any()).item():
        return frame[Orders.ORDER_ID].clear()
    above = number.forward_fill().over(Line.FILE, order_by=Line.NUMBER)
    return frame.select(above.filter(bare)).to_series().drop_nulls().unique()


def _refund_rows(
    kept: pl.DataFrame, rows: Rows
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return rows of orders, rows below zero that give back, what is refused of them, and the late.

    Those are of orders that are in no file: refused, unless an earlier import brought them.
    """
    back = kept.filter(pl.col(Orders.PAID_AMOUNT) < 0) if rows != "repeated" else kept.clear()
    if back.is_empty():
        return kept, back, pl.DataFrame(schema=REFUSED_SCHEMA), back.select(*_LATE)
    kept = kept.filter(pl.col(Orders.PAID_AMOUNT).is_null() | (pl.col(Orders.PAID_AMOUNT) >= 0))
    alone = ~pl.col(Orders.ORDER_ID).is_in(kept[Orders.ORDER_ID].unique().implode())
    alike = [Orders.ORDER_ID, Orders.PLACED_AT, Orders.PAID_AMOUNT, OrderRow.LINE_ID]
    back = back.sort(Line.FILE, Line.NUMBER).with_columns(
        pl.int_range(pl.len()).over(Line.FILE, *alike).alias("_which")
    )
    again = ~pl.struct(*alike, "_which").is_first_distinct()
    back, refused = sift(back, [(again, SAME)])
    late = back.filter(alone).select(*_LATE)
    back, without = sift(back, [(alone, NO_ORDER)])
    return kept, back.drop("_which"), stack([refused, without], REFUSED_SCHEMA), late


def _with_refunds(orders: pl.DataFrame, back: pl.DataFrame) -> pl.DataFrame:
    """Return orders with what rows below zero gave back; where both tell, the larger refund."""
    if back.is_empty():
        return orders
    sums = back.group_by(Orders.ORDER_ID).agg(-pl.col(Orders.PAID_AMOUNT).sum().alias("_back"))
    refund = pl.max_horizontal(Orders.REFUND_AMOUNT, pl.col("_back").round(4))
    joined = orders.join(sums, on=Orders.ORDER_ID, how="left", maintain_order="left")
    return joined.with_columns(refund.fill_null(0.0).alias(Orders.REFUND_AMOUNT)).drop("_back")


def _placed_refunds(back: pl.DataFrame, settled: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows below zero of orders that were taken, and those of others, refused."""
    taken = pl.col(Orders.ORDER_ID).is_in(settled[Orders.ORDER_ID].implode())
    return sift(back, [(~taken, _WHOLE)])


def _like_lines(repeats: pl.DataFrame) -> list[FileNotice]:
    """Say how many lines of each file may be lines of their own, or the same line told again."""
    counts = repeats.filter(pl.col(Line.REASON) == LIKE).group_by(Line.FILE).len().sort(Line.FILE)
    told = (
        "lines are like another of their order but for its refund, and no line numbers tell "
        "whether they are two: each counts as the same line told again; export the file with them"
    )
    return [
        FileNotice(f"{file}: {rows} {told}", str(file), "like_lines", rows)
        for file, rows in counts.iter_rows()
    ]


def _several_numbers(orders: pl.DataFrame) -> list[str]:
    several = int(orders[Orders.ORDER_ID].str.contains(r"\w\s*[,，;；]\s*\w").sum())
    told = (
        f"{several} rows hold several orders' numbers, as programs write that send orders "
        "together: each counts as one order; export the orders from the platform itself"
    )
    return [told] if several else []


def _order_lines(used: pl.DataFrame, rows: Rows) -> tuple[pl.DataFrame, list[str]]:
    """Return the lines of the orders taken, and which of them the contract would not have."""
    own = pl.col(OrderRow.LINE_AMOUNT) if rows == "repeated" else pl.col(Orders.PAID_AMOUNT)
    good, odd = settle(ORDER_LINES, used.with_columns(own.alias(OrderLines.AMOUNT)))
    reasons = ", ".join(odd[Line.REASON].unique().sort())
    told = f"{odd.height} lines are in orders, but not in order_lines: {reasons}"
    return finish(ORDER_LINES, good), [told] if odd.height else []


def _in_one_currency(frame: pl.DataFrame, told: Told) -> pl.DataFrame:
    if not told.rates:
        return frame
    rate = pl.col(OrderRow.CURRENCY).replace_strict(
        dict(told.rates), default=1.0, return_dtype=pl.Float64
    )
    money = (*ORDER_MONEY, OrderRow.LINE_AMOUNT, Line.MONEY)
    return frame.with_columns((pl.col(name) * rate).round(2).alias(name) for name in money)


def _refunds_upward(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Turn refunds that a file writes as what was taken away, all below zero, into amounts."""
    back = frame[Orders.REFUND_AMOUNT]
    if not (back < 0).any() or (back > 0).any():
        return frame, []
    told = "refunds are written below zero: they are taken as what was given back"
    return frame.with_columns(pl.col(Orders.REFUND_AMOUNT).abs()), [told]


def _sift_whole(
    frame: pl.DataFrame, rules: Sequence[Rule], *, whole: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Refuse rows by `rules`, and with a line all lines of its order."""
    numbered = frame.with_row_index("_row")
    kept, refused = sift(numbered, rules)
    if not whole or refused.is_empty():
        return kept.drop("_row"), refused
    lost = refused.filter(pl.col(Line.REASON) != NONE_BOUGHT)
    bad = numbered.join(lost, on=[Line.FILE, Line.NUMBER], how="semi")[Orders.ORDER_ID]
    bad = bad.drop_nulls().unique()
    kept, more = sift(kept, [(pl.col(Orders.ORDER_ID).is_in(bad.implode()), _WHOLE)])
    return kept.drop("_row"), stack([refused, more], REFUSED_SCHEMA)


def _used(
    rows: pl.DataFrame, settled: pl.DataFrame, odd: pl.DataFrame, *, whole: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the source rows of the orders taken, and those of the others, refused."""
    if not whole:
        return settled, odd
    used = rows.join(settled, on=Orders.ORDER_ID, how="semi")
    others = rows.join(settled, on=Orders.ORDER_ID, how="anti")
    reasons = odd.select(Line.FILE, Line.NUMBER, Line.REASON)
    said = others.join(reasons, on=[Line.FILE, Line.NUMBER], how="left")
    reason = pl.col(Line.REASON).drop_nulls().first().over(Orders.ORDER_ID).fill_null(_WHOLE)
    return used, as_refused(said.with_columns(reason.alias(Line.REASON)))


def _money_once(used: pl.DataFrame) -> tuple[pl.DataFrame, float]:
    """Count an order's money once where its lines lie in several files, and say what was left."""
    # Rows without money share the count of the row before them, and have none to lose.
    counted = pl.col(Line.MONEY).is_not_null().cum_sum().over(Orders.ORDER_ID)
    once = used.with_columns(pl.when(counted == 1).then(Line.MONEY).alias(Line.MONEY))
    return once, float(used[Line.MONEY].sum()) - float(once[Line.MONEY].sum())


def _facts(frame: pl.DataFrame, told: Told) -> dict[str, FileFacts]:
    found = frame.group_by(Line.FILE).agg(
        pl.col(OrderRow.CURRENCY).drop_nulls().unique().sort(),
        pl.col(OrderRow.OFFSET).drop_nulls().unique().sort(),
        pl.col(OrderRow.EXPORTED).max(),
        pl.col(OrderRow.SHOP).drop_nulls().unique().sort(),
    )
    return {
        str(file): FileFacts(
            # What its money stands in, once others are brought there.
            (told.currency,) if told.currency else tuple(currency),
            tuple(offsets),
            exported,
            () if told.one_shop else tuple(shops),
        )
        for file, currency, offsets, exported, shops in found.iter_rows()
    }
