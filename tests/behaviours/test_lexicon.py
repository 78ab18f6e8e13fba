"""Lexicon files: their examples hold, and every fault in one is named with its mend."""

from __future__ import annotations

import itertools
import unicodedata
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from csinsight.behaviours.hits import find_hits
from csinsight.behaviours.lexicon import FOLDER, load_lexicon, pattern_fault
from csinsight.behaviours.lexicon_form import Example
from csinsight.behaviours.markers import mark
from csinsight.behaviours.own import read_own
from csinsight.contract.domain import COMPLIANCE, MARKERS
from csinsight.errors import ConfigError

LEXICON = load_lexicon(reader="rules")
ROOT = Path(__file__).resolve().parents[2]


def _shown(marker, examples):
    """Mark each example as a talk of its own and return what `marker` says of it."""
    rows = []
    for number, example in enumerate(examples):
        plain = example if isinstance(example, Example) else Example(text=example)
        if plain.buyer is not None:
            rows.append((str(number), "buyer", plain.buyer, 1))
        rows.append((str(number), LEXICON.markers[marker].side, plain.text, 2))
    frame = pl.DataFrame(
        rows, schema=["conversation_id", "sender", "text", "turn_no"], orient="row"
    ).with_columns(pl.col("text").str.normalize("NFKC"))
    marked = mark(nw.from_native(frame.lazy()), LEXICON).collect().to_native()
    return marked.filter(pl.col("turn_no") == 2).sort(pl.col("conversation_id").cast(int))[marker]


def _unlike(examples, shown, *, wanted):
    return [e for e, hit in zip(examples, shown, strict=True) if hit is not wanted]


@pytest.mark.parametrize("marker", LEXICON.markers)
def test_examples_of_every_marker(marker):
    examples = LEXICON.markers[marker].examples
    missed = _unlike(examples.match, _shown(marker, examples.match), wanted=True)
    wrong = _unlike(examples.no_match, _shown(marker, examples.no_match), wanted=False)
    assert (missed, wrong) == ([], [])


def test_every_behaviour_of_the_domain_has_a_marker():
    assert set(MARKERS + COMPLIANCE) - set(LEXICON.markers) == {"repeats_canned"}
    for marker in LEXICON.markers.values():
        assert set(marker.meaning) == {"zh", "en"}


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        ("rude_or_blaming", "草莓味的很好吃"),
        ("rude_or_blaming", "这家店很靠谱的"),
        ("promises_time", "马上为您处理"),
        ("refuses_flatly", "不好意思"),
        ("polite_words", "您好"),
        ("over_promises", "您一定要今天收到吗?"),
        ("over_promises", "这个问题客服解决不了的"),
        ("off_platform", "公司购买可以线下转账的"),
        ("off_platform", "您让同事转给我也可以"),
        ("off_platform", "发票在https://[链接x]下载"),
        ("rude_or_blaming", "We sell strawberry jam, sb. asked for it"),
        ("promises_time", "I will do it right away"),
        ("refuses_flatly", "Sorry about that"),
        ("polite_words", "Hello"),
        ("over_promises", "Do you need it for sure today?"),
        ("gives_specifics", "#E-s[数字x]#E-s[数字x]"),
        ("curt_reply", "#E-s[数字x]"),
        ("curt_reply", "/:^_^"),
    ],
)
def test_traps_of_the_field_do_not_fire(marker, text):
    assert _shown(marker, [text]).to_list() == [False]


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        ("greets", "歡迎光臨小店"),
        ("greets", "在的親"),
        ("polite_words", "謝謝"),
        ("apologizes", "真的很對不起"),
        ("closes_warmly", "還有其他可以幫您的嗎"),
        ("promises_time", "48小時內發貨"),
        ("off_platform", "加我們的微信號聊"),
        ("offers_alternative", "這款賣完了 可以換其他顏色"),
    ],
)
def test_traditional_characters_are_read_too(marker, text):
    assert _shown(marker, [text]).to_list() == [True]
    assert find_hits(text, marker, LEXICON)


def test_hits_stand_where_the_words_stand():
    text = "您好,申请好了,请您稍等"
    hits = find_hits(text, "polite_words", LEXICON)
    assert [text[a:b] for a, b in hits] == ["请", "您"]
    assert [a for a, _ in hits] == [8, 9]
    assert find_hits("申请好了", "polite_words", LEXICON) == []


def test_hits_after_letters_that_grow_when_lowered():
    text = "İİ 谢谢"
    assert [text[a:b] for a, b in find_hits(text, "polite_words", LEXICON)] == ["谢", "谢"]


FILE = """
version: 1
markers:
  greets:
    meaning: {zh: 问候, en: greets}
    patterns: ['您好']
    examples: {match: ['您好'], no_match: ['好的']}
"""


def _load(tmp_path, text, name="own.yml"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return load_lexicon(folder=tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("patterns: ['您好']", "patern: ['您好']"),
            "`markers.greets.patern`; did you mean `patterns`",
        ),
        (("['您好']\n    ex", "['\\d+']\n    ex"), r"pattern `\\d\+`: `\\d` is not read alike"),
        (("['您好']\n    ex", "['(?=您)']\n    ex"), r"`\(\?` is not read alike"),
        (("['您好']\n    ex", "['(您']\n    ex"), "is no regular expression"),
        (("['您好']\n    ex", "['您?']\n    ex"), "matches an empty message"),
        (("['您好']\n    ex", "['']\n    ex"), "empty pattern"),
        (("['您好']\n    ex", "['<nmber>']\n    ex"), "no fragment `nmber`"),
        (("patterns: ['您好']", "rules: [{whole: true}]"), "a rule needs `any_of`"),
        (("patterns: ['您好']", "patterns: ['您好']\n    voided_by: [x]"), "`x` is no agent-side"),
        (("    patterns: ['您好']\n", ""), "has no `patterns` and no `rules`"),
        (("version: 1", "version: 2"), "key `version`"),
        (("'您好'], no", "您好], no: ["), "is not YAML"),
        (("    examples: {match: ['您好'], no_match: ['好的']}\n", ""), "examples`.*add it"),
    ],
)
def test_faults_name_file_marker_key_and_mend(tmp_path, change, said):
    assert change[0] in FILE
    with pytest.raises(ConfigError, match=said) as caught:
        _load(tmp_path, FILE.replace(*change))
    assert "own.yml" in str(caught.value) or "greets" in str(caught.value)


def test_a_marker_in_two_files_is_a_fault(tmp_path):
    (tmp_path / "first.yml").write_text(FILE, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"marker `greets` stands in .*first\.yml too"):
        _load(tmp_path, FILE)


def test_absent_markers_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no file has the marker\(s\) apologizes, "):
        _load(tmp_path, FILE)


def test_fragments_in_a_circle_are_a_fault(tmp_path):
    text = FILE.replace("markers:", "fragments: {a: '<b>', b: '<a>'}\nmarkers:")
    with pytest.raises(ConfigError, match="in a circle"):
        _load(tmp_path, text.replace("['您好']\n    ex", "['<a>']\n    ex"))


def _with_additions(tmp_path, text):
    path = tmp_path / "additions.yml"
    path.write_text(text, encoding="utf-8")
    return load_lexicon(read_own(path))


def test_a_shop_lays_its_own_words_over_a_marker(tmp_path):
    more = "version: 1\nadditions: {closes_warmly: {patterns: [茶香常伴], none_of: [测试]}}"
    lexicon = _with_additions(tmp_path, more)
    assert find_hits("茶香常伴", "closes_warmly", lexicon) == [(0, 4)]
    assert find_hits("再见 测试", "closes_warmly", lexicon) == []
    assert find_hits("茶香常伴", "closes_warmly", LEXICON) == []


def test_an_unknown_marker_in_additions_names_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="did you mean `closes_warmly`"):
        _with_additions(tmp_path, "version: 1\nadditions: {closes_warm: {patterns: [x]}}")


def test_the_commented_template_changes_nothing():
    lexicon = load_lexicon(read_own(ROOT / "params" / "behaviours.yml"), reader="rules")
    assert lexicon.rules == LEXICON.rules


def test_patterns_are_written_for_normalised_text():
    for path in sorted(FOLDER.glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        body = "\n".join(line for line in text.splitlines() if "text:" not in line)
        odd = {c for c in body if c in "？！：，；（）【】～"}
        patterns = [line for line in body.splitlines() if any(c in line for c in odd)]
        for line in patterns:  # full-width marks may stand in examples and prose alone
            known = [e for m in LEXICON.markers.values() for e in _texts(m.examples)]
            assert any(example in line for example in known) or line.lstrip().startswith(
                ("#", "zh:", "about")
            ), f"{path.name}: {line}"


def _texts(examples):
    every = [*examples.match, *examples.no_match]
    plain = [e.text if isinstance(e, Example) else e for e in every]
    assert all(unicodedata.normalize("NFKC", text) for text in plain)
    return plain


def test_every_pattern_of_the_package_can_be_read_and_asks_for_something() -> None:
    """At start-up they are taken as tried; this is where they are."""
    rules = [rule for rules in LEXICON.rules.values() for rule in rules]
    told = [p for rule in rules for p in itertools.chain(*rule.needed, rule.none_of)]
    told += itertools.chain(*LEXICON.cuts.values())
    assert len(told) > 200
    assert {pattern: why for pattern in told if (why := pattern_fault(pattern))} == {}
