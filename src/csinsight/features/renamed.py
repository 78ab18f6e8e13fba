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
#: Fewer lines than this tell nothing of whose an account is.
_LEAST_LINES: Final = 20
#: Names that have so much in common, of 1.
_ALIKE: Final = 0.6
#: So many buyers in common, and so many times more than with any other agent.
_BUYERS: Final = 5
_TIMES: Final = 2
#: So many sentences of at least so many characters that both say and nobody else does.
_SENTENCES: Final = 3
_LONG: Final = 8
_NUMBER: Final = "0123456789_- "


def renamed_agents(shop: Shop) -> list[Notice]:
    """Return a notice of agents who may be one person under two accounts; nothing is merged.

    One account has to end within a week before the other begins: who hands over to a newcomer
    looks so too. So a second sign is needed: their names are alike, the newer one's buyers have
    written with the older one more than with anybody else, or both say sentences that nobody
    else says.

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
    pairs = [
        (str(old), str(new))
        for new, first in spans["first"].items()
        for old, last in spans["last"].items()
        if 0 < first - last <= hours_ms(24 * _DAYS)
    ]
    found = [(pair, told) for pair in pairs if (told := list(_signs(shop, said, pair)))]
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


def _signs(shop: Shop, said: Frame, pair: tuple[str, str]) -> Iterator[str]:
    """Yield what speaks for two accounts being one person's, beside their times."""
    old, new = pair
    if _names_alike(shop, old, new):
        yield "their names are alike"
    agent, buyer, text = Messages.AGENT_ID, Messages.BUYER_ID, Messages.TEXT
    if shop.has("messages", buyer):
        met = said.filter(~nw.col(buyer).is_null()).select(agent, buyer).unique()
        own = met.filter(nw.col(agent) == new).select(buyer)
        shared = collect(
            met.join(own, on=buyer, how="inner").group_by(agent).agg(nw.len().alias("n"))
        )
        with_each = shared.set_index(agent)["n"].drop(new)
        others = with_each.drop(old, errors="ignore").max()
        count = int(with_each.get(old, 0))
        if count >= _BUYERS and count >= _TIMES * (0 if pd.isna(others) else others):
            yield f"share {count} buyers"
    long = said.filter(nw.col(text).str.len_chars() >= _LONG).select(agent, text).unique()
    both = [long.filter(nw.col(agent) == one).select(text) for one in pair]
    common = both[0].join(both[1], on=text, how="inner")
    used = collect(long.join(common, on=text, how="inner").group_by(text).agg(nw.len().alias("n")))
    if (count := int((used["n"] == len(pair)).sum())) >= _SENTENCES:
        yield f"say {count} sentences that nobody else says"


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
