"""`csinsight lab` as an analyst has it: a real JupyterLab, in a real browser, without a network."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from csinsight.behaviours.label_places import label_places
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.contract.labels import load_labels
from csinsight.engine import open_shop
from csinsight.params import load_params
from csinsight.render.words import Words
from csinsight.runs.month import RunResult

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("demo"), pytest.mark.timeout(1800)]
PROGRAM = Path(sys.executable).with_name("csinsight")
#: Seconds for the server to answer, a page to stand, and all cells to have run.
START, STAND, RUN = 240, 240, 600
ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS, DEMO = ROOT / "build" / "screenshots", ROOT / "data" / "demo"
HAN = re.compile(r"[\u4e00-\u9fff]")


@contextmanager
def _lab(run: Path, out: Path, *more: object) -> Iterator[str]:
    """Start the program as a user does and yield its address; whatever happens, it is ended."""
    config = out / "config"
    config.mkdir(parents=True)
    served = {"open_browser": False, "allow_root": True, "port": 0, "token": "t"}
    (config / "jupyter_server_config.json").write_text(json.dumps({"ServerApp": served}))
    own = {name: str(out / name) for name in ("data", "runtime")}
    env = os.environ | {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": own["data"],
        "JUPYTER_RUNTIME_DIR": own["runtime"],
    }
    with (out / "lab.log").open("w") as log:
        lab = subprocess.Popen(
            [PROGRAM, "lab", "--run", run, "--out", out, *map(str, more)],
            env=env, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            yield _address(lab, Path(own["runtime"]), out / "lab.log")
        finally:
            with suppress(ProcessLookupError):  # it did not start
                os.killpg(lab.pid, signal.SIGTERM)
            try:
                lab.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(lab.pid, signal.SIGKILL)
                lab.wait(20)


def _address(lab: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    end = time.monotonic() + START
    while time.monotonic() < end and lab.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            try:
                url = json.loads(file.read_text(encoding="utf-8"))["url"]
                urllib.request.urlopen(f"{url}api", timeout=5).close()  # noqa: S310 - our own server
            except (OSError, ValueError):
                continue
            return str(url)
        time.sleep(0.3)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def _open(browser: Browser, address: str, name: str) -> tuple[Page, list[str]]:
    """Open a notebook with everything outside of this machine out of reach, and noted."""
    outside: list[str] = []

    def only_here(route: Route) -> None:
        if route.request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    context.set_default_timeout(STAND * 1000)
    context.route("**/*", only_here)
    page = context.new_page()
    page.goto(f"{address}lab/tree/{name}.ipynb?token=t", timeout=STAND * 1000)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    expect.set_options(timeout=STAND * 1000)
    return page, outside


def _run_all(page: Page) -> None:
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=STAND * 1000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    # What follows a cell that failed is not run: its number stays away.
    done = re.compile(r"\[\d+\]")
    for prompt in page.locator(".jp-CodeCell .jp-InputArea-prompt").all():
        prompt.scroll_into_view_if_needed()
        try:
            expect(prompt).to_have_text(done, timeout=RUN * 1000)
        except AssertionError:
            said = page.locator(".jp-OutputArea-output").all_text_contents()
            raise AssertionError(f"a cell did not run: {said[-1][-1500:]}") from None


def _explored(page: Page, run: Path, words: Words) -> None:
    """Pick a behaviour, read a conversation, and look at what every cell shows."""
    cells = page.locator(".jp-CodeCell")
    picking, own = cells.nth(3), cells.nth(6)
    found = pd.read_parquet(run / "artifacts" / "conversations.parquet")
    for cell in (picking, own):
        rows = cell.locator(".dt-container tbody tr")
        expect(rows.nth(1)).to_be_visible()  # an empty table has one row, which says so
    told = words.word("explore.listed", n=len(found), of=len(found))
    expect(picking.get_by_text(told, exact=True)).to_be_visible()

    picking.locator("select").first.select_option(label=words.word("behaviour.recommends"))
    some = int((found["recommends"] == True).sum())  # noqa: E712 - nullable
    assert 0 < some < len(found)
    told = words.word("explore.listed", n=some, of=len(found))
    expect(picking.get_by_text(told, exact=True)).to_be_visible()

    picking.locator("select").last.select_option(index=1)
    talk = picking.locator(".talk")
    expect(talk).to_be_visible()
    assert talk.locator("p").count() > 2
    assert talk.inner_text().count(words.word("block.buyer")) >= 1

    names = set(pd.read_parquet(run / "artifacts" / "agent_kpis.parquet")["agent_id"])
    for cell in cells.all()[3:]:
        text = cell.locator(".jp-OutputArea").first.inner_text()
        assert not names & set(re.findall(r"\w+", text)), "an agent's id stands for the name"
    expect(page.locator(".jp-MarkdownCell").filter(has_text=HAN)).not_to_have_count(0)
    shown = " ".join(cell.locator(".jp-OutputArea").first.inner_text() for cell in (picking, own))
    assert HAN.search(shown)
    assert not re.search(r"\b(agent|category|search|began|any|share|type)\b", shown, flags=re.I)


def test_an_analyst_explores_a_run(
    demo_run: dict[str, RunResult], browser: Browser, tmp_path: Path
) -> None:
    """The Chinese run; `tests/views/test_explore.py` runs the same cells on the English one."""
    run = demo_run["zh"].run
    with _lab(run, tmp_path) as address:
        page, outside = _open(browser, address, "explore")
        try:
            _run_all(page)
            _explored(page, run, Words("zh"))
        finally:
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SCREENSHOTS / "lab-zh.png")
            page.context.close()
    assert outside == []


def _answer(page: Page, *answers: str) -> Locator:
    """Type answers with the hands on the keys, and return what is said below them.

    Each part of the widget comes in a message of its own, so what is said may come a moment later.
    """
    cell = page.locator(".jp-CodeCell").nth(3)
    field = cell.locator("input[type=text]")
    field.scroll_into_view_if_needed()
    field.focus()
    text = cell.locator(".widget-html").first
    for answer in answers:
        before = text.inner_text()
        page.keyboard.type(answer)
        page.keyboard.press("Enter")
        expect(text).not_to_have_text(before)
        expect(field).to_be_focused()
        expect(field).to_have_value("")
    return cell.locator(".widget-html").last


def test_two_readers_label_by_the_keyboard(
    demo_run: dict[str, RunResult], browser: Browser, tmp_path: Path
) -> None:
    """What is typed lies in the shop's file, is gone on with, and two readers are compared."""
    data, words = tmp_path / "data", Words("zh")
    shutil.copytree(DEMO, data)
    with _lab(demo_run["zh"].run, tmp_path, "--data", data) as address:
        page, outside = _open(browser, address, "labelling")
        try:
            _run_all(page)
            every = _answer(page).inner_text()
            total = int(re.findall(r"[0-9]+", every)[-1])
            # A wrong answer is gone back to and cleared; one line is left for another time.
            done = words.word("label.progress", done=4, all=total)
            expect(_answer(page, "12", "2", "b", "0", "?", "1 3", "0")).to_have_text(done)
            [notebook] = tmp_path.rglob("labelling.ipynb")
            page.context.close()
            named = notebook.read_text(encoding="utf-8").replace("reader 1", "小王")
            notebook.write_text(named, encoding="utf-8")
            page, more = _open(browser, address, "labelling")
            _run_all(page)
            expect(_answer(page, "12", "0", "0", "b", "?", "1 3")).to_have_text(done)
            _run_all(page)  # whoever comes back is shown what they left
            expect(_answer(page)).to_have_text(done)
            kappa = page.locator(".jp-CodeCell").nth(4).locator(".jp-OutputArea tbody tr")
            expect(kappa.first).to_contain_text("reader 1, 小王")
            said = page.locator(".jp-OutputArea").all_text_contents()
            assert [text for text in said if "Warning" in text or "Error" in text] == []
        finally:
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SCREENSHOTS / "labelling-zh.png", full_page=True)
            page.context.close()
    assert [*outside, *more] == []
    labels = load_labels(data)
    lines = labels.groupby(["conversation_id", "position", "reader"])["shown"].sum()
    assert sorted(lines.groupby("reader").agg(list).map(sorted)) == [[0, 0, 2, 2]] * 2
    gap = load_params().conversation_gap_hours
    assert label_places(open_shop(data), load_lexicon(reader="rules"), gap) == ([], [])
