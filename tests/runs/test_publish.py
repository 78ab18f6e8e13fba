"""A report appears whole or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from csinsight.runs.publish import copy_report, publish, recover


def _folder(path: Path, text: str) -> Path:
    path.mkdir(parents=True)
    (path / "index.html").write_text(text, encoding="utf-8")
    return path


def _visible(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")]


def test_the_new_takes_the_old_ones_place(tmp_path: Path) -> None:
    target = tmp_path / "reports" / "2026-10"
    publish(_folder(tmp_path / "new", "one"), target)
    publish(_folder(tmp_path / "new", "two"), target)
    assert (target / "index.html").read_text(encoding="utf-8") == "two"
    assert _visible(target.parent) == ["2026-10"]
    assert len(list(target.parent.iterdir())) == 2  # the link, and what it stands for
    assert not (tmp_path / "new").exists()


def test_a_report_is_there_at_every_moment(tmp_path: Path) -> None:
    """A reader who never stops looking sees one whole report or the other."""
    target, stop = tmp_path / "2026-10", Event()
    publish(_folder(tmp_path / "new", "0"), target)

    def look() -> set[str]:
        seen = set()
        while not stop.is_set():
            seen.add((target / "index.html").read_text(encoding="utf-8"))
        return seen

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(look)
        for number in range(1, 20):
            publish(_folder(tmp_path / "new", str(number)), target)
        stop.set()
        seen = reader.result(30)
    assert len(seen) > 1
    assert seen <= {str(number) for number in range(20)}


def test_a_folder_of_an_earlier_version_is_taken_over(tmp_path: Path) -> None:
    target = _folder(tmp_path / "2026-10", "earlier")
    publish(_folder(tmp_path / "new", "now"), target)
    assert (target / "index.html").read_text(encoding="utf-8") == "now"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("leaving", ["old", "link", "incoming", "18abc"])
def test_an_end_at_any_moment_is_mended(tmp_path: Path, leaving: str) -> None:
    target = tmp_path / "2026-10"
    if leaving == "link":
        publish(_folder(tmp_path / "new", "last good"), target)
        (tmp_path / ".2026-10.link").symlink_to("nowhere")
    elif leaving == "old":
        _folder(tmp_path / ".2026-10.old", "last good")
    else:
        publish(_folder(tmp_path / "new", "last good"), target)
        _folder(tmp_path / f".2026-10.{leaving}", "half")
    other = _folder(tmp_path / ".2026-1", "another's")
    recover(target)
    assert (target / "index.html").read_text(encoding="utf-8") == "last good"
    recover(target)
    assert len([p for p in tmp_path.iterdir() if p.name.startswith(".2026-10.")]) <= 1
    assert other.is_dir()


def test_only_a_finished_report_is_copied(tmp_path: Path) -> None:
    report = _folder(tmp_path / "a", "one")
    copy_report(report, tmp_path / "web" / "2026-10")
    assert (tmp_path / "web" / "2026-10" / "index.html").read_text(encoding="utf-8") == "one"
    assert report.is_dir()
    (report / "index.html").unlink()
    with pytest.raises(FileNotFoundError, match="no finished report"):
        copy_report(report, tmp_path / "web" / "2026-10")
