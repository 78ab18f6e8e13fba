"""``csinsight rollout``: coaching in an order drawn by lot."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

FOLDER: Final = click.Path(file_okay=False, path_type=Path)


@click.group()
def rollout() -> None:
    """Coach in an order drawn by lot, to learn whether it helps."""


@rollout.command("plan")
@click.option("--run", "folder", required=True, type=FOLDER, help="runs/SHOP/MONTH, finished.")
@click.option("--behaviour", required=True, help="What is coached, such as `recommends`.")
@click.option("--agents", default="", metavar="ID,ID", help="Only these; all unless told.")
@click.option("--months", type=click.IntRange(2, 24), default=3, show_default=True)
@click.option(
    "--uptake",
    "uptake_pp",
    type=click.FloatRange(0, 100, min_open=True),
    default=20.0,
    show_default=True,
    help="Points by which coaching is thought to move how often it is shown.",
)
@click.option(
    "--effect",
    "effect_pp",
    type=click.FloatRange(0, 100, min_open=True),
    help="Points of conversion that showing it is thought to be worth; the run's unless told.",
)
@click.option("--seed", type=click.IntRange(0), default=20261031, show_default=True)
@click.option("--data", type=FOLDER, help="The shop's tables, where they are no longer there.")
@click.option("--dry-run", is_flag=True, help="Only say what it could show; write nothing.")
def rollout_plan(
    folder: Path, behaviour: str, agents: str, months: int, *, dry_run: bool, **given: Any
) -> None:
    """Draw by lot who is coached when, and say what that can show.

    Writes rollout.csv beside the shop's tables; notebook 05 of later months reads it.
    """
    from csinsight.runs.rollouts import plan_from_run

    names = [name.strip() for name in agents.split(",") if name.strip()]
    plan, path = plan_from_run(
        folder, behaviour, agents=names, months=months, write=not dry_run, **given
    )
    needed = plan.months_needed
    click.echo(
        f"expected: {plan.effect_pp:.1f} points of conversion, with {plan.inquiries:,} inquiries "
        f"until {plan.ends_on:%Y-%m-%d}\n"
        f"power: {plan.power:.0%} to see that at 5 % in {months} months; 80 % takes "
        f"{f'{needed} months' if needed else 'more than 24 months'}, and no design with fewer than "
        f"{plan.least_inquiries:,} inquiries can have it"
    )
    for agent, day in plan.rows.select("agent_id", "starts_on").iter_rows():
        click.echo(f"{day} {agent}")
    click.echo(f"not written: {path}" if dry_run else path)
