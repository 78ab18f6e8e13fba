"""One import: from outside files to contract tables in a folder, all of them or none.

Beside the tables stand ``rejects.csv``, every refused row with its line and reason, safe to open in
a spreadsheet, and ``imports.jsonl``, one line a file: what went in, was used and refused, and what
the file says of itself (`csinsight.contract.imports`).
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.config import did_you_mean, read_yaml
from csinsight.contract.imports import (
    RECORD,
    ImportRecord,
    read_imports,
    write_imports,
)
from csinsight.contract.join import Cause, match_buyers
from csinsight.contract.schema import ORDER_BUYERS, Messages, OrderBuyers, Orders
from csinsight.errors import ImporterError
from csinsight.importers.archive import add_to, give_back
from csinsight.importers.given import told_apart
from csinsight.importers.import_record import (
    REJECTS,
    cut_files,
    entries_of,
    owned_tables,
    read_rejects,
    repeated_hour,
    same_file,
    write_rejects,
)
from csinsight.importers.intercom import read_intercom
from csinsight.importers.jd_dongdong import read_jd_dongdong
from csinsight.importers.jddc import read_jddc
from csinsight.importers.join_keys import hash_contacts, read_salt, with_order_buyers
from csinsight.importers.mapping import read_mapping
from csinsight.importers.mapping_spec import known_zone
from csinsight.importers.one_shop import refuse_two_shops
from csinsight.importers.platform_chats import read_jingmai_chats, read_sycm_chats
from csinsight.importers.platform_kpis import read_platform_kpis
from csinsight.importers.platform_orders import READERS
from csinsight.importers.qianniu_chat import read_qianniu_chat
from csinsight.importers.reading import ASIDE, Line
from csinsight.importers.shopify_orders import read_shopify_orders
from csinsight.importers.sift import Imported
from csinsight.importers.taobao_orders import read_taobao_orders
from csinsight.importers.taobao_userbehavior import read_taobao_userbehavior
from csinsight.importers.zendesk import read_zendesk

#: Why chats and orders don't fit, and what to do about it.
CAUSES: Final[dict[Cause, str]] = {
    "none": "the ids of the two show no likeness: are both of the same shop and months?",
    "some": "their ids fit as they are; the others didn't buy, or their orders are in no file yet",
    "nameless": "their ids fit, but orders here name no buyer, so the others may have bought",
    "dot_zero": "ids of one end in .0, as a program writes numbers: export them as text",
    "spoilt": "ids of one were spoilt by a spreadsheet (1.9E+15): export them again",
    "case": "ids differ in capital letters: write them alike",
    "blanks": "ids of one carry blanks or quotes: take them off",
    "masked": "nicknames are masked (t**): join by a platform id or an order-agent-buyer list",
    "mail": "one names buyers by e-mail, the other doesn't: export the same key on both sides",
    "hashed": "ids of one are hashed, those of the other aren't: hash both with the same salt",
    "kinds": "ids of one are numbers, those of the other names: export the same key on both sides",
}
Importer = Callable[..., Imported]

#: The outside formats by the name that the command line takes.
FORMATS: Final[dict[str, Importer]] = {
    "taobao_orders": read_taobao_orders,
    "qianniu_chat": read_qianniu_chat,
    "sycm_chats": read_sycm_chats,
    "jd_dongdong": read_jd_dongdong,
    "jingmai_chats": read_jingmai_chats,
    "jddc": read_jddc,
    "shopify_orders": read_shopify_orders,
    **READERS,
    "zendesk": read_zendesk,
    "intercom": read_intercom,
    "taobao_userbehavior": read_taobao_userbehavior,
    "platform_kpis": read_platform_kpis,
    "mapping": read_mapping,
}
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Parameters
    ----------
    format : str
    files : tuple of str
        Names of the files read.
    counts : dict of str to int
        Rows of each table, with those that were there before.
    rows_in, rows_out, refused : int
        Rows of the source, those that became rows of tables, and those that did not;
        ``rows_in == rows_out + refused`` always.
    repeated : int
        Of `refused`, those that only repeat what another row tells, or are no data (read marks).
    money_in, money_out, money_refused : float or None
        What these rows are worth, in the same way; None where they tell no money.
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
    repeated: int
    money_in: float | None
    money_out: float | None
    money_refused: float | None
    reasons: dict[str, int]
    rejects_path: Path
    notices: tuple[str, ...] = field(default=())

    @property
    def mostly_refused(self) -> bool:
        """Whether more than half of the rows, or of their money, was refused."""
        rows = self.refused - self.repeated > 0.5 * (self.rows_in - self.repeated)
        # A list of refunds is worth less than nothing.
        money = abs(self.money_refused or 0.0) > 0.5 * abs(self.money_in or 0.0)
        return rows or money


def run_import(
    format: str,  # noqa: A002 - the name that the command line shows
    files: Sequence[Path | str],
    out: Path | str,
    mapping: Path | str | None = None,
    *,
    timezone: str | None = None,
    replace: bool = False,
    hash_buyers: bool = False,
) -> ImportReport:
    r"""Turn outside files into contract tables in `out`, beside what is there.

    What earlier imports wrote stays, and grows: an order has its newest state, nothing is doubled
    (`csinsight.importers.archive`). The same import again changes nothing. A table that is there
    from anything else than an import is never touched.

    Parameters
    ----------
    format : str
        A name of `FORMATS`.
    files : sequence of path
        In any order: the order of arguments is not time. An archive (``.zip``) stands for what
        is in it.
    out : path
        Folder of the shop; made where it is missing.
    mapping : path or None
        The column mapping of format ``mapping``; options of the other formats.
    timezone : str or None
        The shop's clock, for files that carry another (Zendesk writes UTC).
    replace : bool
        Whether tables of earlier imports are replaced instead of added to.
    hash_buyers : bool
        Whether e-mails and phone numbers that stand for buyers are hashed with a salt, which is
        kept beside the tables; once it is there, all imports into the folder do so.

    Raises
    ------
    ImporterError
        Where a file can't be used, a table is in the way, or the files and what is there are of
        two shops, clocks or currencies. Nothing is written.
    ConfigError
        Where the mapping or the time zone can't be used.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "jddc.txt"
    ...     lines = "s1\tu1\t0\t0\t0\t\t在吗\ns1\tu1\t1\t0\t0\t\t在\n"
    ...     _ = file.write_text(lines, encoding="utf-8")
    ...     report = run_import("jddc", [file], Path(folder) / "shop")
    >>> report.rows_in
    2
    """
    if format not in FORMATS:
        raise ImporterError(f"unknown format {format!r}; {did_you_mean(format, FORMATS)}")
    plan = Path(mapping) if mapping is not None else None
    with tempfile.TemporaryDirectory(prefix="csinsight-") as room:
        paths, twice = told_apart(files, Path(room))
        if not paths:
            raise ImporterError("no file is given")
        return _imported(format, paths, twice, Path(out), plan, timezone, replace, hash_buyers)


def _imported(
    format: str,  # noqa: A002 - as above
    paths: Sequence[Path],
    twice: Sequence[str],
    folder: Path,
    plan: Path | None,
    timezone: str | None,
    replace: bool,
    hash_buyers: bool,
) -> ImportReport:
    record = read_imports(folder)
    told = {} if timezone is None else {"timezone": known_zone(timezone)}
    if told and "timezone" not in inspect.signature(FORMATS[format]).parameters:
        raise ImporterError(f"{format} takes no --timezone: its times are on the shop's own clock")
    _say("reading", 0, f"{len(paths)} files of {format}")
    imported = FORMATS[format](paths, plan, **told)
    _check(imported, format)
    cut = cut_files(imported)
    options = read_yaml(plan).values if plan else {}
    if zone := timezone or (options.get("timezone") if isinstance(options, dict) else None):
        cut += repeated_hour(imported, str(zone), paths[0].name)
    imported = dataclasses.replace(imported, notices=(*imported.notices, *cut))
    _say("adding", 1, f"{imported.rows_in} rows")
    if hash_buyers or read_salt(folder) is not None:
        imported = _hashed(folder, record, imported, replace=replace)
    imported, late = (imported, {}) if replace else give_back(folder, record, imported)
    entries = entries_of(format, paths, plan, timezone, imported)
    entries = [one.model_copy(update={"late_refunds": late.get(one.file, [])}) for one in entries]
    kept = [] if replace else record
    kept = [entry for entry in kept if not same_file(entry, entries)]
    if replace:
        kept = [e for e in record if not set(e.tables) & set(imported.tables)]
    _refuse_in_the_way(folder, record, imported)
    refuse_two_shops([*kept, *entries])
    tables, added = add_to(folder, imported.tables, () if replace else sorted(owned_tables(record)))
    tables, joined = with_order_buyers(folder, tables)
    _say("writing", 2, f"{sum(map(len, tables.values()))} rows of {len(tables)} tables")
    _write(folder, record, kept, entries, imported, tables)
    _say("written", 3, str(folder))
    return _report(format, paths, folder, imported, tables, [*twice, *added, *joined])


def _say(step: str, done: int, what: str) -> None:
    LOG.debug("%s %s", step, what, extra={"done": done, "of": 3})


def _hashed(
    folder: Path, record: Sequence[ImportRecord], imported: Imported, *, replace: bool
) -> Imported:
    """Return what was imported with contacts hashed; refuse a folder that has them plain."""
    if record and not replace and read_salt(folder) is None:
        raise ImporterError(
            f"{folder}: holds buyers as they were written; import into a new folder, or import all "
            "of it again with --replace, so that all are hashed alike"
        )
    salt = read_salt(folder, make=True)
    return dataclasses.replace(imported, tables=hash_contacts(imported.tables, salt or b""))


def _check(imported: Imported, name: str) -> None:
    if imported.rows_in == 0:
        raise ImporterError("the files hold no rows; export them again")
    if imported.rows_in != imported.rows_out + imported.refused.height:
        raise RuntimeError(
            f"{name}: {imported.rows_in} rows in, {imported.rows_out} out and "
            f"{imported.refused.height} refused don't add up; nothing was written, report it"
        )
    money = _money(imported)
    if money is not None and abs(money[0] - money[1] - money[2]) > 0.005 + 1e-9 * abs(money[0]):
        raise RuntimeError(
            f"{name}: money in {money[0]:.2f}, used {money[1]:.2f} and refused {money[2]:.2f} "
            "don't add up; nothing was written, report it"
        )


def _money(imported: Imported) -> tuple[float, float, float] | None:
    """Return money in, used and not used; None where the source tells none."""
    if imported.money_in is None or imported.used is None:
        return None
    used, refused = imported.used, imported.refused
    return imported.money_in, float(used[Line.MONEY].sum()), float(refused[Line.MONEY].sum())


def _refuse_in_the_way(folder: Path, record: Sequence[ImportRecord], imported: Imported) -> None:
    if not record and (folder / REJECTS).exists():
        raise ImporterError(f"{folder / REJECTS}: is there, but not from an import; move it away")
    owned = owned_tables(record)
    for table in imported.tables:
        parquet, text = folder / f"{table}.parquet", folder / f"{table}.csv"
        if text.exists() or (parquet.exists() and table not in owned):
            there = text if text.exists() else parquet
            raise ImporterError(
                f"{there}: is there already and not from an import; choose another --out folder"
            )


def _write(
    folder: Path,
    record: Sequence[ImportRecord],
    kept: Sequence[ImportRecord],
    entries: Sequence[ImportRecord],
    imported: Imported,
    tables: Mapping[str, pl.DataFrame],
) -> None:
    number = 1 + max((entry.number for entry in record), default=0)
    name = entries[0].format
    before = {table for entry in record for table in entry.tables}
    after = {table for entry in (*kept, *entries) for table in entry.tables}
    rejects = read_rejects(folder / REJECTS, {entry.number for entry in kept})
    folder.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=".import-", dir=folder))
    try:
        for table, frame in tables.items():
            if frame.height:
                frame.write_parquet(stage / f"{table}.parquet")
        write_rejects(stage / REJECTS, rejects, number, name, imported.refused)
        new = [entry.model_copy(update={"number": number}) for entry in entries]
        write_imports(stage, [*kept, *new])
        full = [table for table, frame in tables.items() if frame.height]
        gone = [*(before - after), *(table for table in tables if table not in full)]
        names = [*(f"{table}.parquet" for table in full), REJECTS, RECORD]
        _move_in(folder, stage, names, [f"{table}.parquet" for table in gone])
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


def _report(
    name: str,
    files: Sequence[Path],
    folder: Path,
    imported: Imported,
    tables: Mapping[str, pl.DataFrame],
    added: Sequence[str],
) -> ImportReport:
    refused = imported.refused
    repeats = refused[Line.REASON].str.contains(ASIDE)
    counts = refused[Line.REASON].value_counts(sort=True).iter_rows()
    money = _money(imported)
    worth = refused.filter(~repeats)[Line.MONEY]
    unread = (
        f"{worth.null_count()} of the refused rows tell no amount that can be read: what they are "
        "worth is not among the money refused"
    )
    nothing = [f"no row could be taken and no table was written; {REJECTS} says why"]
    return ImportReport(
        name,
        tuple(path.name for path in files),
        {table: frame.height for table, frame in tables.items() if frame.height},
        imported.rows_in,
        imported.rows_out,
        refused.height,
        int(repeats.sum()),
        money[0] if money else None,
        money[1] if money else None,
        float(worth.sum()) if money else None,
        dict(sorted(counts, key=lambda pair: (-pair[1], pair[0]))),
        folder / REJECTS,
        (
            *imported.notices,
            *added,
            *_match_rate(folder, tables),
            *((unread,) if money and worth.null_count() else ()),
            *(() if imported.tables else nothing),
        ),
    )


def _match_rate(folder: Path, tables: Mapping[str, pl.DataFrame]) -> list[str]:
    """Tell how many chat buyers are among the buyers of orders, once both are there."""
    paths = {name: folder / f"{name}.parquet" for name in ("orders", "messages")}
    changed = {*paths, ORDER_BUYERS.name} & tables.keys()
    if not changed or not all(path.exists() for path in paths.values()):
        return []
    columns = [Orders.ORDER_ID, Orders.BUYER_ID]
    placed = pl.read_parquet(paths["orders"], columns=columns, glob=False)
    orders = placed[Orders.BUYER_ID]
    chats = pl.read_parquet(paths["messages"], columns=[Messages.BUYER_ID], glob=False)
    links = tables.get(ORDER_BUYERS.name, pl.DataFrame(schema={OrderBuyers.ORDER_ID: pl.String}))
    named = links.drop_nulls(OrderBuyers.ORDER_ID)
    joined = named[OrderBuyers.BUYER_ID] if named.height else orders.clear()
    linked = placed[Orders.ORDER_ID].is_in(named[OrderBuyers.ORDER_ID].implode())
    nameless = int((orders.is_null() & ~linked).sum()) / max(len(orders), 1)
    match = match_buyers(
        chats[Messages.BUYER_ID], pl.concat([orders, joined.cast(orders.dtype)]), nameless
    )
    if not match.orders:
        return ["orders name no buyer, so chats can't be joined to them"]
    told = f"{match.found} of {match.chats} buyers of chats ({match.share:.0%}) are among those "
    return [f"{told}of orders", *([CAUSES[match.cause]] if match.doubtful else [])]
