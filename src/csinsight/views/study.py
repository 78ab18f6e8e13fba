"""Names of the small facts that notebooks leave for the index pages.

The context of a notebook: where it reads and writes, its month, its language.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import narwhals as nw
import pandas as pd

from csinsight.behaviours.advice_form import Advice
from csinsight.behaviours.label_places import label_places
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.lexicon_form import Own
from csinsight.coaching.advice import load_library
from csinsight.context import context_of
from csinsight.contract.check import Check, check_shop
from csinsight.contract.dictionary import artifact
from csinsight.contract.files import write_atomically
from csinsight.contract.join import BuyersNamed
from csinsight.contract.messages import Notice
from csinsight.contract.schema import AGENTS, Agents
from csinsight.engine import Shop, collect, counter, open_shop, table_path
from csinsight.engine.polars_tables import open_table
from csinsight.errors import ConfigError, RunError
from csinsight.features.doubts import doubts
from csinsight.features.frames import moment_ms
from csinsight.features.month_doubts import month_doubts
from csinsight.features.months import in_months
from csinsight.features.renamed import renamed_agents
from csinsight.params import NOTEBOOKS, EngineName, Lang, RunParams, add_months
from csinsight.render.blocks import Finding, LeftOut
from csinsight.render.words import Words

#: The one line of a page on the index.
FINDING: Final = "finding"
#: What a notebook could not make, and why.
LEFT_OUT: Final = "left_out"
#: Written by the brief: by name of a figure, its value, and the ends of its interval if it has one.
KPIS: Final = "kpis"
#: Written by the brief: the alerts of the month, as `csinsight.behaviours.alerts` does, and
#: of each the sentence as ``text``.
ALERTS: Final = "alerts"
#: The fact that some hours have clearly more slow replies than the others.
SLOW_HOURS: Final = "slow_hours"
#: Agents who wrote before the day on which the agents table says that they came.
WROTE_BEFORE: Final = "wrote_before_hired"
#: Figures whose trend the shop's index shows, and what writes each.
TRENDS: Final[Mapping[str, Callable[[Words, float], str]]] = {
    "paid_rate": lambda words, value: words.percent(value),
    "inquiries": lambda words, value: words.number(value),
    "sales": lambda words, value: words.money(value),
    "first_response_median_s": lambda words, value: words.seconds(value),
    "reply_rate_180s": lambda words, value: words.percent(value),
    "spend_per_buyer": lambda words, value: words.money(value),
    "silent_share": lambda words, value: words.percent(value),
    "satisfaction_mean": lambda words, value: words.number(value, 2),
}


#: Set by a run in a kernel before each notebook: the step whose facts and tables these are.
STEP_VARIABLE: Final = "CSINSIGHT_STEP"
_BY_HAND: Final = "by_hand"
_PARAMETERS: Final = frozenset(RunParams.model_fields)


class Study:
    """What a notebook works with; see `open_study` for use in one line.

    Parameters
    ----------
    data : str or Path
        Folder of the contract tables.
    run : str or Path
        ``runs/SHOP/MONTH``; tables are written to ``artifacts`` in it.
    cell : mapping, optional
        The notebook's own variables, ``vars()``: those that are named as a parameter of a run win
        over what the run was made with, so that an analyst may change a line of the cell of
        parameters and go on from there. Everything else, the lexicon and the KPI profile too, is
        as the run's ``context.json`` says; a folder without one has the defaults.
    **told
        Parameters by name, which win over both.

    Raises
    ------
    ConfigError
        Where a value is not one that a run could have; within a run also where a notebook asks
        for a parameter that it does not take.
    """

    def __init__(
        self, data: str | Path, run: str | Path, cell: Mapping[str, Any] | None = None, **told: Any
    ) -> None:
        self.data, self.run = Path(data), Path(run)
        if not self.data.is_dir():
            raise ConfigError(f"{self.data}: is not a folder; `data` names the shop's tables")
        own = {name: value for name, value in (cell or {}).items() if name in _PARAMETERS}
        told = own | told
        self.step = os.environ.get(STEP_VARIABLE, "")
        made = context_of(self.run, self.data)
        self.context = made.changed(**told)
        # The parameters that the notebook of a run's step takes; none outside a run.
        taken = next((names for nb, names in NOTEBOOKS.items() if self.step.startswith(nb)), ())
        if taken:
            self.context = self.context.only(taken)
        params = self.context.params
        self.shop, self.month = params.shop, params.month
        self.lang: Lang = params.lang
        self.engine: EngineName = params.engine
        # A notebook that takes no currency writes no money: one that did would show this sign.
        currency = params.currency if not taken or "currency" in taken else "XXX"
        self.words = Words(params.lang, currency, _own_words(self.context.own, params.lang))

    @property
    def as_of(self) -> datetime:
        """The first moment after the month; nothing at or after it is used."""
        return self.context.as_of

    @property
    def start(self) -> datetime:
        """The first moment of the month."""
        return self.context.start

    @cached_property
    def library(self) -> dict[str, Advice]:
        """What the coaching library says of each behaviour and rule, the shop's own among them."""
        return load_library(self.lang).behaviours | self.context.own.advice(self.lang)

    @cached_property
    def artifacts(self) -> Path:
        """The folder of the run's tables."""
        return self.run / "artifacts"

    def open(self) -> Shop:
        """Return the shop's tables, opened once on this study's engine."""
        return self._shop

    @cached_property
    def buyers_named(self) -> BuyersNamed:
        """Of how many of the month's orders the buyer is known."""
        return self.open().buyers_named(moment_ms(self.start), moment_ms(self.as_of))

    @cached_property
    def _shop(self) -> Shop:
        return open_shop(self.data, self.engine)

    def check(self) -> Check:
        """Check the shop's tables, on this study's engine, its labels, and who may be one agent."""
        checked = check_shop(self.data, counter(self.engine))
        lexicon = load_lexicon(self.context.own, reader="rules")
        gap = self.context.params.conversation_gap_hours
        faults, told = label_places(self.open(), lexicon, gap)
        notices = [*checked.notices, *told, *renamed_agents(self.open()), *self.doubts]
        return replace(checked, faults=[*checked.faults, *faults], notices=notices)

    @cached_property
    def doubts(self) -> list[Notice]:
        """What makes figures of the shop, or of this month, mislead: see the data check."""
        month = month_doubts(self.open(), self.start, self.as_of)
        return [*doubts(self.open()), *month]

    def has(self, name: str) -> bool:
        """Tell whether the run has written the table `name`."""
        return self._path(name).is_file()

    def read(self, name: str, **where: str) -> pd.DataFrame:
        """Return a table that an earlier notebook wrote, with the types that are declared for it.

        Of all rows, or of those whose columns hold what is told: ``agent_id="a001"``.

        Raises
        ------
        RunError
            Where it is not there, naming those that are.
        ArtifactError
            Where no such table is declared, or another version of csinsight wrote it.
        """
        if not self.has(name):
            there = sorted(path.stem for path in self.artifacts.glob("*.parquet"))
            raise RunError(
                f"{self._path(name)}: not written yet; run the notebook that makes `{name}` "
                f"first (there are: {', '.join(there) or 'none'})"
            )
        return artifact(name).read(self._path(name), **where)

    def read_or_none(self, name: str) -> pd.DataFrame | None:
        """Return a table that an earlier notebook wrote, or None where it wrote none."""
        return self.read(name) if self.has(name) else None

    def of_month(self, conversations: pd.DataFrame, start: datetime | None = None) -> pd.DataFrame:
        """Return the conversations that the report month counts, or the month beginning at `start`.

        Those of a source without times count for the report month.
        """
        end = add_months(start or self.start, 1)
        return in_months(conversations, end, 1, untimed=start is None)

    @cached_property
    def _agents(self) -> pd.DataFrame:
        path = table_path(self.data, AGENTS.name)
        if path is None:
            return pd.DataFrame(columns=[column.name for column in AGENTS.columns])
        # A table as small needs no other engine, and no other table opened.
        return collect(nw.from_native(open_table(path, AGENTS)[0]))

    def agent(self, agent_id: str) -> dict[str, Any]:
        """Return what the shop says of an agent, by column; empty where nothing."""
        rows = self._agents[self._agents[Agents.AGENT_ID] == agent_id]
        return {str(name): rows[name].iloc[0] for name in rows} if len(rows) else {}

    def agent_name(self, agent_id: str | None) -> str:
        """Return what an agent is called in reports: the name, or the id where there is none."""
        if agent_id is None or pd.isna(agent_id):
            return self.word("text.no_agent")
        name = self.agent(agent_id).get(Agents.NAME)
        return str(name) if pd.notna(name) else agent_id

    def write(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Write a table of the run whole or not at all, and return it as `read` does.

        The same rows give the same bytes; the index is not kept.

        Raises
        ------
        ArtifactError
            Where the table is not as declared (`csinsight.contract.dictionary`): its name and the
            column, what is wrong, and the mend.
        """
        table = artifact(name).with_own(self.context.own.behaviours)
        typed = table.write(frame, self._path(name))
        self._note_output(f"artifacts/{name}.parquet")
        return typed

    def write_export(self, name: str, content: bytes) -> None:
        """Write a file to take along, which is published beside the pages."""
        with write_atomically(self.run / "exports" / name) as path:
            path.write_bytes(content)
        self._note_output(f"exports/{name}")

    def word(self, key: str, **values: object) -> str:
        """Return a text of the catalogue; see `Words.word`."""
        return self.words.word(key, **values)

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Add small facts of this notebook for others and for the index page.

        ``finding`` is the page's one line on the index; ``left_out`` is kept by `leave_out`;
        any other name is free. Values are JSON.
        """
        known = self.facts(self.step or _BY_HAND) | dict(facts)
        target = self._facts_path(self.step or _BY_HAND)
        text = json.dumps(known, ensure_ascii=False, indent=1, sort_keys=True)
        with write_atomically(target) as path:
            path.write_text(text + "\n", encoding="utf-8")
        self._note_output(f"facts/{target.name}")

    def facts(self, step: str) -> dict[str, Any]:
        """Return the facts that the notebook of `step` wrote; empty where none."""
        path = self._facts_path(step)
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def finding(self, text: str, facts: Mapping[str, Any] | None = None) -> Finding:
        """Keep the page's sentence for the index, with other facts, and return it for the page."""
        self.write_facts({"finding": text, **(facts or {})})
        return Finding(text)

    def leave_out(self, *reasons: str) -> LeftOut:
        """Note what this notebook could not make and why, for its page and for the index."""
        if reasons:
            earlier = self.facts(self.step or _BY_HAND).get(LEFT_OUT, [])
            self.write_facts({LEFT_OUT: list(dict.fromkeys([*earlier, *reasons]))})
        return LeftOut(reasons)

    @property
    def left_out(self) -> dict[str, str]:
        """Notebooks that this run could not make, with the reason of each."""
        path = self.run / "run.json"
        state = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return dict(state.get(LEFT_OUT, {}))

    def _path(self, name: str) -> Path:
        return self.artifacts / f"{name}.parquet"

    def _facts_path(self, step: str) -> Path:
        return self.run / "facts" / f"{step}.json"

    def _note_output(self, name: str) -> None:
        if not self.step:
            return
        path = self.run / "outputs" / f"{self.step}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")


def open_study(
    data: str | Path, run: str | Path, cell: Mapping[str, Any] | None = None, **told: Any
) -> Study:
    """Return a notebook's `Study`, told as `Study` is, with figures' look and language set.

    In a notebook: ``study = open_study(data, run, vars())``.

    Examples
    --------
    >>> from csinsight.sample import sample_run
    >>> open_study(*sample_run(), lang="en", month="2026-09").as_of
    datetime.datetime(2026, 10, 1, 0, 0)
    """
    from csinsight.render import theme

    study = Study(data, run, cell, **told)
    theme.use(study.lang, study.words.currency)
    return study


def _own_words(own: Own, lang: Lang) -> dict[str, str]:
    """Return what pages call the shop's own behaviours, by key of the catalogue."""
    words, found = Words(lang), {}
    for name, behaviour in own.behaviours.items():
        called = getattr(behaviour.names, lang)
        found[f"behaviour.{name}"] = called
        less = behaviour.direction == "bad"
        found[f"strength.{name}"] = words.word("own.few", name=called) if less else called
    return found
