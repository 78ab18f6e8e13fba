"""Tables on a page: typed columns and written cells, dressed by the page's own style sheet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from csinsight.render import theme
from csinsight.render.blocks import Block, inline

#: Writes one cell's value as text, such as ``words.percent``.
Write = Callable[[Any], str]


@dataclass(frozen=True)
class Linked:
    """A cell in which links and bold marks count; every other cell shows as it is written."""

    text: str


@dataclass(frozen=True)
class Column:
    """One column: its heading, and whether it stands to the right as numbers do."""

    label: str
    right: bool


class Table(Block):
    """A table with a title that says what it shows; numbers to the right, all text escaped.

    The first column names the row and stays in sight where a wide table scrolls.

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

    Examples
    --------
    >>> frame = pd.DataFrame({"agent": ["小满", "阿宁"], "share": [0.25, 0.5]})
    >>> table = Table(frame, "谁", formats={"share": "{:.0%}".format})
    >>> [[str(cell) for cell in row] for row in table.rows]
    [['小满', '25%'], ['阿宁', '50%']]
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
        columns = [*labels, *formats]
        unknown = [column for column in columns if column not in frame.columns]
        if unknown:
            raise ValueError(
                f"the table has no column {', '.join(unknown)}; it has {', '.join(map(str, frame))}"
            )
        self.title, self.caption = title, caption
        self.id = name or "t" + hashlib.sha256(title.encode()).hexdigest()[:10]
        self.columns = [Column(text, _is_number(frame[name])) for name, text in labels.items()]
        written = [_written(frame[name], formats.get(name)) for name in labels]
        self.rows = list(zip(*written, strict=True))

    def plain(self) -> str:
        """Return the title and the rows as text."""
        head = [column.label for column in self.columns]
        cells = [[c.striptags() if isinstance(c, Markup) else c for c in row] for row in self.rows]
        return "\n".join([self.title, *("\t".join(line) for line in (head, *cells))])


def _is_number(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _written(column: pd.Series[Any], write: Write | None) -> list[str | Markup]:
    write = write or (_number if _is_number(column) else _text)
    return [inline(v.text) if isinstance(v, Linked) else write(v) for v in column]


def _number(value: Any) -> str:
    digits = 0 if pd.isna(value) or float(value).is_integer() else 2
    return theme.words().number(value, digits)


def _text(value: Any) -> str:
    return "" if not isinstance(value, (list, tuple)) and pd.isna(value) else str(value)
