"""Private data in many spellings, and ordinary phrases beside them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pandas as pd
import polars as pl
import pytest
from tests.coaching.private import leaks, ordinary, private
from tests.coaching.spellings import LEAST, ORDINARY, SPELLINGS, in_sentence, spellings
from tests.contexts import RULES

from csinsight.behaviours.conversations import ChatSource
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.coaching.excerpts import plan_excerpts
from csinsight.coaching.masking import mask, mask_lines
from csinsight.coaching.rarity import (
    BUYERS,
    Common,
    common_pieces,
    pieces,
)
from csinsight.engine import open_shop
from csinsight.features.conversations import conversation_features
from csinsight.features.frames import moment_ms

AS_OF = datetime(2026, 11, 1)
#: What many buyers say, and what is said to them.
TALK = (
    ("buyer", "在吗，这款亚麻衬衫还有货吗"),
    ("agent", "亲，您好，这款亚麻衬衫有货的，今天下单明天发货"),
    ("buyer", "ok, thanks 好的 谢谢，穿什么尺码"),
    ("agent", "麻烦您看一下尺码表，165cm选M码，胸围96cm"),
)


def _everything():
    return [(kind, told) for kind in SPELLINGS for told in spellings(kind)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Thirty buyers say the same; then one buyer more for each spelling, who says it alone."""
    planted = [in_sentence(kind, told) for kind, told in _everything()]
    rows = []
    for number in range(30 + len(planted)):
        lines = list(TALK)
        if number >= 30:
            lines.insert(2, ("buyer", planted[number - 30]))
            lines.insert(3, ("agent", "好的 " + planted[number - 30]))
        for minute, (sender, text) in enumerate(lines):
            at = datetime(2026, 10, 5, 10) + timedelta(minutes=minute, hours=number % 400)
            agent = f"a{number % 3}" if sender == "agent" else None
            rows.append((f"b{number:04d}", agent, sender, at, text, f"c{number:04d}"))
    folder = tmp_path_factory.mktemp("planted")
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text", "conversation_id"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / "messages.parquet")
    return open_shop(folder)


@pytest.fixture(scope="module")
def common(shop):
    texts = [in_sentence(kind, told) for kind, told in _everything()]
    texts += [text for _, text in TALK] + ORDINARY
    return common_pieces(shop, texts, [], moment_ms(AS_OF))


@pytest.mark.parametrize("kind", SPELLINGS)
def test_patterns_find_most_spellings_of_each_kind(kind):
    told = spellings(kind)
    assert len(told) >= LEAST
    kept = [text for text in told if mask(in_sentence(kind, text)) == in_sentence(kind, text)]
    assert len(kept) <= 0.16 * len(told), kept


def test_with_what_few_buyers_say_hidden_nothing_of_any_kind_is_left(common):
    kept = []
    for kind, told in _everything():
        (shown,) = mask_lines([in_sentence(kind, told)], [], common)
        if told in shown:
            kept.append((kind, told))
    assert len(kept) <= 0.02 * len(_everything()), [*kept, len(_everything())]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """Four buyers type each private line, five each ordinary one; what many say of all of it."""
    said = [
        (f"p{n}x{k}", t) for n, told in enumerate(private()) for t in told.lines for k in "1234"
    ]
    said += [(f"o{n}", text) for text in ordinary() for n in range(BUYERS)]
    rows = [(buyer, "buyer", datetime(2026, 10, 5), text) for buyer, text in said]
    folder = tmp_path_factory.mktemp("crowd")
    names = ["buyer_id", "sender", "sent_at", "text"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(folder / "messages.parquet")
    return common_pieces(open_shop(folder), [t for _, t in said], [], moment_ms(AS_OF))


def _left(common):
    return [
        (told.kind, *told.lines)
        for told in private()
        if any(leaks("\n".join(mask_lines(told.lines, [], common)), s) for s in told.secrets)
    ]


def test_of_what_people_type_nothing_is_left(crowd):
    kinds = Counter(told.kind for told in private())
    assert len(kinds) >= 24
    assert min(kinds.values()) >= LEAST
    left = _left(crowd)
    assert len(left) <= 0.02 * len(private()), left


def test_patterns_alone_leave_little_of_it():
    left = _left(None)
    assert len(left) <= 0.02 * len(private()), left


def test_ordinary_phrases_are_shown(crowd):
    for lang in ("zh", "en"):
        said = ordinary(lang)
        changed = [text for text in said if mask_lines([text], [], crowd) != [text]]
        assert len(said) > 300
        assert len(changed) <= 0.02 * len(said), changed


def test_what_many_say_is_shown(common):
    for _, text in TALK:
        assert mask_lines([text], [], common) == [text]


def test_ordinary_phrases_stay():
    changed = [text for text in ORDINARY if mask(text) != text]
    assert len(changed) <= 0.02 * len(ORDINARY), changed


@pytest.mark.parametrize(
    "text", ["[姓名x]您好", "订单[数字x]已发", "#E-s[数字x]", "[电话] 打给我", "[略]好的"]
)
def test_what_is_masked_already_stays_as_it_is(text):
    assert mask(text) == text
    assert mask_lines([text], [], Common(frozenset(p for *_, p in pieces(text)))) == [text]


def test_a_word_of_four_buyers_is_hidden_and_of_five_shown(tmp_path):
    rows = [
        (f"b{n}", "buyer", datetime(2026, 10, 5), text)
        for text, buyers in (("要 foursome 的", BUYERS - 1), ("要 fivesome 的", BUYERS))
        for n in range(buyers)
    ]
    names = ["buyer_id", "sender", "sent_at", "text"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(tmp_path / "messages.parquet")
    texts = [text for *_, text in rows]
    found = common_pieces(open_shop(tmp_path), texts, [], moment_ms(AS_OF))
    assert mask_lines(["要 foursome 的", "要 fivesome 的"], [], found) == [
        "要 [略] 的",
        "要 fivesome 的",
    ]
    allowed = common_pieces(open_shop(tmp_path), texts, ["Foursome"], moment_ms(AS_OF))
    assert mask_lines(["要 foursome 的"], [], allowed) == ["要 foursome 的"]


def test_excerpts_of_cards_show_none_of_it_and_choose_what_hides_least(shop):
    table = conversation_features(shop, AS_OF, RULES, months=12)
    ids = table["conversation_id"].tolist()
    planted = [name for name in ids if int(name[1:]) >= 30]
    plan = pd.DataFrame(
        [
            {
                "agent_id": f"a{int(name[1:]) % 3}",
                "behaviour": "polite_words",
                "kind": "driver",
                "misses": [],
                # One that hides something, and after it one of the same agent that hides nothing.
                "effect_pp": 1.0,
                "hits": [name, f"c{int(name[1:]) % 3:04d}"],
                "peer_hits": [name],
            }
            for name in planted[::20]
        ]
    )
    shown = plan_excerpts(ChatSource(shop, AS_OF, 12, RULES, load_lexicon()), plan, table)
    assert len(shown)
    text = "\n".join(shown["text"])
    kept = [told for _, told in _everything() if len(told) > 2 and told in text]
    assert len(kept) <= 0.02 * len(_everything()), kept
    hits = shown[shown["side"] == "hits"]
    assert not hits["text"].str.contains(r"\[", regex=True).any()


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("收件人:李䶮", "李䶮"),
        ("我叫张㐱", "张㐱"),
        ("收货人 王𬱖", "王𬱖"),
        ("我住𠮷祥小区3号楼", "𠮷祥小区3号楼"),
    ],
)
def test_rare_characters_of_names_are_masked_as_common_ones(said, secret):
    assert secret not in mask(said)


@pytest.mark.parametrize(
    "secret",
    ["⠇⠊⠇⠽⠼⠓⠓", "🅻🅸🅻🆈🅷🅾🅼🅴", "🇱🇮🇱🇾88", "王⺮", "⺩⻌", "刘\ue123伟", "\U000f0001\U000f0002"],
)
def test_signs_that_stand_for_letters_are_hidden_where_nobody_else_says_them(secret):
    (shown,) = mask_lines([f"加我 {secret} 吧"], [], Common(frozenset()))
    assert not set(secret) & set(shown)
    said = Common(frozenset(p for *_, p in pieces("加我 吧")))
    (shown,) = mask_lines([f"加我 {secret} 吧"], [], said)
    assert secret not in shown


def test_emoji_are_no_letters():
    assert mask_lines(["好的 😊👍❤️"], [], Common(frozenset(p for *_, p in pieces("好的")))) == [
        "好的 😊👍❤️"
    ]
