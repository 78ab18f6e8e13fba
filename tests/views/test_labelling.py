"""Labelling: the sheet out and in again, what agreement comes to by hand, retuning."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score
from tests.contexts import RULES

from csinsight.behaviours import labelling as sheet
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.own import read_own
from csinsight.engine import open_shop
from csinsight.errors import DataError
from csinsight.params import shipped
from csinsight.runs.kernels import run_notebook
from csinsight.views import labelling
from csinsight.views.study import open_study

LEXICON = load_lexicon()
MARKERS = ["greets", "apologizes"]


@pytest.fixture(scope="module")
def sample(demo_folder):
    return sheet.draw_sample(
        open_shop(demo_folder),
        datetime(2026, 11, 1),
        RULES,
        LEXICON,
        markers=MARKERS,
        each=30,
        seed=3,
    )


def test_a_sample_is_half_hits_and_stands_for_the_month(sample):
    assert sample["no"].tolist() == list(range(1, 61))
    counts = sample.groupby(["marker", "shown"]).size()
    assert counts.tolist() == [15, 15, 15, 15]
    weights = sample.groupby("marker")["weight"].sum()
    assert weights["greets"] == pytest.approx(weights["apologizes"])  # all agent lines
    assert (sheet.shown_by(sample, LEXICON) == sample["shown"]).all()
    with pytest.raises(ValueError, match="grets: no marker"):
        sheet.draw_sample(
            open_shop(Path("data/demo")), datetime(2026, 11, 1), RULES, LEXICON,
            markers=["grets"], each=2, seed=1,
        )  # fmt: skip


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


@pytest.fixture
def study(demo_folder, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    return open_study(str(demo_folder), str(run), lang="en")


def _fill(path, labels):
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    for row in rows:
        row["label"] = labels.get(int(row["no"]), "")
    pd.DataFrame(rows).to_csv(path, index=False, encoding="gb18030")  # as a spreadsheet would
    return rows


def test_the_sheet_goes_out_masked_and_comes_back(study):
    told = {"markers": "greets, apologizes", "each": 10, "seed": 3}
    drawn = labelling.open_sheet(study, **told)
    path = labelling.sheet_path(study)
    labels = dict(zip(drawn["no"], drawn["shown"].map({True: "1", False: "否"}), strict=True))
    rows = _fill(path, labels | {1: ""})
    assert list(rows[0]) == ["no", "label", "marker", "question", "buyer", "text"]
    assert not any(row["text"].startswith(("=", "+", "@")) for row in rows)
    again = labelling.open_sheet(study, **told | {"each": 99})
    assert len(again) == len(drawn) == 20
    read = labelling.read_labels(study, again)
    assert read.isna().sum() == 1
    table = labelling.readings(again, read).set_index("marker")
    assert table.loc["greets", ["precision", "recall", "kappa"]].tolist() == [1, 1, 1]
    assert labelling.disputed(again, read).empty


def test_retuning_changes_the_reading(study, tmp_path):
    drawn = labelling.open_sheet(study, markers="apologizes", each=20, seed=3)
    labels = pd.Series(drawn["shown"].to_numpy(dtype=float), index=drawn["no"])
    own = tmp_path / "own.yml"
    own.write_text(
        "version: 1\nadditions:\n  apologizes:\n    none_of: ['抱歉|不好意思|对不起|久等']\n",
        encoding="utf-8",
    )
    deaf = load_lexicon(read_own(own))
    table = labelling.readings(drawn, labels, deaf).iloc[0]
    assert table["recall"] < 0.5
    assert len(labelling.disputed(drawn, labels, deaf)) > 4


@pytest.mark.parametrize(
    ("told", "match"),
    [
        ("no,label\n1,maybe\n", "row 2, column label: 'maybe' is neither 1 nor 0"),
        ("no,label\n99,1\n", "row 2, column no: `no` is none"),
        ("no;label\n1;1\n", "has no column label, no"),
    ],
)
def test_faults_of_a_sheet_are_named(study, told, match):
    drawn = labelling.open_sheet(study, markers="greets", each=4, seed=3)
    labelling.sheet_path(study).write_text(told, encoding="utf-8")
    with pytest.raises(DataError, match=match):
        labelling.read_labels(study, drawn)


def test_the_notebook_runs_on_a_labelled_sheet(study, demo_folder, tmp_path):
    told = {"markers": "greets", "each": 6, "seed": 1}
    drawn = labelling.open_sheet(study, **told)
    ones = drawn["shown"].map({True: "1", False: "0"})
    _fill(labelling.sheet_path(study), dict(zip(drawn["no"], ones, strict=True)))
    places = {"data": str(demo_folder), "run": str(study.run), **told}
    notebook = shipped("notebooks") / "labelling.ipynb"
    done = run_notebook(notebook, tmp_path / "done.ipynb", places)
    shown = str([cell.get("outputs") for cell in done.cells])
    assert "kappa_before" in shown
    assert "1.0" in shown


def test_an_unlabelled_sheet_says_nothing(study):
    drawn = labelling.open_sheet(study, markers="greets", each=4, seed=3)
    assert labelling.readings(drawn, labelling.read_labels(study, drawn)).empty
