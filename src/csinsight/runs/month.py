"""A month's report, end to end: check, plan, execute, render, publish."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from csinsight.behaviours.label_places import label_places
from csinsight.behaviours.lexicon_form import Own
from csinsight.behaviours.model_reader import LINES_FILE
from csinsight.coaching import follow_up
from csinsight.context import MonthContext
from csinsight.contract.artifacts import AgentKpis, CoachingPlan
from csinsight.contract.dictionary import artifact, artifacts, data_dictionary
from csinsight.contract.files import sha256, sha256_of, write_text
from csinsight.contract.labels import FILE as LABELS_FILE
from csinsight.engine import counter, open_shop, start
from csinsight.errors import ContractError, PlanError
from csinsight.params import NOTEBOOKS, Lang, RunParams, shipped
from csinsight.render.page import read_notebook
from csinsight.render.words import Words
from csinsight.runs import site
from csinsight.runs.execute import Execution
from csinsight.runs.kernels import Limits, Workers
from csinsight.runs.log import to_file
from csinsight.runs.pdf import print_pages
from csinsight.runs.plan import (
    CARD,
    Step,
    Supply,
    card_steps,
    check_names,
    check_parameters,
    supply,
    wanted,
)
from csinsight.runs.publish import PUBLISH_LOCK, PUBLISH_SECONDS, publish, recover
from csinsight.runs.site import write_shop_index
from csinsight.runs.state import (
    Inputs,
    Places,
    RunState,
    clear_leavings,
    locked,
    plans_of,
    source_hash,
)
from csinsight.segments.signatures import signatures_of

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunResult:
    """What a run has come to.

    Parameters
    ----------
    report : Path
        The month's index page.
    run : Path
        Folder with tables, executed notebooks and ``run.json``.
    run_id : str
    left_out : dict of str to str
        By notebook, the reason (a word under ``left_out``).
    failed : dict of str to str
        Agents' cards that could not be made, with the reason of each; the rest is published.
    executed, skipped : tuple of str
        Steps that were run, and those that were done already.
    published : bool
        False where a part (``--only``) would have replaced a fuller report.
    seconds : float
    headline : str
        The brief's finding; empty where there is no brief.
    alerts : tuple of str
        What the brief raises an alarm about.
    """

    report: Path
    run: Path
    run_id: str
    left_out: dict[str, str]
    failed: dict[str, str]
    executed: tuple[str, ...]
    skipped: tuple[str, ...]
    published: bool
    seconds: float
    headline: str = ""
    alerts: tuple[str, ...] = ()


def run_month(
    data: Path,
    params: RunParams,
    out: Path,
    *,
    only: Sequence[str] = (),
    notebooks: Path | None = None,
    pdf: bool = False,
) -> RunResult:
    """Make one month's report from the contract tables in `data`.

    Steps that an earlier run did with the same inputs, parameters, notebooks and package are
    not done again. The report appears under ``reports/SHOP/MONTH`` when all has succeeded.

    Parameters
    ----------
    data : Path
        Folder of the contract tables.
    params : RunParams
    out : Path
        Under it, ``runs/`` and ``reports/`` are made.
    only : sequence of str
        Notebooks to make, with what they build on; none for all.
    notebooks : Path, optional
        Folder of the notebooks; those that come with csinsight unless told.
    pdf : bool
        Print the brief and the agents' cards as PDF beside the pages; needs chromium.

    Raises
    ------
    ContractError
        Where the tables break the contract.
    PlanError
        Where there is nothing to report on, or a notebook does not fit its parameters.
    LockedError
        Where another run of the month is at work.
    NotebookError
        Where a notebook failed; of agents' cards, only where all did.
    RunError
        Where a file of the shop changed during the run, or PDF can't be printed.

    Examples
    --------
    A folder that is not there is told of before anything is made:

    >>> run_month(Path("/shop"), RunParams(), Path("out"))
    Traceback (most recent call last):
        ...
    csinsight.errors.PlanError: /shop: is not a folder; --data names the folder of the shop's tables
    """
    data, out = data.resolve(), out.resolve()
    if not data.is_dir():
        raise PlanError(f"{data}: is not a folder; --data names the folder of the shop's tables")
    places = Places(out, params.shop, params.month)
    asked = check_names(only)
    limits = Limits(params.kernel_start_seconds, params.notebook_seconds)
    with (
        locked(places.run / ".lock"),
        to_file(places.run, params.timezone),
        Workers(limits) as workers,
    ):
        recover(places.report)
        clear_leavings(places)
        inputs = Inputs(data)
        state = RunState(places, params, inputs.hashes)
        state.values["data"] = str(data)
        folder = notebooks or shipped("notebooks")
        with _noted(state):
            run = _Run(data, params, places, state, inputs, workers, asked, folder, pdf)
            try:
                return run.go()
            except Exception:
                # What a file that was half written led to is not what is wrong.
                run.inputs.check()
                raise


@contextmanager
def _noted(state: RunState) -> Iterator[None]:
    """Keep how the run ended in its state and in the shop's history, whatever ended it."""
    state.note("start")
    state.save()
    try:
        yield
    except BaseException as error:
        why = str(error) or type(error).__name__
        state.end("failed", why)
        state.note("failed", why=why)
        raise
    gone: dict[str, str] = state.values["failed"]
    why = "; ".join(gone.values())
    state.end("incomplete" if gone else "done", why)
    state.note("incomplete" if gone else "done", left_out=sorted(state.values["left_out"]), why=why)


@dataclass
class _Run:
    data: Path
    params: RunParams
    places: Places
    state: RunState
    inputs: Inputs
    workers: Workers
    only: tuple[str, ...]
    notebooks: Path
    pdf: bool

    def go(self) -> RunResult:
        started = time.monotonic()
        start(self.params.engine)
        self._check_contract()
        have = supply(self.data, self.params)
        left_out = dict(have.left_out)
        signatures = signatures_of(open_shop(self.data, "polars"))
        context = MonthContext.of(self.params, signatures, self.data)
        self._check_labels(context)
        context = self._read_by_model(context)
        context.write(self.places.run)
        names = wanted(self.only, left_out)
        for name in names:
            check_parameters(self._notebook(name), self.params)
        self.state.values["left_out"] = left_out
        self.state.forget(have.left_out)
        done = self._execute(names, left_out)
        write_data_dictionary(self.places.run, self.params.lang, context.own)
        left_out |= {nb: "not_asked" for nb in NOTEBOOKS if nb not in {*names, *left_out}}
        month = self._month(done, have, left_out)
        self.state.values |= {"left_out": left_out, "run_id": month.run_id, "failed": done.failed}
        published = self._publish(month)
        plan = self.places.run / "artifacts" / f"{CoachingPlan.NAME}.parquet"
        if plan.is_file():  # for later months to follow up
            kept = artifact(CoachingPlan.NAME).read(plan)
            follow_up.keep_plan(plans_of(self.places.run), self.params.month, kept)
        return RunResult(
            self.places.report / "index.html",
            self.places.run,
            month.run_id,
            left_out,
            done.failed,
            tuple(step.name for step in done.steps if step.name in done.executed),
            tuple(done.skipped),
            published,
            time.monotonic() - started,
            site.headline(month),
            site.alerts(month),
        )

    def _read_by_model(self, context: MonthContext) -> MonthContext:
        """Return the context with what the shop's own model reads, where it is to be asked."""
        if self.params.reader != "llm":
            return context
        from csinsight.runs.model_reading import read_by_model

        found = read_by_model(open_shop(self.data, "polars"), context, self.places.run)
        # What the model said is read by steps as the shop's files are.
        told = found.model_dump_json(include={"model", "judged", "why_not", "texts", "refused"})
        said = sha256(self.places.run / LINES_FILE) if found.taken else ""
        self.state.values["inputs"]["reader: llm"] = sha256_of(told, said)
        return context.model_copy(update={"model": found})

    def _check_contract(self) -> None:
        from csinsight.contract.check import check_folder
        from csinsight.contract.set_aside import ASIDE, set_aside

        checked = sha256_of(source_hash(), *map(str, self.state.values["inputs"].items()))
        if self.state.checked == checked:
            return
        # Kernels start meanwhile, since there is going to be something to do.
        self.workers.warm()
        faults = check_folder(self.data, counter(self.params.engine))
        self.inputs.check()  # rows of a file that is being written are not to be set aside
        if faults and not self.params.set_aside:
            raise ContractError(self.data, faults)
        if faults:
            for moved in set_aside(self.data, self.params.set_aside):
                told = (moved.file, moved.rows, moved.of, ASIDE)
                LOG.warning("%s: %d of %d rows break the contract and went into %s", *told)
            self.inputs = Inputs(self.data)
            self.state.values["inputs"] = self.inputs.hashes
            checked = sha256_of(source_hash(), *map(str, self.inputs.hashes.items()))
        self.state.values["checked"] = checked
        LOG.debug("%s %s: tables checked", self.params.shop, self.params.month)

    def _check_labels(self, context: MonthContext) -> None:
        """Refuse labels that would count for another line than the one that was read."""
        if not (self.data / LABELS_FILE).is_file():
            return
        shop = open_shop(self.data, "polars")
        faults, told = label_places(shop, context.lexicon, context.rules.gap_hours)
        for notice in told:
            LOG.warning("%s", notice)
        if faults:
            raise ContractError(self.data, faults)

    def _execute(self, names: list[str], left_out: dict[str, str]) -> Execution:
        sources = {name: read_notebook(self._notebook(name), self.params.lang) for name in names}
        execution = Execution(self.data, self.params, self.state, self.inputs, self.workers)
        execution.run(
            names,
            sources,
            lambda name: self._cards(left_out) if name == CARD else [Step(name, name)],
        )
        return execution

    def _cards(self, left_out: dict[str, str]) -> list[Step]:
        path = self.places.run / "artifacts" / f"{AgentKpis.NAME}.parquet"
        if not path.is_file():
            left_out[CARD] = "needs_kpis"
            return []
        agents = pd.read_parquet(path, columns=[AgentKpis.AGENT_ID])[AgentKpis.AGENT_ID]
        steps = card_steps(str(agent) for agent in agents.dropna().unique())
        if not steps:
            left_out[CARD] = "needs_agents"
        return steps

    def _month(self, done: Execution, have: Supply, left_out: dict[str, str]) -> site.Month:
        """Return what the pages are made from, with a digest over all that changes them."""
        known = site.has_earlier(self.places)
        told = [left_out, sorted(done.failed), self.params.title, self.pdf, known]
        digest = sha256_of(json.dumps(told, sort_keys=True), *done.keys.values())
        run_id = f"{self.params.month}-{digest[:6]}"
        return site.Month(
            self.params,
            self.places,
            done.steps,
            left_out,
            have.covers,
            run_id,
            digest,
            failed=done.gone,
            pdf=self.pdf,
            known=known,
        )

    def _publish(self, month: site.Month) -> bool:
        current = site.is_current(month)
        if not current and self.only and site.would_lose_pages(month):
            return False
        if not current:
            site.write_month(month)
            if self.pdf:
                print_pages(month.printed, self.places.staging)
        with locked(self.places.history.with_name(PUBLISH_LOCK), seconds=PUBLISH_SECONDS):
            self.inputs.check()
            if not current:
                publish(self.places.staging, self.places.report)
            # Even where the month is as it was: a run may have been killed just before this line.
            write_shop_index(self.places.shop_reports)
        return True

    def _notebook(self, name: str) -> Path:
        path = self.notebooks / f"{name}.ipynb"
        if not path.is_file():
            raise PlanError(f"{path}: there is no such notebook; install csinsight again")
        return path


def label_in(lang: Lang, family: str, member: str) -> str:
    """Return what a type or a behaviour is called; a number is called as it is.

    Examples
    --------
    >>> label_in("en", "marker", "greets"), label_in("zh", "type", "simple")
    ('Greeting at the start', '简单型')
    """
    if family == "number":
        return member
    return Words(lang).word(f"{'type' if family == 'type' else 'behaviour'}.{member}")


def write_data_dictionary(run: Path, lang: Lang, own: Own | None = None) -> Path:
    """Write the dictionary of the tables that a run holds, in the language of its report.

    Parameters
    ----------
    run : Path
        ``runs/SHOP/MONTH``.
    lang : {"zh", "en"}
    own : Own, optional
        The shop's own behaviours.

    Returns
    -------
    Path
        Where it lies.

    Examples
    --------
    >>> import tempfile
    >>> run = Path(tempfile.mkdtemp())
    >>> (run / "artifacts").mkdir()
    >>> (run / "artifacts" / "value_tiers.parquet").touch()
    >>> [line for line in write_data_dictionary(run, "zh").read_text("utf-8").splitlines()
    ...     if line.startswith("#")]
    ['# 数据字典', '## value_tiers']
    """
    behaviours = own.behaviours if own else {}
    called = {name: getattr(known.names, lang) for name, known in behaviours.items()}

    def label(family: str, member: str) -> str:
        return called.get(member) or label_in(lang, family, member)

    there = {path.stem for path in (run / "artifacts").glob("*.parquet")}
    tables = [table.with_own(called) for name, table in artifacts().items() if name in there]
    write_text(run / "data-dictionary.md", data_dictionary(lang, tables, label))
    return run / "data-dictionary.md"
