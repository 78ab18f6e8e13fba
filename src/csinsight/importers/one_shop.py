"""One folder, one shop: what refuses files, rows and clocks of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import Final

import polars as pl

from csinsight.contract.imports import ImportRecord
from csinsight.contract.schema import Messages, Orders
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.reading import Line
from csinsight.importers.sift import FileNotice


class OrderRow:
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
    "shopId",
    "venderId",
    "shopName",
    "venderName",
    "商家名称",
)
_SINCE_1970: Final = r"^1[0-9]{9}(?:[0-9]{3})?(?:\.[0-9]+)?$"
_ZONE_ENDS: Final = (
    r"(?:Z|[+\u2212-][0-9]{2}:?[0-9]{2}|:[0-9.]+\s*[+\u2212-][0-9]{1,2}(?::?[0-9]{2})?)\s*$"
    rf"|{_SINCE_1970}"
)
#: The mend where files are of two shops.
ONE_SHOP: Final = (
    "import each shop into a folder of its own (where one file holds both, take one by "
    "`only:` in a mapping), or, where it is one shop under two names, say `one_shop: true` in a "
    "mapping file"
)


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


def refuse_mixed_orders(frame: pl.DataFrame, told: Told) -> None:
    """Refuse files of two shops, two clocks or two currencies.

    Raises
    ------
    ImporterError
        Naming the files.

    Examples
    --------
    >>> rows = pl.DataFrame({"_file": ["a.csv", "b.csv"], "_currency": ["EUR", "USD"]})
    >>> refuse_mixed_orders(rows, Told())
    Traceback (most recent call last):
        ...
    csinsight.errors.ImporterError: money in EUR and USD can't be summed: EUR in a.csv, ...
    """
    if told.rates is None and not told.currency:
        found = _by_file(frame, OrderRow.CURRENCY)
        if len(found) > 1:
            first = next((name for name in found if name.isalpha()), "USD")
            raise ImporterError(
                f"money in {' and '.join(found)} can't be summed: {_named(found)}; import them "
                f"into a folder each, or say in a mapping file which to take (`currency: {first}`) "
                "and what others are worth in it (`rates: {XXX: 1.08}`)"
            )
    offsets = _by_file(frame, OrderRow.OFFSET)
    # A clock goes forward and back by an hour in a year.
    if offsets and max(map(int, offsets)) - min(map(int, offsets)) > 60:
        found = {_zone(int(offset)): files for offset, files in offsets.items()}
        raise ImporterError(
            f"times of two clocks: {_named(found)}; import them into a folder each, or say on "
            "which clock the shop lives (`--timezone Europe/Berlin`)"
        )
    keyed = frame.filter(pl.col(OrderRow.KEY).is_not_null())
    twice = keyed.filter(pl.col(OrderRow.KEY).n_unique().over(Orders.ORDER_ID) > 1)
    if twice.height:
        number = twice[Orders.ORDER_ID][0]
        files = ", ".join(sorted(twice[Line.FILE].unique()))
        raise ImporterError(
            f"{files}: order {number} is there with two ids, so these are the orders of two shops; "
            "import each shop into a folder of its own"
        )
    shops = {} if told.one_shop else _by_file(frame, OrderRow.SHOP)
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
    >>> from datetime import datetime
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


def untold_zones(frame: pl.DataFrame, *columns: str) -> list[FileNotice]:
    """Say of which files some times name no zone, where others of the import do.

    Seconds since 1970 name one too: they are UTC.

    Parameters
    ----------
    frame : polars.DataFrame
        ``_file``, and times as they are written.
    *columns : str
        Where they stand.

    Examples
    --------
    >>> at = ["2026-10-05T10:00:00Z", "2026-10-05 10:00:00", None]
    >>> told = untold_zones(pl.DataFrame({"_file": "a.csv", "at": at}), "at")
    >>> [(note.kind, note.rows) for note in told]
    [('no_zone', 1)]
    """
    given = [pl.col(name).cast(pl.String) for name in columns]
    # Nearly no export names zones: to look at the end is far quicker than to read the whole.
    ends = pl.any_horizontal(cell.str.contains(_ZONE_ENDS).fill_null(value=False) for cell in given)
    if frame.is_empty() or not frame.select(ends.any()).item():
        return []
    zoned = [cells.names_zone(cell) | cell.str.contains(_SINCE_1970) for cell in given]
    if not frame.select(pl.any_horizontal(zoned).any()).item():
        return []
    bare = [
        cell.str.contains(":", literal=True) & ~zone
        for cell, zone in zip(given, zoned, strict=True)
    ]
    found = frame.filter(pl.any_horizontal(bare)).group_by(Line.FILE).len().sort(Line.FILE)
    return [
        FileNotice(
            f"{file}: {rows} rows have times without a zone, while others name theirs: they are "
            "taken as the shop's own clock; where they are on another, export them with their zone",
            str(file),
            "no_zone",
            rows,
        )
        for file, rows in found.iter_rows()
    ]


def shop_of(header: Sequence[str]) -> pl.Expr:
    """Return the column of a file's rows that names the shop they are of; nulls without one.

    Examples
    --------
    >>> rows = pl.DataFrame({"订单号": ["1"], "店铺名称": ["旗舰店"]})
    >>> rows.select(shop_of(rows.columns))["_shop"].to_list()
    ['旗舰店']
    """
    name = next((name for name in SHOP_HEADERS if name in header), None)
    if name is None:
        return pl.lit(None, dtype=pl.String).alias(OrderRow.SHOP)
    text = pl.col(name).cast(pl.String).str.strip_chars(" \t\"'=")
    return pl.when(text != "").then(text).alias(OrderRow.SHOP)


def refuse_mixed_chats(frame: pl.DataFrame) -> None:
    """Refuse chats whose files name two shops.

    Parameters
    ----------
    frame : polars.DataFrame
        ``_file`` and ``_shop``.

    Raises
    ------
    ImporterError
        Naming shops and files.

    Examples
    --------
    >>> rows = pl.DataFrame({"_file": ["a.csv", "b.csv"], "_shop": ["甲店", "乙店"]})
    >>> refuse_mixed_chats(rows)
    Traceback (most recent call last):
    ...
    csinsight.errors.ImporterError: chats of two shops: 乙店 in b.csv, 甲店 in a.csv; import ...
    """
    shops = _by_file(frame, OrderRow.SHOP)
    if len(shops) > 1:
        raise ImporterError(f"chats of two shops: {_named(shops)}; {ONE_SHOP}")


def refuse_two_sellers(served: Mapping[str, Mapping[str, set[str]]]) -> None:
    """Refuse a file in which agents of two shops serve buyers of their own.

    One agent of another shop among them may be a buyer who writes by that account.

    Parameters
    ----------
    served : mapping of str to mapping of str to set of str
        By file and shop, the buyers whom its agents serve.

    Raises
    ------
    ImporterError
        Where two shops serve two buyers each at least, none of them in common.

    Examples
    --------
    >>> refuse_two_sellers({"a.txt": {"甲店": {"b1", "b2"}, "乙店": {"b3", "b4"}}})
    Traceback (most recent call last):
    ...
    csinsight.errors.ImporterError: a.txt: holds chats of two shops, 乙店 and 甲店; import each ...
    """
    for file, shops in served.items():
        for one, other in combinations(sorted(shops), 2):
            few = min(len(shops[one]), len(shops[other])) < 2
            if not few and not shops[one] & shops[other]:
                raise ImporterError(
                    f"{file}: holds chats of two shops, {one} and {other}; {ONE_SHOP}"
                )


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


def refuse_other_conversations(frame: pl.DataFrame) -> None:
    """Refuse chats of two files that share numbers of conversations, each of another buyer's.

    Parameters
    ----------
    frame : polars.DataFrame
        ``_file``, ``buyer_id`` and ``conversation_id``.

    Raises
    ------
    ImporterError
        Where of the numbers that two files share most, and two at least, are of other buyers.

    Examples
    --------
    >>> rows = pl.DataFrame({"_file": ["x.txt"] * 2 + ["y.txt"] * 2,
    ...     "conversation_id": ["1", "2"] * 2, "buyer_id": ["a", "b", "c", "d"]})
    >>> refuse_other_conversations(rows)
    Traceback (most recent call last):
    ...
    csinsight.errors.ImporterError: x.txt, y.txt: 2 of the 2 conversations in both (such as 1) ...
    """
    talk = Messages.CONVERSATION_ID
    named = frame.select(Line.FILE, talk, Messages.BUYER_ID).drop_nulls().unique()
    if named[Line.FILE].n_unique() < 2:
        return
    both = (
        named.group_by(talk)
        .agg(pl.col(Line.FILE).unique(), pl.col(Messages.BUYER_ID).n_unique() > 1)
        .filter(pl.col(Line.FILE).list.len() > 1)
    )
    other = both.filter(Messages.BUYER_ID)
    if other.height < 2 or other.height <= both.height / 2:
        return
    files = ", ".join(sorted({str(name) for names in other[Line.FILE] for name in names}))
    raise ImporterError(
        f"{files}: {other.height} of the {both.height} conversations in both (such as "
        f"{other[talk].sort()[0]}) are of another buyer, so "
        f"these are chats of two shops; {ONE_SHOP}"
    )


def refuse_two_shops(entries: Sequence[ImportRecord]) -> None:
    """Refuse two currencies, clocks or shops among all that was imported into a folder.

    Examples
    --------
    >>> rows = {"rows_in": 1, "rows_used": 1, "rows_refused": 0, "sha256": "9f86", "format": "map"}
    >>> two = [ImportRecord(file=f"{code}.csv", currency=[code], **rows) for code in ("EUR", "USD")]
    >>> refuse_two_shops(two)
    Traceback (most recent call last):
        ...
    csinsight.errors.ImporterError: money in two currencies can't be summed: EUR in EUR.csv; ...
    """
    # Two files of one format that name no shop in common are of two.
    for one, other in combinations([e for e in entries if e.shops], 2):
        if one.format == other.format and not set(one.shops) & set(other.shops):
            raise ImporterError(
                f"files of two shops: {one.file} is of {', '.join(one.shops)}, {other.file} of "
                f"{', '.join(other.shops)}; {ONE_SHOP}"
            )
    currencies: dict[str, list[str]] = {}
    for entry in entries:
        for code in entry.currency:
            currencies.setdefault(code, []).append(entry.file)
    if len(currencies) > 1:
        named = "; ".join(f"{code} in {', '.join(files)}" for code, files in currencies.items())
        raise ImporterError(
            f"money in two currencies can't be summed: {named}; choose another --out folder, or "
            "say in a mapping file which to take (`currency: USD`) and what others are worth in it "
            "(`rates: {XXX: 1.08}`)"
        )
    for one, other in combinations([e for e in entries if e.clock], 2):
        apart = min(abs(a - b) for a in one.clock for b in other.clock)
        if apart > 60:
            raise ImporterError(
                f"times of two clocks: {one.file} is {apart / 60:g} hours from {other.file}; say "
                "on which clock the shop lives (`--timezone`), or choose another --out folder"
            )
