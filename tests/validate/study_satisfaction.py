"""Behaviours against satisfaction in 330 public service dialogues, with what misleads there."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import statsmodels.api as sm

from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.markers import mark
from csinsight.contract.domain import MARKERS
from csinsight.engine import collect, ms
from csinsight.features.conversations import with_turns

DATA = Path(__file__).resolve().parents[2].parent / "shared/data/jddc_satisfaction"
BUYER_SIGNS = ("complains", "voices_worry")
#: Shown in fewer replies than this, a behaviour gets no line.
LEAST = 40
THANKS = "感谢|谢谢|多谢"
HEAD = """## Behaviours and satisfaction

{dialogues} public JD service dialogues with {rated:,} rated buyer turns (0 to 2). What is rated is
the buyer's line: the replies before it can bear on it, the reply after it can't. Mean rating
{mean:.2f}. Intervals are of 95 %, clustered by dialogue. This is observational: what is said goes
with a rating, and why isn't shown.

**The closing trap.** Words that close a talk come when the buyer has been served, so they go with
high ratings without having led to them:

{trap}

**Behaviours.** Difference of the rating between turns with and without the behaviour.
`same turn`: in the reply beside the rated line, as a plain comparison would have it. `turn before`:
in the last reply before the rated line. `handled`: the turn before, comparing turns alike in the
rating before that reply, the place in the talk, and whether the buyer had just complained or voiced
a worry; all from the buyer's first thanks on is left out.

{behaviours}

Of the {n} behaviours {same} differ from zero in the same turn and {handled} once handled.
`closes_warmly` is the negative control: {control}
Closing words go with high ratings only because the talk is closing. Apologies show the other side:
{apology}
They come where something has gone wrong that the ratings before don't tell in full, so this is no
reason to apologise less.
"""


def run() -> str:
    """Return the part of ``docs/validation.md``."""
    if not DATA.is_dir():
        return "## Behaviours and satisfaction\n\nNot run: `jddc_satisfaction` is not here."
    turns = replies(read_turns(DATA / "valid_dialogues.jsonl"))
    rated = turns[turns["rating"].notna()]
    table = pd.DataFrame([_compared(turns, name) for name in MARKERS if name in turns])
    table = table[table["n"] >= LEAST].set_index("behaviour")
    return HEAD.format(
        dialogues=turns["dialogue"].nunique(),
        rated=len(rated),
        mean=rated["rating"].mean(),
        trap=_trap(turns),
        behaviours=_listed(table),
        n=len(table),
        same=_differ(table, "same"),
        handled=_differ(table, "handled"),
        control=_told(table, "closes_warmly"),
        apology=_told(table, "apologizes"),
    )


def read_turns(path: Path) -> pd.DataFrame:
    """Return a row a buyer turn in reading order, without the rating of the whole talk."""
    dialogues = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [
        (dialogue["dialogue_id"], t["turn"], t["buyer"], t["agent_reply"], t["satisfaction"])
        for dialogue in dialogues
        for t in dialogue["turns"]
        if t["buyer"] != "OVERALL"
    ]
    names = ["dialogue", "turn", "buyer", "reply", "rating"]
    return pd.DataFrame(rows, columns=names).astype({"rating": float})


def replies(turns: pd.DataFrame) -> pd.DataFrame:
    """Add what each turn's reply shows, and of the last reply before it: its marks and setting."""
    lines = pl.DataFrame(
        [
            (row.dialogue, sender, unicodedata.normalize("NFKC", text), number)
            for number, row in enumerate(turns.itertuples())
            for sender, text in (("buyer", row.buyer), ("agent", row.reply))
            if isinstance(text, str) and text
        ],
        schema=["conversation_id", "sender", "text", "number"],
        orient="row",
    ).with_columns(
        pl.lit(None, dtype=pl.Int64).alias(ms("sent_at")),
        pl.int_range(pl.len()).alias("message_no"),
    )
    marked = collect(mark(with_turns(nw.from_native(lines.lazy())), load_lexicon()))
    shown = [name for name in MARKERS if name in marked]
    for sender, names in (("agent", shown), ("buyer", list(BUYER_SIGNS))):
        own = marked[marked["sender"] == sender].set_index("number")[names]
        turns = turns.join(own.astype("Float64").astype(float))
    turns["thanks"] = turns["buyer"].str.contains(THANKS)
    turns["upset"] = turns[list(BUYER_SIGNS)].max(axis="columns").fillna(0.0)
    talk = turns.groupby("dialogue")
    # The last reply before a line, with the rating and the buyer's line that it answered.
    held = turns[[*shown, "rating", "thanks", "upset"]].where(turns["reply"].notna())
    before = held.groupby(turns["dialogue"]).ffill().groupby(turns["dialogue"]).shift(1)
    turns["thanked_by_now"] = talk["thanks"].cumsum() > 0
    return turns.join(before.add_suffix("_before"))


def _compared(turns: pd.DataFrame, name: str) -> dict[str, object]:
    rated = turns[turns["rating"].notna()]
    same = rated[rated[name].notna()]
    after = rated[rated[f"{name}_before"].notna()]
    alike = after[~after["thanked_by_now"] & after["rating_before"].notna()]
    controls = pd.DataFrame(
        {
            **{f"was{k}": (alike["rating_before"] == k).astype(float) for k in (1, 2)},
            **{
                f"place{k}": (pd.cut(alike["turn"], [0, 5, 8, 12, 18, 99], labels=False) == k)
                for k in (1, 2, 3, 4)
            },
            "upset": alike["upset_before"].astype(float),
        }
    ).astype(float)
    return {
        "behaviour": name,
        "n": int(after[f"{name}_before"].sum()),
        "same": _difference(same, name),
        "before": _difference(after, f"{name}_before"),
        "handled": _difference(alike, f"{name}_before", controls),
    }


def _difference(
    rows: pd.DataFrame, name: str, controls: pd.DataFrame | None = None
) -> tuple[float, float, float]:
    """Return the difference of ratings by least squares, clustered by dialogue."""
    shown = rows[[name]].astype(float)
    if shown[name].sum() < 10:
        return (np.nan,) * 3
    design = sm.add_constant(shown if controls is None else shown.join(controls))
    groups = {"groups": rows["dialogue"].astype("category").cat.codes}
    fit = sm.OLS(rows["rating"], design).fit(cov_type="cluster", cov_kwds=groups)
    low, high = fit.conf_int().loc[name]
    return float(fit.params[name]), float(low), float(high)


def _trap(turns: pd.DataFrame) -> str:
    rated = turns[turns["rating"].notna()]
    said = {
        "the buyer's line says thanks": rated["thanks"],
        "the reply beside it says thanks": rated["reply"].fillna("").str.contains(THANKS),
    }
    lines = ["| | with | without | difference | turns |", "|---|---|---|---|---|"]
    for label, flag in said.items():
        rows = rated.assign(flag=flag.astype(float))
        means = rows.groupby("flag")["rating"].mean()
        lines.append(
            f"| {label} | {means[1]:.2f} | {means[0]:.2f} | {_span(_difference(rows, 'flag'))} | "
            f"{int(flag.sum())} |"
        )
    return "\n".join(lines)


def _listed(table: pd.DataFrame) -> str:
    lines = ["| behaviour | replies | same turn | turn before | handled |", "|---|---|---|---|---|"]
    for name, row in table.iterrows():
        spans = " | ".join(_span(row[column]) for column in ("same", "before", "handled"))
        lines.append(f"| {name} | {row['n']} | {spans} |")
    return "\n".join(lines)


def _differ(table: pd.DataFrame, column: str) -> int:
    return sum(low > 0 or high < 0 for _, low, high in table[column])


def _told(table: pd.DataFrame, name: str) -> str:
    if name not in table.index:
        return "too few cases."
    row = table.loc[name]
    return f"{_span(row['same'])} in the same turn, {_span(row['handled'])} once handled."


def _span(figures: tuple[float, float, float]) -> str:
    value, low, high = figures
    return "too few" if np.isnan(value) else f"{value:+.2f} ({low:+.2f} to {high:+.2f})"
