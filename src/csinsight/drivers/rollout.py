"""Roll-outs by lot, read: who is coached first is drawn, so that nothing else can be meant.

Coaching starts in waves, at like distances, and which agent belongs to which wave is drawn by lot
(`csinsight.drivers.rollout_lot`). Nothing that agents or buyers do by themselves can follow a lot,
so the comparison needs no covariate and no model (`csinsight.drivers.rollout_lot`).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd

from csinsight.contract import rollouts as contract
from csinsight.contract.artifacts import Conversations, RolloutAgents, Rollouts
from csinsight.contract.rollouts import Rollout
from csinsight.drivers.rollout_lot import (
    Cells,
    between_waves,
    cells_of,
    in_lot_order,
    last_day_after,
    mature_inquiries,
    read_by_lot,
    started_by,
)
from csinsight.drivers.units import as_float
from csinsight.errors import DataError

_C, _R = Conversations, Rollout


def load_rollouts(folder: Path) -> pd.DataFrame:
    """Return the roll-outs of a shop, columns of `csinsight.contract.rollouts.ROLLOUT`.

    Parameters
    ----------
    folder : Path
        Of the shop's tables; without ``rollout.csv`` there are none.

    Raises
    ------
    DataError
        Where the file breaks its contract; a line a fault.

    Examples
    --------
    >>> from pathlib import Path
    >>> load_rollouts(Path("no", "such", "shop")).empty
    True
    """
    frame, faults = contract.read_rollouts(folder)
    if faults:
        raise DataError("\n".join(map(str, faults)))
    return frame.to_pandas()


def read_rollouts(
    conversations: pd.DataFrame,
    rollouts: pd.DataFrame,
    *,
    as_of: datetime,
    sessions: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read every roll-out as far as it may be read.

    Parameters
    ----------
    conversations : DataFrame
        The ``conversations`` artifact.
    rollouts : DataFrame
        Columns of `csinsight.contract.rollouts.ROLLOUT`.
    as_of : datetime
        First moment after the report month.
    sessions : DataFrame or None
        The ``agent_sessions`` artifact: what is shown is that of who wrote it, also where a
        colleague took over; None: that of the conversation's agent. The outcome is the
        conversation's either way.

    Returns
    -------
    rollouts, agents : DataFrame
        Columns of `csinsight.contract.artifacts.Rollouts` and
        `csinsight.contract.artifacts.RolloutAgents`. No effect is read before the end: looking
        often, and stopping when it pleases, finds effects where there are none.

    Examples
    --------
    >>> columns = ["is_inquiry", "mature", "paid", "agent_id", "started_at", "recommends"]
    >>> talks = pd.DataFrame(columns=columns).astype({"started_at": "datetime64[us]"})
    >>> drawn = pd.DataFrame(
    ...     {
    ...         "behaviour": "recommends",
    ...         "agent_id": ["a1", "a2"],
    ...         "starts_on": pd.to_datetime(["2026-11-15", "2026-11-29"]),
    ...         "seed": 7,
    ...     }
    ... )
    >>> found, agents = read_rollouts(talks, drawn, as_of=datetime(2026, 12, 1))
    >>> found[["status", "agents"]].to_dict("records")
    [{'status': 'running', 'agents': 2}]
    """
    named = list(rollouts.groupby([_R.BEHAVIOUR, _R.SEED], sort=False))
    wrote = conversations if sessions is None else sessions
    parts = [_one(conversations, wrote, rows, as_of) for _, rows in named]
    whole = pd.DataFrame([whole for whole, _ in parts], columns=_columns(Rollouts))
    each = [pd.DataFrame(agents) for _, agents in parts]
    columns = _columns(RolloutAgents)
    return whole, pd.concat(each, ignore_index=True) if each else pd.DataFrame(columns=columns)


def _columns(table: type) -> list[str]:
    return [value for name, value in vars(table).items() if name.isupper() and name != "NAME"]


def _one(
    conversations: pd.DataFrame, wrote: pd.DataFrame, rows: pd.DataFrame, as_of: datetime
) -> tuple[dict[str, object], list[dict[str, object]]]:
    behaviour, seed = str(rows[_R.BEHAVIOUR].iloc[0]), int(rows[_R.SEED].iloc[0])
    starts = dict(sorted(zip(rows[_R.AGENT_ID], pd.to_datetime(rows[_R.STARTS_ON]), strict=True)))
    days = sorted(starts.values())
    begin, end = days[0] - between_waves(days), last_day_after(days)
    told, own = (
        mature_inquiries(table, list(starts), begin, min(end, as_of))
        for table in (conversations, wrote)
    )
    as_drawn = [starts[agent] for agent in in_lot_order(list(starts), seed)] == days
    record: dict[str, object] = {
        Rollouts.BEHAVIOUR: behaviour,
        Rollouts.SEED: seed,
        Rollouts.FIRST_START_AT: days[0],
        Rollouts.ENDS_AT: end,
        Rollouts.AGENTS: len(starts),
        Rollouts.INQUIRIES: int(told[behaviour].notna().sum()),
        Rollouts.AS_DRAWN: as_drawn,
    }
    if as_of < end:
        record[Rollouts.STATUS] = "planned" if as_of <= days[0] else "running"
    else:
        record |= _effects(told, own, behaviour, starts, begin, end, seed)
    seen = set(told[_C.AGENT_ID]) if as_of > days[0] else set(starts)
    record[Rollouts.UNSEEN] = sorted(set(starts) - seen)
    return record, _done(own, behaviour, starts, seed)


def _effects(
    told: pd.DataFrame,
    own: pd.DataFrame,
    behaviour: str,
    starts: dict[str, datetime],
    begin: datetime,
    end: datetime,
    seed: int,
) -> dict[str, object]:
    """Return the effect on conversion, on what is shown, and on opportunities, when it is over."""
    agents, weeks = list(starts), (end - begin).days // 7
    started = started_by(starts.values(), begin, weeks)
    had = told[told[behaviour].notna()]
    number, means = cells_of(had, as_float(had[_C.PAID]), agents, weeks)
    wrote = own[own[behaviour].notna()]
    turns, rates = cells_of(wrote, as_float(wrote[behaviour]), agents, weeks)
    all_of_them, offers = cells_of(told, as_float(told[behaviour].notna()), agents, weeks)
    found = read_by_lot(Cells(number, started), seed, means)
    uptake = read_by_lot(Cells(turns, started), seed, rates)
    chances = read_by_lot(Cells(all_of_them, started), seed, offers)
    if found is None or uptake is None or chances is None:
        few = "too few agents or inquiries for a lot to tell anything"
        return {Rollouts.STATUS: "not enough data", Rollouts.REASON: few}
    (paid,), (shown,), (offered,) = found, uptake, chances
    return {
        Rollouts.STATUS: "read",
        Rollouts.EFFECT_PP: 100 * paid.effect,
        Rollouts.LOW_PP: 100 * paid.low,
        Rollouts.HIGH_PP: 100 * paid.high,
        Rollouts.P_VALUE: paid.p_value,
        Rollouts.UPTAKE_PP: 100 * shown.effect,
        Rollouts.UPTAKE_LOW_PP: 100 * shown.low,
        Rollouts.UPTAKE_HIGH_PP: 100 * shown.high,
        Rollouts.OPPORTUNITY_PP: 100 * offered.effect,
        Rollouts.OPPORTUNITY_P: offered.p_value,
    }


def _done(
    told: pd.DataFrame, behaviour: str, starts: dict[str, datetime], seed: int
) -> list[dict[str, object]]:
    """Return by agent what was planned, and what was shown before and after."""
    had = told[told[behaviour].notna()]
    rows = []
    for agent, start in starts.items():
        own = had[had[_C.AGENT_ID] == agent]
        after = (own[_C.STARTED_AT] >= start).to_numpy(dtype=bool)
        shown = as_float(own[behaviour])
        rows.append(
            {
                RolloutAgents.BEHAVIOUR: behaviour,
                RolloutAgents.SEED: seed,
                RolloutAgents.AGENT_ID: agent,
                RolloutAgents.STARTS_AT: start,
                RolloutAgents.OPPORTUNITIES_BEFORE: int((~after).sum()),
                RolloutAgents.SHOWN_BEFORE: float(shown[~after].mean()) if (~after).any() else None,
                RolloutAgents.OPPORTUNITIES_AFTER: int(after.sum()),
                RolloutAgents.SHOWN_AFTER: float(shown[after].mean()) if after.any() else None,
            }
        )
    return rows
