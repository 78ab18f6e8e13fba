"""One guard for every cell that a spreadsheet may open: no text is ever run as a formula."""

from __future__ import annotations

import re
from typing import Final

#: What a spreadsheet may take for a formula, also in its full-width form and behind blanks.
_FORMULA: Final = re.compile(r"^[\s\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠﹢﹣﹦﹫−]|^[\t\r\n]")


def guarded(text: str) -> str:
    """Return a cell's text so that no spreadsheet runs it as a formula, also after a copy as CSV.

    References
    ----------
    OWASP, "CSV Injection".

    Examples
    --------
    >>> guarded("=cmd|' /C calc'!A0"), guarded("＋86"), guarded("plain")
    ("'=cmd|' /C calc'!A0", "'＋86", 'plain')
    """
    return f"'{text}" if _FORMULA.search(text) else text
