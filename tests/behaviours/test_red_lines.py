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


#: Written for kinds of which the parts above have few: an account to pay into, the reward put
#: after its condition, a fault taken for granted; and beside each what is like it and innocent.
NEW_KINDS = [
    ("off_platform", "打到这张卡 6228480402564890018 农行 王五"),
    ("off_platform", "工行 6222 0236 0201 2345 678 转好说一声"),
    ("off_platform", "加下面这个微信 mo_mo99"),
    ("off_platform", "平台不让发 您加我v lili77"),
    ("trades_for_praise", "Once you post a good review we will knock half off the bill"),
    (
        "trades_for_praise",
        "Rate us five stars on Trustpilot and send a screenshot for your gift",
    ),
    (None, "Reviews help others. Send a photo for your refund to the returns desk"),
    ("rude_or_blaming", "If you had checked the chart you would have known"),
    ("rude_or_blaming", "You must be charging it wrong"),
    ("rude_or_blaming", "That is simply user error"),
    (None, "您的运单 6228480402564890018 已揽收"),
    (None, "这边没有手续费的 平台走就行"),
    (None, "亲 直接链接上拍就好 有保障"),
    (None, "安装完师傅有奖励的"),
    (None, "那家是别的公司 跟我们没关系的"),
    (None, "网上传的是其他品牌 和我们无关"),
    (None, "If you had a 3 m cable you would reach the socket"),
    (None, "It must be facing up, the arrow shows it"),
    (None, "We can take the fee off this time"),
    (None, "转账不加点的是对公账户"),
]


@pytest.mark.parametrize(("rule", "text"), NEW_KINDS)
def test_kinds_that_were_missed_and_their_innocent_twins(rule, text):
    line = pl.DataFrame({"sender": ["agent"], "text": [text]})
    row = mark_table(line, LEXICON, COMPLIANCE).row(0, named=True)
    accused = {name for name in COMPLIANCE if row[name]}
    # Who pays for praise asks for it too.
    both = rule == "trades_for_praise"
    assert accused - ({"asks_for_praise"} if both else set()) == ({rule} if rule else set())
