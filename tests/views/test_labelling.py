"""Labelling: lines in their conversation, answers kept, what agreement comes to, retuning."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score
from tests.contexts import RULES

from csinsight.behaviours import labelling as sheet
from csinsight.behaviours.accuracy import label_accuracy
from csinsight.behaviours.conversations import ChatSource, mark_messages
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.own import read_own
from csinsight.contract.check import check_folder
from csinsight.contract.labels import FILE, Labels, add_labels, load_labels
from csinsight.engine import open_shop
from csinsight.errors import ConfigError, DataError, LockedError
from csinsight.params import shipped
from csinsight.runs.kernels import run_notebook
from csinsight.simulate import simulate
from csinsight.views import labelling
from csinsight.views.labelling import Controls
from csinsight.views.study import open_study

LEXICON = load_lexicon()
MARKERS = ["greets", "apologizes"]
ASKED = {"behaviours": "greets, apologizes", "each": 10, "seed": 3}


pytestmark = pytest.mark.xdist_group("labelling")  # its shop is made once


@pytest.fixture(scope="module")
def shop_folder(tmp_path_factory):
    """A month of a small shop: to read all lines of the demo shop's takes each test seconds."""
    folder = tmp_path_factory.mktemp("labelling")
    simulate(folder, seed=9, buyers=200, agents=6, conversations=500, months=1)
    return folder


@pytest.fixture(scope="module")
def drawn(shop_folder, tmp_path_factory):
    """The folder in which a run keeps the sample of what is `ASKED`: drawn once for all tests."""
    study = open_study(str(shop_folder), str(tmp_path_factory.mktemp("drawn")), lang="en")
    labelling.open_session(study, who="anna", **ASKED)
    return study.run / "labels"


@pytest.fixture(scope="module")
def sample(shop_folder):
    return sheet.draw_sample(_chats(shop_folder), markers=MARKERS, each=30, seed=3)


def _chats(folder):
    return ChatSource(open_shop(folder), datetime(2026, 11, 1), 1, RULES, LEXICON)


def test_a_sample_is_half_hits_and_stands_for_the_month(sample, shop_folder):
    assert sample["no"].tolist() == list(range(1, 61))
    counts = sample.groupby(["marker", "shown"]).size()
    assert counts.tolist() == [15, 15, 15, 15]
    weights = sample.groupby("marker")["weight"].sum()
    assert weights["greets"] == pytest.approx(weights["apologizes"])  # all agent lines
    assert (sheet.shown_by(sample, LEXICON) == sample["shown"]).all()
    assert sample["sent_at"].between("2026-10-01", "2026-11-01").all()
    with pytest.raises(ValueError, match="grets: no marker"):
        sheet.draw_sample(_chats(shop_folder), markers=["grets"], each=2, seed=1)


def _hand_made():
    # Four hits standing for 10 each, two others standing for 30 each.
    shown = [True, True, True, True, False, False]
    frame = pd.DataFrame({"no": range(1, 7), "marker": "greets", "shown": shown})
    return frame.assign(weight=np.where(frame["shown"], 10.0, 30.0))


def test_agreement_by_hand():
    labels = pd.Series([1, 1, 1, 0, 1, 0], index=range(1, 7), dtype=float)
    row = sheet.agreement(_hand_made(), labels).iloc[0]
    # Right: 30 of the 40 found. There: 30 found and 30 missed.
    assert (row["labelled"], row["precision"], row["recall"]) == (6, 0.75, 0.5)
    assert row["f1"] == pytest.approx(2 * 30 / (40 + 60))
    whole = np.repeat([0, 1, 2, 3, 4, 5], [10, 10, 10, 10, 30, 30])
    kappa = cohen_kappa_score(labels.to_numpy()[whole], _hand_made()["shown"].to_numpy()[whole])
    assert row["kappa"] == pytest.approx(kappa)
    assert row["precision_low"] < 0.75 < row["precision_high"]
    assert 0 <= row["recall_low"] <= 0.5 <= row["recall_high"] == 1


def test_unlabelled_rows_are_taken_to_be_like_the_labelled_ones():
    labels = pd.Series({1: 1.0, 2: 0.0, 5: 0.0})
    row = sheet.agreement(_hand_made(), labels).iloc[0]
    assert (row["labelled"], row["precision"], row["recall"]) == (3, 0.5, 1.0)
    nothing = sheet.agreement(_hand_made(), pd.Series(dtype=float))
    assert len(nothing) == 0
    assert "kappa_low" in nothing


def test_a_few_lines_that_all_agree_are_not_certain():
    """Drawn anew they agree always; three lines can't tell a kappa of 1 from one of 0."""
    line = {"position": 1, "sent_at": pd.NaT, "behaviour": "greets"}
    for lines, least, most in ((3, -1.0, 0.3), (40, 0.6, 0.95)):
        shown = [n % 3 == 0 for n in range(lines)]
        told = {"conversation_id": [f"c{n}" for n in range(lines)] * 2, "shown": shown * 2, **line}
        labels = pd.DataFrame(told).assign(reader=["anna"] * lines + ["bo"] * lines)
        row = sheet.kappas(labels).iloc[0]
        assert row["kappa"] == row["kappa_high"] == 1
        assert least <= row["kappa_low"] <= most
    few = pd.DataFrame({"no": range(1, 5), "marker": "greets", "weight": 1.0})
    few["shown"] = [True, True, False, False]
    row = sheet.agreement(few, few.set_index("no")["shown"].astype(float)).iloc[0]
    assert row["recall"] == row["f1"] == 1
    assert max(row["recall_low"], row["f1_low"], row["kappa_low"]) < 0.8


def _labels(readers, talks=200, seed=1):
    rng = np.random.default_rng(seed)
    true = rng.random(talks) < 0.4
    parts = []
    for reader, right in readers.items():
        shown = np.where(rng.random(talks) < right, true, ~true)
        told = {"conversation_id": [f"c{i}" for i in range(talks)], "position": 1}
        told |= {"sent_at": pd.NaT, "behaviour": "greets", "shown": shown, "reader": reader}
        parts.append(pd.DataFrame(told))
    return pd.concat(parts, ignore_index=True)


def test_two_readers_agree_as_far_as_they_do():
    labels = _labels({"anna": 0.95, "bo": 0.9})
    row = sheet.kappas(labels).iloc[0]
    one, other = (part["shown"].to_numpy() for _, part in labels.groupby("reader"))
    assert row["kappa"] == pytest.approx(cohen_kappa_score(one, other))
    assert row["kappa_low"] < row["kappa"] < row["kappa_high"]
    assert row["kappa_high"] - row["kappa_low"] < 0.3
    assert sheet.kappas(labels[labels["reader"] == "anna"]).empty


def test_where_readers_are_even_the_line_says_nothing():
    sample = _hand_made().assign(
        conversation_id=[f"c{i}" for i in range(6)], position=1, sent_at=pd.Timestamp("2026-10-01")
    )
    labels = _labels({"anna": 1.0, "bo": 1.0}, talks=3)
    labels.loc[labels.index[3:4], "shown"] = ~labels["shown"].iloc[0]
    hand = labels.tail(1).assign(
        conversation_id="c5", position=None, sent_at=pd.Timestamp("2026-10-01"), shown=True
    )
    told = sheet.settled(sample, pd.concat([labels, hand]))
    assert told.isna().tolist() == [True, False, False, True, True, False]
    assert told[6] == 1.0


@pytest.fixture
def fresh(shop_folder, tmp_path):
    """A study of the small shop's tables, in a folder where labels may be written."""
    data, run = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    run.mkdir()
    for name in ("messages", "orders", "agents"):
        (data / f"{name}.parquet").symlink_to(shop_folder / f"{name}.parquet")
    return open_study(str(data), str(run), lang="en")


@pytest.fixture
def study(fresh, drawn):
    """The same with the sample of what is `ASKED`, of which nobody has read anything."""
    shutil.copytree(drawn, fresh.run / "labels")
    return fresh


def test_a_reader_goes_on_where_they_stopped(study):
    session = labelling.open_session(study, who="anna", **ASKED)
    assert session.at == session.done == 0
    first = session.items[0]
    session.save(["greets"])
    session.save([])
    session.skip()
    again = labelling.open_session(study, who="anna", **ASKED)
    assert (again.at, again.done, again.items[0]) == (2, 2, first)
    again.back()
    again.back()
    assert again.shown == {"greets"}
    again.save(["apologizes"])
    labels = load_labels(study.data)
    own = labels[(labels["conversation_id"] == first[0]) & (labels["position"] == first[1])]
    assert dict(zip(own["behaviour"], own["shown"], strict=True)) == {
        "greets": False,
        "apologizes": True,
    }
    other = labelling.open_session(study, who="bo", **ASKED)
    assert (other.done, other.items) == (0, session.items)
    with pytest.raises(ConfigError, match="'great' is not asked; did you mean `greets`"):
        other.save(["great"])


def test_before_anything_is_read_nothing_is_said(study):
    session = labelling.open_session(study, who="anna", **ASKED)
    assert labelling.readers(session).empty
    assert labelling.readings(session).empty
    assert labelling.disputed(session).empty
    assert Controls(session).box.children


def test_a_line_stands_masked_in_its_conversation(study):
    session = labelling.open_session(study, who="anna", **ASKED)
    agents = set(pd.read_parquet(study.data / "agents.parquet")["name"])
    for place in range(len(session.items)):
        session.at = place
        lines = session.lines()
        asked = [line for line in lines if line.asked]
        assert len(asked) == 1
        assert asked[0].sender == "agent"
        assert not any(name in line.text for line in lines for name in agents)
    session.at = len(session.items)
    assert session.lines() == []


def test_what_is_read_well_is_said_to_be(study):
    session = labelling.open_session(study, who="anna", **ASKED)
    said = session.sample.groupby(["conversation_id", "position"])
    for item in session.items:
        rows = said.get_group(item)
        session.save(list(rows.loc[rows["shown"], "marker"]))
    table = labelling.readings(session).set_index("marker")
    assert table.loc["greets", ["precision", "recall", "kappa"]].tolist() == [1, 1, 1]
    assert labelling.disputed(session).empty
    assert check_folder(study.data) == []
    deaf = study.data / "own.yml"
    deaf.write_text(
        "version: 1\nadditions:\n  apologizes:\n    none_of: ['抱歉|不好意思|对不起|久等']\n",
        encoding="utf-8",
    )
    retuned = labelling.readings(session, load_lexicon(read_own(deaf))).set_index("marker")
    assert retuned.loc["apologizes", "recall"] < 0.5
    assert len(labelling.disputed(session, load_lexicon(read_own(deaf)))) > 2


def test_labels_are_what_the_drivers_are_corrected_by(study):
    session = labelling.open_session(study, who="anna", **ASKED)
    for _ in session.items:
        session.save([])
    context = study.context
    marked = mark_messages(context.chats(study.open(), months=1))
    found = label_accuracy(marked, load_labels(study.data)).set_index("behaviour")
    # Every line before the outcome has its label, and none shows what is read into some.
    assert set(found.index) == {"greets", "apologizes"}
    assert (found["labels"] > 0.7 * len(session.items)).all()
    assert (found["share_kept"] < 0.3).all()


def test_nothing_is_asked_that_no_line_can_show(fresh):
    with pytest.raises(ConfigError, match="'repeats_canned' can't be asked of a line"):
        labelling.open_session(fresh, who="anna", behaviours="repeats_canned", each=2, seed=1)
    with pytest.raises(ConfigError, match="who reads"):
        labelling.open_session(fresh, who=" ", **ASKED)
    asked = labelling.open_session(fresh, who="anna", behaviours="", each=2, seed=1).behaviours
    assert asked == labelling.HARD


def _row(**told):
    row = {"conversation_id": "c1", "sent_at": pd.Timestamp("2026-10-01 09:00"), "position": 2}
    return pd.DataFrame([row | {"behaviour": "greets", "shown": True, "reader": "anna"} | told])


def test_what_stands_in_the_file_stays(tmp_path):
    text = (
        "conversation_id,sent_at,behaviour,shown,reader,note\n"
        "c1,2026-10-01 09:00:00,greets,0,anna,by hand\n"
        'c9,,greets,1,bo,"a, b"\n'
    )
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    add_labels(tmp_path, _row())
    add_labels(tmp_path, _row(reader="bo", position=3))
    rows = pd.read_csv(tmp_path / FILE)
    assert rows["note"].dropna().tolist() == ["a, b"]  # anna's own by hand has made place
    assert rows["reader"].tolist() == ["bo", "anna", "bo"]
    assert load_labels(tmp_path)["shown"].tolist() == [True, True, True]


def test_a_broken_file_is_left_alone(tmp_path):
    broken = "conversation_id,behaviour,shown,reader\nc1,greets,perhaps,anna\n"
    (tmp_path / FILE).write_text(broken, encoding="utf-8")
    with pytest.raises(DataError, match="row 2, column shown"):
        add_labels(tmp_path, _row())
    assert (tmp_path / FILE).read_text(encoding="utf-8") == broken


def test_nobody_waits_without_end_for_the_file(tmp_path, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr("csinsight.contract.labels.LOCK_SECONDS", 0.1)
    with FileLock(tmp_path / f".{FILE}.lock"), pytest.raises(LockedError, match="another process"):
        add_labels(tmp_path, _row())


def test_the_controls_work_by_keys_alone(study):
    session = labelling.open_session(study, who="anna", **ASKED)
    controls = Controls(session)

    def type_in(text):
        controls.keys.value = text
        controls.keys._handle_custom_msg({"event": "submit"}, [])

    assert "background" in controls.text.value
    type_in("2")
    assert session._done[session.items[0]] == {"apologizes"}
    type_in("12")
    assert session._done[session.items[1]] == {"greets", "apologizes"}
    type_in("0")
    type_in("?")
    assert (session.at, session.done) == (4, 3)
    type_in("")  # nothing was said of this line
    assert (session.at, session.done) == (4, 3)
    type_in("7")
    assert "7" in controls.said.value
    assert session.at == 4
    type_in("b")
    type_in("b")
    assert session.at == 2
    controls.ticks[0].value = True
    controls.box.children[-2].children[1].click()
    assert session._done[session.items[2]] == {"greets"}
    type_in("b")
    type_in("0")
    assert session._done[session.items[2]] == set()
    session.at = len(session.items) - 1
    type_in("?")
    assert all(tick.disabled for tick in controls.ticks)
    type_in("1")
    assert len(load_labels(study.data)) == 2 * 3


def test_an_answer_is_taken_whole_whichever_comes_first(fresh):
    """A browser tells of Enter and of what was typed by messages that may pass each other."""
    session = labelling.open_session(fresh, who="anna", **ASKED)
    controls = Controls(session)
    controls.keys._handle_custom_msg({"event": "submit"}, [])
    assert session.done == 0
    controls.keys.value = "12"
    assert session._done[session.items[0]] == {"greets", "apologizes"}
    # Who types and then clicks, has typed an answer to this line and none to the next.
    controls.keys.value = "2"
    assert session.done == 1
    controls.box.children[-2].children[1].click()
    assert session._done[session.items[1]] == {"apologizes"}
    assert (session.at, session.done) == (2, 2)


def test_hostile_text_stays_text(study):
    session = labelling.open_session(study, who="anna", **ASKED)
    talk, position = session.items[0]
    rows = session._talks[talk]
    rows.loc[rows["position"] == position, "masked"] = "<img src=x onerror=alert(1)>"
    shown = Controls(session).text.value
    assert "<img" not in shown
    assert "&lt;img" in shown


@pytest.mark.slow
def test_the_notebook_runs_and_shows_what_was_read(fresh, tmp_path):
    told = {"who": "anna", "markers": "greets", "each": 6, "seed": 1}
    session = labelling.open_session(fresh, who="anna", behaviours="greets", each=6, seed=1)
    said = session.sample.set_index(["conversation_id", "position"])["shown"]
    for item in session.items:
        session.save(["greets"] if said[item] else [])
    places = {"data": str(fresh.data), "run": str(fresh.run), **told}
    notebook = shipped("notebooks") / "labelling.ipynb"
    done = run_notebook(notebook, tmp_path / "done.ipynb", places)
    shown = str([cell.get("outputs") for cell in done.cells])
    assert "kappa_before" in shown
    assert "1.0" in shown
    assert (tmp_path / "done.ipynb").is_file()
    assert all(
        output.get("output_type") != "error"
        for cell in nbformat.read(tmp_path / "done.ipynb", as_version=4).cells
        for output in cell.get("outputs", [])
    )
    assert Labels.POSITION in pd.read_csv(Path(fresh.data) / FILE)
