"""The bundled font: what it holds, what a page takes of it, and no boxes in figures."""

from __future__ import annotations

import base64
import io
import re

import matplotlib.pyplot as plt
import pytest
from fontTools.ttLib import TTFont
from tools.make_font import code_points

from csinsight.errors import ReportError
from csinsight.render import theme
from csinsight.render.fonts import (
    FAMILY,
    FONT_FILE,
    LATIN_FAMILY,
    drawable,
    glyphs,
    no_boxes,
    subset_css,
)


def _held(css: str) -> dict[str, set[int]]:
    held = {}
    for family, data in re.findall(r'font-family:"([^"]+)".*?base64,([^"]+)"', css):
        with TTFont(io.BytesIO(base64.b64decode(data))) as font:
            held[family] = set(font.getBestCmap())
    return held


def test_font_holds_what_reports_and_names_need() -> None:
    needed = "0aé，。：？！（）「」《》—…·−±×÷≤≥≈→●○✓①〓电商客服喆玥堃镕龘臺灣"
    assert [c for c in needed if ord(c) not in glyphs()] == []
    assert len(code_points() - glyphs()) < 50
    assert FONT_FILE.stat().st_size < 6_000_000


def test_font_is_renamed_as_its_licence_asks() -> None:
    with TTFont(FONT_FILE) as font:
        names = {record.toUnicode() for record in font["name"].names if record.nameID in {1, 4, 6}}
        licence = font["name"].getDebugName(13)
    assert names == {FAMILY, "csinsight-sans-sc"}
    assert "SIL Open Font License" in licence


def test_a_page_carries_exactly_its_characters() -> None:
    held = _held(subset_css("客服客服 abc，"))
    assert held[FAMILY] == {ord(c) for c in "客服，"}
    assert held[LATIN_FAMILY] == {ord(c) for c in " abc"}


def test_quotation_marks_are_wide_in_chinese_only() -> None:
    assert ord("“") in _held(subset_css("“客”", "zh"))[FAMILY]
    assert ord("“") in _held(subset_css("“a”", "en"))[LATIN_FAMILY]


def test_same_characters_same_bytes_in_any_order() -> None:
    assert subset_css("客服ab") == subset_css("ba服客客")


def test_a_figure_with_a_box_is_an_error_that_names_the_character() -> None:
    theme.use("zh")
    figure, axes = plt.subplots()
    axes.set_title("好😀")
    with pytest.raises(ReportError, match=r"U\+1F600"), no_boxes():
        figure.savefig(io.BytesIO(), format="svg")
    plt.close(figure)


def test_other_warnings_pass_through() -> None:
    import warnings

    with pytest.warns(UserWarning, match="something else"), no_boxes():
        warnings.warn("something else", UserWarning, stacklevel=1)


def test_names_can_be_made_drawable() -> None:
    assert drawable("小喆😀a") == "小喆〓a"
    assert drawable("a\x01b") == "a〓b"
    assert drawable("小" * 100, 16) == "小" * 15 + "…"


def test_matplotlib_draws_with_the_bundled_font_after_the_theme() -> None:
    theme.use("zh")
    assert plt.rcParams["font.family"] == [FAMILY]
    assert plt.rcParams["axes.spines.top"] is False
