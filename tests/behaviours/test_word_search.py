"""What is found by strings and patterns is what each pattern finds by itself in each text."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import polars as pl
import pytest
from tests.contexts import LEXICON

from csinsight.behaviours.hits import find_all
from csinsight.behaviours.lexicon import Compiled, compiled, load_lexicon
from csinsight.behaviours.table import SHOWN, mark_table
from csinsight.behaviours.word_search import BLANK, Search, Words, branches, needed_strings

WORDS = Words(LEXICON.cuts, LEXICON.rules)
PATTERNS = sorted({pattern for name in LEXICON.rules for pattern in WORDS.patterns(name)})


@pytest.fixture(scope="module")
def texts(demo_folder) -> pl.Series:
    """Lines of the demo shop, with the lexicon's own examples, as patterns read them."""
    said = pl.read_parquet(demo_folder / "messages.parquet")["text"].unique().sort()
    examples = [
        one if isinstance(one, str) else one.text
        for marker in LEXICON.markers.values()
        for one in (*marker.examples.match, *marker.examples.no_match)
    ]
    lines = pl.concat([said.gather_every(12), pl.Series("text", examples)])
    return lines.str.normalize("NFKC").str.to_lowercase().unique().sort()


def test_a_text_with_a_pattern_holds_one_of_its_strings(texts: pl.Series) -> None:
    told = {pattern: needed_strings(pattern) for pattern in PATTERNS}
    found = 0
    for pattern, strings in told.items():
        if strings is not None:
            held = texts.filter(texts.str.contains(pattern))
            assert held.str.contains_any(list(strings)).all(), pattern
            found += len(held)
    assert found > 1000
    assert sum(strings is None for strings in told.values()) < len(told) / 8


def test_rules_hold_where_each_pattern_by_itself_says_so(texts: pl.Series) -> None:
    search = Search.of(texts, WORDS, LEXICON.rules)
    fired = 0
    for name, rules in LEXICON.rules.items():
        read = texts
        for cut in LEXICON.cuts[name]:
            read = read.str.replace_all(cut, BLANK)
        expected = pl.repeat(value=False, n=len(texts), eager=True)
        for rule in rules:
            holds = pl.repeat(value=True, n=len(texts), eager=True)
            for some in rule.needed:
                holds &= (
                    pl.DataFrame([read.str.contains(p).alias(p) for p in some])
                    .select(pl.any_horizontal(pl.all()))
                    .to_series()
                )
            for pattern in rule.none_of:
                holds &= ~read.str.contains(pattern)
            expected |= holds
        cut = search.cut(LEXICON.cuts[name])
        assert search.shown(rules, cut).tolist() == expected.to_list(), name
        fired += int(expected.sum())
    assert fired > 1000
    assert search.texts.equals(texts), "what is blanked out for one marker is there for the next"


def test_places_are_the_same_in_few_texts_and_in_many(texts: pl.Series) -> None:
    lines = texts.to_list()[:600]
    lexicon = load_lexicon(reader="rules")
    hits = 0
    for name in ("greets", "off_platform", "recommends", "rude_or_blaming"):
        many = find_all(lines, name, lexicon)
        for size in (5, 40):
            parts = (lines[at : at + size] for at in range(0, len(lines), size))
            assert many == [hits for part in parts for hits in find_all(part, name, lexicon)]
        hits += sum(map(len, many))
    assert hits > 20


def test_branches_that_no_text_can_hold_are_not_compiled() -> None:
    rules = (Compiled((("有货吗?|(退|换)货[0-9]|^好$",),), (), (), ()),)
    words = Words({"goods": ()}, {"goods": rules})
    texts = pl.Series(["有货", "换货2", "好", *"abcdefgh"])
    search = Search.of(texts, words, ["goods"])
    (pattern,) = words.patterns("goods")
    assert search.read(pattern) == pattern
    fewer = Search.of(texts.filter(texts != "有货"), words, ["goods"])
    assert fewer.read(pattern) == "(退|换)货[0-9]|^好$"
    assert fewer.shown(rules, fewer.texts).tolist() == [True, True] + [False] * 8


@pytest.mark.parametrize(
    "pattern", ["a(b|c)d|e[|]f|g", r"a\|b|c", "((a|b)|c)|d", "a|b)", "(a|b", "a||b", "[^|]x|y"]
)
def test_branches_are_the_whole_pattern(pattern: str) -> None:
    parts = [part for part, _ in branches(pattern)]
    assert "|".join(parts) == pattern
    if pattern not in ("a|b)", "(a|b"):
        for part in parts:
            re.compile(part)
    else:
        assert parts == [pattern], "what is not well formed is left alone"


@pytest.mark.parametrize(
    ("pattern", "strings"),
    [
        ("ab?c", {"ac", "abc"}),
        ("(ab){2,3}", {"ab"}),
        ("a(b|cd)[ef]", {"abe", "abf", "acde", "acdf"}),
        ("x.{0,3}退款", {"退款"}),
        ("退款|[0-9]", None),
        ("(退款)?", None),
        ("(退款){0,2}", None),
        (r"a\.b", {"a.b"}),
        ("^(好|嗯)$", {"好", "嗯"}),
        ("[^a]退", {"退"}),
        ("看␀(吗|呢)", {"看"}),
    ],
)
def test_strings_that_a_pattern_needs(pattern: str, strings: set[str] | None) -> None:
    assert needed_strings(pattern) == strings


def test_places_by_polars_are_those_by_python(texts: pl.Series) -> None:
    lexicon = load_lexicon(reader="rules")
    lines = [*texts.to_list()[:3000], *["谢谢您,感谢您的耐心", "有货有货没货"] * 300]
    found = 0
    for name, rules in lexicon.rules.items():
        if lexicon.cuts[name] or len(rules) > 1 or rules[0].none_of or len(rules[0].needed) > 1:
            continue
        hits = [compiled(p) for p in rules[0].needed[0]]
        expected = [sorted({h.span() for one in hits for h in one.finditer(t)}) for t in lines]
        assert find_all(lines, name, lexicon) == expected, name
        found += sum(map(len, expected))
    assert found > 1000


def test_a_pattern_of_the_end_is_found_at_the_end_in_many_texts() -> None:
    rule = Compiled((("好的?$|^在",),), (), (), ())
    plain = load_lexicon(reader="rules")
    lexicon = replace(plain, cuts={"greets": ()}, rules={"greets": (rule,)})
    assert find_all(["好在好的在好"] * 300, "greets", lexicon) == [[(5, 6)]] * 300


def test_only_what_is_asked_for_is_looked_for() -> None:
    lexicon = load_lexicon(reader="rules")
    asked = next(n for n, rules in lexicon.rules.items() if any(r.after_buyer for r in rules))
    few = lexicon.only([asked])
    assert set(few.markers) == {asked, *(n for r in lexicon.rules[asked] for n in r.after_buyer)}
    lines = pl.DataFrame(
        {"sender": ["buyer", "agent"] * 2, "text": ["太贵了", "亲，好的", "有货吗", "有"]}
    )
    names = [n for n in SHOWN if n in lexicon.rules]
    whole = mark_table(lines, lexicon)
    for name in names:
        assert mark_table(lines, lexicon, [name])[name].equals(whole[name])
    full = load_lexicon()
    assert full.only([asked]) is full, "a reader decides by every marker"


def test_who_marks_a_table_by_rules_loads_no_library_that_it_does_not_use() -> None:
    code = (
        "import sys, polars as pl;"
        "from csinsight.behaviours.hits import find_all;"
        "from csinsight.behaviours.lexicon import load_lexicon;"
        "from csinsight.behaviours.table import mark_table;"
        "lexicon = load_lexicon(reader='rules');"
        "mark_table(pl.DataFrame({'sender': ['agent'], 'text': ['亲，您好']}), lexicon);"
        "find_all(['亲，您好'], 'greets', lexicon);"
        "print([m for m in ('pandas', 'pyarrow', 'scipy', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"


def test_rows_keep_their_order_whatever_order_their_conversations_have() -> None:
    lines = pl.DataFrame({"sender": ["agent", "buyer"] * 300, "text": ["亲，您好", "在吗"] * 300})
    lines = lines.with_columns(
        pl.Series("conversation_id", [f"c{n % 7}" for n in range(600)]),
        pl.Series("sent_at", range(600, 0, -1)).cast(pl.Datetime("ms")),
    )
    lexicon = load_lexicon(reader="rules")
    marked = mark_table(lines, lexicon)
    assert marked.select(lines.columns).equals(lines)
    assert marked["greets"].to_list() == [True, None] * 300
