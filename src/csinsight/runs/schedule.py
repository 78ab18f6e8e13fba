"""Which months a run is for: one, the last, a range, or those that were missed.

The command that a failed run calls, such as one that sends a message.

Runs that nobody watches: several months, and a word to somebody on failure.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import narwhals as nw

from csinsight.engine import collect, ms, open_shop
from csinsight.errors import (
    ConfigError,
    ContractError,
    NotebookError,
    PlanError,
    RunError,
)
from csinsight.params import RunParams, add_months, is_month, month_start
from csinsight.runs.month import RunResult, run_month
from csinsight.runs.pdf import NO_CHROMIUM, chromium
from csinsight.runs.plan import CARD, TIMES
from csinsight.runs.site import INDEX
from csinsight.runs.state import RUN_FILE, Places, RunFile, read_reports, read_state

_MS_A_DAY = 86_400_000
_EPOCH = datetime(1970, 1, 1)
#: Of a range: five years.
MOST_MONTHS: Final = 60
LOG = logging.getLogger(__name__)


def last_month(timezone: str) -> str:
    """Return the month before the one that it is now in `timezone`: the last complete one.

    Examples
    --------
    >>> is_month(last_month("Asia/Shanghai"))
    True
    """
    today = datetime.now(ZoneInfo(timezone)).replace(tzinfo=None)
    return f"{add_months(today, -1):%Y-%m}"


def parse_months(text: str, timezone: str) -> list[str]:
    """Return the months that `text` names: ``2026-10``, ``last``, or ``2026-08..2026-10``.

    Either end of a range may be ``last``; both are part of it.

    Raises
    ------
    ConfigError
        Where it is none of these, or the range ends before it begins.

    Examples
    --------
    >>> parse_months("2026-08..2026-10", "Asia/Shanghai")
    ['2026-08', '2026-09', '2026-10']
    """
    ends = [last_month(timezone) if end == "last" else end for end in text.split("..")]
    if len(ends) > 2 or not all(is_month(end) for end in ends):
        raise ConfigError(
            f"parameter `month`: a month is written YYYY-MM, for example 2026-10, or `last`; "
            f"several 2026-08..2026-10; got {text!r}"
        )
    months = list(_between(ends[0], ends[-1]))
    if not months:
        raise ConfigError(f"parameter `month`: {text!r} ends before it begins")
    if len(months) > MOST_MONTHS:
        raise ConfigError(
            f"parameter `month`: {text!r} are {len(months)} months; {MOST_MONTHS} are the most"
        )
    return months


def missed(out: Path, shop: str, data: Path, until: str) -> list[str]:
    """Return the months to make so that no report is missing up to the month `until`.

    These are `until` itself, and each month with data since the shop's first finished report
    that has none, or one that lacks an agent's card.

    Raises
    ------
    ValueError
        Where a table can't be read; a run says so too.

    Examples
    --------
    Before a shop's first report there is nothing to make up for.

    >>> missed(Path("nowhere"), "myshop", Path("data"), "2026-10")
    ['2026-10']
    """
    finished = list(read_reports(Places(out, shop, until).shop_reports))
    if not finished:
        return [until]
    since = f"{add_months(month_start(finished[0]), 1):%Y-%m}"
    gaps = [m for m in _between(since, until) if m != until and not _is_good(out, shop, m)]
    if gaps:
        happened = _months_with_data(data)
        gaps = [month for month in gaps if month in happened]
    return [*gaps, until]


def _is_good(out: Path, shop: str, month: str) -> bool:
    places = Places(out, shop, month)
    if not (places.report / INDEX).is_file():
        return False
    # A month copied from elsewhere has a report and no run; only a run knows of missing cards.
    file = places.run / RUN_FILE
    known = read_state(file, RunFile, "this month is made anew")
    return not file.exists() if known is None else known.status != "incomplete"


def _between(first: str, last: str) -> Iterator[str]:
    month = month_start(first)
    while month <= month_start(last):
        yield f"{month:%Y-%m}"
        month = add_months(month, 1)


def _months_with_data(data: Path) -> set[str]:
    shop = open_shop(data, "polars")
    months: set[str] = set()
    for table, time in TIMES.items():
        if shop.has(table, time):
            days = shop[table].select((nw.col(ms(time)) // _MS_A_DAY).alias("day")).unique()
            numbers = collect(days)["day"].dropna()
            months |= {
                f"{datetime.fromordinal(_EPOCH.toordinal() + int(n)):%Y-%m}" for n in numbers
            }
    return months


#: A command that takes longer is ended, so that a schedule never hangs on it.
SECONDS: Final = 120
#: As long a command that was killed is waited for.
_KILLED_SECONDS: Final = 10


def call_hook(command: str, values: Mapping[str, str], *, seconds: float = SECONDS) -> str:
    """Run `command` in a shell with `values` as environment variables ``CSINSIGHT_…``.

    Values reach the command as variables only and are never part of its text, so that what a
    faulty file holds can't run as a command.

    Parameters
    ----------
    command : str
    values : mapping of str to str
        By name in lower case, such as ``shop``.
    seconds : float

    Returns
    -------
    str
        What went wrong with the command itself; empty where it ended well.

    Examples
    --------
    >>> call_hook('test "$CSINSIGHT_SHOP" = myshop', {"shop": "myshop"})
    ''
    >>> call_hook("exit 3", {})
    'the command ended with exit code 3: exit 3'
    """
    given = {f"CSINSIGHT_{name.upper()}": value.replace("\0", "") for name, value in values.items()}
    process = subprocess.Popen(  # noqa: S602 - the user's own command, as a crontab's
        command, shell=True, env={**os.environ, **given}, start_new_session=True
    )
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        # Even a killed process may hang in the kernel, as on a disk that is gone.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_KILLED_SECONDS)
        return f"the command took over {seconds:.0f} s and was ended: {command}"
    return f"the command ended with exit code {code}: {command}" if code else ""


#: Exit codes of a run; 2, of a command that can't be meant, and 130, stopped, are the shell's own.
DONE: Final = 0
FAILED: Final = 1
INCOMPLETE: Final = 3
#: After these, the next month or shop may still succeed.
_OF_ONE_MONTH = (PlanError, RunError)


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
    on_success, on_failure, on_alert : str
        Commands for the shell: where a report was published, where it was not made or lacks a
        card, and where its brief raises an alarm.
    """

    data: Path
    out: Path
    params: RunParams
    month: str
    catch_up: bool = False
    only: Sequence[str] = ()
    pdf: bool = False
    on_success: str = ""
    on_failure: str = ""
    on_alert: str = ""


def run_job(job: Job, tell: Callable[[RunResult], None]) -> int:
    """Make every month's report of a job, oldest first, and return the exit code.

    Parameters
    ----------
    job : Job
    tell : callable
        Given each result.

    Raises
    ------
    Exception
        Whatever ended a run that had better not go on, after the hook was called.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     job = Job(Path(name, "no such shop"), Path(name), RunParams(), "2026-10")
    ...     run_job(job, print)
    1
    """
    if job.pdf and chromium() is None:
        LOG.warning(NO_CHROMIUM)
        job = replace(job, pdf=False)
    codes, months = [DONE], _months(job)
    for place, month in enumerate(months):
        try:
            codes.append(_run_one(job, month, tell))
        except ContractError as error:
            # The other months would be told of the same faults.
            _not_made(job, month, error)
            if rest := months[place + 1 :]:
                LOG.error("%s: not tried after that: %s", job.params.shop, ", ".join(rest))
            return FAILED
    return FAILED if FAILED in codes else max(codes)


def _months(job: Job) -> list[str]:
    months = parse_months(job.month, job.params.timezone)
    if not job.catch_up:
        return months
    found = missed(job.out.resolve(), job.params.shop, job.data, months[-1])
    if len(found) > 1:
        LOG.info("%s: catching up %s", job.params.shop, ", ".join(found[:-1]))
    return sorted({*months, *found})


def _run_one(job: Job, month: str, tell: Callable[[RunResult], None]) -> int:
    params = job.params.model_copy(update={"month": month})
    told = {"shop": params.shop, "month": month, "out": str(job.out.resolve())}
    try:
        result = run_month(job.data, params, job.out, only=job.only, pdf=job.pdf)
    except (Exception, KeyboardInterrupt) as error:
        _call("--on-failure", job.on_failure, told | _failure(error, FAILED))
        if not isinstance(error, _OF_ONE_MONTH):
            raise
        _not_made(job, month, error)
        return FAILED
    tell(result)
    LOG.info("%s %s: %s", params.shop, month, _summary(result))
    told |= {"report": str(result.report), "headline": result.headline}
    if result.published and result.alerts:
        _call("--on-alert", job.on_alert, told | {"alerts": "\n".join(result.alerts)})
    if result.failed:
        card = NotebookError(next(iter(result.failed.values())), CARD)
        _call("--on-failure", job.on_failure, told | _failure(card, INCOMPLETE))
        return INCOMPLETE
    if result.published:
        _call("--on-success", job.on_success, told | {"exit_code": str(DONE)})
    return DONE


def _failure(error: BaseException, code: int) -> dict[str, str]:
    return {
        "notebook": getattr(error, "notebook", ""),
        "message": str(error) or type(error).__name__,
        "exit_code": str(code),
    }


def _not_made(job: Job, month: str, error: Exception) -> None:
    LOG.error("%s", error)
    LOG.error("%s %s: no report made; an earlier one is as it was", job.params.shop, month)


def _summary(result: RunResult) -> str:
    parts = [
        f"{len(result.executed)} notebooks run",
        f"{len(result.skipped)} were done already",
        f"{len(result.left_out)} left out",
    ]
    if result.failed:
        n = len(result.failed)
        parts.append(f"{n} agent card{'' if n == 1 else 's'} failed")
    made = "report made" if result.published else "not published"
    return f"{made} ({result.run_id}), {', '.join(parts)}, {result.seconds:.0f} s"


def _call(option: str, command: str, values: Mapping[str, str]) -> None:
    """Call a hook where there is one; what goes wrong with it is said, and leaves the run be."""
    if command and (wrong := call_hook(command, values)):
        LOG.error("%s: %s", option, wrong)
