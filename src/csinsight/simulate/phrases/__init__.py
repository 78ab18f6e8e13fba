"""Banks of Chinese phrases that chats are made of, one YAML file per side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from csinsight.config import read_yaml


@dataclass(frozen=True)
class Phrases:
    """Phrase banks by name.

    Parameters
    ----------
    shop : what the shop sells, names, places, lines of the bot, private and hostile lines
    buyers, agents : what either side writes
    questions : by subject, a list of questions with ``ask``, ``exact`` and ``vague`` lines
    """

    shop: dict[str, list[Any]]
    buyers: dict[str, list[str]]
    agents: dict[str, list[str]]
    questions: dict[str, list[dict[str, list[str]]]]

    def lines(self, subject: str, kind: str) -> list[list[str]]:
        """Return the `kind` of lines (``ask``, ``exact``, ``vague``) of every question."""
        return [question[kind] for question in self.questions[subject]]


@cache
def load_phrases() -> Phrases:
    """Read the four files beside this module; a key with one line becomes a list of one.

    Examples
    --------
    >>> all(isinstance(lines, list) for lines in load_phrases().agents.values())
    True
    """
    return Phrases(*(_read(name) for name in ("shop", "buyers", "agents", "questions")))


def _read(name: str) -> dict[str, list[Any]]:
    banks = read_yaml(Path(__file__).with_name(f"{name}.yml")).values
    return {key: lines if isinstance(lines, list) else [lines] for key, lines in banks.items()}
