"""Labelled lines for the reader's training, and how each is put before it.

Three sources: the two labelled sets beside the project (`GIVEN`; only they are measured on), lines
of the same public chats labelled for this project (``reader_training/chats.csv``, by reference:
the texts stay where they are), and lines written for it (``reader_training/own_*.csv``). Beside
them ``held_out.csv``, in the form of ``chats.csv``, and ``unseen_*.csv``, in that of ``own_*.csv``,
from which nothing is ever trained. All of ``reader_training`` was labelled by a language model by
the guide, and the lines of our own and the unseen ones were written by one; by no person.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import narwhals as nw
import polars as pl

from csinsight.behaviours.categories import main_categories, subject_rows
from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.markers import by_rules, mark
from csinsight.behaviours.reader import SENDER
from csinsight.engine import ms
from csinsight.features.conversations import with_turns
from csinsight.features.frames import BEFORE_OUTCOME

FOLDER: Final = Path(__file__).with_name("reader_training")
GIVEN: Final = ("marker_labels_2.jsonl", "marker_labels.jsonl")
WORRY: Final = "voices_worry"
#: What was labelled in lines read for this project; the rest is read well by the rules.
MEANING: Final = (
    "empathizes",
    "asks_needs",
    "recommends",
    "gives_specifics",
    "explains_value",
    "offers_alternative",
    "refuses_flatly",
    "curt_reply",
    "reminds_payment",
    "follows_up",
    "promises_time",
    WORRY,
)


@dataclass(frozen=True)
class Example:
    """An agent's reply, the buyer's lines before it, and what people say of both.

    `before` holds earlier turns, the last one nearest; `known` what was looked for (empty: all);
    `measured` whether it belongs to the set that figures are taken on.
    """

    source: str
    conversation: str
    lang: str
    before: tuple[str, ...]
    buyer: tuple[str, ...]
    agent: str
    labels: frozenset[str]
    category: str | None
    known: tuple[str, ...] = ()
    measured: bool = False

    def knows(self, label: str) -> bool:
        """Return whether a reader of this line looked for `label`."""
        if label == WORRY:
            return self.category is not None
        return not self.known or label in self.known


def load_examples(data: Path) -> list[Example]:
    """Return every labelled line; `data` holds the labelled sets and the public chats."""
    second = [_second(row) for row in _lines(data / GIVEN[0])]
    told = {(e.buyer, e.agent) for e in second}
    first = [_first(row) for row in _lines(data / GIVEN[1])]
    own = [example for path in sorted(FOLDER.glob("own_*.csv")) for example in _own(path)]
    more = [e for e in first if (e.buyer, e.agent) not in told]
    return [*second, *more, *_chats(data, "chats.csv"), *own]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def _second(row: dict[str, Any]) -> Example:
    source, talk, _ = row["id"].split(":")
    worry = {WORRY} if row["b_worry"] else set()
    return Example(
        source=source,
        conversation=f"{source}:{talk}",
        lang=row["lang"],
        before=tuple(row["before"]),
        buyer=tuple(row["buyer"].split(" / ")),
        agent=row["agent"],
        labels=frozenset(row["labels"]) | worry,
        category=row["b_cat"],
        measured=True,
    )


def _first(row: dict[str, Any]) -> Example:
    return Example(
        source=row["source"],
        conversation=f"{row['source']}:{row['dialogue']}",
        lang="zh",
        before=(),
        buyer=tuple(row["buyer"].split(" / ")),
        agent=row["agent"],
        labels=frozenset(row["labels"]),
        category=None,
    )


def _own(path: Path) -> Iterator[Example]:
    with path.open(encoding="utf-8", newline="") as file:
        for place, row in enumerate(csv.DictReader(file)):
            worry = {WORRY} if row["worry"] == "1" else set()
            # A question mark: only what the buyer says was looked at.
            asked_only = row["labels"] == "?"
            yield Example(
                known=(WORRY,) if asked_only else (),
                source=path.stem,
                conversation=f"{path.stem}:{place}",
                lang=path.stem.rsplit("_", 1)[1],
                before=(),
                buyer=(row["buyer"],),
                agent=row["agent"],
                labels=frozenset(row["labels"].replace("?", "").split()) | worry,
                category=row["category"],
            )


def load_unseen() -> list[Example]:
    """Return lines in everyday wording of many shops, from which nothing is ever trained.

    A language model wrote them (``unseen_*.csv``) and labelled them by the guide before any reader
    had read them. Nothing was trained on them; errors on them were looked at before later choices,
    but for those of ``unseen_shops_kept_*.csv`` and ``unseen_goods_kept_*.csv``.
    """
    return [example for path in sorted(FOLDER.glob("unseen_*.csv")) for example in _own(path)]


def load_held_out(data: Path) -> list[Example]:
    """Return the lines of ``held_out.csv``, of conversations from which nothing is trained.

    They were drawn at random, labelled before any reader saw them, and are no part of
    `load_examples`.
    """
    return list(_chats(data, "held_out.csv"))


def _chats(data: Path, name: str) -> Iterator[Example]:
    """Return the lines that a file refers to, each checked against its hash."""
    turns = {"jddc_raw": _raw_turns(data), "jddc_valid": _valid_turns(data)}
    path = FOLDER / name
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            example = turns[row["source"]].get((row["conversation"], int(row["line"])))
            if example is None or text_hash(example.agent) != row["text_sha256"]:
                raise SystemExit(f"{path}, line {number}: its text is not in {data}")
            worry = {WORRY} if row["worry"] == "1" else set()
            yield replace(
                example,
                labels=frozenset(row["labels"].split()) | worry,
                category=row["category"],
                known=MEANING,
            )


def text_hash(text: str) -> str:
    """Return what stands for a text in ``chats.csv``."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _raw_turns(data: Path) -> dict[tuple[str, int], Example]:
    """Return every agent turn of the raw sessions, by session and the line where it begins."""
    lines = (data / "jddc_raw" / "chat_0.1per.txt").read_text(encoding="utf-8").split("\n")
    cells = [(no, *line.split("\t")) for no, line in enumerate(lines, 1) if line.count("\t") >= 6]
    found = {}
    for talk, rows in groupby(cells, key=lambda row: row[1]):
        runs = [list(run) for _, run in groupby(rows, key=lambda row: row[3])]
        for place in range(1, len(runs)):
            if runs[place][0][3] == "1":
                found[talk, runs[place][0][0]] = Example(
                    source="jddc_raw",
                    conversation=f"jddc_raw:{talk}",
                    lang="zh",
                    before=tuple(" ".join(r[7] for r in run) for run in runs[: place - 1][-3:]),
                    buyer=tuple(row[7] for row in runs[place - 1]),
                    agent=" ".join(row[7] for row in runs[place]),
                    labels=frozenset(),
                    category=None,
                )
    return found


def _valid_turns(data: Path) -> dict[tuple[str, int], Example]:
    """Return every agent turn of the rated dialogues, by dialogue and turn."""
    found = {}
    for talk in _lines(data / "jddc_satisfaction" / "valid_dialogues.jsonl"):
        before: list[str] = []
        waiting: list[str] = []
        for turn in talk["turns"]:
            waiting.append(turn["buyer"] or "")
            if turn["agent_reply"]:
                found[talk["dialogue_id"], turn["turn"]] = Example(
                    source="jddc_valid",
                    conversation=f"jddc_valid:{talk['dialogue_id']}",
                    lang="zh",
                    before=tuple(before[-3:]),
                    buyer=tuple(waiting),
                    agent=turn["agent_reply"],
                    labels=frozenset(),
                    category=None,
                )
                before += [" / ".join(waiting), turn["agent_reply"]]
                waiting = []
    return found


def _messages(lines: list[tuple[int, str, str]]) -> nw.LazyFrame[Any]:
    frame = pl.DataFrame(lines, schema=["conversation_id", SENDER, "text"], orient="row")
    frame = frame.with_columns(
        pl.col("text").str.normalize("NFKC"),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("message_no"),
        pl.lit(None, dtype=pl.Int64).alias(ms("sent_at")),
        pl.lit(value=True).alias(BEFORE_OUTCOME),
    )
    return with_turns(nw.from_native(frame.lazy()))


def read_examples(examples: list[Example], lexicon: Lexicon) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what the rules say of each example's reply, and of the buyer's last line.

    Returns
    -------
    agent, buyer : polars.DataFrame
        One row an example, in order, as `csinsight.behaviours.markers.by_rules` has them.
    """
    lines = [line for place, example in enumerate(examples) for line in _opening(place, example)]
    ruled = pl.DataFrame(by_rules(_messages(lines), lexicon).collect().to_native())
    last = ruled.sort("message_no").unique(
        ["conversation_id", SENDER], keep="last", maintain_order=True
    )
    agent, buyer = (
        last.filter(pl.col(SENDER) == side).sort("conversation_id") for side in ("agent", "buyer")
    )
    return agent, buyer


def _opening(place: int, example: Example) -> Iterator[tuple[int, str, str]]:
    """Return an example as a conversation: earlier turns by turns, the buyer's lines, the reply."""
    earlier = zip(reversed(example.before), itertools.cycle(("agent", "buyer")))
    yield from ((place, sender, text) for text, sender in reversed(list(earlier)))
    yield from ((place, "buyer", text) for text in example.buyer)
    yield place, "agent", example.agent


def read_openings(examples: list[Example], lexicon: Lexicon) -> pl.DataFrame:
    """Return each example as a conversation's opening: earlier turns by turns, then its own."""
    lines = [line for place, example in enumerate(examples) for line in _opening(place, example)]
    marked = mark(_messages(lines), replace(lexicon, reader=None)).collect().lazy()
    return subject_rows(marked, lexicon, main_categories(marked, lexicon))
