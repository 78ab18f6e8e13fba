"""Collecting messages as arrays: who says which template in which talk, when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from csinsight.simulate.arrays import Bools, Floats, Ints, rank_in_group

BUYER, AGENT, BOT, SYSTEM = range(4)
Texts = npt.NDArray[np.object_]


@dataclass
class Script:
    """Lines of all talks, in no order yet; `block` tells which lines make up one turn."""

    talk: list[Ints] = field(default_factory=list)
    sender: list[Ints] = field(default_factory=list)
    agent: list[Ints] = field(default_factory=list)
    block: list[Ints] = field(default_factory=list)
    position: list[Ints] = field(default_factory=list)
    at: list[Floats] = field(default_factory=list)
    text: list[Texts] = field(default_factory=list)

    def add(
        self,
        talk: Ints,
        sender: int,
        block: int,
        position: int,
        at: npt.NDArray[Any],
        text: Texts,
        agent: Ints | None = None,
    ) -> None:
        """Add one line per element of `talk`, said from second `at` on, in order of `position`."""
        n = len(talk)
        self.talk.append(talk.astype(np.int64))
        self.sender.append(np.full(n, sender, dtype=np.int64))
        self.agent.append(np.full(n, -1, np.int64) if agent is None else agent.astype(np.int64))
        self.block.append(np.full(n, block, dtype=np.int64))
        self.position.append(np.full(n, position, dtype=np.int64))
        self.at.append(np.asarray(at, dtype=np.float64))
        self.text.append(text)

    def time_buyers(self, buyer_at: Ints) -> None:
        """Set the times of buyers' lines within the turns (`buyer_at` is talks x turns)."""
        for i, (talk, block, sender) in enumerate(
            zip(self.talk, self.block, self.sender, strict=True)
        ):
            if len(talk) and sender[0] == BUYER and block[0] < buyer_at.shape[1]:
                self.at[i] = buyer_at[talk, block].astype(np.float64)

    def count(self, block: int, talks: int) -> Ints:
        """Return how many buyer's lines each of `talks` has in `block` so far."""
        parts = zip(self.talk, self.block, self.sender, strict=True)
        lines = [t for t, b, s in parts if len(t) and b[0] == block and s[0] == BUYER]
        whole = np.concatenate(lines) if lines else np.zeros(0, np.int64)
        return np.bincount(whole, minlength=talks).astype(np.int64)


@dataclass(frozen=True)
class Lines:
    """All lines in reading order: by start of the talk, then by time."""

    talk: Ints
    sender: Ints
    agent: Ints
    block: Ints
    at: Ints
    text: Texts

    def only(self, keep: Bools) -> Lines:
        """Return the lines where `keep` is true."""
        return Lines(**{name: column[keep] for name, column in vars(self).items()})


def in_order(script: Script, steps: dict[int, int]) -> Lines:
    """Put the lines in reading order; lines of one turn follow each other by `steps` seconds."""
    if not script.talk:
        none = np.zeros(0, np.int64)
        return Lines(none, none, none, none, none, np.zeros(0, dtype=object))
    talk, sender, block = (np.concatenate(x) for x in (script.talk, script.sender, script.block))
    position, at = np.concatenate(script.position), np.concatenate(script.at)
    agent, text = np.concatenate(script.agent), np.concatenate(script.text)
    order = np.lexsort((position, sender, block, talk))
    group = (talk * 1000 + block * 10 + sender)[order]
    step = np.array([steps[side] for side in range(4)])[sender[order]]
    when = (at[order] + rank_in_group(group) * step).astype(np.int64)
    again = np.lexsort((np.arange(len(order)), when, talk[order]))
    final = order[again]
    return Lines(talk[final], sender[final], agent[final], block[final], when[again], text[final])


def where(mask: Bools) -> Ints:
    """Return the indices where `mask` is true."""
    return np.flatnonzero(mask).astype(np.int64)
