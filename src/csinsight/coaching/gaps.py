"""Where an agent stands beside comparable peers, and what closing a gap would go with.

Gap: what the top quarter of peers does on this agent's mix of questions, minus what the agent does
(for a behaviour that hurts: how much less they do it). Expected gain: gap × effect × the agent's
opportunities a month, in inquiries won; its interval carries the uncertainty of both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import pandas as pd

from csinsight.coaching.effects import Effect
from csinsight.coaching.peers import Standing, standing
from csinsight.contract.artifacts import Conversations

#: A quarter of fewer peers than this is no quarter.
MIN_PEERS: Final = 4
_SIDES: Final = (2.5, 97.5)
_C = Conversations


def standings(
    inquiries: pd.DataFrame, behaviours: Iterable[str], *, seed: int, min_opportunities: int
) -> pd.DataFrame:
    """Return every agent's rate beside the middle half of comparable peers.

    Parameters
    ----------
    inquiries : DataFrame
        Rows of the ``conversations`` artifact, all with an agent.
    behaviours : iterable of str
    seed : int
    min_opportunities : int
        Agents with fewer have no row, and are no peers either.

    Returns
    -------
    DataFrame
        ``behaviour``, ``agent_id``, ``opportunities``, ``rate`` as it was, ``rate_low`` and
        ``rate_high`` (95 %, shrunk), ``peer_q1``, ``peer_median``, ``peer_q3`` on the agent's own
        mix, ``above`` (probability of being above the peers' median).
    """
    records = []
    for behaviour in behaviours:
        found = comparable(inquiries, behaviour, seed, min_opportunities)
        if found is not None:
            records += [_row(found, place) for place in range(len(found.agents))]
    return pd.DataFrame(records, columns=_STANDING_COLUMNS)


_STANDING_COLUMNS: Final = [
    "behaviour",
    "agent_id",
    "opportunities",
    "rate",
    "rate_low",
    "rate_high",
    "peer_q1",
    "peer_median",
    "peer_q3",
    "above",
]


def comparable(
    inquiries: pd.DataFrame, behaviour: str, seed: int, min_opportunities: int
) -> Standing | None:
    """Return the standing of agents with enough opportunities; None without enough peers."""
    offered = inquiries[inquiries[behaviour].notna()]
    counts = offered[_C.AGENT_ID].value_counts()
    enough = counts.index[counts >= min_opportunities]
    if len(enough) <= MIN_PEERS:
        return None
    return standing(offered[offered[_C.AGENT_ID].isin(enough)], behaviour, seed=seed)


def gaps(
    inquiries: pd.DataFrame,
    effects: Iterable[Effect],
    *,
    months: float,
    seed: int,
    min_opportunities: int,
) -> pd.DataFrame:
    """Return the gap and the expected gain of every agent in every driver.

    Parameters
    ----------
    inquiries : DataFrame
        Rows of the ``conversations`` artifact, all with an agent.
    effects : iterable of Effect
    months : float
        How many months the inquiries span, for opportunities a month.
    seed : int
    min_opportunities : int

    Returns
    -------
    DataFrame
        The columns of `standings`, then ``target_rate`` (top quarter of peers), ``gap``,
        ``gap_low``, ``gap_high`` (in the behaviour's unit, positive: room to gain), ``behind``
        (probability of doing worse than the peers' median), ``monthly_opportunities``,
        ``expected_gain_inquiries``, ``low``, ``high``, ``effect_pp`` with its interval.
    """
    records = []
    for effect in effects:
        found = comparable(inquiries, effect.behaviour, seed, min_opportunities)
        if found is not None:
            records += [_gap(found, p, effect, months, seed) for p in range(len(found.agents))]
    return pd.DataFrame(records, columns=[*_STANDING_COLUMNS, *_GAP_COLUMNS])


_GAP_COLUMNS: Final = [
    "target_rate",
    "gap",
    "gap_low",
    "gap_high",
    "behind",
    "monthly_opportunities",
    "expected_gain_inquiries",
    "low",
    "high",
    "effect_pp",
    "effect_low_pp",
    "effect_high_pp",
]


def _row(found: Standing, place: int) -> dict[str, object]:
    own = found.own(place)
    low, high = found.readable(np.percentile(own, _SIDES))
    middle = found.peers(place, 0.5)
    quartiles = [found.readable(found.peers(place, q)).mean() for q in (0.25, 0.75)]
    return {
        "behaviour": found.behaviour,
        "agent_id": found.agents[place],
        "opportunities": int(found.opportunities[place]),
        "rate": float(found.readable(found.observed[place])),
        "rate_low": float(low),
        "rate_high": float(high),
        "peer_q1": float(quartiles[0]),
        "peer_median": float(found.readable(middle).mean()),
        "peer_q3": float(quartiles[1]),
        "above": float((own > middle).mean()),
    }


def _gap(
    found: Standing, place: int, effect: Effect, months: float, seed: int
) -> dict[str, object]:
    own = found.own(place)
    target = found.peers(place, 0.75 if effect.helps else 0.25)
    room = target - own if effect.helps else own - target
    monthly = float(found.opportunities[place]) / months
    gain = (target - own) * effect.draws(len(own), seed) * monthly
    low, high = np.percentile(gain, _SIDES)
    gap_low, gap_high = np.percentile(room, _SIDES)
    row = _row(found, place)
    above = float(str(row["above"]))
    return row | {
        "target_rate": float(found.readable(target).mean()),
        "gap": float(room.mean()),
        "gap_low": float(gap_low),
        "gap_high": float(gap_high),
        "behind": 1 - above if effect.helps else above,
        "monthly_opportunities": monthly,
        "expected_gain_inquiries": float(gain.mean()),
        "low": float(low),
        "high": float(high),
        "effect_pp": effect.effect_pp,
        "effect_low_pp": effect.low_pp,
        "effect_high_pp": effect.high_pp,
    }
