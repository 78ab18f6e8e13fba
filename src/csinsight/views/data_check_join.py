"""By which keys chats and orders are joined, and how those who can't be joined differ."""

from __future__ import annotations

import math

import pandas as pd

from csinsight.features.coverage import join_bias
from csinsight.render.blocks import Block, Prose, Stack
from csinsight.render.table import Table
from csinsight.stats.intervals import wilson
from csinsight.views import labels
from csinsight.views.study import Study

_MONEY = ("order_value",)
#: Shares of buyers that stand with their interval, or as what they are at most.
_BOUGHT = ("ordered", "paid")
_NUMBERS = ("buyers", "messages")


def keys(study: Study) -> pd.DataFrame:
    """Return one row a key that joins chats and orders: buyers found by it, orders of theirs.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> keys(sample_study()).columns.tolist()[:3]
    ['key', 'buyers', 'share']
    """
    match = study.open().match
    rows = [
        (key.key, key.buyers, key.buyers / max(match.chats, 1), key.orders) for key in match.keys
    ]
    table = pd.DataFrame(rows, columns=["key", "buyers", "share", "orders"])
    return table.astype({"key": "str", "buyers": "int64", "share": float, "orders": "int64"})


def joined(study: Study, found: pd.DataFrame) -> Block:
    """Return the match rate by key and what sets the unmatched apart.

    Where nothing could be joined it says that nothing can be told: that is no zero.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> type(joined(sample_study(), pd.DataFrame())).__name__
    'Prose'
    """
    shop = study.open()
    if not shop.match.chats or "orders" not in shop.tables:
        return Prose(study.word("joined.nothing"))
    if shop.match.broken or not len(found):
        return Prose(study.word("joined.broken"))
    words = study.words
    by_key = Table(
        found.assign(key=[study.word(f"joined.key_{key}") for key in found["key"]]),
        study.word("joined.keys", share=words.percent(shop.match.share, 0)),
        caption=study.word("joined.keys_caption"),
        labels={str(name): study.word(f"joined.column_{name}") for name in found},
        formats={"share": words.percent, "buyers": words.number, "orders": words.number},
        name="join_keys",
    )
    return Stack(by_key, _differ(study))


def _differ(study: Study) -> Block:
    table = study.write("join_bias", join_bias(study.open(), study.start, study.as_of))
    words = study.words
    if table.empty or 0 in {*table["n_found"], *table["n_not_found"]}:
        return Prose(study.word("joined.alike"))

    def written(measure: str, value: float, n: int, side: str) -> str:
        if math.isnan(value):
            return study.word("joined.unknown")
        if measure in _BOUGHT and side == "not_found":
            return study.word("joined.at_most", share=words.percent(value, 0))
        if measure in _BOUGHT:
            low, high = wilson(round(value * n), n)
            told = (words.percent(share, 0) for share in (value, low, high))
            return labels.cell(words.with_interval(*told))
        if measure in _MONEY:
            return words.money(value)
        return words.number(value) if measure in _NUMBERS else words.percent(value, 0)

    shown = pd.DataFrame(
        {
            "what": [
                study.word(f"joined.{measure}", agent=study.agent_name(agent))
                for measure, agent in zip(table["measure"], table["agent_id"], strict=True)
            ],
            **{
                side: [
                    written(measure, value, n, side)
                    for measure, value, n in zip(
                        table["measure"], table[side], table[f"n_{side}"], strict=True
                    )
                ]
                for side in ("found", "not_found")
            },
        }
    )
    return Table(
        shown,
        study.word("joined.differ"),
        caption=words.sentences(study.word("joined.differ_caption"), _range(study, table)),
        labels={str(name): study.word(f"joined.column_{name}") for name in shown},
        name="join_bias",
    )


def _range(study: Study, table: pd.DataFrame) -> str:
    """Say between what and what the paid share of all lies, whatever the join lost."""
    row = table.set_index("measure").loc["paid"]
    if row[["found", "not_found"]].isna().any():
        return ""
    found, lost = row["n_found"], row["n_not_found"]
    least = row["found"] * found / (found + lost)
    most = least + row["not_found"] * lost / (found + lost)
    low, high = (study.words.percent(value, 0) for value in (least, most))
    return study.word("joined.range", low=low, high=high)
