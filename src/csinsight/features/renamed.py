"""Agents who may be one person: an account that ends where another begins, and is like it."""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from typing import Final

import narwhals as nw
import numpy as np
import pandas as pd

from csinsight.contract.messages import NAMED, Notice
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
_NEW: Final = "_new"
_NUMBER: Final = "0123456789_- "
#: An id that is no name: a number, a hash, a letter with a number.
_CODE: Final = re.compile(r"[0-9a-f\-_]+|[A-Za-z]{0,3}[\-_]?[0-9][0-9\-_]*")
#: Where such a share of accounts ends where others begin, ids are given anew; no pair stands out.
_MANY: Final = 1 / 3


def renamed_agents(shop: Shop) -> list[Notice]:
    """Return a notice of agents who may be one person under two accounts; nothing is merged.

    One account has to end within a week before the other begins: who hands over to a newcomer
    looks so too. So a second sign is needed: their names are alike, the newer one's buyers have
    written with the older one far more than with anybody else, both say sentences that nobody
    else says, or the one begins at once and nobody else came or went. A pair is named where
    neither is like a third; where accounts end and begin by the dozen none is, and that is said.

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
    pairs = _in_turn(spans)
    if (ended := len({old for old, _ in pairs})) >= max(_LEAST_AGENTS, len(spans) * _MANY):
        what = (
            f"{ended} of {len(spans)} accounts end within a week before others begin, as where "
            "ids are given anew: if they are, write into `same_as` in agents who is whom"
            f"{_file(shop)}, since figures by agent over several months are of accounts"
        )
        return [Notice("agents", what, "renamed_many", {"found": ended, "all": len(spans)})]
    signs = _signs(shop, said, spans, pairs) if pairs else {}
    if not signs:
        return []
    told = [_told(spans, *pair, why) for pair, why in list(signs.items())[:NAMED]]
    if more := len(signs) - len(told):
        told.append(f"and {more} more pairs")
    what = (
        f"{'; '.join(told)}: where they are one person, write the one's agent_id into `same_as` in "
        f"the row of the other in agents{_file(shop)}; as it is they count as two"
    )
    return [Notice("agents", what, "renamed", {"found": len(signs)})]


def _file(shop: Shop) -> str:
    """Return how to make the table of agents where there is none."""
    made = " (there is none: make agents.csv beside the tables, with the columns agent_id, same_as)"
    return "" if shop.has("agents") else made


def _in_turn(spans: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the accounts of which one ends within a week before the other begins."""
    # Of two or three agents any two are alike: there is nobody to tell them from.
    if len(spans) < _LEAST_AGENTS:
        return []
    between = np.subtract.outer(spans["first"].to_numpy(), spans["last"].to_numpy())
    new, old = np.nonzero((between > 0) & (between <= hours_ms(24 * _DAYS)))
    return list(zip(spans.index[old].astype(str), spans.index[new].astype(str), strict=True))


def _told(spans: pd.DataFrame, old: str, new: str, signs: list[str]) -> str:
    last, first = (
        pd.Timestamp(at, unit="ms") for at in (spans["last"].loc[old], spans["first"].loc[new])
    )
    when = f"{old} wrote last on {last:%Y-%m-%d} and {new} first on {first:%Y-%m-%d}"
    return f"{when}, and {', '.join(signs)}"


def _signs(
    shop: Shop, said: Frame, spans: pd.DataFrame, pairs: list[tuple[str, str]]
) -> dict[tuple[str, str], list[str]]:
    """Return what speaks for two accounts being one person's, beside their times."""
    names = _names(shop)
    buyer, text = nw.col(Messages.BUYER_ID), nw.col(Messages.TEXT)
    newer = sorted({new for _, new in pairs})
    buyers: dict[str, dict[str, int]] = {}
    if shop.has("messages", Messages.BUYER_ID):
        met = said.filter(~buyer.is_null()).select(Messages.AGENT_ID, buyer.alias(_WHAT)).unique()
        buyers = _in_common(met, newer)
    long = said.filter(text.str.len_chars() >= _LONG)
    long = long.select(Messages.AGENT_ID, text.alias(_WHAT)).unique()
    two = long.group_by(_WHAT).agg(nw.len().alias("n")).filter(nw.col("n") == 2)
    sentences = _in_common(long.join(two.select(_WHAT), on=_WHAT, how="inner"), newer)
    only = _only_ones(spans)
    found = {}
    for old, new in pairs:
        signs = []
        if only == (old, new):
            signs.append("nobody else came or went")
        if _names_alike(_called(names, old), _called(names, new)):
            signs.append("their names are alike")
        if count := _most(buyers.get(new, {}), old, _BUYERS):
            signs.append(f"share {count} buyers")
        if count := _most(sentences.get(new, {}), old, _SENTENCES):
            signs.append(f"say {count} sentences that nobody else says")
        if signs:
            found[old, new] = signs
    # Who is like several is told apart by none of the signs.
    olds, news = Counter(old for old, _ in found), Counter(new for _, new in found)
    return {pair: why for pair, why in found.items() if olds[pair[0]] == news[pair[1]] == 1}


def _only_ones(spans: pd.DataFrame) -> tuple[str, str] | None:
    """Return who left and who came at once, where nobody else did in the whole export."""
    edge = hours_ms(24 * 2 * _DAYS)
    came = spans.index[spans["first"] > spans["first"].min() + edge]
    went = spans.index[spans["last"] < spans["last"].max() - edge]
    if len(came) != 1 or len(went) != 1:
        return None
    at_once = spans["first"].loc[came[0]] - spans["last"].loc[went[0]] <= hours_ms(24 * _AT_ONCE)
    return (str(went[0]), str(came[0])) if at_once else None


def _in_common(found: Frame, newer: list[str]) -> dict[str, dict[str, int]]:
    """Return by each of the newer agents how much every other one has in common with them."""
    agent = nw.col(Messages.AGENT_ID)
    own = found.filter(agent.is_in(newer)).select(agent.alias(_NEW), _WHAT)
    both = found.join(own, on=_WHAT, how="inner").filter(agent != nw.col(_NEW))
    counts = collect(both.group_by(_NEW, Messages.AGENT_ID).agg(nw.len().alias("n")))
    return {
        str(new): dict(zip(part[Messages.AGENT_ID], part["n"].astype(int), strict=True))
        for new, part in counts.groupby(_NEW)
    }


def _most(with_each: dict[str, int], old: str, least: int) -> int:
    """Return how much is in common with the older one; 0 if not far more than with others."""
    count = with_each.get(old, 0)
    others = max((n for agent, n in with_each.items() if agent != old), default=0)
    return count if count >= max(least, _TIMES * others) else 0


def _names(shop: Shop) -> dict[str, str]:
    if not shop.has("agents", Agents.NAME):
        return {}
    known = collect(shop["agents"].select(Agents.AGENT_ID, Agents.NAME)).dropna()
    return dict(zip(known[Agents.AGENT_ID], known[Agents.NAME], strict=True))


def _called(names: dict[str, str], agent: str) -> str:
    """Return an agent's name; of one without, the id where that is made of words."""
    return names.get(agent, "" if _CODE.fullmatch(agent) else agent)


def _names_alike(one: str, other: str) -> bool:
    # Of a nick such as 店铺名:小李 all agents of the shop share the first part.
    one, other = (name.rsplit(":", 1)[-1].casefold() for name in (one, other))
    numbers = [name[len(name.rstrip(_NUMBER)) :].strip("_- ") for name in (one, other)]
    one, other = (name.rstrip(_NUMBER) for name in (one, other))
    # 客服01 and 客服02 are two in a row; 小李 and 小李2 may be one.
    if min(len(one), len(other)) < 2 or (all(numbers) and one == other):
        return False
    return one in other or other in one or SequenceMatcher(None, one, other).ratio() >= _ALIKE
