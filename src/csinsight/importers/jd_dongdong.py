"""JD Dongdong (京东咚咚) chat logs: sessions between two marks, messages below their heads.

``/*****以下为一通会话*****/``, then for each message a line ``昵称 2018-07-13 08:20:31`` with the
text below it, then ``/*****会话结束*****/``. Agents' nicks have no form of their own, so a mapping
file names them (``agents: [旗舰店-小*, …]``, with ``*`` for any letters); guessing who serves
and who buys would turn replies into questions. Whoever else writes in a session is its buyer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from csinsight.config import load
from csinsight.contract.textfile import read_text
from csinsight.engine.frames import simplify
from csinsight.errors import ImporterError
from csinsight.importers.chat_tables import chat_tables
from csinsight.importers.chat_text import Entry, parse_text
from csinsight.importers.sift import Imported
from csinsight.importers.workbook import holds_sheets, read_workbook

_BEGINS: Final = re.compile(r"^/?\**\s*以下为一通会话")
_ENDS: Final = re.compile(r"^/?\**\s*(?:会话结束|以上为一通会话)")
_SIGN: Final = re.compile("一通|束")
_OUTSIDE: Final = "the line stands outside of a session, so nobody is known whose talk it is"
_NOBODY: Final = "no buyer wrote in this session, so nobody is known whose it is"
_SEVERAL: Final = (
    "two who are not named as agents wrote in this session, so nobody is known whose it is; "
    "name the agents among them in the mapping"
)
#: Nicks named in the error that asks for the agents.
_SHOWN: Final = 10


class DongdongOptions(BaseModel):
    """What a mapping file has to tell of Dongdong logs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Agents' nicks; ``*`` stands for any letters.
    agents: tuple[str, ...] = Field(min_length=1)
    #: Nicks of robots, in the same form.
    bots: tuple[str, ...] = ()


def read_jd_dongdong(files: Sequence[Path], mapping: Path | None = None) -> Imported:
    r"""Read Dongdong chat logs into ``messages`` and ``agents``.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Text files, or workbooks with the log in the first column of a sheet.
    mapping : pathlib.Path
        YAML of `DongdongOptions`.

    Raises
    ------
    ImporterError
        Where a file can't be read or holds no session, or the agents are not named; the nicks
        that write in most sessions are listed, for agents will be among them.

    Examples
    --------
    >>> import tempfile
    >>> said = "以下为一通会话\njd_1 2026-10-05 10:00:00\n在吗\n店员 2026-10-05 10:00:09\n在的\n"
    >>> with tempfile.TemporaryDirectory() as name:
    ...     log, told = Path(name) / "log.txt", Path(name) / "told.yml"
    ...     _ = log.write_text(said, encoding="utf-8"), told.write_text("agents: [店员]", "utf-8")
    ...     imported = read_jd_dongdong([log], told)
    >>> imported.tables["messages"].select("sender", "buyer_id").rows()
    [('buyer', 'jd_1'), ('agent', 'jd_1')]
    """
    entries: list[Entry] = []
    for path in files:
        base = 1 + max((entry.talk for entry in entries), default=0)
        entries += _sessions(_lines(path), path.name, base)
    if mapping is None:
        raise ImporterError(_who_serves(entries))
    options = load(mapping, DongdongOptions)
    for entry in entries:
        if entry.nick:
            serves = any(fnmatchcase(entry.nick, form) for form in options.agents)
            robot = any(fnmatchcase(entry.nick, form) for form in options.bots)
            entry.side = "bot" if robot else "agent" if serves else "buyer"
    _tell_buyers(entries)
    return chat_tables(entries)


def _lines(path: Path) -> list[str]:
    if not holds_sheets(path):
        return read_text(path).split("\n")
    cells = [row[0] or "" for grid in read_workbook(path).values() for row in grid.rows()]
    return [line for cell in cells for line in cell.split("\n")]


def _sessions(lines: list[str], file: str, base: int) -> list[Entry]:
    """Return the entries of a file; `talk` is the session's number, from `base`."""
    pieces = _pieces(lines)
    if not any(inside for _, _, inside in pieces):
        raise ImporterError(f"{file}: holds no line 以下为一通会话; is it a Dongdong log?")
    entries: list[Entry] = []
    for talk, (start, stop, inside) in enumerate(pieces, start=base):
        for entry in parse_text("\n".join(lines[start:stop]), file):
            entry.line += start
            entry.talk = talk
            entry.problem = entry.problem if inside else _OUTSIDE
            entries.append(entry)
    return entries


def _pieces(lines: list[str]) -> list[tuple[int, int, bool]]:
    """Cut lines at the marks: first line, line after the last, and whether it is a session."""
    pieces, start, inside = [], 0, False
    for number, line in enumerate(map(str.strip, lines)):
        if not _SIGN.search(line):
            continue
        plain = simplify(line)
        begins = bool(_BEGINS.match(plain))
        if begins or _ENDS.match(plain):
            pieces.append((start, number, inside))
            start, inside = number + 1, begins
    return [*pieces, (start, len(lines), inside)]


def _who_serves(entries: list[Entry]) -> str:
    talks = Counter(nick for _, nick in {(e.talk, e.nick) for e in entries if e.nick})
    busiest = ", ".join(f"{nick} ({n})" for nick, n in talks.most_common(_SHOWN))
    return (
        "jd_dongdong: nothing in a log tells agents from buyers; name the agents in a YAML file "
        "(agents: [nick, …], * stands for any letters) and give it as the mapping. "
        f"In most sessions write: {busiest}"
    )


def _tell_buyers(entries: list[Entry]) -> None:
    buyers: dict[int, list[str]] = {}
    for entry in entries:
        if entry.side == "buyer" and entry.nick not in buyers.setdefault(entry.talk, []):
            buyers[entry.talk].append(entry.nick)
    for entry in entries:
        there = buyers.get(entry.talk, [])
        entry.buyer = there[0] if len(there) == 1 else ""
        if not entry.buyer and not entry.problem:
            entry.problem = _SEVERAL if there else _NOBODY
