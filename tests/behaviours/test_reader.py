"""The reader that learns: the same answer for the same line, whatever else is there."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from tools.reader_subject import SUBJECT_CASES, subject_thresholds

from csinsight.behaviours import markers
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.markers import mark
from csinsight.behaviours.own import read_own
from csinsight.behaviours.reader import _places, load_reader, pieces
from csinsight.behaviours.table import SHOWN, mark_table
from csinsight.engine import frames
from csinsight.errors import ConfigError

READ = load_lexicon()
LINES = (
    ("c1", "buyer", "能改地址吗"),
    ("c1", "agent", "已经打包了改不了 快递到了您让他转寄一下"),
    ("c2", "buyer", "where is my parcel?? it is two weeks late"),
    ("c2", "agent", "While I cannot waive the fee, I can offer you a voucher instead."),
    ("c3", "buyer", "在吗"),
    ("c3", "agent", "在的亲"),
    ("c4", "system", "已读"),
)


def _table(lines):
    return pl.DataFrame(list(lines), schema=["conversation_id", "sender", "text"], orient="row")


def test_a_line_reads_the_same_alone_and_among_others():
    whole = mark_table(_table(LINES), READ)
    many = mark_table(
        _table([*LINES, *((f"x{n}", *line[1:]) for n, line in enumerate(LINES))]), READ
    )
    assert many.head(len(LINES)).select(SHOWN).rows() == whole.select(SHOWN).rows()
    for talk in ("c1", "c2", "c3"):
        alone = mark_table(_table([line for line in LINES if line[0] == talk]), READ)
        assert (
            alone.select(SHOWN).rows()
            == whole.filter(pl.col("conversation_id") == talk).select(SHOWN).rows()
        )


def test_meaning_that_no_rule_has_words_for_is_read():
    ruled = mark_table(_table(LINES), load_lexicon(reader="rules"))
    read = mark_table(_table(LINES), READ)
    assert not ruled["offers_alternative"][1]
    assert read["offers_alternative"][1]
    assert read["offers_alternative"][3]
    assert not read["offers_alternative"][5]
    assert read["offers_alternative"][0] is None
    assert read["offers_alternative"][6] is None


def _worry(*lines):
    frame = pl.DataFrame(
        [(str(number), "buyer", text, 1) for number, text in enumerate(lines)],
        schema=["conversation_id", "sender", "text", "turn_no"],
        orient="row",
    )
    marked = mark(nw.from_native(frame.lazy()), READ).collect().to_native()
    return marked.sort(pl.col("conversation_id").cast(int))["voices_worry"].to_list()


def test_a_plain_question_is_no_worry():
    """None of these was trained on; an occasion for comfort that is none hides who comforts."""
    plain = (
        "请问今天下单哪天能到",
        "这款多重",
        "有没有小一号的",
        "怕热的人盖这个合适吗",
        "颜色有几种",
        "在吗老板",
        "嗯嗯好的",
        "what material is the strap",
        "do you have it in green",
        "ok thank you",
    )
    assert _worry(*plain) == [False] * len(plain)
    worried = (
        "我真的很担心收到是坏的",
        "都一个礼拜了还没到 到底怎么回事",
        "I'm worried it won't arrive in time",
        "still nothing after two weeks, this is ridiculous",
    )
    assert _worry(*worried) == [True] * len(worried)


def test_weights_are_whole_numbers_of_the_labels_and_marks_they_name():
    for weights in (*load_reader().weights.values(), *load_reader().subjects.values()):
        labels = len(weights.labels)
        assert weights.agent.shape == (len(weights.agent_names), labels)
        assert weights.buyer.shape == (len(weights.buyer_names), labels)
        assert weights.marked.shape[1] == len(weights.thresholds) == labels
        for names in (weights.agent_names, weights.buyer_names):
            assert (np.diff(names.astype(np.int64)) > 0).all()


def _held(text):
    """Return every piece of one text, cut by hand."""
    line = f"\n{text}\n"
    cut = {
        line[start : start + size]
        for size in range(1, 5)
        for start in range(len(line) - size + 1)
        if "\n" not in line[start + 1 : start + size - 1]
    }
    return cut - {"\n"}


@pytest.mark.parametrize("text", ["好", "好的亲", "您好您好", "啊啊啊啊啊啊"])
def test_pieces_are_those_cut_by_hand(text):
    rows, names = pieces([text, "", text])
    assert (rows == 0).sum() == len(_held(text))
    assert names[rows == 0].tolist() == names[rows == 2].tolist()
    assert len(set(names[rows == 0].tolist())) == (rows == 0).sum()


def test_words_are_pieces_with_their_neighbours():
    _, apart = pieces(["thank"])
    rows, both = pieces(["thank you", "you thank"])
    shared = set(both[rows == 0].tolist()) & set(both[rows == 1].tolist())
    assert set(apart.tolist()) & shared
    assert set(both[rows == 0].tolist()) != set(both[rows == 1].tolist())


def test_no_piece_reaches_over_a_line_break():
    rows, names = pieces(["贵了\n便宜点", "便宜点\n贵了"])
    assert names[rows == 0].tolist() == names[rows == 1].tolist()


def test_a_shops_own_words_decide_for_their_marker(tmp_path):
    own = tmp_path / "additions.yml"
    own.write_text(
        "version: 1\nadditions:\n  offers_alternative:\n    patterns: ['打包了改不了']\n", "utf-8"
    )
    lexicon = load_lexicon(read_own(own))
    assert lexicon.reader is not None
    assert "offers_alternative" not in lexicon.reader.labels
    assert "gives_specifics" in lexicon.reader.labels
    assert mark_table(_table(LINES), lexicon)["offers_alternative"][1]


def test_a_file_without_weights_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.npz: holds no weights"):
        load_reader(tmp_path / "none.npz")


def test_a_subject_that_the_training_lines_slight_is_told_from_lower_on():
    truth = np.repeat(np.arange(6), SUBJECT_CASES)
    told = 0.5 * np.eye(6)[truth]
    # Of bargaining the sum always comes a little behind that of what else there is.
    slighted = truth == 2
    told[slighted] = [0.0, 0.0, 0.44, 0.0, 0.0, 0.5]
    taken = subject_thresholds(told, np.eye(6, dtype=bool)[truth])
    assert (told.argmax(axis=1) == truth).mean() < 0.9
    assert ((told - taken).argmax(axis=1) == truth).all()
    # Where too few speak of some subject nobody can tell where it begins.
    assert not subject_thresholds(told[1:], np.eye(6, dtype=bool)[truth[1:]]).any()


@pytest.mark.parametrize("many", [0, 1, 70_000])
def test_places_of_pieces_are_those_that_a_search_finds(many):
    rng = np.random.default_rng(many)
    names = np.unique(rng.integers(0, 2**32, many, dtype=np.uint64)).astype(np.uint32)
    # Neighbours share the bits that tell where to look.
    names = np.unique(np.concatenate([names, names[:9] + 1, names[-9:] - 1]))
    said = np.concatenate([names[::3], names[::7] + 1, np.array([0, 2**32 - 1], dtype=np.uint32)])
    known, places = _places(said, names)
    assert (names[places] == said[known]).all()
    assert sorted(known.tolist()) == np.flatnonzero(np.isin(said, names)).tolist()


def test_words_of_all_texts_are_read_once_whatever_the_parts(monkeypatch):
    whole = mark_table(_table(LINES * 9), READ)
    asked, read = [], markers._read_texts
    monkeypatch.setattr(markers, "_read_texts", lambda *a, **k: asked.append(1) or read(*a, **k))
    monkeypatch.setattr(frames, "_PART_ROWS", 16)
    assert mark_table(_table(LINES * 9), READ).equals(whole)
    assert len(asked) == 1
