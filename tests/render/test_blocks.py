"""Pieces of a page: escaped, alike each time, with their alternatives."""

from __future__ import annotations

import base64
import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csinsight.render import theme
from csinsight.render.blocks import (
    PAGE_MIME,
    Box,
    Columns,
    Finding,
    Folded,
    Items,
    LeftOut,
    Linked,
    Note,
    Prose,
    Table,
    Talk,
    Tile,
    Tiles,
    inline,
)
from csinsight.render.figure import MAX_DATA_ROWS, Picture

HOSTILE = "<script>x</script>\"><b onclick='y'>&"


@pytest.fixture(autouse=True)
def _english() -> None:
    theme.use("en")


def _picture(**told: object) -> Picture:
    figure, axes = plt.subplots(figsize=theme.HALF)
    axes.plot([1, 2, 3], [1, 3, 2], color=theme.ACCENT)
    axes.fill_between([1, 2, 3], [0, 1, 1], hatch="//", color=theme.BAND)
    return Picture(figure, "Types moved", "A line goes up and down", **told)  # type: ignore[arg-type]


@given(st.text())
def test_no_text_makes_a_tag_of_its_own(text: str) -> None:
    tags = set(re.findall(r"<(/?[a-zA-Z!][^\s>]*)", inline(text)))
    assert tags <= {"strong", "/strong", "a", "/a"}


def test_marks_for_bold_and_for_links_within_the_report() -> None:
    assert inline("a **b** c") == "a <strong>b</strong> c"
    assert inline("[x](03_agent_kpis.html#y)") == '<a href="03_agent_kpis.html#y">x</a>'
    for outside in ("[x](https://example.org)", "[x](javascript:alert(1))", "[x](//a)"):
        assert "<a" not in inline(outside)


@pytest.mark.parametrize(
    "block",
    [
        Finding(HOSTILE),
        Prose(HOSTILE, ""),
        Items([HOSTILE]),
        Note([HOSTILE], HOSTILE),
        LeftOut([HOSTILE]),
        Tiles([Tile(HOSTILE, HOSTILE, HOSTILE)]),
        Talk(HOSTILE, [(HOSTILE, HOSTILE)]),
        Box(HOSTILE, Columns(Finding(HOSTILE)), detail=HOSTILE),
        Folded(HOSTILE, Finding(HOSTILE)),
        Table(pd.DataFrame({HOSTILE: [HOSTILE]}), HOSTILE, caption=HOSTILE),
    ],
    ids=lambda block: type(block).__name__,
)
def test_every_block_escapes(block: Finding) -> None:
    bundle = block._repr_mimebundle_()
    for kind in (PAGE_MIME, "text/html"):
        assert "<script" not in bundle[kind]
        assert "<b onclick" not in bundle[kind]


def test_an_empty_note_is_nothing() -> None:
    assert Note([]).page_html() == ""


def test_a_picture_has_the_same_bytes_each_time() -> None:
    assert _picture()._repr_mimebundle_() == _picture()._repr_mimebundle_()


def test_a_picture_says_what_it_shows_and_names_nothing_outside() -> None:
    page = _picture().page_html()
    assert 'role="img" aria-label="A line goes up and down"' in page
    assert "http" not in page
    assert "<metadata" not in page
    assert "<text" in page


def test_a_pictures_ids_and_references_are_its_own() -> None:
    picture = _picture()
    page = picture.page_html()
    ids = re.findall(r'\bid="([^"]+)"', page)
    used = re.findall(r'(?:url\(#|href="#)([^)"]+)', page)
    assert len(ids) == len(set(ids))
    assert all(name.startswith(picture.id) for name in ids + used)
    assert set(used) <= set(ids)
    assert used


def test_a_pictures_colours_follow_the_page() -> None:
    assert f"var(--accent,{theme.ACCENT})" in _picture().page_html()


def test_jupyter_gets_a_png_and_the_page_gets_svg() -> None:
    bundle = _picture()._repr_mimebundle_()
    assert "<svg" in bundle[PAGE_MIME]
    data = re.search(r"base64,([^\"]+)", bundle["text/html"])
    assert data
    assert base64.b64decode(data[1]).startswith(b"\x89PNG")
    assert "<svg" not in bundle["text/html"]


def test_a_pictures_data_cannot_run_in_a_spreadsheet() -> None:
    page = _picture(data=pd.DataFrame({"a": ["=1+1", "b"], "n": [-1, 2]})).page_html()
    data = re.search(r"text/csv;charset=utf-8;base64,([^\"]+)", page)
    assert data
    assert base64.b64decode(data[1]).decode("utf-8-sig") == "a,n\n'=1+1,-1\nb,2\n"


def test_a_picture_needs_words_and_little_data() -> None:
    figure, _ = plt.subplots()
    with pytest.raises(ValueError, match="alternative text"):
        Picture(figure, "title", " ")
    with pytest.raises(ValueError, match="at most"):
        Picture(figure, "title", "alt", data=pd.DataFrame({"a": range(MAX_DATA_ROWS + 1)}))
    plt.close(figure)


def test_drawing_leaves_no_figure_open() -> None:
    plt.close("all")
    _picture()
    assert plt.get_fignums() == []


def test_a_table_writes_and_aligns_by_kind_and_has_the_same_bytes_each_time() -> None:
    frame = pd.DataFrame({"who": ["a"], "share": [0.5], "n": [1200], "hidden": [1]})
    words = theme.words()

    def table() -> Table:
        return Table(
            frame,
            "Who",
            labels={"who": "Agent", "share": "Share", "n": "n"},
            formats={"share": words.percent},
        )

    page = table().page_html()
    assert page == table().page_html()
    assert re.findall(r'<t[hd](?: scope="row")?( class="right")?>([^<]*)', page) == [
        ("", "a"),
        (' class="right"', "50.0%"),
        (' class="right"', "1,200"),
    ]
    assert "hidden" not in page
    assert "<style" not in page


def test_links_count_only_in_cells_that_are_marked_as_such() -> None:
    text = "[x](05_coaching.html)"
    page = Table(pd.DataFrame({"a": [text, Linked(text)]}), "t").page_html()
    assert page.count("<a href=") == 1
    assert f">{text}<" in page


def test_a_table_names_a_column_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no column b; it has a"):
        Table(pd.DataFrame({"a": [1]}), "t", labels={"b": "B"})
