"""A report appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from csinsight.runs import publish as room
from csinsight.runs.publish import copy_report, publish, recover


def _folder(path: Path, text: str) -> Path:
    path.mkdir(parents=True)
    (path / "index.html").write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("can_exchange", [True, False])
def test_the_new_takes_the_old_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(room, "_exchange", lambda *_: False)
    target = tmp_path / "reports" / "2026-10"
    publish(_folder(tmp_path / "new", "one"), target)
    publish(_folder(tmp_path / "new", "two"), target)
    assert (target / "index.html").read_text(encoding="utf-8") == "two"
    assert [path.name for path in target.parent.iterdir()] == ["2026-10"]
    assert not (tmp_path / "new").exists()


def test_an_end_between_the_two_renames_is_mended(tmp_path: Path) -> None:
    target = tmp_path / "2026-10"
    _folder(tmp_path / ".2026-10.old", "last good")
    recover(target)
    assert (target / "index.html").read_text(encoding="utf-8") == "last good"
    recover(target)
    assert [path.name for path in tmp_path.iterdir()] == ["2026-10"]


def test_only_a_finished_report_is_copied(tmp_path: Path) -> None:
    report = _folder(tmp_path / "a", "one")
    copy_report(report, tmp_path / "web" / "2026-10")
    assert (tmp_path / "web" / "2026-10" / "index.html").read_text(encoding="utf-8") == "one"
    assert report.is_dir()
    (report / "index.html").unlink()
    with pytest.raises(FileNotFoundError, match="no finished report"):
        copy_report(report, tmp_path / "web" / "2026-10")
