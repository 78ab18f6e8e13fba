"""What every maker of shops returns, and how a buyer's intent shows before and during a talk."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from tests.validate.said import GOODS, said

from csinsight.behaviours.buyer_texts import text_columns

#: Chance of a doubt before a turn, where doubts bear on nothing.
_DOUBTS = 0.15


@dataclass(frozen=True)
class Shop:
    """Tables as a run has them, and what is true of them."""

    #: As the artifact ``conversations``, and as ``frozen_segments``.
    conversations: pd.DataFrame
    frozen: pd.DataFrame
    #: Points of paid conversion by behaviour: shown at the first opportunity against never.
    effects: pd.Series
    #: As the artifact ``buyer_states``; None where the maker knows no turns.
    states: pd.DataFrame | None = None
    #: By agent: the log-odds of showing each behaviour, and the seconds of a first response.
    habits: pd.DataFrame = field(default_factory=pd.DataFrame)


def expit(x):
    return 1 / (1 + np.exp(-x))


def opening(rng, intent, told: float) -> dict[str, np.ndarray]:
    """Return what the opening of each talk tells; `told` is how much of it is the intent's."""
    n = len(intent)
    chars = np.exp(2.6 + told * 0.3 * intent + 0.5 * rng.normal(size=n))
    return {
        "opening_chars": np.ceil(chars),
        "opening_lines": 1.0 + rng.binomial(3, expit(-0.8 + told * 0.5 * intent)),
        "opening_asks": rng.random(n) < 0.7,
        "opening_digits": rng.random(n) < expit(-1.5 + told * 0.3 * intent),
        "opening_worry": rng.random(n) < 0.15,
    }


def pages(rng, intent) -> dict[str, np.ndarray]:
    """Return what each buyer looked at in the hours before the talk, and long before."""
    n = len(intent)
    came = rng.random(n) < 0.75
    return {
        "pages_before": came * (1.0 + rng.poisson(4.0 * np.exp(0.3 * intent))),
        "cart_before": came & (rng.random(n) < expit(-0.7 + 0.9 * intent)),
        "pages_look_back": rng.poisson(25, n).astype(float),
        "earlier_inquiries": rng.poisson(0.6, n).astype(float),
    }


def served(authors, turns) -> np.ndarray:
    """Return the agent of each talk as the artifact has it: of most turns, of equals the last.

    Parameters
    ----------
    authors : array (talks, most turns)
        Codes of who wrote each agent turn.
    turns : array (talks,)
        Turns there were.
    """
    last = np.maximum(turns, 1) - 1
    there = np.arange(authors.shape[1]) <= last[:, None]
    first, closes = authors[:, 0], authors[np.arange(len(authors)), last]
    opened = (there & (authors == first[:, None])).sum(axis=1)
    return np.where(2 * opened > last + 1, first, closes)


def states(rng, ids, intent, turns, told: float, authors) -> pd.DataFrame:
    """Return ``buyer_states``: a row each of a talk's `turns` agent turns.

    Parameters
    ----------
    ids, turns : array (talks,)
    intent : array (talks, most turns)
        Before each agent turn.
    told : float
        0: nothing shows; 1: as buyers' words show it, seldom and unsurely.
    authors : array (talks, most turns) of str
        Who wrote each agent turn.
    """
    talk = np.repeat(np.arange(len(ids)), turns)
    turn = np.concatenate([np.arange(t) for t in turns]) if len(turns) else talk
    now, n = told * intent[talk, turn], len(talk)
    return pd.DataFrame(
        {
            "conversation_id": np.array(ids, dtype=object)[talk],
            "turn": turn + 1,
            "agent_id": authors[talk, turn],
            "chars": np.ceil(np.exp(2.2 + 0.2 * now + 0.5 * rng.normal(size=n))),
            "lines": 1.0 + rng.poisson(0.5, n),
            "silence_s": np.exp(3.5 - 0.1 * now + 0.7 * rng.normal(size=n)),
            "asks": (rng.random(n) < 0.5).astype(float),
            "asks_price": (rng.random(n) < 0.1).astype(float),
            "worry": (rng.random(n) < 0.15).astype(float),
            "pleased": (rng.random(n) < expit(-1.5 + now)).astype(float) * (told > 0),
            "annoyed": (rng.random(n) < expit(-1.5 - now)).astype(float) * (told > 0),
        }
    )


def with_texts(states: pd.DataFrame, rng, goods=None, doubts=None) -> pd.DataFrame:
    """Return ``buyer_states`` with what buyers wrote, which tells of `goods` and `doubts`.

    Parameters
    ----------
    goods : array (talks,) or None
        As for `tests.validate.said.said`, in the order of the talks; None: they bear on nothing.
    doubts : array (talks, most turns) or None
    """
    talk, turn = pd.factorize(states["conversation_id"])[0], states["turn"].to_numpy() - 1
    talks = int(talk.max(initial=-1)) + 1
    if goods is None:
        goods = rng.integers(0, len(GOODS), talks)
    if doubts is None:
        doubts = rng.random((talks, int(turn.max(initial=0)) + 1)) < _DOUBTS
    written = pd.Series(said(rng, goods, doubts)[talk, turn], index=states.index)
    return states.join(text_columns(written, states["turn"]))
