"""Rows of order files to orders: which state is the latest, and lines folded to whole orders.

Three things are the same for every platform, so they stand here and nowhere else.

*Order of files is not time.* Of two rows of one order the later state wins by the states
themselves: paid beats unpaid, the larger refund wins, closed beats open; then the file exported
later; never the order in which files were given.

*An order is whole or refused.* A file with a row a line is folded: amounts and units are summed
(or the amounts stand for the whole order on each line), buyer and times are one. Where one line
is refused, all lines of its order are.

*One folder, one shop, one currency, one clock.* See `one_of_each`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import polars as pl

from csinsight.contract.schema import ORDER_LINES, ORDERS, OrderLines, Orders
from csinsight.errors import ImporterError
from csinsight.importers.reading import (
    LINE_SCHEMA,
    NO_DATA,
    REFUSED_SCHEMA,
    REPEAT,
    Line,
    as_refused,
    stack,
)
from csinsight.importers.sift import FileFacts, Imported, Rule, finish, settle, sift

#: What a row of the file is: an order; a line with its own amount; a line on which the order's
#: amounts are repeated.
Rows = Literal["orders", "lines", "repeated"]


class Row:
    """Columns that an order's row may carry beside those of `Line` and of the contract."""

    #: Whether the order can't change any more.
    CLOSED = "_closed"
    #: When its file was exported, or the row last updated.
    EXPORTED = "_exported"
    #: ISO 4217, as the row names it.
    CURRENCY = "_currency"
    #: Minutes from UTC of the times that it leaves in the tables.
    OFFSET = "_offset"
    #: What tells two orders of one number apart (Shopify's ``Id``).
    KEY = "_key"
    #: The platform's number of the line.
    LINE_ID = "_line_id"
    #: Which shop the row names as its seller.
    SHOP = "_shop"
    #: What the line alone is worth, where the order's amounts are repeated on each.
    LINE_AMOUNT = "_line_amount"


_DEFAULTS: Final[dict[str, pl.DataType]] = {
    Row.CLOSED: pl.Boolean(),
    Row.EXPORTED: pl.Datetime("us"),
    Row.CURRENCY: pl.String(),
    Row.OFFSET: pl.Int64(),
    Row.KEY: pl.String(),
    Row.SHOP: pl.String(),
    Row.LINE_ID: pl.String(),
    Row.LINE_AMOUNT: pl.Float64(),
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
_SUMMARY: Final = (
    pl.col(Orders.ORDER_ID)
    .str.to_lowercase()
    .str.contains(r"^(合计|总计|小计|汇总|共计|本页合计|grand total|subtotal|totals?|sum)[:：\s]*$")
    .fill_null(value=False)
)
#: Headers of the column that names the seller: numbers first, since names change.
SHOP_HEADERS: Final = (
    "店铺Id",
    "店铺ID",
    "店铺id",
    "店铺编号",
    "商家ID",
    "商家id",
    "shop_id",
    "seller_id",
    "seller-id",
    "merchant-id",
    "店铺名称",
    "店铺",
    "归属店铺",
    "所属店铺",
    "shop_name",
    "store_name",
    "Shop",
    "Store",
    "Store Name",
)
#: The mend where files are of two shops.
ONE_SHOP: Final = (
    "import each shop into a folder of its own, or, where it is one shop under two names, say "
    "`one_shop: true` in a mapping file"
)
NEWER: Final = f"{REPEAT}another row has this order in a newer state, or in the same"
_SAME: Final = f"{REPEAT}another row tells the same"
_WHOLE: Final = "another line of this order is refused, and an order is taken whole or not at all"
_MONEY: Final = (Orders.LIST_AMOUNT, Orders.PAID_AMOUNT, Orders.REFUND_AMOUNT)


@dataclass(frozen=True)
class Told:
    """What the user told of an import of orders.

    Parameters
    ----------
    currency : str
        The one to take; empty for whatever the files hold, as long as it is one.
    rates : mapping of str to float
        What one unit of another currency is worth in `currency`.
    one_shop : bool
        Whether the files are of one shop whatever they call it.
    """

    currency: str = ""
    rates: Mapping[str, float] | None = None
    one_shop: bool = False


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
        The columns of `Line` and of the contract's orders, typed; those of `Row` where the files
        tell them. ``_money`` is what the row is worth, whether it is taken or not; where it is
        missing it is the row's ``paid_amount``.
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
    """
    told = told or Told()
    needed = {name for rule, _ in rules for name in rule.meta.root_names()}
    needed |= {*LINE_SCHEMA, Orders.ORDER_ID, *_DEFAULTS}
    # What no rule looks at is dropped: a large file's text columns are most of the memory.
    frame = frame.select(name for name in frame.columns if name in needed)
    absent = [name for name in _DEFAULTS if name not in frame.columns]
    worth = pl.col(Orders.PAID_AMOUNT) if Line.MONEY in absent else pl.col(Line.MONEY)
    if rows == "repeated" and Line.MONEY in absent:
        # The order's amount stands on each of its lines: it is counted on one of them.
        worth = pl.when(pl.struct(Line.FILE, Orders.ORDER_ID).is_first_distinct()).then(worth)
    frame = frame.with_columns(
        pl.lit(None, dtype=_DEFAULTS[name]).alias(name) for name in absent
    ).with_columns(worth.alias(Line.MONEY))
    one_of_each(frame, told)
    frame, turned = _refunds_upward(_in_one_currency(frame, told))
    frame = frame.with_columns(pl.when(~_SUMMARY).then(pl.col(Line.MONEY)).alias(Line.MONEY))
    nameless: Rule = (pl.col(Orders.ORDER_ID).is_null(), "order_id is empty")
    summary: Rule = (_SUMMARY, f"{NO_DATA}a row of sums, not an order")
    refusals = [summary, *_currency_rules(told), *rules, nameless]
    kept, refused = _sift_whole(frame, refusals, whole=rows != "orders")
    kept, repeats = _latest_rows(kept, rows)
    orders = kept if rows == "orders" else _folded(kept, rows)
    settled, odd = settle(ORDERS, orders, _fold_rules(rows))
    used, rest = _used(kept, settled, odd, whole=rows != "orders")
    used, again = _money_once(used) if rows == "repeated" else (used, 0.0)
    everything = stack([*damaged, refused, repeats, rest], REFUSED_SCHEMA)
    tables = {ORDERS.name: finish(ORDERS, settled)}
    if rows != "orders":
        lines = used.with_columns(
            (pl.col(Row.LINE_AMOUNT) if rows == "repeated" else pl.col(Orders.PAID_AMOUNT)).alias(
                OrderLines.AMOUNT
            )
        )
        good, _ = settle(ORDER_LINES, lines)
        tables[ORDER_LINES.name] = finish(ORDER_LINES, good)
        notices = [*notices, f"{used.height} lines make {settled.height} orders"]
    notices = [*notices, *turned]
    return Imported(
        {name: table for name, table in tables.items() if table.height},
        everything,
        frame.height + sum(part.height for part in damaged),
        used.height,
        tuple(notices),
        used=used.select(Line.FILE, Line.MONEY),
        money_in=float(frame[Line.MONEY].sum()) - again if frame[Line.MONEY].count() else None,
        facts=_facts(frame, told),
        one_currency=bool(told.currency),
    )


def one_of_each(frame: pl.DataFrame, told: Told) -> None:
    """Refuse files of two shops, two clocks or two currencies.

    Raises
    ------
    ImporterError
        Naming the files.
    """
    if told.rates is None and not told.currency:
        found = _by_file(frame, Row.CURRENCY)
        if len(found) > 1:
            first = next(iter(found))
            raise ImporterError(
                f"money in {' and '.join(found)} can't be summed: {_named(found)}; import them "
                f"into a folder each, or say in a mapping file which to take (`currency: {first}`) "
                "and what others are worth in it (`rates: {XXX: 1.08}`)"
            )
    offsets = _by_file(frame, Row.OFFSET)
    # A clock goes forward and back by an hour in a year.
    if offsets and max(map(int, offsets)) - min(map(int, offsets)) > 60:
        found = {_zone(int(offset)): files for offset, files in offsets.items()}
        raise ImporterError(
            f"times of two clocks: {_named(found)}; import them into a folder each, or say on "
            "which clock the shop lives (`--timezone Europe/Berlin`)"
        )
    keyed = frame.filter(pl.col(Row.KEY).is_not_null())
    twice = keyed.filter(pl.col(Row.KEY).n_unique().over(Orders.ORDER_ID) > 1)
    if twice.height:
        number = twice[Orders.ORDER_ID][0]
        files = ", ".join(sorted(twice[Line.FILE].unique()))
        raise ImporterError(
            f"{files}: order {number} is there with two ids, so these are the orders of two shops; "
            "import each shop into a folder of its own"
        )
    shops = {} if told.one_shop else _by_file(frame, Row.SHOP)
    if len(shops) > 1:
        raise ImporterError(f"orders of two shops: {_named(shops)}; {ONE_SHOP}")
    if not told.one_shop and frame[Line.FILE].n_unique() > 1:
        refuse_other_orders(frame, Line.FILE)


def refuse_other_orders(frame: pl.DataFrame, source: str) -> None:
    """Refuse orders of two sources that share numbers and little else: those are of two shops.

    Parameters
    ----------
    frame : polars.DataFrame
        ``order_id``, ``buyer_id``, ``placed_at`` and the column `source`.
    source : str

    Raises
    ------
    ImporterError
        Where of the numbers that two sources share most, and two at least, are of another buyer
        placed at another hour.

    Examples
    --------
    >>> rows = pl.DataFrame({"order_id": ["1001", "1002"] * 2, "buyer_id": ["a", "b", "c", "d"],
    ...     "placed_at": [datetime(2026, 10, day) for day in (1, 2, 3, 4)],
    ...     "file": ["x.csv", "x.csv", "y.csv", "y.csv"]})
    >>> refuse_other_orders(rows, "file")
    Traceback (most recent call last):
    ...
    csinsight.errors.ImporterError: x.csv, y.csv: 2 of the 2 order numbers in both (such as 1001)...
    """
    known = frame.select(Orders.ORDER_ID, Orders.BUYER_ID, Orders.PLACED_AT, source)
    shared = known.filter(pl.col(source).n_unique().over(Orders.ORDER_ID) > 1)
    if shared.is_empty():
        return
    numbers = shared.group_by(Orders.ORDER_ID).agg(
        (pl.col(Orders.BUYER_ID).drop_nulls().n_unique() > 1).alias("buyers"),
        (pl.col(Orders.PLACED_AT).max() - pl.col(Orders.PLACED_AT).min()).alias("apart"),
        pl.col(source).unique(),
    )
    other = numbers.filter(pl.col("buyers") & (pl.col("apart") > timedelta(hours=1)))
    if other.height < 2 or other.height <= numbers.height / 2:
        return
    files = ", ".join(sorted({str(name) for names in other[source] for name in names}))
    raise ImporterError(
        f"{files}: {other.height} of the {numbers.height} order numbers in both (such as "
        f"{other[Orders.ORDER_ID].sort()[0]}) are of another buyer at another time, so these are "
        f"orders of two shops; {ONE_SHOP}"
    )


def shop_of(header: Sequence[str]) -> pl.Expr:
    """Return the column of a file's rows that names the shop they are of; nulls without one."""
    name = next((name for name in SHOP_HEADERS if name in header), None)
    if name is None:
        return pl.lit(None, dtype=pl.String).alias(Row.SHOP)
    text = pl.col(name).cast(pl.String).str.strip_chars(" \t\"'=")
    return pl.when(text != "").then(text).alias(Row.SHOP)


def _by_file(frame: pl.DataFrame, column: str) -> dict[str, list[str]]:
    pairs = frame.select(column, Line.FILE).drop_nulls().unique().sort(column, Line.FILE)
    found: dict[str, list[str]] = {}
    for value, file in pairs.iter_rows():
        found.setdefault(str(value), []).append(str(file))
    return found


def _named(found: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{value} in {', '.join(files)}" for value, files in found.items())


def _zone(minutes: int) -> str:
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _in_one_currency(frame: pl.DataFrame, told: Told) -> pl.DataFrame:
    if not told.rates:
        return frame
    rate = pl.col(Row.CURRENCY).replace_strict(
        dict(told.rates), default=1.0, return_dtype=pl.Float64
    )
    money = (*_MONEY, Row.LINE_AMOUNT, Line.MONEY)
    return frame.with_columns((pl.col(name) * rate).round(2).alias(name) for name in money)


def _refunds_upward(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Turn refunds that a file writes as what was taken away, all below zero, into amounts."""
    back = frame[Orders.REFUND_AMOUNT]
    if not (back < 0).any() or (back > 0).any():
        return frame, []
    told = "refunds are written below zero: they are taken as what was given back"
    return frame.with_columns(pl.col(Orders.REFUND_AMOUNT).abs()), [told]


def _currency_rules(told: Told) -> list[Rule]:
    if not told.currency:
        return []
    known = [told.currency, *(told.rates or {})]
    other = ~pl.col(Row.CURRENCY).is_in(known)
    return [(other, f"the order is not in {told.currency}, and no rate for it is told")]


def _sift_whole(
    frame: pl.DataFrame, rules: Sequence[Rule], *, whole: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Refuse rows by `rules`, and with a line all lines of its order."""
    numbered = frame.with_row_index("_row")
    kept, refused = sift(numbered, rules)
    if not whole or refused.is_empty():
        return kept.drop("_row"), refused
    bad = numbered.join(kept, on="_row", how="anti")[Orders.ORDER_ID].drop_nulls().unique()
    kept, more = sift(kept, [(pl.col(Orders.ORDER_ID).is_in(bad.implode()), _WHOLE)])
    return kept.drop("_row"), stack([refused, more], REFUSED_SCHEMA)


def _latest_rows(frame: pl.DataFrame, rows: Rows) -> tuple[pl.DataFrame, pl.DataFrame]:
    if rows == "orders":
        return _latest(frame, Orders.ORDER_ID)
    if rows == "lines":
        return _latest_lines(frame)
    # Each line repeats the state of its order, so the newest file has the whole of it.
    newest = _state() == _state().max().over(Orders.ORDER_ID)
    kept, older = sift(frame, [(~newest, NEWER)])
    kept, repeats = _latest_lines(kept)
    return kept, stack([older, repeats], REFUSED_SCHEMA)


def _state() -> pl.Expr:
    """Return one number that is larger for a later state of an order."""
    paid = pl.col(Orders.PAID_AT).is_not_null().cast(pl.Int64)
    refund = (pl.col(Orders.REFUND_AMOUNT).fill_null(0.0) * 100).round().cast(pl.Int64)
    closed = pl.col(Row.CLOSED).fill_null(value=False).cast(pl.Int64)
    exported = pl.col(Row.EXPORTED).dt.epoch("s").fill_null(0)
    # Int128 holds them one above the other: 1, 50, 1 and 40 bits.
    wide = [part.cast(pl.Int128) for part in (paid, refund, closed, exported)]
    return ((wide[0] * 2**50 + wide[1]) * 2 + wide[2]) * 2**40 + wide[3]


def _rank() -> tuple[list[pl.Expr], list[bool]]:
    """Return what the newest state of an order is sorted by, and whether downward."""
    by = [
        pl.col(Orders.PAID_AT).is_not_null(),
        pl.col(Orders.REFUND_AMOUNT).fill_null(0.0),
        pl.col(Row.CLOSED).fill_null(value=False),
        pl.col(Row.EXPORTED).fill_null(datetime(1, 1, 1)),
        # Alike by all that tells states: any fixed choice, whichever file was named first.
        pl.col(Line.FILE),
        pl.col(Line.NUMBER),
    ]
    return by, [True] * (len(by) - 1) + [False]


def _latest(frame: pl.DataFrame, *key: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the newest row of each key in the order of the rows, and the others, refused."""
    by, down = _rank()
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
        Row.LINE_AMOUNT,
    ]
    which = pl.int_range(pl.len()).over(Line.FILE, *alike)
    bare = pl.col(Row.LINE_ID).is_null()
    named = frame.with_columns(
        pl.when(bare).then(pl.struct(*alike[1:]).hash().cast(pl.String)).alias("_like"),
        pl.when(bare).then(which).alias("_which"),
    )
    kept, repeats = _latest(named, Orders.ORDER_ID, Row.LINE_ID, "_like", "_which")
    repeats = repeats.with_columns(pl.lit(_SAME).alias(Line.REASON))
    return kept.drop("_like", "_which"), repeats


def _folded(lines: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    """Return one row an order: amounts summed or taken once, units summed, one state."""
    newest = pl.col(Row.EXPORTED).fill_null(datetime(1, 1, 1)).arg_max()
    one = {name: pl.col(name).drop_nulls().n_unique() for name in (Orders.BUYER_ID, *_MONEY)}
    amounts = [
        # Sums of cents in binary floats: rounded to a hundredth of a cent.
        pl.when(pl.col(name).count() > 0).then(pl.col(name).sum().round(4)).alias(name)
        if rows == "lines"
        else pl.col(name).get(newest).alias(name)
        for name in _MONEY
    ]
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


def _fold_rules(rows: Rows) -> list[Rule]:
    if rows == "orders":
        return []
    rules: list[Rule] = [
        (pl.col(f"_{Orders.BUYER_ID}_values") > 1, "the lines of this order name two buyers")
    ]
    if rows == "repeated":
        differs = "the lines of this order differ in {}, which should be the whole order's"
        rules += [
            (pl.col(f"_{name}_values") > 1, differs.format(name))
            for name in (Orders.LIST_AMOUNT, Orders.PAID_AMOUNT)
        ]
    return rules


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
        pl.col(Row.CURRENCY).drop_nulls().unique().sort(),
        pl.col(Row.OFFSET).drop_nulls().unique().sort(),
        pl.col(Row.EXPORTED).max(),
        pl.col(Row.SHOP).drop_nulls().unique().sort(),
    )
    return {
        str(file): FileFacts(
            tuple(currency), tuple(offsets), exported, () if told.one_shop else tuple(shops)
        )
        for file, currency, offsets, exported, shops in found.iter_rows()
    }
