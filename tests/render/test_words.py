"""The catalogues agree, name everything of the domain, and write as each language does."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import csinsight
from csinsight.contract import domain
from csinsight.contract.artifacts import AgentKpis
from csinsight.errors import ReportError
from csinsight.params import NOTEBOOKS, Lang
from csinsight.render.fonts import glyphs
from csinsight.render.words import Words, catalogue, placeholders

LANGS: tuple[Lang, ...] = ("zh", "en")
NAMED = {
    "type": domain.TYPE_LABELS,
    "tier": domain.TIERS,
    "category": domain.CATEGORIES,
    "behaviour": domain.BEHAVIOURS,
    "verdict": domain.VERDICTS,
    "plan_kind": domain.PLAN_KINDS,
    "page": tuple(NOTEBOOKS),
}


def test_both_languages_have_the_same_words_and_placeholders() -> None:
    chinese, english = catalogue("zh"), catalogue("en")
    assert chinese.keys() == english.keys()
    assert [k for k in chinese if placeholders(chinese[k]) != placeholders(english[k])] == []


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("group", NAMED)
def test_everything_of_the_domain_has_a_name_of_its_own(lang: Lang, group: str) -> None:
    names = Words(lang).names(group, NAMED[group])
    assert len(set(names.values())) == len(NAMED[group])


@pytest.mark.parametrize("lang", LANGS)
def test_every_kpi_has_a_name(lang: Lang) -> None:
    no_kpi = {"NAME", "AGENT_ID"}
    named = {k: v for k, v in vars(AgentKpis).items() if k.isupper() and k not in no_kpi}
    kpis = [value for name, value in named.items() if not name.endswith("_SUFFIX")]
    assert all(Words(lang).names("kpi", kpis).values())


def test_the_code_gives_each_word_exactly_the_values_that_it_takes() -> None:
    english = catalogue("en")
    wrong = []
    for where, key, given_names in _calls():
        takes = placeholders(english[key]) if key in english else None
        if takes != given_names:
            wrong.append(f"{where}: `{key}` takes {takes}, given {given_names}")
    assert wrong == []


def _calls() -> Iterator[tuple[str, str, set[str]]]:
    """Yield every call of ``word`` with a literal key and named values only."""
    for path in sorted(Path(csinsight.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            names = {keyword.arg for keyword in node.keywords}
            if node.func.attr == "word" and node.args and isinstance(node.args[0], ast.Constant):
                named = {name for name in names if name is not None}
                if names == named:
                    yield f"{path.name}:{node.lineno}", str(node.args[0].value), named


def test_chinese_prose_has_no_half_width_punctuation_between_hanzi() -> None:
    import re

    wrong = {
        k: t
        for k, t in catalogue("zh").items()
        if re.search(r"[一-鿿][,;:!?()]|[,;:!?()][一-鿿]", t)
    }
    assert wrong == {}


@pytest.mark.parametrize("lang", LANGS)
def test_every_word_can_be_drawn(lang: Lang) -> None:
    assert {c for text in catalogue(lang).values() for c in text if ord(c) not in glyphs()} == set()


def test_numbers_are_written_as_the_language_does() -> None:
    chinese, english = Words("zh"), Words("en")
    assert chinese.number(12345.678, 1) == "12,345.7"
    assert chinese.percent(0.37612) == "37.6%"
    assert chinese.points(-1.23) == "−1.2"
    assert english.points(8.44) == "+8.4"
    assert chinese.money(158.4) == "¥158"
    assert Words("en", "USD").money(-158.456, 2) == "−$158.46"
    assert chinese.seconds(21.2) == "21 秒"
    assert english.seconds(21.2) == "21 s"
    assert chinese.with_interval("37.6%", "36.6%", "38.6%") == "37.6%（36.6% 至 38.6%）"


def test_dates_are_written_as_the_language_does() -> None:
    chinese, english = Words("zh"), Words("en")
    assert chinese.month("2026-10") == "2026年10月"
    assert english.month("2026-10") == "October 2026"
    assert chinese.day(date(2026, 10, 31)) == "10月31日"
    assert english.date(date(2026, 10, 31)) == "October 31, 2026"


@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_what_is_missing_is_said_so(missing: float | None) -> None:
    words = Words("zh")
    for write in (words.number, words.percent, words.points, words.money, words.seconds):
        assert write(missing) == "暂无数据"


@given(st.floats(-1e9, 1e9), st.integers(0, 3))
def test_no_number_is_minus_zero_or_unsigned_where_signed(value: float, digits: int) -> None:
    text = Words("en").number(value, digits, sign=True)
    back = float(text.replace(",", "").replace("−", "-"))
    assert back == round(value, digits) + 0.0
    assert (back == 0) == (text[0] not in "+−")


def test_lists_and_sentences_join_as_the_language_does() -> None:
    assert Words("zh").listed(["甲", "乙", "丙"]) == "甲、乙和丙"
    assert Words("en").listed(["a", "b"]) == "a and b"
    assert Words("en").listed([]) == "none"
    assert Words("en").sentences("One.", "", "Two.") == "One. Two."
    assert Words("zh").sentences("一。", "二。") == "一。二。"


def test_an_unknown_word_names_the_nearest() -> None:
    with pytest.raises(ReportError, match=r"did you mean `tier\.vip`"):
        Words("zh").word("tier.vipp")


def test_a_missing_value_is_named() -> None:
    with pytest.raises(ReportError, match="needs n"):
        Words("zh").word("unit.seconds")


@pytest.mark.parametrize("lang", LANGS)
def test_figures_that_are_reckoned_otherwise_have_names_of_their_own(lang: Lang) -> None:
    """A KPI is over all rounds, a behaviour the typical inquiry's: one name would contradict."""
    texts = catalogue(lang)
    behaviours, kpis = (
        {text for key, text in texts.items() if key.startswith(f"{part}.")}
        for part in ("behaviour", "kpi")
    )
    assert behaviours
    assert not behaviours & kpis


def test_a_name_that_ends_in_a_stop_ends_the_sentence_once() -> None:
    told = [Words("en").word("coaching.keep_it_up", agents=name) for name in ("Omar A.", "Omar")]
    assert [text[text.index("Omar") :] for text in told] == ["Omar A.", "Omar."]
