"""How the bundled font was cut from Noto Sans CJK; run by hand when its characters change.

python tools/make_font.py NotoSansCJK-Regular.ttc csinsight-sans-sc.otf
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from csinsight.render.fonts import FAMILY

#: Face of the collection that holds the simplified Chinese forms.
SC_FACE = 2
_RANGES = (
    (0x20, 0x7E),  # ASCII
    (0xA0, 0xFF),  # Latin-1
    (0x2010, 0x2027),  # dashes, quotes, ellipsis
    (0x2030, 0x203E),  # per mille, primes, reference mark
    (0x2190, 0x2193),  # arrows
    (0x2460, 0x2473),  # circled numbers
    (0x3000, 0x301E),  # CJK punctuation, with the geta mark
    (0xFF01, 0xFF5E),  # full-width forms
    (0xFFE0, 0xFFE6),
    (0x4E00, 0x9FFF),  # hanzi
)
_SIGNS = "−∕∗∙√∞≈≠≤≥€℃№™■□▲△▼▽◆◇○◎●★☆✓✗"
_NAME_IDS = {1: FAMILY, 3: "csinsight-sans-sc", 4: FAMILY, 6: "csinsight-sans-sc", 16: FAMILY}


def code_points() -> set[int]:
    """Return the code points that the bundled font is to hold."""
    points = {point for low, high in _RANGES for point in range(low, high + 1)}
    return points | {ord(sign) for sign in _SIGNS} | set(_gb2312_symbols())


def make(source: Path, target: Path) -> None:
    """Cut the font out of the collection `source` and write it to `target`."""
    font = TTFont(source, fontNumber=SC_FACE, recalcTimestamp=False)
    options = subset.Options()
    options.layout_features = []
    options.hinting = False
    options.name_IDs = ["*"]
    options.notdef_outline = True
    options.drop_tables += ["vhea", "vmtx", "VORG", "BASE"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=code_points())
    subsetter.subset(font)
    _rename(font)
    font.save(target)


def _gb2312_symbols() -> Iterator[int]:
    for row in range(0xA1, 0xAA):
        for cell in range(0xA1, 0xFF):
            try:
                yield ord(bytes((row, cell)).decode("gb2312"))
            except UnicodeDecodeError:
                continue  # an empty place of the code table


def _rename(font: TTFont) -> None:
    for record in list(font["name"].names):
        if record.nameID in _NAME_IDS:
            record.string = _NAME_IDS[record.nameID]
    top = font["CFF "].cff
    top.fontNames = ["csinsight-sans-sc"]
    top.topDictIndex[0].FullName = FAMILY
    top.topDictIndex[0].FamilyName = FAMILY


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
