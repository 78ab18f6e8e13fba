"""The tables that csinsight reads: their columns, types and limits, in one place.

Everything else names a column through the classes below (``Orders.PLACED_AT``), so that a name
is spelled once. `csinsight.contract.cells` turns `TABLES` into pandera schemas.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["str", "datetime", "date", "float", "int", "bool"]

PAGE_KINDS = (
    "home",
    "search",
    "category",
    "product",
    "new_arrivals",
    "deal",
    "cart",
    "checkout",
    "account",
    "help",
    "community",
    "news",
    "sports",
    "entertainment",
    "other",
)
SENDERS = ("buyer", "agent", "bot", "system")


@dataclass(frozen=True)
class Column:
    """One column of a contract table.

    Parameters
    ----------
    name : str
        Fixed name.
    kind : Kind
        Logical type; money and durations are ``float``, times local without zone.
    required : bool
        Whether the column has to be there.
    nullable : bool
        Whether single cells may be empty.
    all_or_nothing : bool
        The column may be empty from top to bottom (the source does not have it), but a single
        empty cell is a fault.
    unique : bool
    at_least, at_most : float or None
        Closed limits.
    one_of : tuple of str
        Allowed values; empty for any.
    meaning : str
        One line for data dictionaries and for error messages.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = True
    nullable: bool = False
    all_or_nothing: bool = False
    unique: bool = False
    at_least: float | None = None
    at_most: float | None = None
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One contract table: its name, what a row is, and its columns in order."""

    name: str
    one_row: str
    columns: tuple[Column, ...] = field(default=())

    def column(self, name: str) -> Column:
        """Return the column called `name`; `KeyError` where the table has none."""
        return {column.name: column for column in self.columns}[name]


class Buyers:
    """Column names of ``buyers``."""

    BUYER_ID = "buyer_id"
    JOINED_AT = "joined_at"


class PageViews:
    """Column names of ``page_views``."""

    BUYER_ID = "buyer_id"
    VIEWED_AT = "viewed_at"
    PAGE_KIND = "page_kind"
    DWELL_SECONDS = "dwell_seconds"
    VISIT_ID = "visit_id"


class Orders:
    """Column names of ``orders``."""

    ORDER_ID = "order_id"
    BUYER_ID = "buyer_id"
    PLACED_AT = "placed_at"
    PAID_AT = "paid_at"
    LIST_AMOUNT = "list_amount"
    PAID_AMOUNT = "paid_amount"
    REFUND_AMOUNT = "refund_amount"
    UNITS = "units"
    COUPON_USED = "coupon_used"


class Messages:
    """Column names of ``messages``."""

    BUYER_ID = "buyer_id"
    AGENT_ID = "agent_id"
    SENDER = "sender"
    SENT_AT = "sent_at"
    TEXT = "text"
    CONVERSATION_ID = "conversation_id"
    #: Running number in reading order, added by the engine: the order of equal or missing times.
    MESSAGE_NO = "message_no"


class Agents:
    """Column names of ``agents``."""

    AGENT_ID = "agent_id"
    NAME = "name"
    TEAM = "team"
    HIRED_ON = "hired_on"
    SAME_AS = "same_as"


class Ratings:
    """Column names of ``ratings``."""

    BUYER_ID = "buyer_id"
    AGENT_ID = "agent_id"
    RATED_AT = "rated_at"
    SCORE = "score"


class OrderLines:
    """Column names of ``order_lines``."""

    ORDER_ID = "order_id"
    PRODUCT_ID = "product_id"
    PRODUCT_NAME = "product_name"
    CATEGORY = "category"
    UNITS = "units"
    AMOUNT = "amount"


class OrderBuyers:
    """Column names of ``order_buyers``."""

    ORDER_ID = "order_id"
    BUYER_ID = "buyer_id"
    KEY = "key"
    PLACED_AT = "placed_at"
    AMOUNT = "amount"
    AGENT_ID = "agent_id"


#: How an order's buyer was found where its own row doesn't say, best first.
ORDER_BUYER_KEYS = ("number", "list", "contact")


class PlatformKpis:
    """Column names of ``platform_kpis``."""

    DAY = "day"
    AGENT_ID = "agent_id"
    KPI = "kpi"
    VALUE = "value"
    SOURCE = "source"


#: More than any order is worth and any page is read: sums stay numbers.
MOST: Final = 1e12


def _optional(name: str, kind: Kind, meaning: str, at_least: float | None = None) -> Column:
    most = None if at_least is None else MOST
    return Column(
        name, kind, meaning, required=False, nullable=True, at_least=at_least, at_most=most
    )


def _known(name: str, kind: Kind, meaning: str, at_least: float) -> Column:
    """Return a column of which a source knows every cell or none."""
    return Column(name, kind, meaning, at_least=at_least, at_most=MOST, all_or_nothing=True)


BUYERS = Table(
    "buyers",
    "a buyer account",
    (
        Column(Buyers.BUYER_ID, "str", "the account", unique=True),
        _optional(Buyers.JOINED_AT, "datetime", "when the account was opened on the platform"),
    ),
)
PAGE_VIEWS = Table(
    "page_views",
    "one page seen by a known buyer",
    (
        Column(PageViews.BUYER_ID, "str", "who saw it"),
        Column(PageViews.VIEWED_AT, "datetime", "when"),
        Column(PageViews.PAGE_KIND, "str", "what kind of page", one_of=PAGE_KINDS),
        _optional(PageViews.DWELL_SECONDS, "float", "seconds on the page", at_least=0),
        _optional(PageViews.VISIT_ID, "str", "the visit; absent: cut at 30 idle minutes"),
    ),
)
ORDERS = Table(
    "orders",
    "one order",
    (
        Column(Orders.ORDER_ID, "str", "the order", unique=True),
        Column(Orders.BUYER_ID, "str", "who ordered", all_or_nothing=True),
        Column(Orders.PLACED_AT, "datetime", "when it was placed"),
        _optional(Orders.PAID_AT, "datetime", "when it was paid; empty: never"),
        _known(Orders.LIST_AMOUNT, "float", "price before any discount", 0),
        _known(Orders.PAID_AMOUNT, "float", "what was, or was to be, paid", 0),
        _optional(Orders.REFUND_AMOUNT, "float", "what was given back; absent: 0", at_least=0),
        _known(Orders.UNITS, "int", "number of items", 1),
        _optional(Orders.COUPON_USED, "bool", "whether a coupon was used"),
    ),
)
MESSAGES = Table(
    "messages",
    "one chat message",
    (
        Column(Messages.BUYER_ID, "str", "the buyer of the chat"),
        _optional(Messages.AGENT_ID, "str", "the agent; empty for bot, system, unassigned"),
        Column(Messages.SENDER, "str", "who wrote it", one_of=SENDERS),
        Column(Messages.SENT_AT, "datetime", "when it was sent", all_or_nothing=True),
        Column(Messages.TEXT, "str", "what it says; empty: a picture or the like", nullable=True),
        _optional(Messages.CONVERSATION_ID, "str", "the conversation; absent: cut by gaps"),
    ),
)
AGENTS = Table(
    "agents",
    "one customer-service agent",
    (
        Column(Agents.AGENT_ID, "str", "the agent", unique=True),
        _optional(Agents.NAME, "str", "name in reports"),
        _optional(Agents.TEAM, "str", "team"),
        _optional(Agents.HIRED_ON, "date", "first day of work"),
        _optional(Agents.SAME_AS, "str", "another account of this agent, under which both count"),
    ),
)
RATINGS = Table(
    "ratings",
    "one satisfaction score given by a buyer",
    (
        Column(Ratings.BUYER_ID, "str", "who gave it"),
        Column(Ratings.AGENT_ID, "str", "to which agent"),
        Column(Ratings.RATED_AT, "datetime", "when"),
        Column(Ratings.SCORE, "int", "1 (worst) to 5 (best)", at_least=1, at_most=5),
    ),
)

ORDER_LINES = Table(
    "order_lines",
    "one line of an order",
    (
        Column(OrderLines.ORDER_ID, "str", "the order that it belongs to"),
        _optional(OrderLines.PRODUCT_ID, "str", "the product"),
        _optional(OrderLines.PRODUCT_NAME, "str", "its name"),
        _optional(OrderLines.CATEGORY, "str", "its category"),
        _known(OrderLines.UNITS, "int", "number of items", 1),
        _known(OrderLines.AMOUNT, "float", "what was, or was to be, paid for the line", 0),
    ),
)
ORDER_BUYERS = Table(
    "order_buyers",
    "which buyer of the chats placed an order, where the order's own row does not say",
    (
        _optional(OrderBuyers.ORDER_ID, "str", "the order; empty: not found among orders yet"),
        Column(OrderBuyers.BUYER_ID, "str", "who placed it, as chats know them"),
        Column(
            OrderBuyers.KEY,
            "str",
            "by what: its number in a chat, a list of the platform, e-mail or phone in a chat",
            one_of=ORDER_BUYER_KEYS,
        ),
        _optional(OrderBuyers.PLACED_AT, "datetime", "when it was placed, as a list says"),
        _optional(OrderBuyers.AMOUNT, "float", "what it is worth, as a list says", at_least=0),
        _optional(OrderBuyers.AGENT_ID, "str", "the agent that a list names"),
    ),
)
PLATFORM_KPIS = Table(
    "platform_kpis",
    "one figure that the platform reports for a day",
    (
        Column(PlatformKpis.DAY, "date", "the day"),
        _optional(PlatformKpis.AGENT_ID, "str", "the agent; empty: the whole shop"),
        Column(PlatformKpis.KPI, "str", "which figure, in the platform's words"),
        Column(PlatformKpis.VALUE, "float", "its value; a rate as a share of 1"),
        _optional(PlatformKpis.SOURCE, "str", "the report that it stands in"),
    ),
)

#: The six tables that reports are made of.
MAIN_TABLES: dict[str, Table] = {
    table.name: table for table in (BUYERS, PAGE_VIEWS, ORDERS, MESSAGES, AGENTS, RATINGS)
}
#: Those, and the optional ones beside them.
TABLES: dict[str, Table] = MAIN_TABLES | {
    t.name: t for t in (ORDER_LINES, ORDER_BUYERS, PLATFORM_KPIS)
}
