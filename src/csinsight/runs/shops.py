"""Many shops in one schedule: a file that names them, run one after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from csinsight.config import load
from csinsight.errors import ConfigError, RunError
from csinsight.params import load_params
from csinsight.runs.month import RunResult
from csinsight.runs.publish import publish_month
from csinsight.runs.schedule import Job, run_job
from csinsight.runs.state import runs


class _Shop(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    shop: Annotated[str, Field(min_length=1)]
    data: Annotated[str, Field(min_length=1)]
    title: str | None = None
    params: str | None = None
    lang: str | None = None
    publish_to: str | None = None


class Shops(BaseModel):
    """A file of many shops; every path in it is taken from the folder of the file.

    Parameters
    ----------
    out : str
        Root of ``runs/`` and ``reports/``.
    month : str
        As for `parse_months`.
    catch_up, pdf : bool
    on_success, on_failure, on_alert : str
    publish_to : str
        Folder or bucket that each finished month is copied to; a shop's own wins.
    shops : list
        Of each: ``shop``, ``data``, and as it likes ``title``, ``params``, ``lang``,
        ``publish_to``.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    out: str = "."
    month: str = "last"
    catch_up: bool = True
    pdf: bool = False
    on_success: str = ""
    on_failure: str = ""
    on_alert: str = ""
    publish_to: str = ""
    shops: Annotated[list[_Shop], Field(min_length=1)]


def read_shops(file: Path) -> list[tuple[Job, str]]:
    """Return the jobs of a file of shops, each with where its reports are to be copied.

    Raises
    ------
    ConfigError
        Naming the file, the entry and what is wrong with it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "shops.yml")
    ...     text = "shops: [{shop: sleep, data: sleep}, {shop: shoes, data: shoes}]"
    ...     _ = file.write_text(text, encoding="utf-8")
    ...     jobs = read_shops(file)
    >>> [(job.params.shop, job.month, target) for job, target in jobs]
    [('sleep', 'last', ''), ('shoes', 'last', '')]
    """
    told = load(file, Shops)
    names = [shop.shop for shop in told.shops]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"{file}: shops: {', '.join(twice)} is there twice")
    return [_job(file.parent, told, shop) for shop in told.shops]


def run_and_deliver(job: Job, target: str, tell: Callable[[str], None]) -> int:
    """Run a job and copy every month that it made to `target`; return the exit code.

    Parameters
    ----------
    job : Job
    target : str
        Folder or bucket; empty for none.
    tell : callable
        Given each address where a report lies.

    Raises
    ------
    Exception
        As `run_job`, and where a report can't be copied.

    Examples
    --------
    >>> import tempfile
    >>> from csinsight.params import RunParams
    >>> with tempfile.TemporaryDirectory() as name:
    ...     job = Job(Path(name, "no such shop"), Path(name), RunParams(), "2026-10")
    ...     run_and_deliver(job, "", print)
    1
    """
    made: list[RunResult] = []
    code = run_job(job, made.append)
    for result in made:
        month = result.report.parent.name
        done = publish_month(job.out, job.params.shop, month, target) if target else result.report
        tell(str(done))
    return code


def run_shop(file: str | Path, shop: str, month: str = "") -> str:
    """Run one shop of a file of shops, for schedulers that have a task for each; return its words.

    Parameters
    ----------
    file : str or Path
    shop : str
        Its ``shop`` in the file.
    month : str
        In place of the file's; as for `parse_months`.

    Raises
    ------
    RunError
        Where the report was not made, or lacks cards, so that the scheduler sees a failed task.
    ConfigError
        Where the file can't be meant, or has no such shop.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "shops.yml")
    >>> _ = file.write_text("shops: [{shop: sleep, data: sleep}]", encoding="utf-8")
    >>> run_shop(file, "shoes")
    Traceback (most recent call last):
        ...
    csinsight.errors.ConfigError: ...: there is no shop 'shoes'; there are sleep
    """
    jobs = {job.params.shop: (job, target) for job, target in read_shops(Path(file))}
    if shop not in jobs:
        raise ConfigError(f"{file}: there is no shop {shop!r}; there are {', '.join(jobs)}")
    job, target = jobs[shop]
    said: list[str] = []
    chosen = replace(job, month=month, catch_up=False) if month else job
    if run_and_deliver(chosen, target, said.append):
        why = [entry for entry in runs(job.out.resolve(), shop) if entry.why]
        raise RunError("\n".join([*said, *map(str, why[:1])]))
    return "\n".join(said)


def _job(folder: Path, told: Shops, shop: _Shop) -> tuple[Job, str]:
    file = folder / shop.params if shop.params else None
    params = load_params(file, shop=shop.shop, title=shop.title, lang=shop.lang)
    target = shop.publish_to or told.publish_to
    if target and "://" not in target:
        target = str(folder / target)
    job = Job(
        folder / shop.data,
        folder / told.out,
        params,
        told.month,
        told.catch_up,
        pdf=told.pdf,
        on_success=told.on_success,
        on_failure=told.on_failure,
        on_alert=told.on_alert,
    )
    return job, target
