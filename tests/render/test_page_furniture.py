"""What surrounds a page's text: explanations folded for those who know them, cards in turn."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from csinsight.params import RunParams
from csinsight.render.blocks import PAGE_MIME
from csinsight.render.page import Page, compose, render
from csinsight.render.words import by_pinyin
from csinsight.runs import site
from csinsight.runs.plan import card_steps
from csinsight.runs.state import Places


@pytest.fixture
def executed(tmp_path: Path) -> Path:
    new = nbformat.v4
    cells = [
        new.new_markdown_cell("# Title", id="title"),
        new.new_markdown_cell("Always the same.", id="why", metadata={"tags": ["explains"]}),
        new.new_markdown_cell("This month's.", id="other"),
    ]
    path = tmp_path / "x.ipynb"
    nbformat.write(new.new_notebook(cells=cells), path)
    return path


def test_explanations_are_open_in_the_first_month_and_folded_later(executed: Path) -> None:
    first, later = (render(executed, Page("en", fold=fold)) for fold in (False, True))
    assert "<details" not in first
    assert later.count("<details") == 1
    folded = later.partition("<details")[2].partition("</details>")[0]
    assert "Always the same." in folded
    assert "This month's." not in folded.replace("&#x27;", "'")


@pytest.mark.parametrize("drawn", [True, False])
def test_what_explains_a_picture_goes_with_it(tmp_path: Path, drawn: bool) -> None:
    """Where the data gave no picture, nobody is told how to read it."""
    new, shown = nbformat.v4, "<figure>drawn</figure>" if drawn else "<p>There is nothing.</p>"
    made = new.new_output("display_data", {PAGE_MIME: shown})
    cells = [
        new.new_code_cell("view.picture()", id="picture", outputs=[made]),
        new.new_code_cell("view.headline()", id="headline"),
        new.new_markdown_cell("How to read it.", id="of", metadata={"tags": ["of_figure"]}),
        new.new_markdown_cell("Said in any case.", id="any"),
    ]
    path = tmp_path / "x.ipynb"
    nbformat.write(new.new_notebook(cells=cells), path)
    page = render(path, Page("en"))
    assert ("How to read it." in page) == drawn
    assert "Said in any case." in page


def test_a_shop_knows_its_pages_from_its_second_month_on(tmp_path: Path) -> None:
    places = Places(tmp_path, "s", "2026-10")
    for month in ("2026-10", "2026-11"):
        folder = places.shop_reports / month
        folder.mkdir(parents=True)
        told = json.dumps({"shop": "s", "lang": "zh", "month": month})
        (folder / site.REPORT_FILE).write_text(told, encoding="utf-8")
    assert not site.has_earlier(places)
    assert site.has_earlier(Places(tmp_path, "s", "2026-11"))


def test_cards_follow_each_other_by_pinyin_and_lead_on(tmp_path: Path) -> None:
    steps = card_steps(["小满", "阿宁", "Ben"])
    month = site.Month(RunParams(), Places(tmp_path, "s", "2026-10"), steps, {}, None, "r", "d")
    order = [step.extra["agent_id"] for step in site._cards(month)]
    assert order == ["阿宁", "Ben", "小满"]
    last = next(step for step in steps if step.extra["agent_id"] == "小满")
    assert [link.label for link in site._turn(month, last)] == ["← Ben", "阿宁 →"]


def test_names_sort_as_they_are_read() -> None:
    assert sorted(["重庆", "周周", "Amy", "沅沅"], key=by_pinyin) == ["Amy", "重庆", "沅沅", "周周"]


def test_no_sign_turns_the_direction_of_reading_or_speaks_to_a_terminal() -> None:
    name = "a\u202eb\u2066c\u0000\u001b[31m\u0085\u000b"
    made = compose(Page("en", kind="index"), name, f"<p>{name}\t\n</p>")
    assert made.count("abc[31m") >= 2
    assert not set(made) & set("\u202e\u2066\u0000\u001b\u0085\u000b")
