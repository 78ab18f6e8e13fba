"""A shop's own behaviours: every fault of the file is named by its line, and words are read."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner

from csinsight.behaviours.hits import find_hits
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.lexicon_form import Own, plain_pattern, ways
from csinsight.behaviours.opportunities import opportunities, opportunity_turns
from csinsight.behaviours.own import own_of, read_own
from csinsight.behaviours.table import mark_table
from csinsight.cli import main
from csinsight.contract.disputes import read_disputes
from csinsight.contract.files import OWN_FILE as FILE
from csinsight.errors import ConfigError
from csinsight.params import shipped


def template(text: str | None = None) -> str:
    """Return the commented template with its comments taken away, as its first lines say."""
    lines = (text or shipped("params", FILE).read_text(encoding="utf-8")).splitlines()
    said = re.compile(r"# ( |behaviours:|opportunities:|additions:)")
    return "\n".join(line[2:] if said.match(line) else line for line in lines) + "\n"


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    """The template's file as a shop would have it."""
    path = tmp_path / FILE
    path.write_text(template(), encoding="utf-8")
    return path


def test_the_template_is_read_once_its_comments_are_taken_away(own_file):
    own = read_own(own_file)
    assert own.signs == {"offers_gift_wrap": ("asks_for_gift",)}
    assert own.taught == {"offers_gift_wrap": "more"}
    assert (
        own.advice("en")["offers_gift_wrap"].phrases[0] == "Shall I put it in a gift box for you?"
    )
    assert set(own.additions) == {"closes_warmly", "off_platform", "recommends"}
    assert Own.model_validate_json(own.model_dump_json()) == own  # as a run's context keeps it


def test_nothing_of_its_own_is_no_fault(tmp_path):
    assert own_of(tmp_path) == Own()
    (tmp_path / FILE).write_text("", encoding="utf-8")
    assert own_of(tmp_path) == Own()


def test_lines_are_read_in_any_spelling(own_file):
    lexicon = load_lexicon(read_own(own_file))
    told = [("buyer", "想買個禮物"), ("agent", "送您一個禮盒～"), ("agent", "GIFT－WRAP?")]
    lines = pl.DataFrame(told, ["sender", "text"], orient="row")
    marked = mark_table(lines, lexicon, ["asks_for_gift", "offers_gift_wrap"])
    assert marked["asks_for_gift"].to_list() == [True, None, None]
    assert marked["offers_gift_wrap"].to_list() == [None, True, True]
    assert mark_table(lines, lexicon).columns[-1] == "offers_gift_wrap"
    assert find_hits("送您一个礼盒", "offers_gift_wrap", lexicon) == [(0, 6)]


def test_an_opportunity_is_what_the_file_says():
    talks = pd.DataFrame(
        {
            "agent_messages_before": [1, 1, 0],
            "agent_messages": [1, 1, 1],
            "is_inquiry": [True, False, True],
            "asks_for_gift": [True, False, True],
            "asks_for_gift_turn": [2, None, 1],
            "turns_judged": [3, 1, 0],
        }
    )
    own = {"all": (), "before": ("is_inquiry",), "gift": ("asks_for_gift",)}
    columns = {f"{n}_turn" for n in ("voices_worry", "complains", "waited_long", "says_no")}
    columns |= {f"about_{n}_turn" for n in ("quality", "size", "shipping", "bargaining")}
    columns |= {f"{n}_turn" for n in ("about_after_sales", "asks_stock", "asks_promise")}
    columns |= {"asks_when_done_turn"}
    base = talks.assign(**dict.fromkeys({c.removesuffix("_turn") for c in columns}, False))
    base = base.assign(ordered=False, stayed_unpaid=False, fell_silent=False, follows_up=False)
    found = opportunities(base, own)
    assert found[list(own)].to_numpy().T.tolist() == [
        [True, True, False],
        [True, False, False],
        [True, False, False],
    ]
    turns = opportunity_turns(base.assign(**dict.fromkeys(columns, pd.NA)), own)
    turns = turns[[f"{name}_opportunity_turn" for name in own]].astype(float).fillna(0)
    assert turns.to_numpy().T.tolist() == [[1, 1, 0], [1, 0, 0], [2, 0, 0]]


#: What is changed in the template, and what is said of it (with the line where it stands).
FAULTS = {
    "an unknown key": (("direction: good", "directon: good"), r"line \d+: unknown key .*direction"),
    "no such direction": (("direction: good", "direction: best"), r"'good', 'bad' or 'neutral'"),
    "an example that does not show it": (
        ("- 送您一个礼盒哦", "- 送您一件衣服"),
        r"line \d+: by its words the example '送您一件衣服' does not show `offers_gift_wrap`",
    ),
    "an example that shows it": (
        ("- 明天发货", "- 明天送您礼盒"),
        r"line \d+: .*'明天送您礼盒' shows `offers_gift_wrap`",
    ),
    "a buyer's example": (("[自己用, 包邮吗]", "[送人]"), r"'送人' shows `asks_for_gift`"),
    "a built-in name": (("  offers_gift_wrap:", "  greets:"), r"line \d+: `greets` is built in"),
    "a column's name": (("  offers_gift_wrap:", "  net_amount:"), r"names something else already"),
    "no id": (("  offers_gift_wrap:", "  Gift-Wrap:"), r"`Gift-Wrap` can't be an id"),
    "a pattern that takes hours": (("'gift.?wrap'", "'(a{0,9}){0,30}b'"), r"could take hours"),
    "a pattern without end": (("'gift.?wrap'", "'x.*y.*z'"), r"could take hours"),
    "a pattern that shows always": (("'gift.?wrap'", "'(gift)?'"), r"matches an empty message"),
    "a blank pattern": (("'gift.?wrap'", "' '"), r"empty pattern"),
    "no pattern": (
        ("'gift.?wrap'", "'gift(wrap'"),
        r"line 15: .*patterns\.2`: is no regular expression .*close every \(",
    ),
    "another dialect": (
        ("'gift.?wrap'", r"'gift\\b'"),
        r"line 15, .*key `patterns`.*not read alike by every engine",
    ),
    "a tab": (("    direction: good", "\tdirection: good"), "line 10: .*blanks, not with tabs"),
    "out of line": (("    direction: good", "   direction: good"), "line 10: .*in one column"),
    "a wide colon": (("direction: good", "direction：good"), "line 10: .*write : .*of half width"),
    "a wide colon in braces": (
        ("{zh: 主动", "{zh：主动"),
        "line 9: unknown key .*zh：主动提供礼品包装`; write : .*of half width",
    ),
    "wide commas": (("礼盒吧？, 需要", "礼盒吧？，需要"), "line 29: .*of half width"),
    "a class without quotes": (("- '礼品包装'", "- [^,。]包装"), "line 14: .*in single quotes"),
    "an escape in double quotes": (("'gift.?wrap'", r'"gift\d"'), "line 15: .*in single quotes"),
    "a sign that can't be seen": (("direction: good", "direction: good\x00"), "line 10: .*take"),
    "no such opportunity": (
        ("[asks_for_gift]", "[asks_for_gifts]"),
        r"did you mean `asks_for_gift`",
    ),
    "one that holds the others": (
        ("[asks_for_gift]", "[asks_for_gift, pre_sales]"),
        r"`pre_sales` holds the others",
    ),
    "no such marker": (("  closes_warmly:", "  closes_warm:"), r"did you mean `closes_warmly`"),
    "a name with mark-up": (("en: Offers gift wrapping", "en: <b>gift"), r"leave out '<'"),
    "a name in one language": ((", en: Offers gift wrapping", ""), r"names\.en`: Field required"),
    "advice against the rules": (
        ("title: 送礼的买家，先问要不要包装", "title: 送礼的买家，请他给个好评"),
        r"line \d+: this breaks platform rules",
    ),
    "advice in one language": (
        ("      en:\n        title: Offer", "      fr:\n        title: Offer"),
        r"unknown key .*fr",
    ),
    "twice the same": (
        ("    direction: good", "    direction: good\n    direction: bad"),
        r"stands on line",
    ),
    "code": (("direction: good", "direction: !!python/name:os.system"), r"behaviours\.yml"),
}


@pytest.mark.parametrize(("change", "said"), FAULTS.values(), ids=FAULTS)
def test_every_fault_is_named(own_file, change, said):
    text = own_file.read_text(encoding="utf-8")
    assert change[0] in text
    own_file.write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        read_own(own_file)
    assert all(FILE in line for line in str(caught.value).splitlines())


def test_a_file_in_another_encoding_is_told_to_be_saved_anew(own_file):
    text = own_file.read_text(encoding="utf-8")
    own_file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert list(read_own(own_file).behaviours) == ["offers_gift_wrap"]
    for encoding in ("gb18030", "utf-16"):
        own_file.write_bytes(text.encode(encoding))
        with pytest.raises(ConfigError, match=r"line \d+: .*; save the file as UTF-8"):
            read_own(own_file)


def test_each_pattern_that_cant_be_read_is_told_by_its_own_line(own_file):
    text = own_file.read_text(encoding="utf-8").replace("'gift.?wrap'", "'a(?=b)'")
    text = text.replace("'祝您喝茶愉快'", r"'\\w茶'").replace("'微信会员日'", "'<no_such>'")
    own_file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_own(own_file)
    lines = text.splitlines()
    told = [int(re.search(r"line (\d+)", fault)[1]) for fault in str(caught.value).splitlines()]
    assert {lines[number - 1].strip() for number in told} == {
        line.strip() for line in lines if any(word in line for word in ("(?=b", "w茶", "no_such"))
    }


def test_who_takes_a_built_in_name_is_told_that_alone(own_file):
    text = own_file.read_text(encoding="utf-8").replace("offers_gift_wrap:", "complains:")
    own_file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_own(own_file)
    [fault] = str(caught.value).splitlines()
    assert "`complains` is built in" in fault


def test_a_key_with_nothing_under_it_is_told_its_mend(tmp_path):
    (tmp_path / FILE).write_text("behaviours:\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line 1: .*; write something under it, or leave"):
        own_of(tmp_path)


def test_a_file_that_is_no_file_is_a_fault(tmp_path):
    (tmp_path / FILE).symlink_to(tmp_path / "gone.yml")
    with pytest.raises(ConfigError, match="can't be read"):
        own_of(tmp_path)


def test_all_faults_are_told_at_once(own_file, tmp_path, demo_folder):
    text = own_file.read_text(encoding="utf-8")
    text = text.replace("  closes_warmly:", "  closes_warm:").replace("[asks_for_gift]", "[gift]")
    own_file.write_text(text, encoding="utf-8")
    (tmp_path / "agents.csv").write_text("agent_id\na1\n", encoding="utf-8")
    (tmp_path / "ratings.csv").write_bytes(b"")
    told = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert told.exit_code == 1
    assert "closes_warm" in told.output
    assert "opportunity `gift`" in told.output


def test_patterns_that_go_back_are_counted():
    assert ways("(好的|是的){0,2}") == 7.0
    assert ways("<soft>{0,3}好") == 4.0
    assert plain_pattern("（禮盒）") == r"\(礼盒\)"


def test_a_dispute_may_name_the_shops_own(own_file, tmp_path):
    row = "a1,offers_gift_wrap,2026-10,misread,lead\n"
    (tmp_path / "disputes.csv").write_text(f"agent_id,behaviour,month,reason,by\n{row}", "utf-8")
    assert read_disputes(tmp_path)[1] == []
    own_file.unlink()
    assert len(read_disputes(tmp_path)[1]) == 1
