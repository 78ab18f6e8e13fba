"""The file of refused rows, safe to open in a spreadsheet.

One import: from outside files to contract tables in a folder, all of them or none.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from csinsight.config import did_you_mean
from csinsight.contract.schema import Messages, Orders
from csinsight.errors import ImporterError
from csinsight.importers.jd_dongdong import read_jd_dongdong
from csinsight.importers.jddc import read_jddc
from csinsight.importers.mapping import read_mapping
from csinsight.importers.qianniu_chat import read_qianniu_chat
from csinsight.importers.reading import REFUSED_SCHEMA, Line
from csinsight.importers.shopify_orders import read_shopify_orders
from csinsight.importers.sift import Imported
from csinsight.importers.taobao_orders import read_taobao_orders
from csinsight.importers.taobao_userbehavior import read_taobao_userbehavior
from csinsight.importers.zendesk import read_zendesk

COLUMNS: Final = ("import", "format", "file", "line", "reason", "raw")
#: A cell that begins so is run as a formula by one spreadsheet or another.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_LONGEST: Final = 2000


def guarded(text: str) -> str:
    """Return `text` as a cell that no spreadsheet runs, without NUL and not too long."""
    text = text.replace("\0", "\u2400")
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}… ({len(text) - _LONGEST} more characters)"
    return f"'{text}" if text.lstrip(" \u00a0\u3000").startswith(_FORMULA) else text


def read_rejects(path: Path, numbers: Collection[int]) -> list[list[str]]:
    """Return the rows of an existing file that belong to the imports `numbers`."""
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
    """
    rows = refused.select(*REFUSED_SCHEMA).sort(Line.FILE, Line.NUMBER, maintain_order=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(earlier)
        for source, line, raw, reason in rows.iter_rows():
            cells = (name, guarded(source), str(line), guarded(reason), guarded(raw))
            writer.writerow((str(number), *cells))


Importer = Callable[[Sequence[Path], Path | None], Imported]

#: The outside formats by the name that the command line takes.
FORMATS: Final[dict[str, Importer]] = {
    "taobao_orders": read_taobao_orders,
    "qianniu_chat": read_qianniu_chat,
    "jd_dongdong": read_jd_dongdong,
    "jddc": read_jddc,
    "shopify_orders": read_shopify_orders,
    "zendesk": read_zendesk,
    "taobao_userbehavior": read_taobao_userbehavior,
    "mapping": read_mapping,
}
REJECTS: Final = "rejects.csv"
RECORD: Final = "import.json"
_RECORD_VERSION: Final = 1


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Parameters
    ----------
    format : str
    files : tuple of str
        Names of the files read.
    counts : dict of str to int
        Rows written, by table.
    rows_in, rows_out, refused : int
        Rows of the source, those that became rows of tables, and those refused;
        ``rows_in == rows_out + refused`` always.
    reasons : dict of str to int
        Refused rows by reason, most frequent first.
    rejects_path : pathlib.Path
        The refused rows of every import into the folder.
    notices : tuple of str
        What the user should know.
    """

    format: str
    files: tuple[str, ...]
    counts: dict[str, int]
    rows_in: int
    rows_out: int
    refused: int
    reasons: dict[str, int]
    rejects_path: Path
    notices: tuple[str, ...] = field(default=())


def run_import(
    format: str,  # noqa: A002 - the name that the command line shows
    files: Sequence[Path | str],
    out: Path | str,
    mapping: Path | str | None = None,
    *,
    replace: bool = False,
) -> ImportReport:
    """Turn outside files into contract tables in `out`.

    Tables of other imports into the same folder stay. The same import again (same format, files
    and mapping, by content) writes the same again. A table that is there from anything else is
    refused, unless `replace` is told and an earlier import wrote it.

    Parameters
    ----------
    format : str
        A name of `FORMATS`.
    files : sequence of path
    out : path
        Folder of the shop; made where it is missing.
    mapping : path or None
        The column mapping of format ``mapping``; options of the chat formats.
    replace : bool
        Whether tables of an earlier import may be replaced.

    Raises
    ------
    ImporterError
        Where a file or the mapping can't be used, or a table is in the way. Nothing is written.
    """
    if format not in FORMATS:
        raise ImporterError(f"unknown format {format!r}; {did_you_mean(format, FORMATS)}")
    paths = [Path(path) for path in files]
    if not paths:
        raise ImporterError("no file is given")
    plan = Path(mapping) if mapping is not None else None
    folder = Path(out)
    record = _read_record(folder)
    imported = FORMATS[format](paths, plan)
    _check(imported, format)
    entry = _entry(format, paths, plan, imported)
    _refuse_in_the_way(folder, record, entry, replace=replace)
    _write(folder, record, entry, imported)
    return ImportReport(
        format,
        tuple(path.name for path in paths),
        entry["tables"],
        imported.rows_in,
        imported.rows_out,
        imported.refused.height,
        entry["reasons"],
        folder / REJECTS,
        (*imported.notices, *_match_rate(folder, imported), *_nothing(imported)),
    )


def _check(imported: Imported, name: str) -> None:
    if imported.rows_in == 0:
        raise ImporterError("the files hold no rows; export them again")
    if imported.rows_in != imported.rows_out + imported.refused.height:
        raise RuntimeError(
            f"{name}: {imported.rows_in} rows in, {imported.rows_out} out and "
            f"{imported.refused.height} refused don't add up; nothing was written, report it"
        )


def _entry(
    name: str, files: Sequence[Path], mapping: Path | None, imported: Imported
) -> dict[str, Any]:
    reasons = imported.refused[Line.REASON].value_counts(sort=True).iter_rows()
    return {
        "format": name,
        "files": {path.name: _hash(path) for path in files},
        "mapping": _hash(mapping) if mapping else None,
        "tables": {table: frame.height for table, frame in imported.tables.items()},
        "rows_in": imported.rows_in,
        "rows_out": imported.rows_out,
        "refused": imported.refused.height,
        "reasons": dict(sorted(reasons, key=lambda pair: (-pair[1], pair[0]))),
        "notices": list(imported.notices),
    }


def _nothing(imported: Imported) -> list[str]:
    if imported.tables:
        return []
    return [f"no row could be taken and no table was written; {REJECTS} says why"]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    if not path.exists():
        return {"version": _RECORD_VERSION, "imports": []}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        names = [set(entry["tables"]) for entry in record["imports"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImporterError(f"{path}: is not a record of imports; move it away") from error
    del names
    return dict(record)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in ("format", "files", "mapping"))


def _superseded(record: dict[str, Any], entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the earlier imports that this one takes the place of."""
    tables = set(entry["tables"])
    return [old for old in record["imports"] if _same(old, entry) or tables & set(old["tables"])]


def _refuse_in_the_way(
    folder: Path, record: dict[str, Any], entry: dict[str, Any], *, replace: bool
) -> None:
    if not record["imports"] and (folder / REJECTS).exists():
        raise ImporterError(f"{folder / REJECTS}: is there, but not from an import; move it away")
    owners = {table: old for old in record["imports"] for table in old["tables"]}
    for table in entry["tables"]:
        parquet, csv = folder / f"{table}.parquet", folder / f"{table}.csv"
        owner = owners.get(table)
        if csv.exists() or (parquet.exists() and owner is None):
            there = csv if csv.exists() else parquet
            raise ImporterError(
                f"{there}: is there already and not from an import; choose another --out folder"
            )
        if parquet.exists() and owner and not _same(owner, entry) and not replace:
            raise ImporterError(
                f"{parquet}: is there already, from {owner['format']} on "
                f"{', '.join(owner['files'])}; give all files in one import, choose another --out "
                "folder, or say --replace"
            )


def _write(folder: Path, record: dict[str, Any], entry: dict[str, Any], imported: Imported) -> None:
    old = _superseded(record, entry)
    kept = [one for one in record["imports"] if one not in old]
    gone = {table for one in old for table in one["tables"]} - set(entry["tables"])
    number = 1 + max((one["number"] for one in record["imports"]), default=0)
    rejects = read_rejects(folder / REJECTS, {one["number"] for one in kept})
    folder.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=".import-", dir=folder))
    try:
        for name, table in imported.tables.items():
            table.write_parquet(stage / f"{name}.parquet")
        write_rejects(stage / REJECTS, rejects, number, entry["format"], imported.refused)
        imports = [*kept, {"number": number, **entry}]
        text = json.dumps(
            {"version": _RECORD_VERSION, "imports": imports}, ensure_ascii=False, indent=2
        )
        (stage / RECORD).write_text(text + "\n", encoding="utf-8")
        names = [*(f"{name}.parquet" for name in imported.tables), REJECTS, RECORD]
        _move_in(folder, stage, names, [f"{name}.parquet" for name in gone])
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _move_in(folder: Path, stage: Path, names: Sequence[str], gone: Sequence[str]) -> None:
    """Put staged files in place; where one can't be, all are put back as they were."""
    backup = stage / "before"
    backup.mkdir()
    done: list[str] = []
    try:
        for name in (*names, *gone):
            done.append(name)
            if (folder / name).exists():
                (folder / name).replace(backup / name)
            if name in names:
                (stage / name).replace(folder / name)
    except OSError as error:
        for name in done:
            (folder / name).unlink(missing_ok=True)
            if (backup / name).exists():
                (backup / name).replace(folder / name)
        raise ImporterError(f"{folder}: can't be written ({error.strerror})") from error


def _match_rate(folder: Path, imported: Imported) -> list[str]:
    """Tell how many chat buyers are among the buyers of orders, once both are there."""
    if not {"orders", "messages"} & set(imported.tables):
        return []
    paths = {name: folder / f"{name}.parquet" for name in ("orders", "messages")}
    if not all(path.exists() for path in paths.values()):
        return []
    chat = pl.read_parquet(paths["messages"], columns=[Messages.BUYER_ID]).unique()
    orders = pl.read_parquet(paths["orders"], columns=[Orders.BUYER_ID]).drop_nulls().unique()
    if orders.is_empty():
        return ["orders name no buyer, so chats can't be joined to them"]
    matched = chat.join(orders, on=Messages.BUYER_ID, how="semi").height
    share = matched / chat.height if chat.height else 0.0
    return [f"{matched} of {chat.height} buyers of chats ({share:.0%}) are among those of orders"]
