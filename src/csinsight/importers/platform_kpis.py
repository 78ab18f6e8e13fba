"""Service figures as platforms report them a day, for ours to stand beside: ``platform_kpis``.

生意参谋 (业绩询单, 咨询接待), 飞鸽, Pinduoduo and JD save such tables with headers over one
to three rows, with summary rows among the data, with ``-`` where there is no figure, with rates as
0.9971, 99.71% or 99.71, and with times as 83, 83秒, 1分23秒 or 00:01:23. Every column that is
neither the day nor the agent is a figure and keeps the platform's word for it.

- A cell without a figure is none, not 0.
- A summary row repeats what others tell and is left out as such.
- Whether a rate is a share or a percentage is told by its name (``(%)``) or its whole column; a
  unit of time in a name, such as ``(分钟)``, is brought to seconds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, NoReturn

import polars as pl

from csinsight.contract.csv_tables import split_line
from csinsight.contract.schema import PLATFORM_KPIS, PlatformKpis
from csinsight.contract.textfile import read_text
from csinsight.engine.frames import simplify
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.mapping_spec import Options, exported_at, read_options
from csinsight.importers.reading import (
    LINE_SCHEMA,
    REFUSED_SCHEMA,
    REPEAT,
    Line,
    refused_rows,
    separator_of,
    stack,
)
from csinsight.importers.sift import FileNotice, Imported, finish, settle, sift
from csinsight.importers.workbook import holds_sheets, read_workbook

DAYS: Final = (
    "日期",
    "统计日期",
    "数据日期",
    "统计时间",
    "数据时间",
    "查询日期",
    "时间",
    "day",
    "date",
)
AGENTS: Final = (
    "客服",
    "客服昵称",
    "客服名称",
    "客服姓名",
    "客服账号",
    "客服帐号",
    "旺旺",
    "旺旺昵称",
    "旺旺账号",
    "子账号",
    "账号",
    "员工",
    "咚咚账号",
    "agent",
)
SUMMARIES: Final = ("汇总", "均值", "合计", "总计", "平均")
_NOTHING: Final = ("", "-", "--", "—", "暂无数据", "无", "N/A", "null")
_HEADER_ROWS: Final = 3
_LOOKED_AT: Final = 15
_DURATION: Final = re.compile(
    r"^(?:([0-9]+)\s*(?:天|d))?\s*(?:([0-9]+)\s*(?:小时|时|h))?\s*"
    r"(?:([0-9]+)\s*(?:分钟|分|m|min))?\s*(?:([0-9]+(?:\.[0-9]+)?)\s*(?:秒|s))?$"
)
_CLOCK: Final = re.compile(r"^([0-9]{1,3}):([0-9]{2}):([0-9]{2}(?:\.[0-9]+)?)$")
#: Units in brackets behind a figure's name, and what a plain number is multiplied by.
_UNITS: Final = {
    "%": 0.01,
    "秒": 1.0,
    "s": 1.0,
    "分钟": 60.0,
    "分": 60.0,
    "min": 60.0,
    "小时": 3600.0,
}
_UNIT: Final = re.compile(r"^(.*?)\s*\(([^()]{1,3})\)$")
_BRACKETS: Final = re.compile(r"^[(\uff08].*[)\uff09]$")
#: The hours that a figure is of.
_HOURS: Final = re.compile(r"\([0-9]{1,2}(?::[0-9]{2})?[-~][0-9]{1,2}(?::[0-9]{2})?点?\)")
_NO_UNIT: Final = ("元", "人", "次", "个", "单", "条", "字", "件", "轮")
#: What a figure's name tells of the report that it stands in.
_SOURCES: Final = (
    ("最终付款人数", "生意参谋 业绩询单"),
    ("旺旺回复率", "生意参谋 咨询接待"),
    ("全天平响时长", "飞鸽"),
    ("客服询单支付额", "飞鸽"),
    ("3分钟人工回复率", "拼多多"),
    ("三分钟人工回复率", "拼多多"),
    ("30秒应答率", "京东"),
)

Grid = list[list[str]]


class KpiOptions(Options):
    """What a mapping file may tell of a table of service figures."""

    #: The day of a file that names none.
    day: date | None = None


def read_platform_kpis(
    files: Sequence[Path], mapping: Path | None = None, *, timezone: str | None = None
) -> Imported:
    r"""Read daily service figures into ``platform_kpis``.

    A row in is a row of the table; it is used where at least one figure of it is.

    Parameters
    ----------
    files : sequence of pathlib.Path
        CSV or workbooks.
    mapping : pathlib.Path or None
        YAML of `KpiOptions`.
    timezone : str or None
        Not used: days are the platform's.

    Raises
    ------
    ImporterError
        Where a file has neither a day nor an agent among its headers, or names no day at all.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "kpis.csv"
    ...     _ = file.write_text("日期,旺旺,旺旺回复率\n2026-10-05,小李,98%\n", encoding="utf-8")
    ...     imported = read_platform_kpis([file])
    >>> imported.tables["platform_kpis"]["value"].to_list()
    [0.98]
    """
    options = read_options(mapping, KpiOptions, timezone)
    frames, refused, counted = [], [], 0
    notices: list[str] = []
    for path in files:
        for file, grid in _of_figures(list(_grids(path)), notices):
            frame, bad, rows = _table(file, grid, options.day, notices)
            frames.append(frame)
            refused.append(bad)
            counted += rows
    told = pl.concat(frames)
    kept, odd = settle(PLATFORM_KPIS, told)
    kept, twice = sift(kept, [(_told_twice(), _TWICE)])
    odd = stack([odd, twice], REFUSED_SCHEMA)
    # A figure of a day may stand in two files: the file exported later corrects it; where names
    # tell no date, the larger one, since counts of a day only grow until they are final.
    key = [PlatformKpis.DAY, PlatformKpis.AGENT_ID, PlatformKpis.KPI, PlatformKpis.SOURCE]
    latest = (
        kept.with_columns(
            pl.col(Line.FILE)
            .map_elements(exported_at, return_dtype=pl.Datetime("us"), skip_nulls=True)
            .alias("_exported")
        )
        .sort("_exported", PlatformKpis.VALUE, nulls_last=False)
        .unique(key, keep="last")
        .sort(PlatformKpis.DAY, PlatformKpis.AGENT_ID, PlatformKpis.SOURCE, PlatformKpis.KPI)
    )
    used = kept.select(Line.FILE, Line.NUMBER).unique(maintain_order=True)
    rest = odd.join(used, on=[Line.FILE, Line.NUMBER], how="anti").unique(
        [Line.FILE, Line.NUMBER], maintain_order=True
    )
    return Imported(
        {PLATFORM_KPIS.name: finish(PLATFORM_KPIS, latest)} if latest.height else {},
        stack([*refused, rest], REFUSED_SCHEMA),
        counted,
        used.height,
        tuple(notices),
        used=used.select(Line.FILE),
    )


_TWICE: Final = (
    "another row of the file has other figures for this day and agent: what tells them apart "
    "(a shift, a channel) is not among the columns; keep the rows that hold for the whole"
)


def _told_twice() -> pl.Expr:
    """Tell which figures another row of the same file contradicts."""
    key = [PlatformKpis.DAY, PlatformKpis.AGENT_ID, PlatformKpis.KPI, Line.FILE]
    return pl.col(PlatformKpis.VALUE).n_unique().over(key) > 1


def _grids(path: Path) -> Iterator[tuple[str, Grid]]:
    if holds_sheets(path):
        for name, sheet in read_workbook(path).items():
            if sheet.height:
                rows = [[(cell or "").strip() for cell in row] for row in sheet.rows()]
                yield f"{path.name}, sheet {name}", rows
        return
    lines = read_text(path).split("\n")
    separator = separator_of("\n".join(lines[:_LOOKED_AT]))
    yield path.name, [[_told(cell) for cell in split_line(line, separator)] for line in lines]


def _told(cell: str) -> str:
    """Return a cell without what keeps spreadsheets from taking it for a number."""
    cell = cell.strip()
    return re.sub(r'^="?(.*?)"?$', r"\1", cell).strip() if cell.startswith("=") else cell


def _of_figures(grids: list[tuple[str, Grid]], notices: list[str]) -> list[tuple[str, Grid]]:
    """Return the sheets that name a day or an agent, and say which don't; all where none does."""
    found = [(file, grid) for file, grid in grids if _header_rows(grid)]
    if not found:
        return grids
    others = [(file, len(grid)) for file, grid in grids if not _header_rows(grid)]
    said = "names neither a day nor an agent and is not read"
    notices += [FileNotice(f"{file}: {said}", file, "unread_sheets", n) for file, n in others]
    return found


@dataclass(frozen=True)
class _Head:
    """What a table's columns are: names, units, which holds the day and which the agent."""

    names: list[str]
    units: dict[int, float]
    days: int | None
    agents: int | None

    @cached_property
    def figures(self) -> list[int]:
        """The columns of figures."""
        keys = (self.days, self.agents)
        return [i for i, name in enumerate(self.names) if name and i not in keys]

    def nameless(self, rows: Grid) -> list[int]:
        """Return the columns, from 1, that hold figures and have no name."""
        wide = range(max(map(len, rows), default=0))
        bare = [i for i in wide if not _cell(self.names, i)]
        return [i + 1 for i in bare if any(_is_figure(_cell(row, i)) for row in rows)]

    def values(self, row: Sequence[str]) -> dict[str, float | bool | None]:
        """Return a row's figures by name, in plain units."""
        return {self.names[i]: _value(_cell(row, i), self.units.get(i, 1.0)) for i in self.figures}

    def refusal(
        self,
        row: Sequence[str],
        when: date | None,
        who: str | None,
        values: Mapping[str, float | bool | None],
    ) -> str:
        """Return why a row is not used; empty where it is."""
        labels = [_cell(row, i) for i in (self.days, self.agents) if i is not None]
        if any(word in simplify(label) for label in labels for word in SUMMARIES):
            return f"{REPEAT}a summary row"
        wrong = [name for name, value in values.items() if value is False]
        if wrong:
            return f"{wrong[0]} is no figure"
        if all(value is None for value in values.values()):
            return "the row holds no figure"
        if when is None:
            return f"{self.names[self.days or 0]} is no day such as 2026-10-05"
        if self.agents is not None and not who:
            return f"{self.names[self.agents]} is empty"
        return ""


def _no_header(file: str, grid: Grid) -> NoReturn:
    first = next((row for row in grid if any(row)), [])
    raise ImporterError(
        f"{file}: none of its first {_LOOKED_AT} rows names a day ({DAYS[0]}) or an agent "
        f"({AGENTS[0]}); found: {', '.join(filter(None, first[:12])) or 'nothing'}"
    )


def _head_of(file: str, grid: Grid, top: int, below: int, day: date | None) -> _Head:
    """Read the header rows; of a table without a day's column the day has to be told."""
    names, units = _without_units(_names(grid[top:below]))
    head = _Head(names, units, _column(names, DAYS), _column(names, AGENTS))
    if head.days is None and day is None:
        raise ImporterError(
            f"{file}: has no column {DAYS[0]}; give a YAML file with `day: 2026-10-05` as the "
            f"mapping if all is of one day; found: {', '.join(filter(None, names[:12]))}"
        )
    cells_of = {i: [_cell(row, i) for row in grid[below:]] for i in head.figures}
    percent = [i for i in cells_of if i not in units and _in_percent(names[i], cells_of[i])]
    return replace(head, units=units | dict.fromkeys(percent, 0.01))


def _table(
    file: str, grid: Grid, day: date | None, notices: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Return the figures of a table, its refused rows, and how many rows it has; add notices."""
    top, below = _header_rows(grid) or _no_header(file, grid)
    head = _head_of(file, grid, top, below, day)
    if nameless := head.nameless(grid[below:]):
        columns = ", ".join(map(str, nameless))
        notices.append(f"{file}: column {columns} has figures without a name and is not read")
    source = next((said for name, said in _SOURCES if name in head.names), _source(file))
    found: list[tuple[object, ...]] = []
    bad: list[tuple[str, int, str, str]] = []
    rows = [(number, row) for number, row in enumerate(grid[below:], below + 1) if any(row)]
    for number, row in rows:
        where = (file, number, "\t".join(row))
        when = day if head.days is None else _day(_cell(row, head.days))
        who = None if head.agents is None else _cell(row, head.agents)
        values = head.values(row)
        if reason := head.refusal(row, when, who, values):
            bad.append((*where, reason))
        else:
            told = {name: value for name, value in values.items() if value is not None}
            found += [(*where, when, who, name, value, source) for name, value in told.items()]
    schema = {
        **LINE_SCHEMA,
        PlatformKpis.DAY: pl.Date(),
        PlatformKpis.AGENT_ID: pl.String(),
        PlatformKpis.KPI: pl.String(),
        PlatformKpis.VALUE: pl.Float64(),
        PlatformKpis.SOURCE: pl.String(),
    }
    return pl.DataFrame(found, schema=schema, orient="row"), refused_rows(bad), len(rows)


def _source(file: str) -> str:
    """Return what a report is called, without the days in its files' names: a later one corrects.

    Examples
    --------
    >>> _source("客服数据_20261006.csv"), _source("2026.csv")
    ('客服数据', '2026')
    """
    stem = file.rsplit(".", 1)[0]
    return (
        re.sub(r"[0-9]{4}[-_.年]?[0-9]{1,2}(?:[-_.月]?[0-9]{1,2})?日?|\([0-9]+\)", "", stem).strip(
            " -_.~至()"
        )
        or stem
    )


def _header_rows(grid: Grid) -> tuple[int, int] | None:
    """Return the first header row and the first row below the header; None without a header."""
    for top, row in enumerate(grid[:_LOOKED_AT]):
        keys = [i for i in (_column(row, DAYS), _column(row, AGENTS)) if i is not None]
        if not keys:
            continue
        below = top + 1
        # Further header rows: words alone, where data would have a figure, and below the day and
        # the agent nothing or a name of theirs. A row whose day is misspelt has words alone too.
        while (
            below < min(top + _HEADER_ROWS, len(grid))
            and _is_words(grid[below])
            and all(_cell(grid[below], i).lower() in {"", *DAYS, *AGENTS} for i in keys)
        ):
            below += 1
        above = top
        while above and _is_header(grid[above - 1]) and sum(map(bool, grid[above - 1])) > 1:
            above -= 1
        return above, below
    return None


def _is_header(row: Sequence[str]) -> bool:
    return _is_words(row) and not any(word in simplify(cell) for cell in row for word in SUMMARIES)


def _is_words(row: Sequence[str]) -> bool:
    filled = [cell for cell in row if cell and cell not in _NOTHING]
    words = [cell for cell in filled if _value(cell) is False and not _day(cell)]
    return len(filled) > 0 and len(words) == len(filled)


def _names(rows: Grid) -> list[str]:
    """Return one name a column: the lowest cell, with the group above where two are alike."""
    width = max(map(len, rows))
    groups, lowest = [""] * width, [""] * width
    for row in rows:
        carried = ""
        for i in range(width):
            cell = _cell(row, i).replace("\n", "")
            carried = cell or (carried if not lowest[i] else "")
            if cell and lowest[i] and _BRACKETS.match(cell):
                # A unit, or the hours that it is of, on a row of its own.
                lowest[i] += cell
            elif cell:
                groups[i], lowest[i] = (lowest[i] or groups[i]), cell
            elif carried and not lowest[i] and len(rows) > 1:
                groups[i] = carried
    return [
        f"{groups[i]} {name}" if name and groups[i] and lowest.count(name) > 1 else name
        for i, name in enumerate(lowest)
    ]


def _without_units(names: list[str]) -> tuple[list[str], dict[int, float]]:
    """Return the names without units in brackets, and what their numbers are multiplied by."""
    units: dict[int, float] = {}
    bare = []
    for i, name in enumerate(names):
        plain = unicodedata.normalize("NFKC", name)
        told = _HOURS.sub("", plain).strip() if _HOURS.search(plain) else name
        plain = unicodedata.normalize("NFKC", told)
        match = _UNIT.match(plain)
        unit = match[2].lower() if match else ""
        if match and (unit in _UNITS or unit in _NO_UNIT):
            bare.append(match[1])
            units |= {i: _UNITS[unit]} if unit in _UNITS else {}
        else:
            bare.append(told)
    return bare, units


def _column(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    found = [i for i, name in enumerate(names) if name.lower() in wanted]
    return found[0] if found else None


def _cell(row: Sequence[str], i: int) -> str:
    return row[i] if i < len(row) else ""


def _day(text: str) -> date | None:
    plain = re.sub(r"^([0-9]{4})([0-9]{2})([0-9]{2})$", r"\1-\2-\3", text)
    moment = pl.select(cells.time(pl.lit(plain))).item() if plain else None
    return moment.date() if moment else None


def _value(text: str, unit: float = 1.0) -> float | bool | None:
    """Return a figure, a plain number times `unit`; None for none, False where it can't be read."""
    if text in _NOTHING:
        return None
    clock = _CLOCK.match(text)
    if clock:
        return int(clock[1]) * 3600.0 + int(clock[2]) * 60 + float(clock[3])
    if _DURATION.match(text) and not text.replace(".", "").isdigit():
        parts = [float(part or 0) for part in _DURATION.match(text).groups()]  # type: ignore[union-attr]
        return parts[0] * 86400 + parts[1] * 3600 + parts[2] * 60 + parts[3]
    share = text.endswith(("%", "\uff05"))
    number = _number(text.rstrip("%\uff05"))
    if number is None:
        return False
    # Divided, not multiplied: 98.5 per cent is 0.985 and nothing beside it.
    return number / 100 if share or unit == _UNITS["%"] else number * unit


@lru_cache(maxsize=100_000)
def _number(text: str) -> float | None:
    number: float | None = pl.select(cells.number(pl.lit(text))).item()
    return number


def _is_figure(text: str) -> bool:
    return isinstance(_value(text), float)


def _in_percent(name: str, column: Sequence[str]) -> bool:
    """Tell whether a rate's plain numbers are per cent: a share is at most 1."""
    # Satisfaction may also be a score of five or of ten.
    most = 1 if name.endswith(("率", "占比")) else 10 if name.endswith("满意度") else None
    values = [_value(cell) for cell in column if not cell.endswith(("%", "\uff05"))]
    return most is not None and any(isinstance(v, float) and v > most for v in values)
