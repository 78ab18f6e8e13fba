"""Choosing phrases so that talks differ and no talk says the same line twice in a row.

A line depends on the talk's own random number, the bank's name and the turn, so buyer and agent
can find the same question without passing it along.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from zlib import crc32

import numpy as np

from csinsight.simulate.arrays import Ints
from csinsight.simulate.emit import Texts

#: Multiplier of Knuth's multiplicative hashing (The Art of Computer Programming, 6.4).
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Deck:
    """Phrases in an order of each talk's own.

    Parameters
    ----------
    rng : numpy.random.Generator
    talks : int
        How many talks there are.
    """

    def __init__(self, rng: np.random.Generator, talks: int) -> None:
        self.salt = rng.integers(0, 1 << 62, talks, dtype=np.uint64)

    def number(self, talk: Ints, name: str) -> Ints:
        """Return a number in [0, 2**24) per talk that depends on `name`."""
        mixed = (self.salt[talk] ^ np.uint64(crc32(name.encode()))) * _MIX
        return (mixed >> np.uint64(40)).astype(np.int64)

    def index(self, talk: Ints, name: str, size: int, turn: int = 0) -> Ints:
        """Return which of `size` lines each talk takes at `turn`; `size` turns, `size` lines."""
        step = next(k for k in range(max(1, 2 * size // 5), size + 1) if gcd(k, size) == 1)
        return np.asarray((self.number(talk, name) + turn * step) % size, dtype=np.int64)

    def pick(self, talk: Ints, name: str, bank: Sequence[str], turn: int = 0) -> Texts:
        """Return a line of `bank` per talk."""
        lines = np.empty(len(bank), dtype=object)
        lines[:] = bank
        return np.asarray(lines[self.index(talk, name, len(bank), turn)], dtype=object)

    def variant(
        self, talk: Ints, name: str, groups: Sequence[Sequence[str]], group: Ints, turn: int = 0
    ) -> Texts:
        """Return one of the lines of `groups[group]` per talk."""
        sizes = np.array([len(lines) for lines in groups], dtype=np.int64)
        flat = np.empty(int(sizes.sum()), dtype=object)
        flat[:] = [line for lines in groups for line in lines]
        starts = np.cumsum(sizes) - sizes
        choice = (self.number(talk, name) + turn) % sizes[group]
        return np.asarray(flat[starts[group] + choice], dtype=object)
