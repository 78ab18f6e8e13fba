"""Where a table's header stands, and what columns and states are called from export to export."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from csinsight.engine.frames import simplify
from csinsight.errors import ImporterError

if TYPE_CHECKING:
    from csinsight.importers.reading import Records

#: The header may stand under a title, among so many first lines.
HEADER_WITHIN: Final = 30


_UNIT: Final = re.compile(r"\((?:元|件|个|¥|rmb|cny)\)$")


def plain_name(name: str) -> str:
    """Return a column's name without what differs from one export of it to the next.

    Wide brackets, blanks, capital letters and traditional characters are brought to one form, and
    the unit in brackets behind it goes.

    Examples
    --------
    >>> plain_name(" 用戶實付金額（元） ") == plain_name("用户实付金额")
    True
    """
    return _UNIT.sub("", plain_word(name))


def plain_word(text: str) -> str:
    """Return a word of a cell, such as a state, in the one form that words are looked up in.

    Examples
    --------
    >>> plain_word(" 賣家已發貨，等待買家確認 ")
    '卖家已发货,等待买家确认'
    """
    return "".join(unicodedata.normalize("NFKC", simplify(text)).lower().split())


def plain_words(cell: pl.Expr) -> pl.Expr:
    """Return the words of a column as `plain_word` does, each that differs brought there once.

    Examples
    --------
    >>> rows = pl.DataFrame({"state": ["交易關閉", None, "Paid "]})
    >>> rows.select(plain_words(pl.col("state")))["state"].to_list()
    ['交易关闭', None, 'paid']
    """

    def parse(texts: pl.Series) -> pl.Series:
        told = texts.cast(pl.String).unique().drop_nulls().to_list()
        plain = [plain_word(text) for text in told]
        return texts.cast(pl.String).replace_strict(told, plain, return_dtype=pl.String)

    return cell.map_batches(parse, return_dtype=pl.String, is_elementwise=True)


def known_names(records: Records, known: Sequence[str]) -> Records:
    """Return records whose columns bear the names that a format knows them by.

    Raises
    ------
    ImporterError
        Where one of these names stands over two columns that differ.

    Examples
    --------
    >>> from csinsight.importers.reading import gather
    >>> records = gather("a.csv", ["訂單號"], [(2, "7", ["7"])])
    >>> known_names(records, ["订单号"]).header
    ('订单号',)
    """
    names = {plain_name(name): name for name in reversed(known)}
    renamed = {
        name: told
        for name in records.header
        if name not in known
        and (told := names.get(plain_name(name)))
        and told not in records.header
    }
    # Two spellings of one name can't both have it.
    renamed = {name: told for told, name in {told: name for name, told in renamed.items()}.items()}
    refuse_doubled(records, known)
    if not renamed:
        return records
    return replace(
        records,
        header=tuple(renamed.get(name, name) for name in records.header),
        frame=records.frame.rename(renamed),
    )


def refuse_doubled(records: Records, used: Sequence[str]) -> None:
    """Refuse a file in which a column that is `used` stands twice with other contents.

    Raises
    ------
    ImporterError
        Naming the column.

    Examples
    --------
    >>> from csinsight.importers.reading import gather
    >>> rows = [(2, "1,2", ["1", "2"])]
    >>> refuse_doubled(gather("a.csv", ["paid", "paid"], rows), ["paid"])
    Traceback (most recent call last):
    ...
    csinsight.errors.ImporterError: a.csv: has two columns 'paid' that differ; rename or remove one
    """
    for name in set(records.doubled) & set(used):
        first, second = (records.frame[one].fill_null("") for one in (name, f"{name}_2"))
        if not (first == second).all():
            raise ImporterError(
                f"{records.file}: has two columns {name!r} that differ; rename or remove one"
            )


def find_header(rows: Sequence[Sequence[str]], wanted: Sequence[str]) -> int:
    """Return the number of the row that names the `wanted` columns, from 1.

    It is the first of the rows with the most of them; the first row with content where none has
    any, so that what is missing can be named.

    Examples
    --------
    >>> find_header([["report"], ["order", "paid"]], ["order", "paid"])
    2
    """
    names = set(map(plain_name, wanted))
    hits = [len(names & set(map(plain_name, row))) for row in rows[:HEADER_WITHIN]]
    if max(hits, default=0):
        return hits.index(max(hits)) + 1
    full = [number for number, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    return full[0] if full else 1
