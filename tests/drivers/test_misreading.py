"""Effects once misread words are corrected for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from csinsight.drivers.misreading import labelled, with_correction


def _row(rng, recall, precision, effect=0.10, n=4000, labelled=300):
    """One behaviour read at this recall and precision: its estimate, and labels of each side."""
    true = rng.random(n) < 0.3
    invented = 0.3 * recall * (1 / precision - 1) / 0.7
    read = np.where(true, rng.random(n) < recall, rng.random(n) < invented)
    paid = rng.random(n) < 0.4 + effect * true
    difference = paid[read].mean() - paid[~read].mean()
    se = np.sqrt(paid[read].var() / read.sum() + paid[~read].var() / (~read).sum())
    half = labelled // 2
    cases = np.r_[np.flatnonzero(read)[:half], np.flatnonzero(~read)[:half]]
    labels = pd.DataFrame(
        {"behaviour": "greets", "read": read[cases].astype(int), "true": true[cases].astype(int)}
    )
    numbers = [100 * (difference + z * se) for z in (0, -1.96, 1.96)]
    drivers = pd.DataFrame(
        [("greets", "shown", n, int(read.sum()), *numbers)],
        columns=["behaviour", "unit", "n", "shown", "effect_pp", "low_pp", "high_pp"],
    )
    return drivers, labels


def test_labels_bring_coverage_back_where_reading_takes_it_away():
    rng = np.random.default_rng(5)
    empty = pd.DataFrame(columns=["precision", "recall", "marked", "true"])
    read, corrected = [], []
    for _ in range(200):
        drivers, labels = _row(rng, recall=0.75, precision=0.80)
        found = with_correction(drivers, empty, labels).iloc[0]
        read.append(found["low_pp"] <= 10 <= found["high_pp"])
        corrected.append(found["corrected_low_pp"] <= 10 <= found["corrected_high_pp"])
    assert np.mean(read) < 0.75
    assert np.mean(corrected) >= 0.90


def test_published_figures_stand_in_where_a_shop_has_no_labels():
    drivers, _ = _row(np.random.default_rng(1), recall=0.75, precision=0.80, n=40_000)
    row = {"precision": 0.8, "recall": 0.75, "marked": 200, "true": 200}
    accuracy = pd.DataFrame([row], index=["greets"])
    found = with_correction(drivers, accuracy, None).iloc[0]
    assert found["corrected_by"] == "published"
    assert found["corrected_low_pp"] < 10 < found["corrected_high_pp"]
    assert abs(found["corrected_pp"]) > abs(found["effect_pp"])
    unknown = with_correction(drivers, accuracy.drop(index="greets"), None).iloc[0]
    assert pd.isna(unknown["corrected_pp"])
    assert unknown["corrected_by"] is None


def test_labels_of_messages_meet_what_was_read_of_their_conversations():
    labels = pd.DataFrame(
        {
            "conversation_id": ["c1", "c1", "c2", "c3", "c4"],
            "behaviour": ["greets", "greets", "greets", "greets", "no_such"],
            "shown": [False, True, False, True, True],
        }
    )
    conversations = pd.DataFrame(
        {
            "conversation_id": ["c1", "c2", "c3"],
            "greets": pd.array([True, True, None], dtype="boolean"),
        }
    )
    assert labelled(labels, conversations).to_numpy().tolist() == [
        ["greets", 1, 1],
        ["greets", 1, 0],
    ]
