"""Collecting messages as arrays: who says which template in which conversation, when.

Choosing phrases so that conversations differ and no conversation says the same line twice in a row.

A line depends on the talk's own random number, the bank's name and the turn, so buyer and agent
can find the same question without passing it along.

Filling the slots of templates, one set of values per conversation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from csinsight.simulate.arrays import Bools, Ints, Rows, rank_in_group
from csinsight.simulate.cases import Cases
from csinsight.simulate.people import Staff
from csinsight.simulate.phrases import Phrases
from csinsight.stats import Floats

BUYER, AGENT, BOT, SYSTEM = range(4)
Texts = npt.NDArray[np.object_]


@dataclass
class Script:
    """Lines of all conversations, in no order yet; `block` tells which lines make up one turn."""

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
        block: int | Ints,
        position: int,
        at: npt.NDArray[Any],
        text: Texts,
        agent: Ints | None = None,
    ) -> None:
        """Add one line per element of `talk`, said from second `at` on, in order of `position`.

        All lines of a buyer that are added at once belong to one block.
        """
        n = len(talk)
        self.talk.append(talk.astype(np.int64))
        self.sender.append(np.full(n, sender, dtype=np.int64))
        self.agent.append(np.full(n, -1, np.int64) if agent is None else agent.astype(np.int64))
        self.block.append(np.full(n, block, dtype=np.int64))
        self.position.append(np.full(n, position, dtype=np.int64))
        self.at.append(np.asarray(at, dtype=np.float64))
        self.text.append(text)

    def time_buyers(self, buyer_at: Ints) -> None:
        """Set the times of buyers' lines within the turns (`buyer_at` is conversations x turns)."""
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
class Lines(Rows):
    """All lines in reading order: by start of the conversation, then by time."""

    talk: Ints
    sender: Ints
    agent: Ints
    block: Ints
    at: Ints
    text: Texts


def in_order(script: Script, steps: dict[int, int]) -> Lines:
    """Put the lines in reading order; lines of one turn follow each other by `steps` seconds.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> lines = in_order(chats.script, {0: 5, 1: 5, 2: 1, 3: 1})
    >>> bool((np.diff(lines.talk) >= 0).all())
    True
    """
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
    """Return the indices where `mask` is true.

    Examples
    --------
    >>> where(np.array([False, True, True])).tolist()
    [1, 2]
    """
    return np.flatnonzero(mask).astype(np.int64)


#: Multiplier of Knuth's multiplicative hashing (The Art of Computer Programming, 6.4).
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Deck:
    """Phrases in an order of each talk's own.

    Parameters
    ----------
    rng : numpy.random.Generator
    talks : int
        How many conversations there are.
    """

    def __init__(self, rng: np.random.Generator, talks: int) -> None:
        self.salt = rng.integers(0, 1 << 62, talks, dtype=np.uint64)

    def number(self, talk: Ints, name: str) -> Ints:
        """Return a number in [0, 2**24) per conversation that depends on `name`."""
        mixed = (self.salt[talk] ^ np.uint64(crc32(name.encode()))) * _MIX
        return (mixed >> np.uint64(40)).astype(np.int64)

    def index(self, talk: Ints, name: str, size: int, turn: int = 0) -> Ints:
        """Return which of `size` lines each one takes at `turn`; `size` turns, `size` lines."""
        step = next(k for k in range(max(1, 2 * size // 5), size + 1) if gcd(k, size) == 1)
        return np.asarray((self.number(talk, name) + turn * step) % size, dtype=np.int64)

    def pick(self, talk: Ints, name: str, bank: Sequence[str], turn: int = 0) -> Texts:
        """Return a line of `bank` per conversation."""
        lines = np.empty(len(bank), dtype=object)
        lines[:] = bank
        return np.asarray(lines[self.index(talk, name, len(bank), turn)], dtype=object)

    def variant(
        self, talk: Ints, name: str, groups: Sequence[Sequence[str]], group: Ints, turn: int = 0
    ) -> Texts:
        """Return one of the lines of `groups[group]` per conversation."""
        sizes = np.array([len(lines) for lines in groups], dtype=np.int64)
        flat = np.empty(int(sizes.sum()), dtype=object)
        flat[:] = [line for lines in groups for line in lines]
        starts = np.cumsum(sizes) - sizes
        choice = (self.number(talk, name) + turn) % sizes[group]
        return np.asarray(flat[starts[group] + choice], dtype=object)


_TYPO = 0.05


class Pen:
    """Writes lines of all conversations at once, in words that the deck deals."""

    def __init__(
        self, rng: np.random.Generator, deck: Deck, script: Script, cases: Cases, phrases: Phrases
    ) -> None:
        self.rng, self.deck, self.script, self.cases = rng, deck, script, cases
        self.phrases, self.n = phrases, len(cases)

    def chance(self, p: float | Floats) -> Bools:
        """Return in which conversations something of probability `p` happens."""
        return np.asarray(self.rng.random(self.n) < p)


class _Row(Mapping[str, Any]):
    """One talk's values, by slot name."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self.columns, self.talk = columns, 0

    def __getitem__(self, slot: str) -> Any:
        return self.columns[slot][self.talk]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


def draw_slots(
    rng: np.random.Generator,
    phrases: Phrases,
    staff: Staff,
    bedding: Bools,
    agent: Ints,
    taker: Ints,
) -> dict[str, Any]:
    """Draw the values of all slots, one a conversation; `taker` is -1 where nobody handed over.

    Examples
    --------
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> from csinsight.simulate.phrases import load_phrases
    >>> cases, rng = chats.cases, np.random.default_rng(1)
    >>> slots = draw_slots(rng, load_phrases(), base.staff, cases.bedding, cases.agent, cases.taker)
    >>> len(slots["p"])
    90
    """
    shop, n = phrases.shop, len(agent)
    kinds = np.array([line[4] == "bed" for line in shop["products"]])
    bed, wear = np.flatnonzero(kinds), np.flatnonzero(~kinds)
    first, step = rng.integers(0, 1 << 20, n), rng.integers(1, min(len(bed), len(wear)), n)
    goods = np.where(bedding, bed[first % len(bed)], wear[first % len(wear)])
    other = np.where(bedding, bed[(first + step) % len(bed)], wear[(first + step) % len(wear)])
    name, fabric, cost, fact = (
        np.array([line[k] for line in shop["products"]], dtype=object) for k in range(4)
    )
    size = rng.integers(0, len(shop["sizes"]) - 1, n)
    sizes, names = np.array(shop["sizes"], dtype=object), np.array(staff.names, dtype=object)
    colour = rng.integers(0, len(shop["colours"]), n)
    colours = np.array(shop["colours"], dtype=object)
    whole = _numbers(rng, n)
    return whole | {
        "p": name[goods],
        "p2": name[other],
        "fab": fabric[goods],
        "fact": fact[goods],
        "price": cost[goods],
        "price2": (cost[goods] * 0.8).astype(np.int64),
        "size": sizes[size],
        "size2": sizes[size + 1],
        "color": colours[colour],
        "color2": colours[(colour + 1 + whole["n"] % 5) % len(colours)],
        "bed": _any(rng, shop["bed_sizes"], n),
        "city": _any(rng, shop["cities"], n),
        "road": _any(rng, shop["districts"], n),
        "courier": _any(rng, shop["couriers"], n),
        "person": _any(rng, shop["surnames"], n) + _any(rng, list("伟芳娜敏静磊洋艳勇霞"), n),
        "week": _any(rng, list("三四五六"), n),
        "wx": np.array([f"mianyu{k}" for k in rng.integers(1000, 9999, n)], dtype=object),
        "agent": np.where(taker >= 0, names[taker], names[agent]),
        "agent2": names[agent],
    }


def _any(rng: np.random.Generator, words: list[str], n: int) -> Texts:
    return np.array(words, dtype=object)[rng.integers(0, len(words), n)]


def _numbers(rng: np.random.Generator, n: int) -> dict[str, Ints]:
    limits = {
        "h": (155, 182),
        "w": (95, 160),
        "w2": (105, 140),
        "n": (2, 6),
        "gram": (180, 360),
        "chest": (96, 122),
        "length": (62, 78),
        "waist": (33, 44),
        "waist2": (45, 56),
        "post": (5, 13),
        "coupon": (5, 16),
        "day": (11, 29),
        "door": (1, 300),
        "room": (101, 2400),
        "phone": (13_500_000_000, 18_999_999_999),
        "digits": (100_000, 9_999_999),
        "iid": (520_000_000_000, 790_000_000_000),
        "iid2": (4_000_000_000_000, 5_900_000_000_000),
    }
    drawn = {slot: rng.integers(*bounds, size=n) for slot, bounds in limits.items()}
    return drawn | {"w3": drawn["w"] - 5, "w4": drawn["w"] + 7, "hk": 10 * rng.integers(9, 15, n)}


def fill(
    rng: np.random.Generator, lines: Lines, slots: Mapping[str, Any], phrases: Phrases
) -> list[str]:
    """Return the text of every line with its slots filled, and some buyers' typos.

    Examples
    --------
    >>> import numpy as np
    >>> from csinsight.sample import sample_talks
    >>> base, chats = sample_talks()
    >>> from csinsight.simulate.phrases import load_phrases
    >>> cases, rng = chats.cases, np.random.default_rng(1)
    >>> slots = draw_slots(rng, load_phrases(), base.staff, cases.bedding, cases.agent, cases.taker)
    >>> lines = in_order(chats.script, {0: 5, 1: 5, 2: 1, 3: 1})
    >>> slots |= dict.fromkeys(("oid", "oid2"), ["1"] * 90)
    >>> texts = fill(rng, lines.only(lines.talk < 90), slots, load_phrases())
    >>> any("{" in text for text in texts)
    False
    """
    row = _Row(slots)
    slips = (lines.sender == BUYER) & (rng.random(len(lines.talk)) < _TYPO)
    texts: list[str] = []
    for text, talk, slip in zip(
        lines.text.tolist(), lines.talk.tolist(), slips.tolist(), strict=True
    ):
        line = text
        if "{" in line:
            row.talk = talk
            line = line.format_map(row)
        texts.append(_with_typo(line, phrases.shop["typos"]) if slip else line)
    return texts


def _with_typo(line: str, typos: list[list[str]]) -> str:
    for right, wrong in typos:
        if right in line:
            return line.replace(right, wrong, 1)
    return line
