"""Checking the folder of a shop: every fault, what is worth knowing, and what just isn't read."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pandas as pd
import polars as pl

from csinsight.config import did_you_mean, nearest
from csinsight.contract.cells import times
from csinsight.contract.disputes import DISPUTES, read_disputes
from csinsight.contract.domain import COMPLIANCE, MARKERS, NOTED, own_ids
from csinsight.contract.files import SETTINGS, SUFFIXES, parts
from csinsight.contract.labels import FILE as LABELS_FILE
from csinsight.contract.labels import Labels, read_labels
from csinsight.contract.messages import Fault, Notice
from csinsight.contract.read import Checked, header_notices, read_table
from csinsight.contract.rollouts import FILE as ROLLOUT_FILE
from csinsight.contract.rollouts import read_rollouts
from csinsight.contract.schema import (
    MAIN_TABLES,
    ORDER_BUYERS,
    TABLES,
    Agents,
    Messages,
    OrderBuyers,
    Orders,
    PageViews,
    Ratings,
    Table,
)
from csinsight.contract.tally import (
    Counter,
    Tally,
    added,
    counted,
    in_this_process,
    stretches,
    tally,
)
from csinsight.errors import ConfigError

#: Files of settings that lie beside the tables: whatever they are called, no table was meant.
_SETTINGS: Final = (".yml", ".yaml")
#: What is read beside the tables.
_READ: Final = (LABELS_FILE, ROLLOUT_FILE, f"{DISPUTES.name}.csv")
#: How near a name comes to that of settings: mappings and the like lie there too.
_NEAR: Final = 0.8


def near_settings(folder: Path) -> Iterator[Notice]:
    """Name what would be settings but for its name.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "behaviours.yaml").touch()
    >>> [notice.what for notice in near_settings(folder)]
    ['is not read: was behaviours.yml meant? Then call it so']
    """
    for path, meant in _near_settings(folder):
        if not (folder / meant).exists():
            yield Notice(path.name, f"is not read: was {meant} meant? Then call it so")


def near_tables(folder: Path) -> Iterator[Notice]:
    """Name what comes near a table by its name.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "rating.csv").touch()
    >>> [notice.what for notice in near_tables(folder)]
    ['is not read: was ratings.csv or ratings.parquet meant?']
    """
    known = {f"{name}{suffix}" for name in TABLES for suffix in SUFFIXES} | set(_READ)
    for name in sorted(known):
        if (folder / name).is_dir() and not parts(folder / name):
            what = "is a folder without *.parquet and is not read: write the table's parts into it"
            yield Notice(name, what)
    known |= {path.name for path, _ in _near_settings(folder)}
    for path, near in _near_files(folder, TABLES):
        if not (path.name in known or path.name.startswith(".") or path.suffix in _SETTINGS):
            yield Notice(path.name, f"is not read: was {near}.csv or {near}.parquet meant?")


def _near_settings(folder: Path) -> Iterator[tuple[Path, str]]:
    names = {name.split(".")[0]: name for name in SETTINGS}
    return ((path, names[near]) for path, near in _near_files(folder, names, _NEAR))


def _near_files(
    folder: Path, names: Iterable[str], least: float = 0.5
) -> Iterator[tuple[Path, str]]:
    """Yield the files that come near a name, whatever they end in, each with that name."""
    for path in sorted(folder.iterdir()):
        near = nearest(path.name.split(".")[0], names, least)
        if near and path.is_file():
            yield path, near


def unread_labels(labels: pd.DataFrame, folder: Path) -> Iterator[Notice]:
    """Name what was looked for in labels and is nothing that is read.

    Examples
    --------
    >>> labels = pd.DataFrame({"behaviour": ["greet", "greets"]})
    >>> [notice.what for notice in unread_labels(labels, Path("a folder"))]
    ['1 rows are of `greet`, which nothing is called, and are not used; did you mean `greets`?']
    """
    known = (*MARKERS, *COMPLIANCE, *NOTED, *_own_names(folder))
    counts = labels[Labels.BEHAVIOUR].dropna().value_counts()
    for name, rows in counts.items():
        if name not in known:
            mend = did_you_mean(str(name), known, otherwise="see docs/labelling.md")
            what = f"{rows} rows are of `{name}`, which nothing is called, and are not used; {mend}"
            yield Notice(LABELS_FILE, what)


def _own_names(folder: Path) -> tuple[str, ...]:
    """Return the ids of the shop's own behaviours; a file that is no YAML is told elsewhere."""
    with suppress(ConfigError):
        return own_ids(folder)
    return ()


LOG = logging.getLogger(__name__)


#: So few times, or times of so few days, may be at one time of day by chance, or as examples are
#: written; and such a share of them never is, to the second.
_DATED: Final = 20
_DATED_DAYS: Final = timedelta(days=5)
_AT_ONCE: Final = 0.2
#: Tables of which a report says it.
_TOLD_OF: Final = ("orders", "messages")


def cross_notices(tables: Mapping[str, Tally]) -> list[Notice]:
    """Return what is worth knowing about how a shop's tables fit each other.

    Parameters
    ----------
    tables : mapping of str to Tally
        By name; absent ones are not in it.

    Returns
    -------
    list of Notice
        Without any buyer's or agent's name.

    Examples
    --------
    >>> from csinsight.contract.schema import BUYERS
    >>> buyers = added([counted(pl.DataFrame({"buyer_id": ["张*"]}), BUYERS)])
    >>> [notice.kind for notice in cross_notices({"buyers": tally(buyers, BUYERS)})]
    ['masked']
    """
    return [
        *_untimed(tables),
        *_days_only(tables),
        *_wordless(tables),
        *_buyers(tables, "messages", Messages.BUYER_ID, "chat"),
        *_buyers(tables, "page_views", PageViews.BUYER_ID, "page view"),
        *_masked(tables),
        *_agents(tables, "messages", Messages.AGENT_ID),
        *_agents(tables, "ratings", Ratings.AGENT_ID),
    ]


def _ids(tables: Mapping[str, Tally], table: str, column: str) -> pl.Series:
    found = tables[table].ids if table in tables else {}
    return found.get(column, pl.Series(column, [], dtype=pl.String))


def _untimed(tables: Mapping[str, Tally]) -> Iterator[Notice]:
    if "messages" in tables and not tables["messages"].filled.get(Messages.SENT_AT):
        yield Notice(
            "messages",
            "no message has a time: the order in the file is the only clock, and figures of "
            "time, months and conversion are left out",
            "untimed",
        )


def _days_only(tables: Mapping[str, Tally]) -> Iterator[Notice]:
    """Yield the tables of which many times are days: those stand at one second of their day.

    At midnight, or where a zone was taken off or put on at another hour.
    """
    for name, found in tables.items():
        main = next(iter(times(TABLES[name])), "")
        dated = found.filled.get(main, 0)
        if not (found.first and found.last and found.last - found.first >= _DATED_DAYS):
            continue
        if dated >= _DATED and found.at_once >= _AT_ONCE * dated:
            what = (
                f"{found.at_once:,} of {dated:,} times of {main} are at one and the same time of "
                "day, so they are days: what comes before or after the chats of a day can't be "
                "told; export times with hours and minutes"
            )
            counts = {"found": found.at_once, "all": dated}
            yield Notice(name, what, f"days_only_{name}" if name in _TOLD_OF else "", counts)


def _wordless(tables: Mapping[str, Tally]) -> Iterator[Notice]:
    if "messages" not in tables:
        return
    messages = tables["messages"].rows
    empty = messages - tables["messages"].filled.get(Messages.TEXT, 0)
    if empty:
        what = "have no text (pictures, say): they count as messages that show no behaviour"
        counts = {"found": empty, "all": messages}
        yield Notice("messages", f"{empty:,} of {messages:,} messages {what}", "wordless", counts)


def _buyers(tables: Mapping[str, Tally], table: str, column: str, name: str) -> Iterator[Notice]:
    buyers = _ids(tables, table, column)
    if buyers.is_empty() or "orders" not in tables:
        return
    of_orders = (("orders", Orders.BUYER_ID), (ORDER_BUYERS.name, OrderBuyers.BUYER_ID))
    with_orders = pl.concat([_ids(tables, *place).cast(pl.String) for place in of_orders])
    if with_orders.is_empty():
        what = "orders name no buyer: buyers here can't be joined with orders"
        yield Notice(table, what, "no_order_buyers")
        return
    found = int(buyers.is_in(with_orders.implode()).sum())
    yield Notice(
        table,
        f"{found:,} of {len(buyers):,} {name} buyers ({found / len(buyers):.0%}) are found in "
        "orders",
        "match_rate",
        {"found": found, "all": len(buyers)},
    )


def _masked(tables: Mapping[str, Tally]) -> Iterator[Notice]:
    for table, found in tables.items():
        if "buyer_id" in found.ids:
            buyers = _ids(tables, table, "buyer_id")
            masked = int(buyers.str.contains(r"[*\x{ff0a}]").sum())
            if masked:
                what = "are masked with asterisks and can't be joined with other tables for sure"
                counts = {"found": masked, "all": len(buyers)}
                yield Notice(
                    table, f"{masked:,} of {len(buyers):,} buyer ids {what}", "masked", counts
                )


def _agents(tables: Mapping[str, Tally], table: str, column: str) -> Iterator[Notice]:
    agents = _ids(tables, table, column)
    if agents.is_empty() or "agents" not in tables:
        return
    known = _ids(tables, "agents", Agents.AGENT_ID)
    missing = int((~agents.is_in(known.implode())).sum())
    if missing:
        yield Notice(
            table,
            f"{missing:,} of {len(agents):,} agents are not in agents: their ids stand in for "
            "their names",
            "unknown_agents",
            {"found": missing, "all": len(agents)},
        )


@dataclass(frozen=True)
class TableFacts:
    """What a table holds.

    Parameters
    ----------
    table : str
    file : str
    rows : int
        Without broken and blank ones.
    first, last : datetime or None
        Earliest and latest of the table's main time; None where it has none.
    """

    table: str
    file: str
    rows: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class Check:
    """The result of checking a folder.

    Parameters
    ----------
    folder : Path
    faults : list of Fault
        In the order of the tables, then of the file.
    notices : list of Notice
        Nothing to mend, but worth knowing: match rates, names that were ignored.
    tables : dict of str to TableFacts
        By table name; an absent or unreadable table is not in it.
    """

    folder: Path
    faults: list[Fault]
    notices: list[Notice]
    tables: dict[str, TableFacts]

    @property
    def ok(self) -> bool:
        """Whether the folder is as the contract says."""
        return not self.faults


def check_folder(folder: Path, count: Counter = in_this_process) -> list[Fault]:
    r"""Return every fault of the contract tables in `folder`; empty where all is well.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "buyers.csv").write_text("buyer_id\nb1\nb1\n", encoding="utf-8")
    >>> print(check_folder(folder)[0])
    buyers.csv, row 3, column buyer_id: the same buyer_id is in row 2 already; keep one row for each
    """
    return check_shop(folder, count).faults


def check_shop(folder: Path, count: Counter = in_this_process) -> Check:
    r"""Check the contract tables in `folder`, each by itself and against each other.

    Other files are ignored; a name close to a table's is noticed. Tables that are not there
    are no fault, but a folder without any is. A Parquet table is gone through in stretches; only
    one with a fault is read whole, to name it.

    Parameters
    ----------
    folder : Path
    count : callable
        Counts the stretches of a Parquet table: in this process unless told, or on Spark
        (`csinsight.engine.counter`).

    Returns
    -------
    Check

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "buyers.csv").write_text("buyer_id\nb1\nb2\n", encoding="utf-8")
    >>> check_shop(folder).tables["buyers"].rows
    2
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "there is no such folder"
        mend = "name the folder that holds the tables, such as data/myshop"
        return Check(folder, [Fault(str(folder), None, None, what, mend)], [], {})
    notices = [*near_tables(folder), *near_settings(folder)]
    faults: list[Fault] = []
    tables: dict[str, TableFacts] = {}
    tallies: dict[str, Tally] = {}
    for place, table in enumerate(TABLES.values(), start=1):
        paths = [path for s in SUFFIXES if parts(path := folder / f"{table.name}{s}")]
        if len(paths) > 1:
            faults.append(_ambiguous(paths))
        faults += _no_files(folder, table)
        for path in paths[:1]:
            found, checked = _checked(path, table, count)
            faults += checked.faults
            notices += checked.notices
            if found.rows:
                ends = (found.first, found.last)
                tables[table.name] = TableFacts(table.name, path.name, found.rows, *ends)
                tallies[table.name] = found
            far = {"done": place, "of": len(TABLES)}
            LOG.debug("%s: %d rows checked", path.name, found.rows, extra=far)
    if not tables.keys() & MAIN_TABLES.keys() and not faults:
        faults.append(_no_tables(folder, list(near_tables(folder))))
    labels, broken = read_labels(folder)
    faults += read_disputes(folder)[1] + read_rollouts(folder)[1] + broken
    notices += unread_labels(labels, folder)
    # A column that can't be read is empty here, and says nothing about the shop.
    unread = {fault.column for fault in faults}
    across = [n for n in cross_notices(tallies) if n.kind != "untimed" or "sent_at" not in unread]
    return Check(folder, faults, [*notices, *across], tables)


def _no_files(folder: Path, table: Table) -> Iterator[Fault]:
    """Yield what has a table's name and can't be read: a link to nowhere, a device, a pipe."""
    for suffix in SUFFIXES:
        path = folder / f"{table.name}{suffix}"
        if os.path.lexists(path) and not path.is_file() and not path.is_dir():
            what = "is a link that leads to no file" if path.is_symlink() else "is no file"
            mend = "put the table itself there, or remove it where the shop has no such table"
            yield Fault(path.name, None, None, what, mend)


def _checked(path: Path, table: Table, count: Counter) -> tuple[Tally, Checked]:
    """Return what a table holds, and what is wrong with it."""
    pieces = stretches(path, table) if path.suffix == ".parquet" else []
    # What of a stretch can't be read is named by reading the table whole.
    with suppress(pl.exceptions.PolarsError):
        found = tally(count(pieces, table), table)
        if pieces and found.clean:
            header = pl.scan_parquet(pieces[0].part, glob=False).collect_schema().names()
            nothing = pl.DataFrame()
            return found, Checked(nothing, [], header_notices(path.name, header, table))
    checked = read_table(path, table)
    return tally(added([counted(checked.frame, table)]), table), checked


def _ambiguous(paths: list[Path]) -> Fault:
    kept, other = paths
    what = f"{other.name} is there as well, and only one of the two can be read"
    return Fault(kept.name, None, None, what, "keep the one that holds and move the other away")


def _no_tables(folder: Path, notices: list[Notice]) -> Fault:
    near = f"; {notices[0].file} comes near" if notices else ""
    return Fault(
        str(folder),
        None,
        None,
        f"holds none of the tables {', '.join(MAIN_TABLES)}",
        f"put at least one of them there as NAME.csv or NAME.parquet{near}",
    )
