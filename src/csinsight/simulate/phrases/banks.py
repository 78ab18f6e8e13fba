"""Reading the phrase banks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True)
class Phrases:
    """Phrase banks by name: what the shop sells, what buyers and what agents write."""

    shop: dict[str, list[Any]]
    buyers: dict[str, list[str]]
    agents: dict[str, list[str]]


@cache
def load_phrases() -> Phrases:
    """Read the three files beside this module; a key with one line becomes a list of one."""
    return Phrases(*(_read(name) for name in ("shop", "buyers", "agents")))


def _read(name: str) -> dict[str, list[Any]]:
    text = files(__package__).joinpath(f"{name}.yml").read_text(encoding="utf-8")
    banks = yaml.safe_load(text)
    return {key: lines if isinstance(lines, list) else [lines] for key, lines in banks.items()}
