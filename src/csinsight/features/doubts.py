"""What a shop's tables tell of how they were exported, where figures made of them would mislead."""

from __future__ import annotations

from typing import Final

import narwhals as nw

from csinsight.contract.messages import Notice
from csinsight.contract.schema import Messages, Orders
from csinsight.engine import Shop, collect
from csinsight.features.frames import SENT_MS, hours_ms, pick
from csinsight.features.outcomes import PAID_MS, PLACED_MS
from csinsight.features.renamed import renamed_agents

_MINUTE_MS: Final = hours_ms(1 / 60)
#: Fewer than this of anything may be chance.
_SOME: Final = 20
#: Full minutes beyond those that come by chance.
_MINUTES: Final = 0.2
#: Lines told twice, of texts that nobody writes twice within a minute.
_TWICE: Final = 0.05
_LONG: Final = 6
#: Orders of one buyer, moment and amount.
_ALIKE: Final = 0.05
#: Orders worth so little of what is usual, and how many of them are worth a word.
_TRIFLE: Final = 0.02
_TRIFLES: Final = 0.05


def doubts(shop: Shop) -> list[Notice]:
    """Return what makes figures of a shop's tables mislead that no single row is wrong for.

    Parameters
    ----------
    shop : Shop

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> doubts(sample_shop())
    []
    """
    return [*_written(shop), *_lag(shop), *_sides(shop), *_twice(shop), *_orders(shop)]


def file_notices(shop: Shop) -> list[Notice]:
    """Return `doubts`, and who of the agents may be one person.

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> file_notices(sample_shop())
    []
    """
    return [*doubts(shop), *renamed_agents(shop)]


def per_mille(share: float) -> dict[str, int]:
    """Return a share as the counts of a notice, of a thousand.

    Examples
    --------
    >>> per_mille(0.25)
    {'found': 250, 'all': 1000}
    """
    return {"found": round(1000 * share), "all": 1000}


def _written(shop: Shop) -> list[Notice]:
    found, told = shop.writing, []
    if found.ids != "kept":
        what = {
            "threads": "stay the same when a buyer writes again after a month: they name buyers",
            "splinters": "change within minutes between lines of one buyer: they name lines",
        }[found.ids]
        told.append(
            Notice(
                "messages",
                f"ids in conversation_id {what}, not conversations; they are left aside, and "
                "conversations are cut by the silence between lines",
                f"ids_{found.ids}",
            )
        )
    if found.throughout:
        what = (
            f"{found.share:.0%} of the agents' lines come within three seconds of a buyer's: these "
            "are not people's times, so waits say nothing of people; where a robot answers, write "
            "`bot` as its sender; where times are a log's, export those of sending"
        )
        told.append(Notice("messages", what, "at_once", per_mille(found.share)))
    elif found.share:
        robots = f"; {', '.join(found.robots)} answer so throughout" if found.robots else ""
        what = (
            f"{found.share:.1%} of the agents' lines are sent by themselves: the same text, again "
            f"and again within three seconds of a buyer's line{robots}; they count as a robot's, "
            "and a first reply is the first that a person wrote"
        )
        told.append(Notice("messages", what, "by_itself", per_mille(found.share)))
    if found.told:
        what = (
            f"{found.told:.1%} of the buyers' lines come in the very second of an order of theirs "
            "and begin alike: the platform's cards and notes; they count as the system's, and "
            "nobody is held to have left them unanswered"
        )
        told.append(Notice("messages", what, "event_lines", per_mille(found.told)))
    if found.minutes >= _MINUTES:
        what = (
            f"{found.minutes:.0%} of the messages tell no seconds, as where a spreadsheet saved "
            "the file: medians of waits are to the minute, and which of two lines of a minute came "
            "first is taken from the file; export times with seconds"
        )
        told.append(Notice("messages", what, "minutes", per_mille(found.minutes)))
    return told


def _lag(shop: Shop) -> list[Notice]:
    lag = shop.order_lag
    if lag.hours:
        what = (
            f"orders stand {abs(lag.hours)} hours {'before' if lag.hours < 0 else 'after'} the "
            "chats that led to them: one of the two tables is on another clock (UTC, say), so what "
            "came of a chat is left out; export both in the shop's local time"
        )
        kind = "clock_before" if lag.hours < 0 else "clock_after"
        return [Notice("orders", what, kind, {"hours": abs(lag.hours)})]
    if lag.unrelated:
        what = (
            "no more orders come in the hours after a buyer's line than in others: either these "
            "chats are about orders placed before, or placed_at is another time than that of "
            "ordering (of sending, of completing)"
        )
        return [Notice("orders", what, "unrelated", {"found": lag.orders})]
    return []


def _sides(shop: Shop) -> list[Notice]:
    """Return which side of the chats is not there."""
    if not shop.sides:
        return []
    what = (
        "not one line is of a {}: the export holds one side of the chats alone, and nothing can be "
        "told of inquiries, waits and conversion"
    )
    return [
        Notice("messages", what.format(name), f"no_{side}_lines")
        for side, name in (("buyer", "buyer"), ("agent", "human agent"))
        if side not in shop.sides
    ]


def _twice(shop: Shop) -> list[Notice]:
    """Return whether many lines stand twice, as where two exports overlap."""
    if not shop.has("messages", Messages.SENT_AT, Messages.TEXT):
        return []
    sent, text = nw.col(SENT_MS), nw.col(Messages.TEXT)
    said = shop["messages"].filter(
        nw.col(Messages.SENDER) == "agent", ~sent.is_null(), text.str.len_chars() >= _LONG
    )
    agent = nw.col(Messages.AGENT_ID)
    groups = (
        said.with_columns(_minute=sent // _MINUTE_MS)
        .group_by(Messages.BUYER_ID, "_minute", Messages.TEXT)
        .agg(nw.len().alias("n"), agent.min().alias("_one"), agent.max().alias("_other"))
    )
    again, two = nw.col("n") - 1, nw.col("_one") != nw.col("_other")
    row = collect(
        groups.select(
            nw.col("n").sum().alias("all"),
            again.sum().alias("again"),
            pick(two, again).sum().alias("two"),
        )
    ).fillna(0)
    every, again_n, two_n = (int(row[name].iloc[0]) for name in ("all", "again", "two"))
    if again_n < max(_SOME, _TWICE * every):
        return []
    under = f", {two_n} of them under two agents" if two_n else ""
    what = (
        f"{again_n} of {every} agents' lines stand twice within a minute{under}, as where two "
        "exports overlap: counts of lines are too high, and who wrote them can't be told where two "
        "agents are named; keep each chat once"
    )
    kind = "twice_two" if two_n >= max(_SOME, again_n / 2) else "twice"
    return [Notice("messages", what, kind, {"found": again_n, "all": every})]


def _orders(shop: Shop) -> list[Notice]:
    """Return whether orders stand several times, and how many are worth next to nothing."""
    if not shop.has("orders", Orders.BUYER_ID, Orders.PLACED_AT, Orders.PAID_AMOUNT):
        return []
    amount = nw.col(Orders.PAID_AMOUNT)
    orders = shop["orders"].filter(~nw.col(Orders.BUYER_ID).is_null(), amount > 0)
    alike = orders.group_by(Orders.BUYER_ID, PLACED_MS, Orders.PAID_AMOUNT).agg(nw.len().alias("n"))
    row = collect(alike.select(nw.col("n").sum().alias("all"), (nw.col("n") - 1).sum().alias("n")))
    every, again = (int(row[name].fillna(0).iloc[0]) for name in ("all", "n"))
    told = []
    if again >= max(_SOME, _ALIKE * every):
        what = (
            f"{again} of {every} orders are of the same buyer, moment and amount as another, as "
            "where each line of an order stands as an order of its own with the whole order's "
            "amount: sales would be counted several times; give one row an order"
        )
        told.append(Notice("orders", what, "orders_alike", {"found": again, "all": every}))
    paid = collect(shop["orders"].filter(~nw.col(PAID_MS).is_null()).select(Orders.PAID_AMOUNT))
    worth = paid[Orders.PAID_AMOUNT].dropna()
    few = int((worth <= _TRIFLE * worth.median()).sum()) if len(worth) else 0
    if few >= max(_SOME, _TRIFLES * len(worth)):
        what = (
            f"{few} of {len(worth)} paid orders come to a fiftieth of the usual or less: price "
            "differences, postage, gifts, tests. They count as orders, so conversion and repeat "
            "purchases are higher, and an order's worth lower, than of goods alone"
        )
        told.append(Notice("orders", what, "trifles", {"found": few, "all": len(worth)}))
    return told
