"""What the tables of a shop say about each other: who is found in which table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from csinsight.contract.faults import Notice
from csinsight.contract.tables import Agents, Messages, Orders, PageViews, Ratings


def cross_notices(tables: Mapping[str, pl.DataFrame]) -> list[Notice]:
    """Return what is worth knowing about how a shop's tables fit each other.

    Parameters
    ----------
    tables : mapping of str to polars.DataFrame
        Typed tables by name; absent ones are not in it.

    Returns
    -------
    list of Notice
        Without any buyer's or agent's name.
    """
    return [
        *_untimed(tables),
        *_wordless(tables),
        *_buyers(tables, "messages", Messages.BUYER_ID, "chat"),
        *_buyers(tables, "page_views", PageViews.BUYER_ID, "page view"),
        *_masked(tables),
        *_agents(tables, "messages", Messages.AGENT_ID),
        *_agents(tables, "ratings", Ratings.AGENT_ID),
    ]


def _ids(tables: Mapping[str, pl.DataFrame], table: str, column: str) -> pl.Series:
    if table not in tables:
        return pl.Series(column, [], dtype=pl.String)
    return tables[table][column].drop_nulls().unique()


def _untimed(tables: Mapping[str, pl.DataFrame]) -> Iterator[Notice]:
    if "messages" in tables and tables["messages"][Messages.SENT_AT].count() == 0:
        yield Notice(
            "messages",
            "no message has a time: the order in the file is the only clock, and figures of "
            "time, months and conversion are left out",
            "untimed",
        )


def _wordless(tables: Mapping[str, pl.DataFrame]) -> Iterator[Notice]:
    """Count the messages without text; only whether there is text is kept of it here."""
    if "messages" not in tables:
        return
    empty, messages = int(tables["messages"][Messages.TEXT].sum()), tables["messages"].height
    if empty:
        what = "have no text (pictures, say): they count as messages that show no behaviour"
        counts = {"found": empty, "all": messages}
        yield Notice("messages", f"{empty:,} of {messages:,} messages {what}", "wordless", counts)


def _buyers(
    tables: Mapping[str, pl.DataFrame], table: str, column: str, name: str
) -> Iterator[Notice]:
    buyers = _ids(tables, table, column)
    if buyers.is_empty() or "orders" not in tables:
        return
    with_orders = _ids(tables, "orders", Orders.BUYER_ID)
    if with_orders.is_empty():
        what = "orders name no buyer: buyers here can't be joined with orders"
        yield Notice(table, what, "no_order_buyers")
        return
    found = int(buyers.is_in(with_orders.implode()).sum())
    yield Notice(
        table,
        f"{found:,} of {len(buyers):,} {name} buyers ({found / len(buyers):.0%}) are found in "
        "orders",
        "match_rate",
        {"found": found, "all": len(buyers)},
    )


def _masked(tables: Mapping[str, pl.DataFrame]) -> Iterator[Notice]:
    for table, frame in tables.items():
        if "buyer_id" in frame.columns:
            buyers = _ids(tables, table, "buyer_id")
            masked = int(buyers.str.contains("*", literal=True).sum())
            if masked:
                what = "are masked with asterisks and can't be joined with other tables for sure"
                counts = {"found": masked, "all": len(buyers)}
                yield Notice(
                    table, f"{masked:,} of {len(buyers):,} buyer ids {what}", "masked", counts
                )


def _agents(tables: Mapping[str, pl.DataFrame], table: str, column: str) -> Iterator[Notice]:
    agents = _ids(tables, table, column)
    if agents.is_empty() or "agents" not in tables:
        return
    known = _ids(tables, "agents", Agents.AGENT_ID)
    missing = int((~agents.is_in(known.implode())).sum())
    if missing:
        yield Notice(
            table,
            f"{missing:,} of {len(agents):,} agents are not in agents: their ids stand in for "
            "their names",
            "unknown_agents",
            {"found": missing, "all": len(agents)},
        )
