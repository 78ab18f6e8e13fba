"""The design as one matrix, so that every estimate is a choice of rows and columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.artifacts import Conversations, Drivers
from csinsight.drivers.design import FAMILY, LATE, WHOLE_TALK, Design
from csinsight.drivers.scales import Floats, unit_of

Places = npt.NDArray[np.intp]
Counts = npt.NDArray[np.int64]

#: What a behaviour is adjusted for besides the covariates: its companions in the same talk, without
#: those that the talk's course makes.
COMPANIONS: Final = tuple(b for b in FAMILY if b not in (*LATE, *WHOLE_TALK))


@dataclass(frozen=True)
class Bench:
    """Behaviours, covariates and outcomes side by side.

    Parameters
    ----------
    columns : array (rows, k)
        Behaviours with zero for no opportunity, who had an opportunity, covariates, outcomes.
    names : tuple of str
        Of the columns.
    offered : array (rows, behaviours) of bool
        Opportunity, in the order of `behaviours`.
    agents : array (rows,)
        Codes; an agent's rows lie together.
    behaviours : tuple of str
    adjust : tuple of int
        Places of what every behaviour is adjusted for.
    outcome : str
    """

    columns: Floats
    names: tuple[str, ...]
    offered: npt.NDArray[np.bool_]
    agents: Counts
    behaviours: tuple[str, ...]
    adjust: tuple[int, ...]
    outcome: str

    @property
    def points(self) -> float:
        """What one unit of the outcome is called: 100 points, or one of the score."""
        return 1.0 if self.outcome == "satisfaction" else 100.0

    def place(self, name: str) -> int:
        """Return the place of a column."""
        return self.names.index(name)

    def outcome_of(self, behaviour: str) -> str:
        """Return the outcome's column: reminders of payment are judged on payment."""
        reminder = behaviour == "reminds_payment" and self.outcome != "satisfaction"
        return _PAID if reminder else _OUTCOME

    def usable(self, behaviour: str) -> npt.NDArray[np.bool_]:
        """Tell which rows had the opportunity and have the outcome."""
        known = ~np.isnan(self.columns[:, self.place(self.outcome_of(behaviour))])
        return np.asarray(self.offered[:, self.behaviours.index(behaviour)] & known)

    def model(self, behaviour: str) -> Places:
        """Return the columns of one model: behaviour, what is adjusted for, outcome."""
        own = self.place(behaviour)
        others = [place for place in self.adjust if place != own]
        return np.array([own, *others, self.place(self.outcome_of(behaviour))], dtype=np.intp)

    def comparable(self, behaviour: str) -> bool:
        """Tell whether inquiries of either outcome gave the same chance to show it."""
        return self.outcome == "satisfaction" or behaviour not in WHOLE_TALK

    def describe(self, behaviour: str, values: Floats) -> dict[str, object]:
        """Return what is known of a sample before any estimate."""
        shown = int((values == 1).sum()) if unit_of(behaviour) == "shown" else None
        paid = self.outcome_of(behaviour) == _PAID
        return {
            Drivers.BEHAVIOUR: behaviour,
            Drivers.OUTCOME: Conversations.PAID if paid else self.outcome,
            Drivers.UNIT: unit_of(behaviour),
            Drivers.N: len(values),
            Drivers.SHOWN: shown,
        }


_OUTCOME: Final = "outcome"
_PAID: Final = "outcome: paid"


def lay_out(design: Design, *, together: bool) -> Bench:
    """Lay a design out as one matrix; `together` adjusts for the companions in the same talk."""
    rows = design.rows
    behaviours = (*design.family, *design.negative_controls)
    values = rows[list(behaviours)].to_numpy(dtype=float)
    offered = ~np.isnan(values)
    companions = [behaviours.index(b) for b in COMPANIONS if b in behaviours]
    chance = offered[:, companions].astype(float)
    controls = design.controls.to_numpy(dtype=float)
    outcomes = rows[[_OUTCOME, Conversations.PAID]].to_numpy(dtype=float)
    names = (
        *behaviours,
        *[f"chance of {behaviours[place]}" for place in companions],
        *design.controls.columns,
        _OUTCOME,
        _PAID,
    )
    width = len(behaviours)
    extra = [*companions, *range(width, width + len(companions))] if together else []
    first = width + len(companions)
    return Bench(
        columns=np.column_stack([np.where(offered, values, 0.0), chance, controls, outcomes]),
        names=names,
        offered=offered,
        agents=pd.factorize(rows[Conversations.AGENT_ID])[0].astype(np.int64),
        behaviours=behaviours,
        adjust=(*extra, *range(first, first + controls.shape[1])),
        outcome=design.outcome,
    )
