"""Runs that nobody watches: several months, and a word to somebody on failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from csinsight.params import RunParams
from csinsight.report.execute import NotebookError
from csinsight.report.hook import call_hook
from csinsight.report.months import missed, parse_months
from csinsight.report.pdf import NO_CHROMIUM, PdfError, chromium
from csinsight.report.plan import CARD, PlanError
from csinsight.report.run import ContractError, RunResult, run_month
from csinsight.report.state import LockedError

#: Exit codes of a run; 2, of a command that can't be meant, and 130, stopped, are the shell's own.
DONE: Final = 0
FAILED: Final = 1
INCOMPLETE: Final = 3
#: After these, the next month or shop may still succeed.
_OF_ONE_MONTH = (PlanError, NotebookError, LockedError, PdfError)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """One shop's run, for one month or more.

    Parameters
    ----------
    data, out : Path
    params : RunParams
        Of the newest month.
    month : str
        As for `parse_months`.
    catch_up : bool
        Also make the months up to that one which have no good report.
    only : sequence of str
        Notebooks; none for all.
    pdf : bool
        Print the brief and the cards too.
    on_failure : str
        A command for the shell, called where a report was not made or lacks a card.
    progress : bool
    """

    data: Path
    out: Path
    params: RunParams
    month: str
    catch_up: bool = False
    only: Sequence[str] = ()
    pdf: bool = False
    on_failure: str = ""
    progress: bool = False


def run_job(job: Job, say: Say, tell: Callable[[RunResult], None]) -> int:
    """Make every month's report of a job, oldest first, and return the exit code.

    Parameters
    ----------
    job : Job
    say : callable
        Given each line for people.
    tell : callable
        Given each result.

    Raises
    ------
    Exception
        Whatever ended a run that had better not go on, after the hook was called.
    """
    if job.pdf and chromium() is None:
        say(NO_CHROMIUM)
        job = replace(job, pdf=False)
    codes = [DONE]
    for month in _months(job, say):
        try:
            codes.append(_run_one(job, month, say, tell))
        except ContractError as error:
            # The other months would be told of the same faults.
            _not_made(job, month, error, say)
            return FAILED
    return FAILED if FAILED in codes else max(codes)


def _months(job: Job, say: Say) -> list[str]:
    months = parse_months(job.month, job.params.timezone)
    if not job.catch_up:
        return months
    found = missed(job.out.resolve(), job.params.shop, job.data, months[-1])
    if len(found) > 1:
        say(f"{job.params.shop}: catching up {', '.join(found[:-1])}")
    return sorted({*months, *found})


def _run_one(job: Job, month: str, say: Say, tell: Callable[[RunResult], None]) -> int:
    params = job.params.model_copy(update={"month": month})
    try:
        result = run_month(
            job.data, params, job.out, only=job.only, progress=job.progress, pdf=job.pdf
        )
    except (Exception, KeyboardInterrupt) as error:
        _call(job, month, error, FAILED, say)
        if not isinstance(error, _OF_ONE_MONTH):
            raise
        _not_made(job, month, error, say)
        return FAILED
    tell(result)
    say(f"{params.shop} {month}: {_summary(result)}")
    if not result.failed:
        return DONE
    _call(job, month, NotebookError(next(iter(result.failed.values())), CARD), INCOMPLETE, say)
    return INCOMPLETE


def _not_made(job: Job, month: str, error: Exception, say: Say) -> None:
    say(str(error))
    say(f"{job.params.shop} {month}: no report made; an earlier one is as it was")


def _summary(result: RunResult) -> str:
    parts = [
        f"{len(result.executed)} notebooks run",
        f"{len(result.skipped)} were done already",
        f"{len(result.left_out)} left out",
    ]
    if result.failed:
        parts.append(f"{len(result.failed)} agents' cards failed")
    made = "report made" if result.published else "not published"
    return f"{made} ({result.run_id}), {', '.join(parts)}, {result.seconds:.0f} s"


def _call(job: Job, month: str, error: BaseException, code: int, say: Say) -> None:
    if not job.on_failure:
        return
    values = {
        "shop": job.params.shop,
        "month": month,
        "notebook": getattr(error, "notebook", ""),
        "message": str(error) or type(error).__name__,
        "exit_code": str(code),
        "out": str(job.out.resolve()),
    }
    if wrong := call_hook(job.on_failure, values):
        say(wrong)
