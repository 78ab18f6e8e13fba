"""Ask a finished run: a read-only server of the Model Context Protocol over its tables.

It quotes what the run has written and never works anything out; each answer names the run and the
page on which the figure stands. Chats are those that the cards show, masked; no buyer is named.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from csinsight.contract.artifacts import AgentKpis, CoachingPlan, Drivers, LostInquiries
from csinsight.contract.dictionary import ArtifactColumn, artifact
from csinsight.contract.disputes import reference
from csinsight.errors import ConfigError, CsinsightError, RunError
from csinsight.params import is_month
from csinsight.runs.state import RUN_FILE, RunFile, read_state
from csinsight.views.study import FINDING

if TYPE_CHECKING:
    from mcp.server import MCPServer

#: The tables that are quoted, by the page on which their figures stand.
_SHOP: Final = "shop_kpis"
_EXCERPTS: Final = "coaching_excerpts"
_MOST: Final = 20
_OF_DRIVERS: Final = (
    Drivers.BEHAVIOUR,
    Drivers.OUTCOME,
    Drivers.N,
    Drivers.EFFECT_PP,
    Drivers.LOW_PP,
    Drivers.HIGH_PP,
    Drivers.Q_VALUE,
    Drivers.VERDICT,
)
Answer = dict[str, Any]

INSTRUCTIONS: Final = (
    "Figures of one month of an online shop's customer service, as its report has them. Quote "
    "values with their intervals, and name the run and the page. 'Goes with' is not 'causes'; an "
    "interval that holds zero is no evidence, not no effect. Decisions about people stay with "
    "people: no ranking of agents."
)


class FinishedRun:
    """What a finished run says, read anew for each question.

    Parameters
    ----------
    folder : Path
        ``runs/SHOP/MONTH``.

    Raises
    ------
    RunError
        Where the folder is no run that has ended well.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / RUN_FILE
        if not path.is_file():
            raise RunError(f"{folder}: is no run; name a folder such as runs/SHOP/2026-10")
        state = read_state(path, RunFile, "make the month anew with csinsight run")
        if state is None:
            raise RunError(f"{path}: is broken; make the month anew with csinsight run")
        if state.status not in ("done", "incomplete"):
            raise RunError(f"{folder}: the run has not ended well; make it again first")
        self.run_id = state.run_id

    def list_figures(self) -> Answer:
        """List every figure of the shop's month: definition, unit, value and 95 % interval."""
        row = self._table(_SHOP).iloc[0]
        return self._told(_SHOP, figures=[self._figure(c, row) for c in _figures(_SHOP)])

    def list_findings(self) -> Answer:
        """List the one sentence that each page of the report comes down to."""
        found = []
        for path in sorted((self.folder / "facts").glob("*.json")):
            text = json.loads(path.read_text(encoding="utf-8")).get(FINDING)
            if text:
                found.append({"page": f"{path.stem}.html", "finding": text})
        return {"run": self.run_id, "findings": found}

    def list_drivers(self, scope: str = "all") -> Answer:
        """List which behaviours go with a sale: difference in points, interval and verdict."""
        rows = self._table(Drivers.NAME)
        rows = rows[rows[Drivers.SCOPE] == scope]
        if rows.empty:
            raise RunError(f"there is no scope `{scope}`; `all` is always there")
        return self._told(
            Drivers.NAME,
            scope=scope,
            drivers=[
                {name: _json_cell(row[name]) for name in _OF_DRIVERS} for _, row in rows.iterrows()
            ],
        )

    def compare_months(self, figure: str, months: list[str]) -> Answer:
        """Quote one figure of the shop from the runs of several months (YYYY-MM), side by side."""
        column = _named(_SHOP, figure)
        quoted = []
        for month in months:
            if not is_month(month):
                raise ConfigError(f"a month is written YYYY-MM, not `{month}`")
            other = FinishedRun(self.folder.parent / month)
            row = other._table(_SHOP).iloc[0]
            quoted.append({"month": month, "run": other.run_id} | _value(figure, row))
        return self._told(_SHOP, figure=figure, meaning=column.meaning.en, months=quoted)

    def compare_agents(self, figure: str) -> Answer:
        """Quote one figure of every agent with its interval, by id; no ranking."""
        column, rows = _named(AgentKpis.NAME, figure), self._table(AgentKpis.NAME)
        rows = rows.sort_values(AgentKpis.AGENT_ID)
        quoted = [
            {"agent_id": str(row[AgentKpis.AGENT_ID])} | _value(figure, row)
            for _, row in rows.iterrows()
        ]
        return self._told(AgentKpis.NAME, figure=figure, meaning=column.meaning.en, agents=quoted)

    def list_lost_inquiries(self) -> Answer:
        """Count what inquiries without an order ended on."""
        counts = self._table(LostInquiries.NAME)[LostInquiries.REASON].value_counts()
        told = {str(name): int(n) for name, n in counts.items()}
        return self._told(LostInquiries.NAME, inquiries=sum(told.values()), ended_on=told)

    def read_conversations(self, behaviour: str, most: int = 5) -> Answer:
        """Read masked lines of conversations behind the coaching plan that show a behaviour."""
        rows = self._table(_EXCERPTS)
        known = sorted(rows[CoachingPlan.BEHAVIOUR].dropna().unique())
        rows = rows[rows[CoachingPlan.BEHAVIOUR] == behaviour]
        if rows.empty:
            raise RunError(f"no conversation shows `{behaviour}`; there are: {', '.join(known)}")
        return self._told(
            _EXCERPTS, behaviour=behaviour, conversations=_conversations(rows, most, "side")
        )

    def read_lost_inquiries(self, reason: str, most: int = 5) -> Answer:
        """Read the masked last lines of inquiries without an order that ended on a reason."""
        rows = self._table(LostInquiries.EXCERPTS)
        known = sorted(rows[LostInquiries.REASON].unique())
        rows = rows[rows[LostInquiries.REASON] == reason]
        if rows.empty:
            raise RunError(f"no lost inquiry ended on `{reason}`; there are: {', '.join(known)}")
        return self._told(
            LostInquiries.EXCERPTS, reason=reason, conversations=_conversations(rows, most)
        )

    def _table(self, name: str) -> pd.DataFrame:
        path = self.folder / "artifacts" / f"{name}.parquet"
        if not path.is_file():
            raise RunError(f"this run has no `{name}`: its page was left out")
        return artifact(name).read(path)

    def _told(self, table: str, **answer: Any) -> Answer:
        page = artifact(table).by
        return {"run": self.run_id, "page": f"{page}.html", **answer}

    def _figure(self, column: ArtifactColumn, row: pd.Series) -> Answer:
        told = {"name": column.name, "meaning": column.meaning.en, "unit": column.unit or None}
        return told | _value(column.name, row)


def _conversations(rows: pd.DataFrame, most: int, *besides: str) -> list[Answer]:
    """Quote conversations by the name that the pages give them, with columns of their own."""
    talks = []
    for name, own in rows.groupby("conversation_id", sort=False):
        lines = zip(own["sender"], own["text"], strict=True)
        told = {"name": reference(str(name))} | {key: str(own[key].iloc[0]) for key in besides}
        said = [{"sender": str(sender), "text": str(text)} for sender, text in lines]
        talks.append(told | {"lines": said})
    return talks[: max(1, min(most, _MOST))]


def _figures(table: str) -> list[ArtifactColumn]:
    return [
        column
        for column in artifact(table).columns
        if column.kind in ("int", "float") and not column.part_of
    ]


def _named(table: str, figure: str) -> ArtifactColumn:
    known = {column.name: column for column in _figures(table)}
    if figure not in known:
        raise RunError(f"there is no figure `{figure}`; there are: {', '.join(known)}")
    return known[figure]


def _value(figure: str, row: pd.Series) -> Answer:
    ends = {"value": figure, "low": f"{figure}_low", "high": f"{figure}_high"}
    return {key: _json_cell(row[name]) for key, name in ends.items() if name in row}


def _json_cell(value: Any) -> Any:
    if value is None or pd.isna(value):
        return None
    return value if isinstance(value, (str, bool)) else float(value)


def server_of(folder: Path) -> MCPServer:
    """Return the server over a finished run; it writes nothing and opens no connection.

    Parameters
    ----------
    folder : Path
        ``runs/SHOP/MONTH``.

    Raises
    ------
    ConfigError
        Where the extra ``mcp`` is not installed.
    RunError
        Where the folder is no run that has ended well.

    Examples
    --------
    >>> server_of(Path("no", "such"))
    Traceback (most recent call last):
        ...
    csinsight.errors.RunError: no/such: is no run; name a folder such as runs/SHOP/2026-10
    """
    try:
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
        from mcp.types import ToolAnnotations
    except ImportError as error:
        raise ConfigError('asking a run needs: pip install "csinsight[mcp]"') from error
    run = FinishedRun(folder)
    server = MCPServer("csinsight", instructions=INSTRUCTIONS)
    tools = (
        run.list_figures,
        run.list_findings,
        run.list_drivers,
        run.compare_months,
        run.compare_agents,
        run.list_lost_inquiries,
        run.read_conversations,
        run.read_lost_inquiries,
    )
    for tool in tools:
        told = _telling(tool, ToolError)
        server.add_tool(told, annotations=ToolAnnotations(read_only_hint=True))
    return server


def _telling(tool: Callable[..., Answer], error: type[Exception]) -> Callable[..., Answer]:
    """Return `tool` with faults that a user can mend told to whoever asked."""

    @functools.wraps(tool)
    def asked(*args: Any, **given: Any) -> Answer:
        try:
            return tool(*args, **given)
        except CsinsightError as fault:
            raise error(str(fault)) from fault

    return asked
