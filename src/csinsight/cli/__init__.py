"""The command line, thin: every command hands its words to the room that does the work.

Imports stand inside the commands, so that ``csinsight --help`` answers at once.
"""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from csinsight import __version__
from csinsight.cli.failing import Commands, Failed, Misused, MostlyRefused, is_expected
from csinsight.cli.rollouts import FOLDER, rollout

if TYPE_CHECKING:
    from csinsight.params import ReaderName, RunParams
    from csinsight.runs.month import RunResult
    from csinsight.runs.schedule import Job

_THERE = click.Path(exists=True, path_type=Path)
_OUT = click.option(
    "--out",
    type=FOLDER,
    default=Path(),
    help="Folder under which runs/ and reports/ lie (the current one).",
)

_QUIET = click.option("--quiet", is_flag=True, help="No line for each step.")
_JSON_LOG = click.option("--json-log", is_flag=True, help="What is said as JSON, an object a line.")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="csinsight")
def main() -> None:
    """Study an online shop's buyers and its customer-service agents; make the month's report."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, _frame: object) -> NoReturn:
    # As an exception, so that kernels are ended and the run notes how it ended.
    raise KeyboardInterrupt(f"stopped by {signal.Signals(number).name}")


main.add_command(rollout)


@main.command()
@_OUT
@click.option("--size", type=click.Choice(["small", "medium", "large"]), default="small")
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Language of the report.")
def demo(out: Path, size: str, lang: str | None) -> None:
    """Make the demo shop and its whole report."""
    from csinsight.params import load_params, shipped
    from csinsight.simulate import SIZES, simulate

    folder = out / "data" / ("demo" if size == "small" else f"demo-{size}")
    if not folder.is_dir():
        made = SIZES[size]
        draft = folder.with_name(f".{folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)  # of a demo that was stopped
        simulate(draft, buyers=made.buyers, agents=made.agents, conversations=made.conversations)
        draft.rename(folder)
        click.echo(f"made the demo shop: {folder}", err=True)
    shop = "demo" if size == "small" else f"demo-{size}"
    params = load_params(shipped("params", "demo.yml"), shop=shop, lang=lang)
    _job(folder, params, params.month, (), out=out)


@main.command()
@click.argument("folder", type=FOLDER)
@click.option("--seed", type=int, default=20261031, show_default=True)
@click.option("--buyers", type=click.IntRange(1))
@click.option("--agents", type=click.IntRange(1))
@click.option("--conversations", type=click.IntRange(0))
@click.option("--months", type=click.IntRange(1), default=3, show_default=True)
@click.option("--scenario", default="demo", show_default=True, help="Name of a world.")
@click.option("--end-month", default="2026-10", show_default=True, help="Last month, YYYY-MM.")
def simulate(folder: Path, **given: Any) -> None:
    """Make a shop with known truth in FOLDER."""
    from csinsight import simulate as room

    try:
        room.simulate(folder, **given)
    except ValueError as error:
        raise Misused(str(error)) from error
    click.echo(folder)


@main.command("import")
@click.argument("format_name", metavar="FORMAT")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_THERE)
@click.option("--out", required=True, type=FOLDER, help="Folder of the contract tables.")
@click.option("--mapping", type=_THERE, help="Column mapping or options (YAML).")
@click.option("--timezone", help="The shop's clock, such as Europe/Berlin.")
@click.option(
    "--hash-buyers",
    is_flag=True,
    help="Hash e-mails and phone numbers of buyers with a salt that stays in --out.",
)
@click.option("--replace", is_flag=True, help="Put tables in place of earlier imports'.")
def import_files(
    format_name: str,
    files: tuple[Path, ...],
    out: Path,
    mapping: Path | None,
    timezone: str | None,
    hash_buyers: bool,
    replace: bool,
) -> None:
    r"""Turn outside FILEs of a FORMAT into contract tables, beside what is there.

    \b
    Exit codes: 0 imported; 1 nothing was; 2 the mapping can't be meant; 3 imported, but
    more than half of the rows, or of their money, was refused.
    """
    from csinsight.importers import run_import
    from csinsight.runs.log import show_progress

    show_progress()
    report = run_import(
        format_name,
        files,
        out,
        mapping,
        timezone=timezone,
        replace=replace,
        hash_buyers=hash_buyers,
    )
    for table, count in report.counts.items():
        click.echo(f"{table}: {count} rows")
    click.echo(f"{report.rows_in} rows in, {report.rows_out} used, {report.refused} refused")
    if report.money_in is not None:
        click.echo(
            f"{report.money_in:.2f} in money in, {report.money_out:.2f} used, "
            f"{report.money_refused:.2f} refused"
        )
    if report.repeated:
        click.echo(
            f"  of the refused, {report.repeated} repeat another row or are no data", err=True
        )
    for reason, count in report.reasons.items():
        click.echo(f"  {count} refused: {reason}", err=True)
    if report.refused:
        click.echo(f"  each with its line and reason: {report.rejects_path}", err=True)
    _lines(f"note: {notice}" for notice in report.notices)
    if not report.rows_out:
        raise Failed(
            f"nothing was imported: all {report.rows_in} rows were refused, for the reasons above"
        )
    if report.mostly_refused:
        raise MostlyRefused(
            f"more than half was refused: {report.refused - report.repeated} of "
            f"{report.rows_in} rows; mend that before reading any figure"
        )


@main.command()
@click.argument("folder", type=FOLDER)
def init(folder: Path) -> None:
    """Make a FOLDER for a new shop: commented parameters, mappings, lexicon, schedule recipes."""
    from csinsight.runs.init import make_folder

    made = make_folder(folder)
    for path in made:
        click.echo(path)
    if not made:
        click.echo(f"{folder}: has everything already", err=True)


def _or_faults(faults: list[str], read: Callable[[], Any]) -> Any:
    """Return what `read` does; None, and its faults added to `faults`, where it can't."""
    from csinsight.errors import ConfigError

    try:
        return read()
    except ConfigError as error:
        faults += str(error).splitlines()
        return None


@main.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--set-aside",
    "share",
    type=click.FloatRange(0, 0.5),
    default=0.0,
    help="Move bad rows into set_aside.csv, up to this share of a table's rows, such as 0.01.",
)
@click.option(
    "--params", "file", type=_THERE, help="Parameters (YAML): when a conversation ends, for labels."
)
def check(folder: Path, share: float, file: Path | None) -> None:
    """Check the tables in FOLDER, and the shop's own files beside them; exit 1 with the faults."""
    from csinsight.behaviours.alerts import alerts_of
    from csinsight.behaviours.label_places import label_places
    from csinsight.behaviours.lexicon import load_lexicon
    from csinsight.behaviours.lexicon_form import Own
    from csinsight.behaviours.own import own_of
    from csinsight.behaviours.profiles import profile_of
    from csinsight.contract.check import check_shop
    from csinsight.contract.files import OWN_FILE, PROFILE_FILE
    from csinsight.contract.set_aside import ASIDE, set_aside
    from csinsight.engine import open_shop
    from csinsight.errors import ContractError
    from csinsight.features.doubts import file_notices
    from csinsight.params import OWN_PROFILE, load_params
    from csinsight.runs.log import show_progress

    show_progress()
    if share:
        # What keeps it from being done is among the faults of the check below.
        with suppress(ContractError):
            _lines(
                f"{moved.file}: {moved.rows} of {moved.of} rows set aside into {ASIDE}"
                for moved in set_aside(folder, share)
            )
    checked = check_shop(folder)
    _lines(f"note: {notice}" for notice in checked.notices)
    faults = [str(fault) for fault in checked.faults]
    own = _or_faults(faults, lambda: own_of(folder)) or Own()
    _or_faults(faults, lambda: alerts_of(folder))
    if (folder / PROFILE_FILE).is_file():
        currency = load_params(file).currency
        _or_faults(faults, lambda: profile_of(OWN_PROFILE, folder, currency=currency))
    if checked.ok:
        shop, gap = open_shop(folder), load_params(file).conversation_gap_hours
        lost, told = label_places(shop, load_lexicon(own, reader="rules"), gap)
        faults += map(str, lost)
        _lines(f"note: {notice}" for notice in [*told, *file_notices(shop)])
    if faults:
        for fault in faults:
            click.echo(fault)
        raise Failed(f"{folder}: {len(faults)} fault{'s' if len(faults) > 1 else ''}")
    for table in checked.tables.values():
        click.echo(f"{table.file}: {table.rows} rows, in order")
    if count := len(own.behaviours):
        click.echo(f"{OWN_FILE}: {count} behaviour{'s' if count > 1 else ''}, examples as they say")


@main.command()
@click.option("--data", required=True, type=FOLDER, help="Folder of the shop's tables.")
@click.option("--month", help="YYYY-MM, `last` (the last complete one), or a range such as A..B.")
@click.option("--catch-up", is_flag=True, help="Also make earlier months that have no good report.")
@click.option("--shop", help="Name of the shop: a folder under runs/ and reports/.")
@click.option("--title", help="What the shop is called on its pages.")
@click.option("--params", "file", type=_THERE, help="Parameters (YAML); see params/monthly.yml.")
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Language of the report.")
@click.option("--engine", type=click.Choice(["polars", "spark"]))
@click.option(
    "--only", multiple=True, metavar="NOTEBOOK...", help="Only these and what they build on."
)
@click.option("--pdf", is_flag=True, help="The brief and the cards as PDF too; needs chromium.")
@click.option("--on-success", default="", metavar="CMD", help="Shell command called on success.")
@click.option("--on-failure", default="", metavar="CMD", help="Shell command called on failure.")
@click.option("--on-alert", default="", metavar="CMD", help="Shell command called on an alert.")
@_QUIET
@_JSON_LOG
@_OUT
@click.argument("more", nargs=-1, metavar="[NOTEBOOK]...")
def run(
    data: Path,
    month: str | None,
    file: Path | None,
    only: tuple[str, ...],
    more: tuple[str, ...],
    shop: str | None,
    title: str | None,
    lang: str | None,
    engine: str | None,
    **given: Any,
) -> None:
    r"""Make a month's report: check, compute, render, publish.

    \b
    Exit codes: 0 the report is there; 1 it could not be made, and an earlier one is as
    it was; 2 the command can't be meant; 3 it is there, without the cards of some agents;
    130 stopped from outside. --on-failure is called for 1, 3 and 130 with the variables
    CSINSIGHT_SHOP, _MONTH, _NOTEBOOK, _MESSAGE, _EXIT_CODE and _OUT; --on-success for 0, with
    _SHOP, _MONTH, _REPORT and _HEADLINE; --on-alert with these and _ALERTS, where the brief
    raises an alarm. A command has two minutes.
    """
    from csinsight.params import load_params

    if more and not only:
        raise click.UsageError(f"what is {' '.join(more)!r} for? Notebooks' names follow --only.")
    params = load_params(file, shop=shop, title=title, lang=lang, engine=engine)
    if month is None and "month" not in params.model_fields_set:
        raise Misused("which month? say --month YYYY-MM, or `month:` in the --params file")
    names = _notebooks((*only, *more))
    _job(data, params, params.month if month is None else month, names, **given)


def _notebooks(names: tuple[str, ...]) -> tuple[str, ...]:
    from csinsight.errors import PlanError
    from csinsight.runs.plan import check_names

    try:
        return check_names(names)
    except PlanError as error:
        raise Misused(str(error)) from error


def _job(
    data: Path,
    params: RunParams,
    month: str,
    only: tuple[str, ...],
    *,
    quiet: bool = False,
    json_log: bool = False,
    **given: Any,
) -> None:
    from csinsight.runs.log import to_stderr
    from csinsight.runs.schedule import Job, run_job

    to_stderr(params.timezone, quiet=quiet, json_lines=json_log)
    job = Job(data, given.pop("out"), params, month, only=only, **given)
    if code := run_job(job, _tell):
        raise SystemExit(code)


@main.command("run-shops")
@click.argument("file", type=_THERE)
@click.option("--month", help="In place of the file's.")
@_QUIET
@_JSON_LOG
def run_shops(file: Path, month: str | None, quiet: bool, json_log: bool) -> None:
    """Make the reports of all shops in FILE (YAML; see deploy/shops.yml), one after another.

    One shop's failure leaves the others; exit codes are those of `csinsight run`.
    """
    from dataclasses import replace

    from csinsight.runs.log import to_stderr
    from csinsight.runs.shops import read_shops

    ended: dict[str, int] = {}
    for job, target in read_shops(file):
        chosen = job if month is None else replace(job, month=month)
        to_stderr(job.params.timezone, quiet=quiet, json_lines=json_log)
        ended[job.params.shop] = _one_shop(chosen, target)
    bad = [shop for shop, code in ended.items() if code]
    told = f": {', '.join(bad)}" if bad else ""
    _say(f"{len(ended)} shops: {len(ended) - len(bad)} in order, {len(bad)} not{told}")
    if bad:
        raise SystemExit(1 if 1 in ended.values() else 3)


def _one_shop(job: Job, target: str) -> int:
    from csinsight.runs.shops import run_and_deliver

    try:
        return run_and_deliver(job, target, click.echo)
    except Exception as error:
        if not is_expected(error):
            raise
        _say(f"{job.params.shop}: {error}")
        return 1


@main.command()
@click.argument("file", type=_THERE)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--lexicon", type=_THERE, help="A behaviours.yml: the shop's own behaviours and words."
)
@click.option(
    "--reader",
    type=click.Choice(["built_in", "rules"]),
    help="The reader that learns (unless told), or rules alone: faster, each mark has its words.",
)
@click.option(
    "--profile", help="A KPI profile: whose names and pages are official (unless told: a run's)."
)
def markers(
    file: Path, out: Path, lexicon: Path | None, reader: ReaderName | None, profile: str | None
) -> None:
    """Mark the behaviours in FILE, a plain table of messages: one row a message."""
    from csinsight.behaviours.lexicon import load_lexicon
    from csinsight.behaviours.own import read_own
    from csinsight.behaviours.profiles import profile_of
    from csinsight.behaviours.table import mark_table, read_messages, write_table
    from csinsight.params import DEFAULT_READER, RunParams

    own = read_own(lexicon) if lexicon else None
    usual = RunParams()
    name = profile or usual.kpi_profile
    official = profile_of(name, currency=usual.currency).official
    words = load_lexicon(own, reader=reader or DEFAULT_READER, official=official)
    marked = mark_table(read_messages(file), words)
    write_table(marked, out)
    click.echo(out)


@main.command()
@_OUT
@click.option("--run", "folder", type=FOLDER, help="runs/SHOP/MONTH; the demo shop's unless told.")
@click.option("--data", type=FOLDER, help="Its tables, where they are no longer where they were.")
@click.option("--no-browser", is_flag=True, help="Only prepare the notebooks, and say where.")
def lab(out: Path, folder: Path | None, data: Path | None, no_browser: bool) -> None:
    """Open JupyterLab on copies of the notebooks that stand on a run."""
    from csinsight.runs.lab import open_lab, prepare_lab

    if folder is None:
        folder = out / "runs" / "demo" / "2026-10"
        if not (folder / "run.json").is_file():
            raise Failed(f"{folder}: no run of the demo shop yet; make it with csinsight demo")
    target = prepare_lab(folder, out / "lab" / folder.parent.name / folder.name, data)
    click.echo(target)
    if not no_browser:
        open_lab(target)


@main.command()
@click.argument("folder", type=_THERE)
def mcp(folder: Path) -> None:
    """Let an assistant ask a finished run (runs/SHOP/MONTH), read-only, over standard input.

    The server speaks the Model Context Protocol; it needs the extra mcp.
    """
    from csinsight.runs.mcp import server_of

    server_of(folder).run("stdio")


@main.command()
@_OUT
@click.option("--shop", help="Only this shop.")
@click.option("--check", is_flag=True, help="Exit 1 where a shop's newest run failed.")
def history(out: Path, shop: str | None, check: bool) -> None:
    """List the runs, newest first, and why one failed."""
    from csinsight.runs.state import runs

    found = runs(out, shop)
    if not found:
        click.echo("no runs yet", err=True)
    for entry in found:
        click.echo(str(entry))
    newest = {entry.shop: entry.status for entry in reversed(found)}
    if check and (bad := [name for name, how in newest.items() if how in {"failed", "stopped"}]):
        raise Failed(f"the newest run of {', '.join(bad)} did not end well")


@main.command()
@_OUT
@click.option("--shop", required=True)
@click.option("--month", help="YYYY-MM; the newest unless told.")
@click.option("--to", "target", required=True, help="Folder, or a bucket such as s3://NAME/PATH.")
def publish(out: Path, shop: str, month: str | None, target: str) -> None:
    """Copy a finished month to a folder or a bucket that a web server serves."""
    from csinsight.runs.publish import publish_month

    click.echo(publish_month(out, shop, month, target))


def _tell(result: RunResult) -> None:
    _lines(f"left out: {name} ({why})" for name, why in sorted(result.left_out.items()))
    if not result.published:
        _say("not published: this part (--only) would have replaced a fuller report")
    click.echo(result.report)


def _say(line: str) -> None:
    click.echo(f"csinsight: {line}", err=True)


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line, err=True)
