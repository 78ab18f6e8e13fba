"""What is remembered of an import: its files, the rows refused, and what there is to mind."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from csinsight.contract.files import guarded, sha256
from csinsight.contract.imports import FileNote, ImportRecord, Refusal
from csinsight.contract.schema import ORDER_BUYERS, Messages, Orders
from csinsight.importers.reading import ASIDE, REFUSED_SCHEMA, Line
from csinsight.importers.sift import FileFacts, FileNotice, Imported

REJECTS: Final = "rejects.csv"
COLUMNS: Final = ("import", "format", "file", "line", "reason", "raw", "money")
_LONGEST: Final = 2000


def entries_of(
    name: str,
    files: Sequence[Path],
    mapping: Path | None,
    timezone: str | None,
    imported: Imported,
) -> list[ImportRecord]:
    r"""Return what there is to remember of each file.

    Examples
    --------
    >>> import tempfile
    >>> refused = {"_file": "a.csv", "_line": 3, "_raw": "x", "_reason": "no number", "_money": 9.5}
    >>> used = pl.DataFrame({"_file": ["a.csv"]})
    >>> imported = Imported({}, pl.DataFrame([refused]), 2, 1, used=used)
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = (Path(name) / "a.csv").write_text("n\n1\nx\n", encoding="utf-8")
    ...     entry = entries_of("map", [Path(name) / "a.csv"], None, None, imported)[0]
    >>> entry.file, entry.rows_in, entry.rows_used, entry.rows_refused
    ('a.csv', 2, 1, 1)
    """
    plain = pl.col(Line.FILE).str.replace(r", sheet .*$", "").alias(Line.FILE)
    refused = imported.refused.with_columns(plain)
    used = pl.DataFrame({Line.FILE: []}, schema={Line.FILE: pl.String})
    used = used if imported.used is None else imported.used.with_columns(plain)
    facts = {name.split(", sheet ")[0]: fact for name, fact in imported.facts.items()}
    mapped = sha256(mapping) if mapping else None
    return [
        _entry(
            path.name,
            used.filter(pl.col(Line.FILE) == path.name),
            refused.filter(pl.col(Line.FILE) == path.name),
            facts.get(path.name, FileFacts()),
            format=name,
            sha256=sha256(path),
            mapping=mapped,
            timezone=timezone,
            tables=sorted(imported.tables),
            notes=_notes(path.name, imported.notices),
        )
        for path in files
    ]


def _entry(
    file: str, used: pl.DataFrame, refused: pl.DataFrame, facts: FileFacts, **same: Any
) -> ImportRecord:
    repeats = refused[Line.REASON].str.contains(ASIDE)
    lost = refused.filter(~repeats)
    money = Line.MONEY in used.columns and used[Line.MONEY].count() + refused[Line.MONEY].count()
    sums = [float(f[Line.MONEY].sum()) for f in (used, lost, refused)] if money else None
    reasons = refused.group_by(Line.REASON).agg(pl.len().alias("rows"), pl.col(Line.MONEY).sum())
    return ImportRecord(
        file=file,
        rows_in=used.height + refused.height,
        rows_used=used.height,
        rows_repeated=int(repeats.sum()),
        rows_refused=lost.height,
        money_in=round(sums[0] + sums[2], 2) if sums else None,
        money_used=round(sums[0], 2) if sums else None,
        money_refused=round(sums[1], 2) if sums else None,
        refused={
            reason: Refusal(rows=rows, money=round(worth or 0.0, 2) if sums else None)
            for reason, rows, worth in reasons.sort("rows", Line.REASON).reverse().iter_rows()
        },
        currency=list(facts.currency),
        clock=list(facts.offsets),
        exported=facts.exported.isoformat(" ") if facts.exported else None,
        shops=list(facts.shops),
        **same,
    )


def _notes(file: str, notices: Sequence[str]) -> list[FileNote]:
    """Return what the notices tell of one file, those of a kind summed."""
    ours = [
        told
        for told in notices
        if isinstance(told, FileNotice) and told.file.split(", sheet ")[0] == file
    ]
    return [
        FileNote(
            kind=kind,
            count=sum(told.kind == kind for told in ours),
            rows=sum(told.rows for told in ours if told.kind == kind),
        )
        for kind in dict.fromkeys(told.kind for told in ours)
    ]


#: Platforms, and spreadsheets, end a file at so many rows without a word; some count the header.
_CUT_AT: Final = frozenset(
    number - header
    for header in (0, 1)
    for number in (
        *(500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 50_000, 65_536),
        *(100_000, 200_000, 500_000, 1_000_000, 1_048_576),
    )
)


def cut_files(imported: Imported) -> list[FileNotice]:
    """Say which files, or sheets, have exactly as many rows as exports are cut at.

    Examples
    --------
    >>> used = pl.DataFrame({"_file": ["a.csv"] * 500 + ["b.csv"] * 501})
    >>> none = pl.DataFrame(schema=REFUSED_SCHEMA)
    >>> [note.file for note in cut_files(Imported({}, none, 1001, 1001, used=used))]
    ['a.csv']
    """
    files = [imported.refused.select(Line.FILE)]
    files += [] if imported.used is None else [imported.used.select(Line.FILE)]
    counts = pl.concat(files).group_by(Line.FILE).len().sort(Line.FILE)
    told = "exports are often cut at so many: look whether it holds all, or export shorter spans"
    return [
        FileNotice(f"{file}: has exactly {rows:,} rows; {told}", str(file), "may_be_cut", rows)
        for file, rows in counts.iter_rows()
        if rows in _CUT_AT
    ]


def repeated_hour(imported: Imported, timezone: str, file: str) -> list[FileNotice]:
    """Say how many chat lines and orders lie in the hour that a clock tells twice when set back.

    Tables hold the shop's own clock without a zone: what was in the first hour and what was in the
    second stand among each other. `file` is the first of those imported at once.

    Examples
    --------
    >>> lines = pl.DataFrame({"sent_at": ["2026-10-25 02:30", "2026-10-25 03:00"]})
    >>> lines = lines.select(pl.col("sent_at").str.to_datetime())
    >>> none = pl.DataFrame(schema=REFUSED_SCHEMA)
    >>> made = Imported({"messages": lines}, none, 2, 2)
    >>> [note.rows for note in repeated_hour(made, "Europe/Berlin", "tickets.json")]
    [1]
    """
    timed = {"messages": Messages.SENT_AT, "orders": Orders.PLACED_AT}
    rows = sum(
        int(imported.tables[table].select(_told_twice(column, timezone).sum()).item())
        for table, column in timed.items()
        if table in imported.tables
    )
    told = (
        f"{file}, and what was imported with it: {rows} chat lines and orders lie in the hour "
        f"that the clock of {timezone} tells twice when it is set back; they may stand in another "
        "order, an order before the chat that it followed, and waits among them are not what "
        "they were"
    )
    return [FileNotice(told, file, "repeated_hour", rows)] if rows else []


def _told_twice(column: str, timezone: str) -> pl.Expr:
    at = pl.col(column).dt
    # Null besides where spring leaves an hour out, which nothing of that clock lies in.
    first = at.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    once = at.replace_time_zone(timezone, ambiguous="null", non_existent="null")
    return first.is_not_null() & once.is_null()


def same_file(entry: ImportRecord, entries: Sequence[ImportRecord]) -> bool:
    """Tell whether a file was imported before in the same way.

    Examples
    --------
    >>> one = ImportRecord(
    ...     file="a.csv", sha256="9f86", format="map", rows_in=1, rows_used=1, rows_refused=0
    ... )
    >>> again = one.model_copy(update={"file": "copy of a.csv"})
    >>> same_file(again, [one]), same_file(again.model_copy(update={"timezone": "UTC"}), [one])
    (True, False)
    """

    def key(one: ImportRecord) -> tuple[object, ...]:
        return one.format, one.sha256, one.mapping, one.timezone

    return key(entry) in {key(one) for one in entries}


def owned_tables(record: Sequence[ImportRecord]) -> set[str]:
    """Return the tables that imports wrote; what joins orders to chats is made after each.

    Examples
    --------
    >>> owned_tables([])
    set()
    """
    made = {ORDER_BUYERS.name} if record else set()
    return {table for entry in record for table in entry.tables} | made


def cell_of(text: str) -> str:
    """Return `text` as a cell that no spreadsheet runs, without NUL and not too long.

    Examples
    --------
    >>> cell_of("=1+1")
    "'=1+1"
    """
    text = text.replace("\0", "\u2400")
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}… ({len(text) - _LONGEST} more characters)"
    return guarded(text)


def read_rejects(path: Path, numbers: Collection[int]) -> list[list[str]]:
    r"""Return the rows of an existing file that belong to the imports `numbers`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     file = Path(name) / REJECTS
    ...     _ = file.write_text("import,file\n1,a.csv\n2,b.csv\n", encoding="utf-8")
    ...     read_rejects(file, {2})
    [['2', 'b.csv']]
    """
    if not path.exists():
        return []
    wanted = {str(number) for number in numbers}
    csv.field_size_limit(1 << 30)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row for row in csv.reader(file) if row and row[0] in wanted]


def write_rejects(
    path: Path, earlier: list[list[str]], number: int, name: str, refused: pl.DataFrame
) -> None:
    """Write refused rows below those of earlier imports.

    UTF-8 with a byte order mark: spreadsheets in China take it for GBK otherwise.

    Parameters
    ----------
    path : pathlib.Path
    earlier : list of list of str
        Rows as they stand in the file of before.
    number : int
        Of this import.
    name : str
        Its format.
    refused : polars.DataFrame
        As `REFUSED_SCHEMA`.

    Examples
    --------
    >>> import tempfile
    >>> row = {"_file": "a.csv", "_line": 2, "_raw": "=1+1", "_reason": "n is no number"}
    >>> refused = pl.DataFrame([row | {"_money": 9.5}])
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write_rejects(Path(name) / REJECTS, [], 1, "map", refused)
    ...     read_rejects(Path(name) / REJECTS, {1})
    [['1', 'map', 'a.csv', '2', 'n is no number', "'=1+1", '9.50']]
    """
    rows = refused.select(*REFUSED_SCHEMA).sort(Line.FILE, Line.NUMBER, maintain_order=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(earlier)
        for source, line, raw, reason, money in rows.iter_rows():
            worth = "" if money is None else f"{money:.2f}"
            cells = (name, cell_of(source), str(line), cell_of(reason), cell_of(raw), worth)
            writer.writerow((str(number), *cells))
