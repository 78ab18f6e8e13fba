"""Every behaviour has its advice in both languages, and no line breaks a platform's rules."""

from __future__ import annotations

import polars as pl
import pytest
import yaml

from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.table import mark_table
from csinsight.coaching.advice import LANGS, breaks_rules, load_library
from csinsight.contract.domain import BEHAVIOURS, BUYER_TYPES, COMPLIANCE, TIERS
from csinsight.errors import ConfigError
from csinsight.params import shipped


@pytest.fixture
def content():
    return yaml.safe_load(shipped("params", "coaching.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lang", LANGS)
def test_every_behaviour_type_and_tier_has_its_entry(lang):
    library = load_library(lang)
    assert set(library.behaviours) == set(BEHAVIOURS)
    assert set(library.buyers) == {*BUYER_TYPES, *TIERS}
    assert len(library.tempers) >= 5
    assert len(library.everyday) >= 8
    assert len(library.ladder) >= 4


def test_languages_are_what_they_say():
    zh, en = load_library("zh"), load_library("en")
    for name in BEHAVIOURS:
        assert any("\u4e00" <= c <= "\u9fff" for c in zh.behaviours[name].title)
        assert en.behaviours[name].title.isascii()
    titles = [advice.title for advice in (*zh.behaviours.values(), *en.behaviours.values())]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(
    "line",
    [
        "您加我微信，便宜十块",
        "麻烦您给个好评，返现五元",
        "这款绝对不会起球",
        "保证没问题，一定赔",
        "See https://example.com",
        "It is guaranteed for ever",
    ],
)
def test_what_platforms_forbid_is_seen(line):
    assert breaks_rules(line)


def test_a_forbidden_phrase_is_refused_by_name(content, tmp_path):
    content["behaviours"]["greets"]["zh"]["phrases"][0] = "您好，加我微信更快"
    with pytest.raises(ConfigError, match=r"greets.*breaks platform rules"):
        load_library("zh", _written(content, tmp_path))


def test_a_missing_entry_language_or_field_is_named(content, tmp_path):
    del content["behaviours"]["curt_reply"]
    del content["behaviours"]["greets"]["en"]
    with pytest.raises(ConfigError, match=r"no entry for curt_reply.*greets: en is missing"):
        load_library("zh", _written(content, tmp_path))
    del content["behaviours"]["greets"]["zh"]["drill"]
    with pytest.raises(ConfigError, match=r"greets\.zh\.drill`: Field required; add it"):
        load_library("zh", _written(content, tmp_path))


def test_an_unknown_behaviour_is_named(content, tmp_path):
    content["behaviours"]["greetz"] = content["behaviours"]["greets"]
    with pytest.raises(ConfigError, match="greetz is no behaviour"):
        load_library("en", _written(content, tmp_path))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yml"):
        load_library("zh", tmp_path / "nowhere.yml")


def _written(content, folder):
    path = folder / "coaching.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


#: What no advice may do; what it teaches to drop it may not show either.
UNWANTED = (*COMPLIANCE, "refuses_flatly", "curt_reply", "leading_question")
#: In answer to what a phrase is said, where its marker reads that too.
ASKED = {"explains_value": "太贵了，能便宜点吗", "offers_alternative": "能便宜点吗，包邮吗"}
READ = (
    "greets",
    "polite_words",
    "empathizes",
    "apologizes",
    "asks_needs",
    "recommends",
    "gives_specifics",
    "explains_value",
    "offers_alternative",
    "promises_time",
)


def _marked(lines):
    """Return what each line shows, each said in a talk of its own after a buyer's words."""
    rows = [
        row
        for number, (asked, said) in enumerate(lines)
        for row in (("buyer", asked, str(number)), ("agent", said, str(number)))
    ]
    frame = pl.DataFrame(rows, schema=["sender", "text", "conversation_id"], orient="row")
    return mark_table(frame, load_lexicon()).filter(frame["sender"] == "agent")


@pytest.mark.parametrize("lang", LANGS)
def test_no_phrase_breaks_a_rule_or_shows_what_is_to_be_dropped(lang):
    phrases = load_library(lang).phrases()
    found = _marked([("在吗", phrase) for phrase in phrases])
    fired = {
        name: [p for p, hit in zip(phrases, found[name], strict=True) if hit] for name in UNWANTED
    }
    assert {name: hits for name, hits in fired.items() if hits} == {}


@pytest.mark.parametrize("behaviour", READ)
def test_who_says_what_is_advised_is_seen_to_do_it(behaviour):
    """Otherwise next month's figures would not move however well the advice is followed."""
    phrases = load_library("zh").behaviours[behaviour].phrases
    found = _marked([(ASKED.get(behaviour, "在吗"), phrase) for phrase in phrases])
    assert found[behaviour].sum() >= 2


#: Words of one trade: a shop of kettles is not told about sleeves.
GOODS = (
    "尺码",
    "袖",
    "起球",
    "面料",
    "洗",
    "身高",
    "体重",
    "穿",
    "布",
    "棉",
    "裤",
    "鞋",
    "衣",
    "包包",
    "杯",
    "锅",
    "电脑",
    "手机",
    "面霜",
    "茶",
    "sleeve",
    "pills",
    "wash",
    "fabric",
    "cotton",
    "shirt",
    "trousers",
    "shoe",
    "dress",
    "bag",
    "kettle",
    "phone",
    "laptop",
    "cream",
    "tea",
)


@pytest.mark.parametrize("lang", LANGS)
def test_phrases_fit_a_shop_of_any_goods(lang):
    said = [f" {phrase.lower()} " for phrase in load_library(lang).phrases()]
    assert len(said) > 80
    named = [
        (word, line)
        for word in GOODS
        for line in said
        if (f" {word} " if word.isascii() else word) in line
    ]
    assert not named
