"""Rules about people on lines near to a breach and innocent, and on guilty ones.

``red_lines.csv``: written and labelled by a language model in ten parts, each read once before
the rules were mended by its kinds (figures in docs/validation.md). Since then it only guards.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl
import pytest
from tests.contexts import LEXICON

from csinsight.behaviours.table import mark_table
from csinsight.contract.domain import COMPLIANCE

LINES: Final = Path(__file__).with_name("red_lines.csv")
#: Of the guilty lines, how many at least are found by the rule that they break.
FOUND: Final = 0.85


@pytest.fixture(scope="module")
def read():
    lines = pl.read_csv(LINES, infer_schema=False).with_columns(
        pl.col("rule").fill_null(""),
        pl.int_range(pl.len()).cast(pl.String).alias("conversation_id"),
        pl.lit("agent").alias("sender"),
    )
    return mark_table(lines, LEXICON, COMPLIANCE)


def test_who_denies_warns_quotes_or_jokes_is_not_accused(read):
    innocent = read.filter(pl.col("rule") == "")
    accused = innocent.filter(pl.any_horizontal(COMPLIANCE))
    assert innocent.height > 300
    assert accused["text"].to_list() == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_breaches_are_found_by_their_rule(read, lang):
    guilty = read.filter((pl.col("rule") != "") & (pl.col("lang") == lang))
    found = sum(row[row["rule"]] for row in guilty.iter_rows(named=True))
    assert found >= FOUND * guilty.height


def test_a_line_of_one_breach_is_accused_of_no_other(read):
    """But who pays for praise asks for it too."""
    guilty = read.filter(pl.col("rule") != "")
    others = {
        (row["text"], name)
        for row in guilty.iter_rows(named=True)
        for name in COMPLIANCE
        if row[name] and name != row["rule"] and row["rule"] != "trades_for_praise"
    }
    # A number said to the buyer is both: whose it is, no rule can tell.
    assert {name for _, name in others} <= {"leaks_order_data"}
    assert len(others) <= 1
