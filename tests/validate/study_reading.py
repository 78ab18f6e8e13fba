"""Reading of text: markers on labelled messages, categories on simulated shops, moods on scores."""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import narwhals as nw
import pandas as pd
import polars as pl
from tests.contexts import LEXICON, RULES

from csinsight.behaviours.conversations import build_conversations, mark_messages
from csinsight.behaviours.markers import mark
from csinsight.behaviours.table import SHOWN, mark_table
from csinsight.contract.domain import MARKERS, MOODS
from csinsight.engine import open_shop
from csinsight.simulate import simulate

DATA: Final = Path(__file__).parents[3] / "shared" / "data"
SEEDS: Final = (11, 12, 13)


def run() -> str:
    """Return the section: about two minutes on one core."""
    if not DATA.is_dir():
        return "## Reading of text\n\nNot run: the public chats are not here."
    return "\n".join(["## Reading of text\n", *_labelled(), *_simulated(), *_moods()])


def _lines(name: str) -> list[dict[str, Any]]:
    text = (DATA / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _labelled() -> Iterator[str]:
    yield "### Markers on labelled messages\n"
    yield (
        "320 messages labelled by others, cases with precision, recall and F1. `first half` was "
        "tuned on from the start, `second half` was read by quarters, each measured before it "
        "was read (those figures stand in `methods.md`); both are development data by now, and "
        "another set of the same kind decides.\n"
    )
    rows = _lines("marker_labels.jsonl")
    halves = [[r for r in rows if _half(r) == half] for half in (0, 1)]
    yield "| marker | cases | first half | cases | second half |\n|---|---|---|---|---|"
    scores = [_scores(half) for half in halves]
    for marker in SHOWN:
        if scores[0][marker][0] + scores[1][marker][0]:
            cells = [
                f"{cases} | " + ("–" if not cases else f"{p:.2f} / {r:.2f} / {f:.2f}")
                for cases, p, r, f in (s[marker] for s in scores)
            ]
            yield f"| {marker} | {' | '.join(cells)} |"


def _half(row: Mapping[str, Any]) -> int:
    return zlib.crc32(f"{row['source']}/{row['dialogue']}".encode()) % 2


def _scores(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, float, float, float]]:
    lines = [(str(n), side, row[side]) for n, row in enumerate(rows) for side in ("buyer", "agent")]
    frame = pl.DataFrame(lines, schema=["conversation_id", "sender", "text"], orient="row")
    marked = mark_table(frame, LEXICON).filter(pl.col("sender") == "agent")
    scores = {}
    for marker in SHOWN:
        truth = [marker in row["labels"] for row in rows]
        both = sum(a and b for a, b in zip(truth, marked[marker], strict=True))
        said, cases = int(marked[marker].sum()), sum(truth)
        scores[marker] = (
            cases, both / max(said, 1), both / max(cases, 1), 2 * both / max(said + cases, 1)
        )  # fmt: skip
    return scores


def _simulated() -> Iterator[str]:
    talks = pd.concat([_shop(seed) for seed in SEEDS])
    same = (talks["category"] == talks["category_true"]).mean()
    read, true = talks["is_inquiry"].astype(bool), talks["is_inquiry_true"].astype(bool)
    yield "\n### Categories and markers on simulated shops\n"
    yield (
        f"{len(talks):,} talks of {len(SEEDS)} demo shops (seeds {SEEDS[0]} to {SEEDS[-1]}) "
        f"against the simulator's record. Categories right: {same:.3f}. Inquiries: precision "
        f"{(read & true).sum() / read.sum():.3f}, recall {(read & true).sum() / true.sum():.3f}; "
        f"after-sales talks read as inquiries: {(read & ~true).sum() / (~true).sum():.3f}. "
        "Rows are the truth:\n"
    )
    table = pd.crosstab(talks["category_true"], talks["category"])
    yield f"| | {' | '.join(table.columns)} |\n|---|{'---|' * table.shape[1]}"
    yield from (f"| {name} | {' | '.join(map(str, row))} |" for name, *row in table.itertuples())
    yield "\n| marker | talks | precision | recall |\n|---|---|---|---|"
    for name in (n for n in MARKERS if f"{n}_true" in talks):
        known = talks[[name, f"{name}_true"]].dropna().astype(bool)
        said, was = known[name], known[f"{name}_true"]
        both = (said & was).sum()
        yield f"| {name} | {len(known)} | {both / said.sum():.2f} | {both / was.sum():.2f} |"


def _shop(seed: int) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        truth = simulate(
            folder, seed=seed, buyers=1500, agents=10, conversations=3000, months=2
        ).conversations.to_pandas()
        shop = open_shop(Path(folder))
        table = build_conversations(
            mark_messages(shop, datetime(2026, 11, 1), RULES, months=12, lexicon=LEXICON)
        )
    talks = table.merge(truth, on=["buyer_id", "started_at"], suffixes=("", "_true"))
    return talks[talks["opened_by_buyer_true"]]


def _moods() -> Iterator[str]:
    yield "\n### A buyer's mood and their score\n"
    yield "Buyers' lines of 330 JD talks by the mood they show, and the score given (0 to 2):\n"
    rows = [
        (str(number), "buyer", turn["buyer"], 1, turn["satisfaction"])
        for number, turn in enumerate(
            t for d in _lines("jddc_satisfaction/valid_dialogues.jsonl") for t in d["turns"]
        )
        if turn["buyer"] and turn["satisfaction"] is not None
    ]
    names = ["conversation_id", "sender", "text", "turn_no", "score"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    lines = frame.with_columns(pl.col("text").str.normalize("NFKC")).lazy()
    marked: pl.DataFrame = mark(nw.from_native(lines), LEXICON).collect().to_native()
    shown = {mood: pl.col(f"sounds_{mood}") for mood in MOODS if mood != "calm"}
    shown["calm"] = ~pl.any_horizontal(*shown.values())
    yield "| mood | lines | mean score |\n|---|---|---|"
    for mood in MOODS:
        score = marked.filter(shown[mood])["score"].to_numpy()
        yield f"| {mood} | {len(score)} | {float(score.mean()):.2f} |"
