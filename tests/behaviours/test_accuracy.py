"""The measured accuracy of the reader, as its file has it and as others read it."""

from __future__ import annotations

import pytest

from csinsight.behaviours.accuracy import PATH, reader_accuracy
from csinsight.errors import ConfigError


def test_figures_are_whole_and_in_bounds():
    for reader in ("built_in", "rules"):
        table = reader_accuracy(reader)
        assert table.index.is_unique
        assert (table["both"] <= table[["true", "marked"]].min(axis="columns")).all()
        known = table.dropna()
        for name in ("precision", "recall"):
            assert known[f"{name}_low"].le(known[name]).all()
            assert known[f"{name}_high"].ge(known[name]).all()


def test_precision_and_recall_are_of_the_counts(tmp_path):
    row = "{marker: greets, lang: zh, reader: rules, messages: 9, 'true': 4, marked: 5, both: 3, "
    file = tmp_path / "accuracy.yml"
    file.write_text(f"version: 1\nabout: x\nfigures:\n  - {row}f1_low: 0.2, f1_high: 0.9}}\n")
    greets = reader_accuracy("rules", file).loc[("greets", "zh")]
    assert greets["precision"] == pytest.approx(3 / 5)
    assert greets["recall"] == pytest.approx(3 / 4)
    assert greets["f1"] == pytest.approx(6 / 9)
    assert reader_accuracy("built_in", file).empty


def test_a_broken_file_is_named_with_its_key(tmp_path):
    file = tmp_path / "accuracy.yml"
    file.write_text(PATH.read_text(encoding="utf-8").replace("marked:", "marks:", 1), "utf-8")
    with pytest.raises(ConfigError, match=r"accuracy\.yml, line 6: .*`figures\.0\.mark"):
        reader_accuracy(path=file)
