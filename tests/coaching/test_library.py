"""Every behaviour has its advice in both languages, and no line breaks a platform's rules."""

from __future__ import annotations

import pytest
import yaml

from csinsight.coaching.library import LANGS, LibraryError, breaks_rules, load_library
from csinsight.contract.domain import BEHAVIOURS, BUYER_TYPES, TIERS
from csinsight.params import shipped


@pytest.fixture
def content():
    return yaml.safe_load(shipped("params", "coaching.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lang", LANGS)
def test_every_behaviour_type_and_tier_has_its_entry(lang):
    library = load_library(lang)
    assert set(library.behaviours) == set(BEHAVIOURS)
    assert set(library.buyers) == {*BUYER_TYPES, *TIERS}


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
    with pytest.raises(LibraryError, match=r"greets.*breaks platform rules"):
        load_library("zh", _written(content, tmp_path))


def test_a_missing_entry_language_or_field_is_named(content, tmp_path):
    del content["behaviours"]["curt_reply"]
    del content["behaviours"]["greets"]["en"]
    with pytest.raises(LibraryError, match=r"no entry for curt_reply.*greets: en is missing"):
        load_library("zh", _written(content, tmp_path))
    del content["behaviours"]["greets"]["zh"]["drill"]
    with pytest.raises(LibraryError, match=r"greets\.zh\.drill: Field required"):
        load_library("zh", _written(content, tmp_path))


def test_an_unknown_behaviour_is_named(content, tmp_path):
    content["behaviours"]["greetz"] = content["behaviours"]["greets"]
    with pytest.raises(LibraryError, match="greetz is no behaviour"):
        load_library("en", _written(content, tmp_path))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LibraryError, match=r"nowhere\.yml"):
        load_library("zh", tmp_path / "nowhere.yml")


def _written(content, folder):
    path = folder / "coaching.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path
