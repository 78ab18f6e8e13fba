"""Agents who may be one person: an account that ends where another begins, and is like it."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

import narwhals as nw
import pandas as pd

from csinsight.contract.messages import Notice
from csinsight.contract.schema import Agents, Messages
from csinsight.engine import Shop, collect
from csinsight.features.frames import SENT_MS, Frame, hours_ms

#: A new account is used within so many days of the old one's last line.
_DAYS: Final = 7
#: Within so many, at once.
_AT_ONCE: Final = 2
#: Fewer lines than this tell nothing of whose an account is.
_LEAST_LINES: Final = 20
_LEAST_AGENTS: Final = 4
#: Names that have so much in common, of 1.
_ALIKE: Final = 0.6
#: So many buyers in common, and so many times more than with any other agent.
_BUYERS: Final = 5
_TIMES: Final = 2
#: So many sentences of at least so many characters that both say and nobody else does.
_SENTENCES: Final = 3
_LONG: Final = 8
_WHAT: Final = "_what"
_NUMBER: Final = "0123456789_- "


def renamed_agents(shop: Shop) -> list[Notice]:
    """Return a notice of agents who may be one person under two accounts; nothing is merged.

    One account has to end within a week before the other begins: who hands over to a newcomer
    looks so too. So a second sign is needed: their names are alike, the newer one's buyers have
    written with the older one far more than with anybody else, both say sentences that nobody
    else says, or the one begins at once and nobody else came or went.

    Parameters
    ----------
    shop : Shop

    Examples
    --------
    >>> from csinsight.sample import sample_shop
    >>> renamed_agents(sample_shop())
    []
    """
    if not shop.has("messages", Messages.AGENT_ID, Messages.SENT_AT):
        return []
    sent = nw.col(SENT_MS)
    agents = (nw.col(Messages.SENDER) == "agent") & ~nw.col(Messages.AGENT_ID).is_null()
    said = shop["messages"].filter(agents, ~sent.is_null())
    spans = collect(
        said.group_by(Messages.AGENT_ID).agg(
            sent.min().alias("first"), sent.max().alias("last"), nw.len().alias("lines")
        )
    ).set_index(Messages.AGENT_ID)
    spans = spans[spans["lines"] >= _LEAST_LINES].sort_values("first")
    # Of two or three agents any two are alike: there is nobody to tell them from.
    pairs = [
        (str(old), str(new))
        for new, first in spans["first"].items()
        for old, last in spans["last"].items()
        if 0 < first - last <= hours_ms(24 * _DAYS) and len(spans) >= _LEAST_AGENTS
    ]
    found = [
        (pair, told)
        for pair in pairs
        if (told := [*_alone(spans, *pair), *_signs(shop, said, pair)])
    ]
    if not found:
        return []
    pairs_told = "; ".join(_told(spans, *pair, signs) for pair, signs in found)
    what = (
        f"{pairs_told}: where they are one person, write the one's agent_id into `same_as` in the "
        "row of the other in agents; as it is they count as two"
    )
    return [Notice("agents", what, "renamed", {"found": len(found)})]


def _told(spans: pd.DataFrame, old: str, new: str, signs: list[str]) -> str:
    last = pd.to_datetime(spans["last"], unit="ms").loc[old]
    first = pd.to_datetime(spans["first"], unit="ms").loc[new]
    when = f"{old} wrote last on {last:%Y-%m-%d} and {new} first on {first:%Y-%m-%d}"
    return f"{when}, and {', '.join(signs)}"


def _alone(spans: pd.DataFrame, old: str, new: str) -> Iterator[str]:
    """Yield it where the one begins at once and nobody else came or went in the whole export."""
    edge = hours_ms(24 * 2 * _DAYS)
    came = spans.index[spans["first"] > spans["first"].min() + edge]
    went = spans.index[spans["last"] < spans["last"].max() - edge]
    at_once = spans["first"].loc[new] - spans["last"].loc[old] <= hours_ms(24 * _AT_ONCE)
    if at_once and list(came) == [new] and list(went) == [old]:
        yield "nobody else came or went"


def _signs(shop: Shop, said: Frame, pair: tuple[str, str]) -> Iterator[str]:
    """Yield what speaks for two accounts being one person's, beside their times."""
    old, new = pair
    if _names_alike(shop, old, new):
        yield "their names are alike"
    buyer, text = nw.col(Messages.BUYER_ID), nw.col(Messages.TEXT)
    if shop.has("messages", Messages.BUYER_ID):
        met = said.filter(~buyer.is_null()).select(Messages.AGENT_ID, buyer.alias(_WHAT)).unique()
        if count := _most(met, pair, _BUYERS):
            yield f"share {count} buyers"
    long = said.filter(text.str.len_chars() >= _LONG)
    long = long.select(Messages.AGENT_ID, text.alias(_WHAT)).unique()
    few = long.group_by(_WHAT).agg(nw.len().alias("n")).filter(nw.col("n") == len(pair))
    own = long.join(few.select(_WHAT), on=_WHAT, how="inner")
    if count := _most(own, pair, _SENTENCES):
        yield f"say {count} sentences that nobody else says"


def _most(found: Frame, pair: tuple[str, str], least: int) -> int:
    """Return how much the newer one has in common with the older; 0 if not far more than others."""
    old, new = pair
    agent = nw.col(Messages.AGENT_ID)
    own = found.filter(agent == new).select(_WHAT)
    common = found.join(own, on=_WHAT, how="inner").group_by(Messages.AGENT_ID)
    with_each = collect(common.agg(nw.len().alias("n"))).set_index(Messages.AGENT_ID)["n"]
    others = with_each.drop([old, new], errors="ignore")
    count = int(with_each.get(old, 0))
    return count if count >= max(least, _TIMES * others.max() if len(others) else 0) else 0


def _names_alike(shop: Shop, old: str, new: str) -> bool:
    names = {old: old, new: new}
    if shop.has("agents", Agents.NAME):
        known = collect(shop["agents"].select(Agents.AGENT_ID, Agents.NAME)).dropna()
        names |= dict(zip(known[Agents.AGENT_ID], known[Agents.NAME], strict=True))
    # Of a nick such as 店铺名:小李 all agents of the shop share the first part.
    one, other = (names[agent].rsplit(":", 1)[-1].casefold() for agent in (old, new))
    numbers = [name[len(name.rstrip(_NUMBER)) :].strip("_- ") for name in (one, other)]
    one, other = (name.rstrip(_NUMBER) for name in (one, other))
    # 客服01 and 客服02 are two in a row; 小李 and 小李2 may be one.
    if min(len(one), len(other)) < 2 or (all(numbers) and one == other):
        return False
    return one in other or other in one or SequenceMatcher(None, one, other).ratio() >= _ALIKE
