"""Reading other people's files: text to lines, records and rows, and where a header stands.

Nothing here raises on what a line holds: a line that can't be a record comes back with the
reason, so that the importers can refuse it alone. Only a file as a whole (unreadable, empty,
in no known encoding) is an `ImporterError`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.csv_tables import split_line, split_records
from csinsight.contract.textfile import read_text
from csinsight.engine.frames import simplify
from csinsight.errors import ImporterError


class Line:
    """Columns that every row carries on its way through an importer."""

    FILE = "_file"
    NUMBER = "_line"
    RAW = "_raw"
    REASON = "_reason"
    #: What the row is worth, where it is an order's; null where it tells no money.
    MONEY = "_money"


#: Schema of a frame of lines: the file's name, the line number from 1, and the line itself.
LINE_SCHEMA: Final = {Line.FILE: pl.String(), Line.NUMBER: pl.Int64(), Line.RAW: pl.String()}
REFUSED_SCHEMA: Final = {**LINE_SCHEMA, Line.REASON: pl.String(), Line.MONEY: pl.Float64()}
#: How the reason of a row begins that only repeats what another row tells.
REPEAT: Final = "repeat: "
#: And that of a row which is none of the table's: a read mark, an internal note.
NO_DATA: Final = "no data: "
#: Neither is a loss.
ASIDE: Final = rf"^({REPEAT}|{NO_DATA})"

QUOTE_REASON: Final = "a double quote opens in this line and is never closed"
NUL_REASON: Final = "the line holds a NUL character: the export is damaged here"


@dataclass(frozen=True)
class Records:
    """The records of one delimited file or workbook sheet.

    Parameters
    ----------
    file : str
        Name for messages (with the sheet, for a workbook).
    header : tuple of str
        Column names, stripped unless told otherwise, made unique.
    frame : polars.DataFrame
        The columns of `Line` (without the reason) and one string column a header name.
    damaged : polars.DataFrame
        Records that don't fit the header, as `REFUSED_SCHEMA`.
    doubled : tuple of str
        Names that the header has more than once.
    """

    file: str
    header: tuple[str, ...]
    frame: pl.DataFrame
    damaged: pl.DataFrame
    doubled: tuple[str, ...] = ()


def read_lines(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    r"""Return the lines of `path` that hold something, and those with a NUL as refused.

    Returns
    -------
    tuple of polars.DataFrame
        `LINE_SCHEMA` and `REFUSED_SCHEMA`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.txt"
    ...     _ = file.write_text("a\n\nb\n", encoding="utf-8")
    ...     lines, refused = read_lines(file)
    >>> lines.height, refused.height
    (2, 0)
    """
    text = pl.Series([read_text(path)]).str.split("\n").explode()
    frame = (
        pl.DataFrame({Line.RAW: text})
        .with_row_index(Line.NUMBER, offset=1)
        .select(
            pl.lit(path.name).alias(Line.FILE),
            pl.col(Line.NUMBER).cast(pl.Int64),
            pl.col(Line.RAW),
        )
        .filter(pl.col(Line.RAW).str.strip_chars() != "")
    )
    nul = pl.col(Line.RAW).str.contains("\0", literal=True)
    return frame.filter(~nul), refuse(frame.filter(nul), NUL_REASON)


def read_all_lines(
    files: Iterable[Path], mapping: Path | None, name: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    r"""Return the lines of `files` as `read_lines` does, for the format `name` without a mapping.

    Raises
    ------
    ImporterError
        Where a mapping is given, or a file can't be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     file = Path(name) / "log.csv"
    ...     _ = file.write_text("1,2\n\n3,4\n", encoding="utf-8")
    ...     lines, refused = read_all_lines([file], None, "log")
    >>> lines["_line"].to_list(), refused.height
    ([1, 3], 0)
    """
    if mapping is not None:
        raise ImporterError(f"{name} takes no mapping; leave --mapping out")
    read = [read_lines(path) for path in files]
    return laid_together(good for good, _ in read), stack((bad for _, bad in read), REFUSED_SCHEMA)


#: Of frames in more pieces than this each operation is slow: it is done once a piece.
_PIECES: Final = 16


def laid_together(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return frames of the same columns below each other, many small ones as one piece.

    A shop's chats may come as a file an agent and day, thousands of a few rows.

    Examples
    --------
    >>> laid_together([pl.DataFrame({"a": [n]}) for n in range(40)]).n_chunks()
    1
    """
    whole = pl.concat(frames)
    return whole.rechunk() if whole.n_chunks() > _PIECES else whole


def refuse(frame: pl.DataFrame, reason: str) -> pl.DataFrame:
    """Return the lines of `frame`, all refused for `reason`, as `REFUSED_SCHEMA`.

    Examples
    --------
    >>> row = pl.DataFrame({"_file": ["a.csv"], "_line": [2], "_raw": ["1,x"]})
    >>> refuse(row, "n is no number")["_reason"].to_list()
    ['n is no number']
    """
    return as_refused(frame.with_columns(pl.lit(reason).alias(Line.REASON)))


def as_refused(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of `REFUSED_SCHEMA`, without money where the rows tell none.

    Examples
    --------
    >>> row = {"_file": ["a.csv"], "_line": [2], "_raw": ["1,x"], "_reason": ["n is no number"]}
    >>> as_refused(pl.DataFrame(row))["_money"].to_list()
    [None]
    """
    if Line.MONEY not in frame.columns:
        frame = frame.with_columns(pl.lit(None, dtype=pl.Float64).alias(Line.MONEY))
    return frame.select(*REFUSED_SCHEMA)


def stack(frames: Iterable[pl.DataFrame], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Return frames of one schema below each other; an empty frame where there are none.

    Examples
    --------
    >>> stack([], {"a": pl.Int64()}).columns
    ['a']
    """
    return pl.concat([pl.DataFrame(schema=schema), *frames])


#: What may stand between the fields of a file that does not say.
SEPARATORS: Final = ",\t;|\uff0c"
#: Quoted names of a header may run over so many lines.
_LONGEST_NAME: Final = 5


#: Platforms put a tab behind each cell, so that no spreadsheet takes a number for one.
_TAB_BEHIND: Final = re.compile(r'\t+(?="?(?:[,;|\uff0c\n]|$))')


def separator_of(text: str) -> str:
    r"""Return what stands between the fields of a line, or of the first lines of a file.

    Examples
    --------
    >>> separator_of("order_id\t,paid_amount\t"), separator_of("order_id\tpaid_amount")
    (',', '\t')
    """
    return max(SEPARATORS, key=_TAB_BEHIND.sub("", text).count)


def read_records(
    path: Path,
    separator: str | None = None,
    encoding: str | None = None,
    *,
    header_line: int | None = 1,
    wanted: Sequence[str] = (),
    names: Sequence[str] = (),
    strip: bool = True,
) -> Records:
    r"""Return the records of a delimited text file.

    Parameters
    ----------
    path : Path
    separator : str or None
        One character, a blank standing for one or more; None takes the one of comma (narrow or
        wide), tab, semicolon and bar that the header has most.
    encoding : str or None
    header_line : int or None
        The line that names the columns, from 1; what stands above is not read. 0: there is none.
        None looks for `wanted` among the first lines.
    wanted : sequence of str
        Columns that the header has to name.
    names : sequence of str
        Names of the columns of a file without a header; what they number is column 1, 2 ….
    strip : bool
        Whether blanks around header names go.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.csv"
    ...     _ = file.write_text("id,n\n1,2\n", encoding="utf-8")
    ...     records = read_records(file)
    >>> records.frame.height
    1
    """
    lines = read_text(path, encoding).split("\n")
    if header_line is None and not names:
        _join_names(lines, wanted)
        rows = [_roughly(line) for line in lines[: HEADER_WITHIN * 2]]
        header_line = find_header(rows, wanted)
    if names or header_line == 0:
        return _without_header(path, lines, separator, names, header_line or 0)
    told = header_line or 1
    blank = "\ufeff \t\r,;"
    header_line = next((n for n, line in enumerate(lines, 1) if n >= told and line.strip(blank)), 0)
    if not header_line:
        found = next(((n, line) for n, line in enumerate(lines, 1) if line.strip(blank)), None)
        if found is None:
            raise ImporterError(f"{path.name}: holds nothing but blanks; export it again")
        raise ImporterError(
            f"{path.name}: the header was looked for from line {told} on, where nothing stands; "
            f"line {found[0]} holds {found[1].strip()[:60]!r}; name the header's line"
        )
    top = lines[header_line - 1]
    separator = separator or separator_of(top)
    if separator == " ":
        return gather(path.name, top.split(), _by_blanks(lines, header_line), strip=strip)
    header = split_line(top, separator)
    rows_below = split_records(lines, separator, header_line + 1, len(header), least=_named(header))
    return gather(path.name, header, rows_below, strip=strip)


def _roughly(line: str) -> list[str]:
    return re.split(f"[{SEPARATORS}]", line.replace('"', ""))


def _join_names(lines: list[str], wanted: Sequence[str]) -> None:
    """Put a header on one line whose quoted names hold line breaks; the lines below are blank."""
    for number, line in enumerate(lines[:HEADER_WITHIN]):
        if line.count('"') % 2 == 0:
            continue
        for last in range(number + 1, min(number + _LONGEST_NAME, len(lines))):
            whole = "".join(lines[number : last + 1])
            if whole.count('"') % 2 == 0:
                alone = max(_named_of(part, wanted) for part in lines[number : last + 1])
                if _named_of(whole, wanted) > alone:
                    lines[number : last + 1] = [whole, *[""] * (last - number)]
                break


def _named_of(line: str, wanted: Sequence[str]) -> int:
    names = set(map(plain_name, wanted))
    return len(names & set(map(plain_name, _roughly(line))))


def _without_header(
    path: Path, lines: Sequence[str], separator: str | None, names: Sequence[str], above: int
) -> Records:
    first = next((line for line in lines[above:] if line.strip()), "")
    separator = separator or separator_of(first)
    width = len(first.split()) if separator == " " else len(split_line(first, separator))
    header = [*names, *(str(number) for number in range(len(names) + 1, width + 1))][:width]
    if separator == " ":
        return gather(path.name, header, _by_blanks(lines, above))
    return gather(path.name, header, split_records(lines, separator, above + 1, width))


def _by_blanks(lines: Sequence[str], above: int) -> Iterator[tuple[int, str, list[str]]]:
    """Yield the records below the first `above` lines, cut at runs of blanks and tabs."""
    for number, line in enumerate(lines[above:], start=above + 1):
        if line.strip():
            yield number, line, line.split()


def gather(
    file: str,
    names: Sequence[str | None],
    rows: Iterable[tuple[int, str, Sequence[str | None]]],
    *,
    strip: bool = True,
) -> Records:
    """Return rows (line number, raw text, fields) as `Records` under the header `names`.

    Examples
    --------
    >>> records = gather("a.csv", ["id", "n"], [(2, "1,2", ["1", "2"]), (3, "3", ["3"])])
    >>> records.frame["id"].to_list(), records.damaged["_reason"].to_list()
    (['1'], ['the record has 1 fields, the header 2'])
    """
    header = _header(names, strip=strip)
    good: list[tuple[str | int | None, ...]] = []
    bad: list[tuple[str, int, str, str]] = []
    width, top = len(header), list(names)
    # A header may end in separators, above rows that don't.
    named = _named(names)
    for number, raw, told in rows:
        short = named <= len(told) < width
        fields = [*told, *[None] * (width - len(told))] if short else told
        sound = len(fields) == width and fields[0] != top[0] and "\0" not in raw
        if sound and not ('"' in raw and raw.count('"') % 2):
            good.append((file, number, raw, *fields))
            continue
        reason = _broken(raw, fields, top, width)
        if reason:
            bad.append((file, number, raw, reason))
        else:
            good.append((file, number, raw, *fields[:width]))
    schema = {**LINE_SCHEMA, **dict.fromkeys(header, pl.String())}
    once = [(name or "").strip() for name in top]
    doubled = tuple({name for name in once if name and once.count(name) > 1})
    # A column at a time is much faster than a row at a time; without rows there are no columns.
    columns = dict(zip(schema, zip(*good, strict=True), strict=bool(good)))
    frame = pl.DataFrame(columns, schema=schema)
    return Records(file, header, frame, refused_rows(bad), doubled)


def _named(names: Sequence[str | None]) -> int:
    """Return how many columns a header names, without those that it ends in."""
    return max((n for n, name in enumerate(names, 1) if name and name.strip()), default=0)


def _broken(raw: str, fields: Sequence[str | None], top: Sequence[str | None], width: int) -> str:
    """Return why a record is none of the table's rows; empty where it is one."""
    extra = any(field and field.strip() for field in fields[width:])
    odd = raw.count('"') % 2 == 1
    if width > 1 and [*fields[:width]] == top:
        return f"{NO_DATA}the header once more"
    if "\0" in raw:
        return NUL_REASON
    if len(fields) < width and SUMMARY.match(_first_told(fields)):
        return SUM_REASON
    if len(fields) < width or extra:
        count = f"the record has {len(fields)} fields, the header {width}"
        return QUOTE_REASON if odd else count
    opened = odd and any(field and field.startswith('"') for field in fields)
    return QUOTE_REASON if opened else ""


#: What stands first in a row below the data that sums it up.
SUM_WORDS: Final = (
    "([合总總小共][计計]|[汇匯彙][总總]|本[页頁]合[计計]|grand total|subtotal|totals?|sum)"
)
SUMMARY: Final = re.compile(rf"(?i)^{SUM_WORDS}[:：\s]*$")
SUM_REASON: Final = f"{NO_DATA}a row of sums, not an order"


def _first_told(fields: Sequence[str | None]) -> str:
    return next((field.strip() for field in fields if field and field.strip()), "")


def refused_rows(rows: Iterable[tuple[str, int, str, str]]) -> pl.DataFrame:
    """Return file, line, raw text and reason of rows as `REFUSED_SCHEMA`.

    Examples
    --------
    >>> refused_rows([("a.csv", 2, "1,x", "units: not a number")])["_reason"].to_list()
    ['units: not a number']
    """
    schema = {name: kind for name, kind in REFUSED_SCHEMA.items() if name != Line.MONEY}
    return as_refused(pl.DataFrame(list(rows), schema=schema, orient="row"))


def _header(names: Sequence[str | None], *, strip: bool) -> tuple[str, ...]:
    taken = set(REFUSED_SCHEMA)
    header = []
    for index, name in enumerate(names, start=1):
        text = (name or "").lstrip("\ufeff")
        unique = base = (text.strip() if strip else text) or f"column {index}"
        copy = 2
        while unique in taken:
            unique, copy = f"{base}_{copy}", copy + 1
        taken.add(unique)
        header.append(unique)
    return tuple(header)


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
