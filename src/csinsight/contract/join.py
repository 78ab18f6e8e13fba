"""Whether chats and orders can be joined: how many buyers are found in both, and why so few.

A join that can't work is not a zero. Where fewer than `BROKEN` of the chats' buyers are found among
those of orders, nothing that needs the join can be told; below `DOUBTFUL` the match rate stands
beside every figure that needs it, because the buyers who were found are not a sample of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from csinsight.contract.cells import MASKED

#: Shares of the chats' buyers that are found among the buyers of orders.
BROKEN: Final = 0.05
DOUBTFUL: Final = 0.5
#: So few buyers of chats may well have bought nothing.
FEWEST: Final = 10
#: Share of orders without a buyer from which on whoever is not found may have bought.
NAMELESS: Final = 0.05
#: Of buyers whose orders are known in part only nobody can tell what they spend, or without a chat.
MOST: Final = 0.5

Cause = Literal[
    "none",
    "some",
    "nameless",
    "dot_zero",
    "spoilt",
    "case",
    "blanks",
    "masked",
    "mail",
    "hashed",
    "kinds",
]


#: What joins a buyer of chats to orders, in order of trust.
Key = Literal["id", "number", "list", "contact"]


@dataclass(frozen=True)
class KeyMatch:
    """What one key joins.

    Parameters
    ----------
    key : Key
    buyers : int
        Buyers of chats that are found among those of orders by it, and by no better one.
    orders : int
        Orders of all the buyers that it joins.
    """

    key: Key
    buyers: int
    orders: int


@dataclass(frozen=True)
class BuyersNamed:
    """Of how many orders the buyer is known, and of how much money.

    Parameters
    ----------
    orders, of_orders : int
        Orders whose buyer is known, and all.
    net, of_net : float
        What was paid for them less refunds; 0 where the shop has no amounts.
    """

    orders: int = 0
    of_orders: int = 0
    net: float = 0.0
    of_net: float = 0.0

    @property
    def most(self) -> bool:
        """Whether the known buyers have most of the orders and most of the money."""
        if not self.of_orders or self.orders / self.of_orders < MOST:
            return False
        return self.of_net <= 0 or self.net / self.of_net >= MOST

    @property
    def nameless(self) -> float:
        """Share of orders whose buyer is not known; 0 without any order."""
        return 1 - self.orders / self.of_orders if self.of_orders else 0.0


@dataclass(frozen=True)
class Match:
    """How the buyers of chats and of orders fit.

    Parameters
    ----------
    chats, orders : int
        Buyers of each.
    found : int
        Buyers of chats who are among those of orders.
    cause : Cause
        Why so few are found, as far as the ids show it.
    keys : tuple of KeyMatch
        By which key, best first; each buyer counts under the best one alone.
    """

    chats: int
    orders: int
    found: int
    cause: Cause = "none"
    keys: tuple[KeyMatch, ...] = ()

    @property
    def share(self) -> float:
        """Share of the chats' buyers who are found; NaN without any."""
        return self.found / self.chats if self.chats else float("nan")

    @property
    def broken(self) -> bool:
        """Whether the join can't be trusted at all, so that what needs it can't be told."""
        if not self.chats or not self.orders:
            return False
        # Where the ids themselves show the fault, a few buyers are enough to tell.
        few = self.chats < FEWEST or self.orders < FEWEST
        return self.share < BROKEN and (not few or self.cause not in ("none", "some", "nameless"))

    @property
    def doubtful(self) -> bool:
        """Whether the match rate has to stand beside what needs the join."""
        return bool(self.chats and self.orders) and self.share < DOUBTFUL


def match_buyers(chats: pl.Series, orders: pl.Series, nameless: float = 0.0) -> Match:
    """Return how many of the buyers of chats are found among those of orders, and why so few.

    Parameters
    ----------
    chats, orders : polars.Series
        Buyer ids as text, with repeats and nulls as they come.
    nameless : float
        Share of all orders whose buyer is not known.

    Examples
    --------
    >>> match_buyers(pl.Series(["1", "2"]), pl.Series(["1.0", "2.0"]))
    Match(chats=2, orders=2, found=0, cause='dot_zero', keys=())
    """
    chat, order = (ids.drop_nulls().cast(pl.String).unique().alias("id") for ids in (chats, orders))
    found = int(chat.is_in(order.implode()).sum())
    match = Match(len(chat), len(order), found)
    if not match.doubtful:
        return match
    return Match(len(chat), len(order), found, _cause(chat, order, found, nameless))


def _cause(chat: pl.Series, order: pl.Series, found: int, nameless: float) -> Cause:
    """Tell the cause by what makes the ids fit once it is taken away, else by their kinds."""
    for cause, plain in _MENDS.items():
        ours, theirs = (
            ids.to_frame().select(plain.alias("id")).to_series().unique() for ids in (chat, order)
        )
        if int(ours.is_in(theirs.implode()).sum()) > max(found, BROKEN * len(chat)):
            return cause
    for cause, form in _KINDS.items():
        shares = [_share(ids, form) for ids in (chat, order)]
        if max(shares) > 0.5 and (cause == "masked" or min(shares) < 0.5):
            return cause
    digits = [_share(ids, r"^[0-9]+$") > 0.5 for ids in (chat, order)]
    # Where many are found as they are, the ids are of one kind, and the rest did not buy, unless
    # the orders that name no buyer are theirs. Where those are most, few can be found at all.
    if found >= BROKEN * len(chat) or (found and nameless > MOST):
        return "nameless" if nameless >= NAMELESS else "some"
    return "kinds" if digits[0] != digits[1] else "none"


def _share(ids: pl.Series, form: str) -> float:
    return int(ids.str.contains(form).sum()) / max(len(ids), 1)


_ID: Final = pl.col("id")
_MENDS: Final[dict[Cause, pl.Expr]] = {
    "dot_zero": _ID.str.replace(r"\.0+$", ""),
    "blanks": _ID.str.replace_all(r"[\s'\"=\u200b\ufeff]", ""),
    "case": _ID.str.to_lowercase(),
}
_KINDS: Final[dict[Cause, str]] = {
    "masked": MASKED,
    "spoilt": r"^[0-9](\.[0-9]+)?[eE]\+?[0-9]+$",
    "mail": r"@",
    "hashed": r"^[0-9a-f]{32,64}$",
}
