"""A roll-out planned from a finished month: figures are the run's, the file goes to the shop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from csinsight.config import nearest
from csinsight.contract.artifacts import Conversations, Drivers
from csinsight.contract.dictionary import artifact
from csinsight.contract.domain import MARKERS, own_ids
from csinsight.contract.rollouts import FILE, add_rollout
from csinsight.drivers.rollout import load_rollouts, rollout_end
from csinsight.drivers.rollout_plan import RolloutPlan, plan_rollout
from csinsight.errors import ConfigError
from csinsight.params import month_end
from csinsight.runs.state import params_and_tables


def plan_from_run(
    run: Path,
    behaviour: str,
    *,
    agents: Sequence[str],
    months: int,
    uptake_pp: float,
    effect_pp: float | None,
    seed: int,
    data: Path | None,
    write: bool,
) -> tuple[RolloutPlan, Path]:
    """Draw a roll-out from a finished month's run, and write it beside the shop's tables.

    Parameters
    ----------
    run : Path
        ``runs/SHOP/MONTH``.
    behaviour : str
    agents : sequence of str
        None named: all with an inquiry in the look-back that gave the opportunity.
    months, uptake_pp, effect_pp, seed
        As in `csinsight.drivers.rollout_plan.plan_rollout`; no effect told: the size of this run's
        estimate, a shrunken one where there is one.
    data : Path or None
        The shop's tables; None: where the run found them.
    write : bool
        Whether to write ``rollout.csv``, whose path is returned in any case.

    Raises
    ------
    ConfigError
        Where the run, the behaviour or an agent is not there, no effect is known, or a roll-out
        of the behaviour is not over yet.
    DataError
        Where ``rollout.csv`` is there and has faults.

    Examples
    --------
    >>> given = {"agents": (), "months": 3, "uptake_pp": 20.0, "effect_pp": 5.0, "seed": 1}
    >>> run = Path("runs", "demo", "2026-09")
    >>> plan_from_run(run, "greets", **given, data=None, write=False)
    Traceback (most recent call last):
        ...
    csinsight.errors.ConfigError: runs/demo/2026-09: is no run's folder; --run takes runs/SHOP/MONTH
    """
    params, folder = params_and_tables(run, data)
    as_of = month_end(params.month)
    _check_free(folder, behaviour, as_of)
    conversations = _table(run, Conversations.NAME)
    asked = conversations[behaviour].notna()
    known = set(conversations.loc[asked, Conversations.AGENT_ID].dropna())
    if unknown := sorted(set(agents) - known):
        raise ConfigError(f"no opportunity for {behaviour} with {', '.join(unknown)} in this run")
    plan = plan_rollout(
        conversations,
        behaviour,
        agents or sorted(known),
        as_of=as_of,
        months=months,
        look_back=params.driver_months,
        effect_pp=_effect(run, behaviour) if effect_pp is None else effect_pp,
        uptake_pp=uptake_pp,
        seed=seed,
    )
    return plan, add_rollout(folder, plan.rows) if write else folder / FILE


def _check_free(folder: Path, behaviour: str, as_of: datetime) -> None:
    """Hold that there is such a behaviour, and no roll-out of it that is still under way."""
    known = (*MARKERS, *own_ids(folder))
    if behaviour not in known:
        near = nearest(behaviour, known)
        mend = f"did you mean {near}?" if near else f"choose one of {', '.join(known)}"
        raise ConfigError(f"there is no behaviour {behaviour!r}; {mend}")
    rows = load_rollouts(folder)
    rows = rows[rows["behaviour"] == behaviour]
    if len(rows) and (end := rollout_end(rows)) > as_of:
        raise ConfigError(
            f"a roll-out of {behaviour} runs until {end:%Y-%m-%d}: wait until it is over, or take "
            f"its rows out of {folder / FILE} if nobody has started"
        )


def _table(run: Path, name: str) -> pd.DataFrame:
    path = run / "artifacts" / f"{name}.parquet"
    if not path.is_file():
        raise ConfigError(f"{path}: is not there; run the month to its end first")
    return artifact(name).read(path)


def _effect(run: Path, behaviour: str) -> float:
    """Return the size of the run's estimate in all inquiries, in points of paid conversion."""
    drivers = _table(run, Drivers.NAME)
    rows = drivers[
        (drivers[Drivers.BEHAVIOUR] == behaviour)
        & (drivers[Drivers.SCOPE] == "all")
        & (drivers[Drivers.OUTCOME] == "paid")
        & drivers[Drivers.EFFECT_PP].notna()
    ]
    if rows.empty:
        raise ConfigError(
            f"this run has no estimate of {behaviour}; say --effect with the points that it may "
            "be worth"
        )
    return abs(float(rows[Drivers.EFFECT_PP].iloc[0]))
