"""The documentation site builds without a warning, and nothing on it comes from outside."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


pytestmark = pytest.mark.xdist_group("docs")  # what is made once, by one worker


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    told = ["--quiet", "--fail-on-warning", "--keep-going", "-d", str(folder / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *told, "-b", "html", "docs", str(folder / "html")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


def _targets(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(r'<(?:a|img|link|script)\b[^>]*?\b(?:href|src)="([^"]+)"', text)


def test_licences_of_all_that_a_run_needs_are_listed(site: Path) -> None:
    text = (site / "made_pages" / "licences.html").read_text(encoding="utf-8")
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", text, re.DOTALL)
    told = [re.findall(r"<td[^>]*>(?:<p>)?(.*?)(?:</p>)?</td>", row, re.DOTALL) for row in rows]
    listed = {cells[0]: cells[1:] for cells in told if len(cells) == 3}
    lock = (ROOT / "requirements" / "run.lock").read_text(encoding="utf-8")
    lines = [line.partition(" \\")[0] for line in lock.splitlines() if line[:1].isalnum()]
    wanted = map(Requirement, lines)
    needed = {one.name: str(one.specifier)[2:] for one in wanted if one.marker is None}
    assert len(needed) > 70
    assert {name: listed[name][0] for name in needed} == needed
    assert all(licence for _, licence in listed.values())


def test_no_link_is_broken(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    broken = []
    for page in pages:
        for target in _targets(page):
            name, _, anchor = target.partition("#")
            if "://" in name or name.startswith(("mailto:", "data:")):
                continue
            file = (page.parent / unquote(name.partition("?")[0])).resolve() if name else page
            if not file.exists():
                broken.append((page.name, target))
            elif anchor and file.suffix == ".html":
                ids = re.findall(r'\bid="([^"]+)"', file.read_text(encoding="utf-8"))
                broken += [] if unquote(anchor) in ids else [(page.name, target)]
    assert broken == []


def test_nothing_is_loaded_from_outside(site: Path) -> None:
    loaded = re.compile(r'<(?:img|script|link|iframe)\b[^>]*?\b(?:href|src)="(https?:)?//[^"]+"')
    styles = re.compile(r"url\(\s*['\"]?(https?:)?//")
    found = [
        (path.name, match[0][:120])
        for path in sorted(site.rglob("*"))
        if path.suffix in {".html", ".css"}
        for match in (loaded if path.suffix == ".html" else styles).finditer(
            path.read_text(encoding="utf-8")
        )
    ]
    assert found == []


def test_every_importer_and_command_is_spoken_of(site: Path) -> None:
    from csinsight.cli import main
    from csinsight.importers import FORMATS

    your_data = (ROOT / "docs/your-data.md").read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"import {name} " not in your_data] == []
    commands = (site / "reference/cli.html").read_text(encoding="utf-8")
    assert [name for name in main.commands if f'id="csinsight-{name}"' not in commands] == []


def test_the_lines_for_analysts_do_as_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three lines to a tidy table, one more to the drivers of a part of it, run as written."""
    from csinsight.contract.domain import BEHAVIOURS
    from csinsight.sample import sample_run

    data, run = sample_run()
    for place, target in (("data/myshop", data), ("runs/myshop/2026-10", run)):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).symlink_to(target)
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/analysts.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len([line for line in block.splitlines() if line]) == 4
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102 - our own page
    table, drivers = names["conversations"], names["sizes"]
    assert len(table) > 300
    assert {*BEHAVIOURS, "paid", "category", "type", "tier", "type_before"} <= set(table)
    assert set(drivers["behaviour"]) >= {"greets", "recommends"}
    assert 0 < drivers["n"].max() <= (table["category"] == "size").sum()
