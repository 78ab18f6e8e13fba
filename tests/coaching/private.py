"""What buyers tell of themselves, by kind, from ``private.txt``; ``ordinary.txt`` names nobody."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_BETWEEN: Final = " | "


@dataclass(frozen=True)
class Told:
    """What one buyer types, message by message, and what of it must not be shown."""

    kind: str
    lines: tuple[str, ...]
    secrets: tuple[str, ...]


def private() -> list[Told]:
    """Return every line of ``private.txt``."""
    return [
        Told(
            kind,
            tuple(re.sub("[⟦⟧]", "", line).split(_BETWEEN)),
            tuple(part for hit in re.findall("⟦(.*?)⟧", line) for part in hit.split(_BETWEEN)),
        )
        for kind, lines in _kinds("private.txt").items()
        for line in lines
    ]


def ordinary(lang: str = "") -> list[str]:
    """Return every line of ``ordinary.txt``, or those of one language."""
    return [
        line for own, lines in _kinds("ordinary.txt").items() for line in lines if lang in ("", own)
    ]


def _kinds(name: str) -> dict[str, list[str]]:
    text = (_HERE / name).read_text(encoding="utf-8")
    parts = re.split(r"^\[(\w+)\]$", text, flags=re.MULTILINE)
    return {
        kind: [line for line in lines.splitlines() if line.strip()]
        for kind, lines in zip(parts[1::2], parts[2::2], strict=True)
    }


def bare(text: str) -> str:
    """Return the letters and digits of a text, as someone reads it who looks for a person."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).lower()) or text


def leaks(shown: str, secret: str) -> bool:
    """Tell whether half of a secret or more is to be read in one piece."""
    wanted, there = bare(secret), bare(re.sub(r"\[\w+\]", "[…]", shown)) or shown
    half = -(-len(wanted) // 2)
    return any(wanted[n : n + half] in there for n in range(len(wanted) - half + 1))
