"""Earlier months' plans, kept beside a shop's runs so that the next ones can follow them up.

``runs/SHOP/plans/MONTH.NNN.parquet``: a file is never changed. A month that is made anew with
another plan gets the next number, and the last one counts.

Whether what was advised has changed: those advised against those who were not.

Agents are advised because their figures were low, and low figures rise by themselves: part of what
made them low was chance. So each agent's level before is not the figure itself but what is to be
believed of it (empirical Bayes, `csinsight.coaching.peers`): a level that was chosen for being low
has its chance taken out. Then the change of the advised is set against the change of the others
over the same months (difference in differences), so that what moves everybody cancels.

References
----------
Barnett, van der Pols, Dobson (2005), "Regression to the mean: what it is and how to deal with it",
International Journal of Epidemiology 34. Efron (2011), "Tweedie's formula and selection bias",
JASA 106, on why posterior means need no correction for having been chosen.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import scipy

from csinsight.behaviours.conversations import inquiries_of
from csinsight.coaching.peers import compare_agents
from csinsight.contract.artifacts import CoachingPlan, Conversations, FollowUp
from csinsight.contract.dictionary import artifact
from csinsight.contract.domain import taught_of
from csinsight.drivers.covariates import UNKNOWN
from csinsight.drivers.units import as_float, to_model, unit_of
from csinsight.features.months import in_months
from csinsight.params import add_months, month_end
from csinsight.stats import Floats
from csinsight.stats.spread import between_variance

FOLDER: Final = "plans"
_P = CoachingPlan
#: Earlier plans that are followed up.
MOST_MONTHS: Final = 6
#: What a follow-up needs; conversations are left out, since ids can name buyers.
_KEPT: Final = "kept_plan"


def keep_plan(store: Path, month: str, plan: pd.DataFrame) -> Path:
    """Add a month's plan to the store, whole or not at all; the same plan is kept once.

    Parameters
    ----------
    store : Path
        ``runs/SHOP/plans``.
    month : str
    plan : DataFrame

    Returns
    -------
    Path
        Where it lies.

    Examples
    --------
    >>> from csinsight.coaching.plan import coaching_plan
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> plan = coaching_plan(sessions, None, as_of=context.as_of, limits=context.limits)
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as store:
    ...     kept = keep_plan(Path(store), "2026-10", plan).name
    >>> kept.startswith("2026-10")
    True
    """
    store.mkdir(parents=True, exist_ok=True)
    versions = _versions(store, month)
    kept, draft = artifact(_KEPT), store / f".{month}.{os.getpid()}.parquet"
    kept.write(plan[[column.name for column in kept.columns]], draft)
    try:
        if versions and versions[-1].read_bytes() == draft.read_bytes():
            return versions[-1]
        target = store / f"{month}.{len(versions) + 1:03d}.parquet"
        # A link fails where another run was first; nothing is ever written over.
        os.link(draft, target)
        return target
    finally:
        draft.unlink(missing_ok=True)


def earlier_plans(store: Path, month: str) -> dict[str, pd.DataFrame]:
    """Return the plans of the months before `month` by month, the last `MOST_MONTHS` of them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as store:
    ...     plans = earlier_plans(Path(store), "2026-10")
    >>> plans
    {}
    """
    months = sorted({path.name[:7] for path in _files(store) if path.name[:7] < month})
    return {
        name: artifact(_KEPT).read(_versions(store, name)[-1]) for name in months[-MOST_MONTHS:]
    }


def fingerprint(store: Path, month: str) -> str:
    """Return a hash over all that `earlier_plans` would return.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as store:
    ...     digest = fingerprint(Path(store), "2026-10")
    >>> len(digest)
    64
    """
    digest = hashlib.sha256()
    for path in _files(store):
        if path.name[:7] < month:
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _files(store: Path) -> list[Path]:
    return sorted(store.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9].[0-9]*.parquet"))


def _versions(store: Path, month: str) -> list[Path]:
    return [path for path in _files(store) if path.name.startswith(f"{month}.")]


_C = Conversations
_F = FollowUp
#: Opportunities that an agent needs before and after; fewer say nothing about a person.
MIN_BEFORE: Final = 20
MIN_AFTER: Final = 10
#: Agents not advised that it takes to tell what would have happened anyway.
MIN_CONTROLS: Final = 3
COLUMNS: Final = (
    _F.ADVISED_IN,
    _F.MONTH,
    _F.BEHAVIOUR,
    _F.AGENT_ID,
    _F.AGENTS,
    _F.CONTROLS,
    _F.BEFORE,
    _F.AFTER,
    _F.OTHERS,
    _F.CHANGE,
    _F.LOW,
    _F.HIGH,
    _F.VERDICT,
)


@dataclass(frozen=True)
class Change:
    """Agents' levels before and after in a behaviour's unit, each against their own mix.

    Parameters
    ----------
    table : DataFrame
        By agent: ``before`` (what is to be believed), ``after`` (as it was), ``expected`` (what
        the shop does on the mix of the month after), ``noise`` (variance of ``after - before``).
    """

    table: pd.DataFrame

    @property
    def moved(self) -> pd.Series:
        """How much each has changed."""
        return self.table["after"] - self.table["before"]


def follow_up(
    plans: Mapping[str, pd.DataFrame],
    sessions: pd.DataFrame,
    *,
    as_of: datetime,
    months: int,
    seed: int,
    own: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return how what earlier plans advised has gone since, month by month.

    Parameters
    ----------
    plans : mapping of str to DataFrame
        Earlier months' coaching plans by month (``YYYY-MM``).
    sessions : DataFrame
        The month's ``agent_sessions`` artifact, back to before the plans.
    as_of : datetime
        First moment after the report month.
    months : int
        How far the plans looked back.
    seed : int
    own : mapping of str to str, optional
        By id of the shop's own behaviours what is taught of each; what is read no more is left out.

    Returns
    -------
    DataFrame
        Columns of `csinsight.contract.artifacts.FollowUp`: for each plan, later month and advised
        behaviour a row over all agents advised (``agent_id`` null) and one for each of them;
        ``paid`` follows the conversion of all who were advised anything. ``change`` is what the
        advised moved more than the others, in points (timings: doublings), with its 95 % interval;
        null where there are too few to tell.

    Examples
    --------
    >>> from csinsight.coaching.plan import coaching_plan
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> plan = coaching_plan(sessions, None, as_of=context.as_of, limits=context.limits)
    >>> list(follow_up({"2026-09": plan}, sessions, as_of=context.as_of, months=3, seed=1))[:2]
    ['advised_in', 'month']
    """
    inquiries = inquiries_of(sessions.dropna(subset=[_C.AGENT_ID, _C.STARTED_AT]))
    rows = []
    for month, plan in sorted(plans.items()):
        treated = _advised(plan[plan[_P.BEHAVIOUR].isin(sessions.columns)])
        later = month_end(month)
        before = in_months(inquiries, later, months)
        while later < as_of:
            after = in_months(inquiries, add_months(later, 1), 1)
            for behaviour, agents in treated.items():
                found = change(before, after, behaviour, seed=seed)
                taught = taught_of(behaviour, own)
                about = {_F.ADVISED_IN: month, _F.MONTH: f"{later:%Y-%m}", _F.BEHAVIOUR: behaviour}
                rows += [about | row for row in _compared(found, behaviour, agents, taught)]
            later = add_months(later, 1)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = dict.fromkeys((_F.BEFORE, _F.AFTER, _F.OTHERS, _F.CHANGE, _F.LOW, _F.HIGH), float)
    return table.astype(numbers | {_F.AGENTS: "int64", _F.CONTROLS: "int64"})


def change(
    before: pd.DataFrame, after: pd.DataFrame, behaviour: str, *, seed: int
) -> Change | None:
    """Return each agent's level before and after; None where too few can be compared.

    Examples
    --------
    >>> from csinsight.sample import sample_sessions
    >>> sessions = sample_sessions()
    >>> sorted(change(sessions, sessions, "greets", seed=1).table.index)
    ['a001', 'a002', 'a003', 'a004', 'a005', 'a006']
    """
    if behaviour == _C.PAID:
        before, after = (t[as_float(t[_C.MATURE]) == 1] for t in (before, after))
    agents = _enough(before, behaviour, MIN_BEFORE) & _enough(after, behaviour, MIN_AFTER)
    if len(agents) <= MIN_CONTROLS:
        return None
    before, after = (t[t[_C.AGENT_ID].isin(agents) & t[behaviour].notna()] for t in (before, after))
    found = compare_agents(before, behaviour, seed=seed)
    if found is None:
        return None
    seen = pd.DataFrame(
        {
            "agent": after[_C.AGENT_ID].to_numpy(dtype=str),
            "value": to_model(after[behaviour], behaviour),
            "mix": after[_C.CATEGORY].fillna(UNKNOWN).to_numpy(dtype=str),
        }
    )
    seen["expected"] = seen.groupby("mix")["value"].transform("mean")
    groups = seen.groupby("agent")
    table = groups[["value", "expected"]].mean().rename(columns={"value": "after"})
    expected = table["expected"].reindex(found.agents).to_numpy(dtype=float)
    own = found.levels(expected)
    spread = float(((seen["value"] - seen["expected"]) ** 2).mean())
    believed = pd.DataFrame(
        {"before": own.mean(axis=0), "unsure": own.var(axis=0)}, index=found.agents
    )
    table = table.join(believed, how="inner")
    counts = groups.size().reindex(table.index)
    share = table["before"] if unit_of(behaviour) == "shown" else None
    noise = share * (1 - share) if share is not None else spread
    table["noise"] = table["unsure"] + noise / counts
    return Change(table)


def _advised(plan: pd.DataFrame) -> dict[str, set[str]]:
    """Return by behaviour who was advised it, and for paid conversion who was advised anything."""
    by_behaviour = plan[plan[_P.KIND] == "driver"].groupby(_P.BEHAVIOUR)[_P.AGENT_ID]
    treated = {str(name): set(agents.astype(str)) for name, agents in by_behaviour}
    return treated | ({_C.PAID: set().union(*treated.values())} if treated else {})


def _enough(rows: pd.DataFrame, behaviour: str, least: int) -> set[str]:
    counts = rows.loc[rows[behaviour].notna(), _C.AGENT_ID].value_counts()
    return set(counts.index[counts >= least].astype(str))


def _compared(
    found: Change | None, behaviour: str, advised: set[str], taught: str
) -> list[dict[str, object]]:
    """Return the row over all advised agents, then a row for each of them."""
    index = found.table.index if found else pd.Index([])
    there = np.asarray(index.isin(advised), dtype=bool)
    controls = int((~there).sum())
    if found is None or not there.any() or controls < MIN_CONTROLS:
        return [_row(behaviour, None, 0, controls) | {_F.VERDICT: "not enough evidence"}]
    moved, noise = found.moved.to_numpy(dtype=float), found.table["noise"].to_numpy(dtype=float)
    # How much agents' true levels move by themselves, as a variance.
    centred = moved - np.where(there, moved[there].mean(), moved[~there].mean())
    drift = between_variance(centred, noise, max(len(moved) - 2, 1), centre=0.0)
    groups: list[tuple[str | None, np.typing.NDArray[np.bool_]]] = [(None, there)]
    groups += [(str(a), np.asarray(index == a)) for a in index[there]]
    rows = []
    for agent, chosen in groups:
        own, own_var = _mean(moved[chosen], noise[chosen] + drift)
        rest, rest_var = _mean(moved[~there], noise[~there] + drift)
        reach = scipy.stats.t.ppf(0.975, max(len(moved) - 2, 1)) * np.sqrt(own_var + rest_var)
        levels = found.table[chosen].mean()
        figures = {
            _F.BEFORE: levels["before"],
            _F.AFTER: levels["after"],
            _F.OTHERS: rest,
            _F.CHANGE: own - rest,
            _F.LOW: own - rest - reach,
            _F.HIGH: own - rest + reach,
        }
        verdict = "no clear change"
        if abs(own - rest) > reach:
            verdict = "better" if (own > rest) != (taught == "less") else "worse"
        rows.append(
            _row(behaviour, agent, int(chosen.sum()), controls) | figures | {_F.VERDICT: verdict}
        )
    return rows


def _row(behaviour: str, agent: str | None, agents: int, controls: int) -> dict[str, object]:
    return {
        _F.BEHAVIOUR: behaviour,
        _F.AGENT_ID: agent,
        _F.AGENTS: agents,
        _F.CONTROLS: controls,
    }


def _mean(values: Floats, variances: Floats) -> tuple[float, float]:
    """Return the mean of agents, each as one, and its variance."""
    return float(values.mean()), float(variances.sum()) / len(values) ** 2
