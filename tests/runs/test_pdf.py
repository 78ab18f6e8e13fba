"""Pages on paper: the same bytes each time, and a clear word where there is no chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from csinsight.errors import RunError
from csinsight.params import RunParams
from csinsight.runs import pdf, schedule
from csinsight.runs.month import run_month

Make = Callable[..., Path]
needs_chromium = pytest.mark.skipif(pdf.chromium() is None, reason="apt-get install chromium")


@pytest.mark.slow
@needs_chromium
@pytest.mark.browser
def test_the_brief_and_the_cards_are_printed_beside_their_pages_and_linked(
    toy_shop: Path, toy_notebooks: Make, tmp_path: Path
) -> None:
    params = RunParams(shop="toy", lang="en")
    folder = toy_notebooks()
    result = run_month(toy_shop, params, tmp_path, notebooks=folder, pdf=True)
    month = result.report.parent
    printed = {path.stem for path in month.glob("*.pdf")}
    assert printed == {path.stem for path in month.glob("0[67]*.html")}
    assert 'href="07_monthly_brief.pdf"' in (month / "07_monthly_brief.html").read_text()
    assert 'href="07_monthly_brief.pdf"' in result.report.read_text()
    brief = month / "07_monthly_brief.pdf"
    before = brief.read_bytes()
    assert before.startswith(b"%PDF-")
    assert b"(D:20000101000000" in before
    pdf.print_pages(["07_monthly_brief"], month)
    assert brief.read_bytes() == before


def test_without_chromium_the_report_is_made_and_says_so(
    toy_shop: Path,
    toy_notebooks: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    folder = toy_notebooks()
    monkeypatch.setattr(schedule, "run_month", lambda *a, **k: run_month(*a, **k, notebooks=folder))
    params = RunParams(shop="toy", lang="en")
    job = schedule.Job(toy_shop, tmp_path, params, "2026-10", only=("00_data_check",), pdf=True)
    assert schedule.run_job(job, lambda _: None) == 0
    assert pdf.NO_CHROMIUM in caplog.text
    assert not list(tmp_path.rglob("*.pdf"))
    with pytest.raises(RunError, match="install it"):
        pdf.print_pages(["index"], tmp_path)
