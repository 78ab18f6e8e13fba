"""Tables on a page, made with great-tables and dressed by the page's own style sheet."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from csinsight.render import theme
from csinsight.render.blocks import PAGE_MIME, Block, inline

#: Writes one cell's value as text, such as ``words.percent``.
Write = Callable[[Any], str]


class Table(Block):
    """A table with a title that says what it shows; numbers to the right, all text escaped.

    Parameters
    ----------
    frame : DataFrame
        One row a row; the index is not shown.
    title : str
        What the table shows.
    caption : str
        How to read it.
    labels : mapping of str to str
        Heading by column; columns keep the order of the mapping, and only they are shown.
        Empty: every column under its own name.
    formats : mapping of str to callable
        By column, what writes a value; `Words.percent` and its kin. Missing values are written
        by it too.
    name : str
        Fixed id within the page; from the title unless told.

    Raises
    ------
    ValueError
        Where a label or format is for a column that is not there.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        title: str,
        *,
        caption: str = "",
        labels: Mapping[str, str] | None = None,
        formats: Mapping[str, Write] | None = None,
        name: str = "",
    ) -> None:
        labels = dict(labels or {str(column): str(column) for column in frame.columns})
        formats = dict(formats or {})
        _known(frame, [*labels, *formats])
        self.title, self.caption = title, caption
        self.id = name or "t" + hashlib.sha256(title.encode()).hexdigest()[:10]
        self._right = [c for c in labels if _is_number(frame[c])]
        self._labels = labels
        self._shown = _written(frame, list(labels), formats)

    def great_table(self) -> Any:
        """Return the table as great-tables' own object, for an analyst to go on with."""
        from great_tables import GT

        left = [column for column in self._labels if column not in self._right]
        table = GT(self._shown, id=self.id).cols_label(dict(self._labels))
        table = table.cols_align("right", columns=self._right) if self._right else table
        return table.cols_align("left", columns=left) if left else table

    def page_html(self) -> str:
        """Return the table in a frame that scrolls on a small screen."""
        caption = f'<span class="caption">{inline(self.caption)}</span>' if self.caption else ""
        return (
            f'<figure class="table" role="group" aria-labelledby="{self.id}-title">'
            f'<figcaption><span class="title" id="{self.id}-title">{inline(self.title)}</span>'
            f'{caption}</figcaption><div class="scroll" tabindex="0" role="group" '
            f'aria-label="{html.escape(self.title)}">{self._bare()}</div></figure>'
        )

    def plain(self) -> str:
        """Return the title and the rows as text."""
        shown = self._shown.rename(columns=self._labels)
        return f"{self.title}\n{shown.to_csv(index=False, sep=chr(9), lineterminator=chr(10))}"

    def _repr_html_(self) -> str:
        return f"<p><strong>{inline(self.title)}</strong></p>{self.great_table().as_raw_html()}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002
        return {
            PAGE_MIME: self.page_html(),
            "text/html": self._repr_html_(),
            "text/plain": self.plain(),
        }

    def _bare(self) -> str:
        raw = str(self.great_table().as_raw_html())
        found = re.search(r"<table\b.*</table>", raw, flags=re.S)
        if found is None:
            raise ValueError("great-tables wrote no table")
        return re.sub(r' data-quarto-[a-z-]+="[^"]*"', "", found[0])


def _known(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    unknown = [column for column in columns if column not in frame.columns]
    if unknown:
        raise ValueError(
            f"the table has no column {', '.join(unknown)}; it has {', '.join(map(str, frame))}"
        )


def _is_number(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _written(frame: pd.DataFrame, columns: list[str], formats: Mapping[str, Write]) -> pd.DataFrame:
    shown = {}
    for column in columns:
        default = _number if _is_number(frame[column]) else _text
        write = formats.get(column, default)
        shown[column] = [write(value) for value in frame[column]]
    return pd.DataFrame(shown, columns=columns, dtype=object)


def _number(value: Any) -> str:
    digits = 0 if pd.isna(value) or float(value).is_integer() else 2
    return theme.words().number(value, digits)


def _text(value: Any) -> str:
    return "" if not isinstance(value, (list, tuple)) and pd.isna(value) else str(value)
