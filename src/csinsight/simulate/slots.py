"""Filling the slots of templates, one set of values per talk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from csinsight.simulate.arrays import Bools, Ints
from csinsight.simulate.emit import BUYER, Lines, Texts
from csinsight.simulate.people import Staff
from csinsight.simulate.phrases import Phrases

_TYPO = 0.05


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
    """Draw the values of all slots, one a talk; `taker` is -1 where nobody handed over."""
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
    """Return the text of every line with its slots filled, and some buyers' typos."""
    row = _Row(slots)
    slips = (lines.sender == BUYER) & (rng.random(len(lines.talk)) < _TYPO)
    texts: list[str] = []
    for text, talk, slip in zip(
        _listed(lines.text), lines.talk.tolist(), slips.tolist(), strict=True
    ):
        line = text
        if "{" in line:
            row.talk = talk
            line = line.format_map(row)
        texts.append(_with_typo(line, phrases.shop["typos"]) if slip else line)
    return texts


def _listed(texts: Texts) -> list[str]:
    return list(texts.tolist())


def _with_typo(line: str, typos: list[list[str]]) -> str:
    for right, wrong in typos:
        if right in line:
            return line.replace(right, wrong, 1)
    return line
