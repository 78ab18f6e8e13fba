"""The design as one matrix, so that every estimate is a choice of rows and columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.artifacts import Conversations, Drivers, opportunity_column, turn_column
from csinsight.contract.domain import TURN_MARKERS
from csinsight.drivers.design import LATE, TESTED_BEHAVIOURS, WHOLE_TALK, Design
from csinsight.drivers.exposure import residualized_exposure
from csinsight.drivers.risk_sets import CLOCKED, judged_column
from csinsight.drivers.units import Floats, unit_of

Places = npt.NDArray[np.intp]
Counts = npt.NDArray[np.int64]

#: The outcome's column.
OUTCOME: Final = "outcome"
#: What a behaviour is adjusted for besides the covariates: its companions in the same talk, without
#: those that the talk's course makes.
COMPANIONS: Final = tuple(b for b in TESTED_BEHAVIOURS if b not in (*LATE, *WHOLE_TALK))


@dataclass(frozen=True)
class DesignMatrix:
    """Behaviours, covariates and outcomes side by side.

    Parameters
    ----------
    columns : array (rows, k)
        Behaviours with zero for no opportunity, who had an opportunity from the opening on,
        covariates, the outcome.
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
    turns : mapping of behaviour to (first shown, first occasion, judged)
        For what is compared turn by turn, or band by band of the clock; empty otherwise.
    cases : array (rows,)
        Codes of the problem category.
    """

    columns: Floats
    names: tuple[str, ...]
    offered: npt.NDArray[np.bool_]
    agents: Counts
    behaviours: tuple[str, ...]
    adjust: tuple[int, ...]
    outcome: str
    turns: Mapping[str, tuple[Floats, Floats, Floats]]
    cases: Counts

    @property
    def points(self) -> float:
        """What one unit of the outcome is called: 100 points, or one of the score."""
        return 1.0 if self.outcome == "satisfaction" else 100.0

    def place(self, name: str) -> int:
        """Return the place of a column."""
        return self.names.index(name)

    def usable(self, behaviour: str) -> npt.NDArray[np.bool_]:
        """Tell which rows had the opportunity and have the outcome."""
        known = ~np.isnan(self.columns[:, self.place(OUTCOME)])
        return np.asarray(self.offered[:, self.behaviours.index(behaviour)] & known)

    def model(self, behaviour: str) -> tuple[Places, Places]:
        """Return the columns of one model, and those of their instruments.

        The model: behaviour, what is adjusted for, outcome. A column is its own instrument but for
        behaviours compared turn by turn, whose surprises stand behind all `columns`, in order.
        """
        own = self.place(behaviour)
        others = [place for place in self.adjust if place != own]
        regressors = [own, *others]
        places = {self.place(b): len(self.names) + i for i, b in enumerate(self.turns)}
        instruments = [places.get(place, place) for place in regressors]
        regressors.append(self.place(OUTCOME))
        return np.array(regressors, dtype=np.intp), np.array(instruments, dtype=np.intp)

    def known_before(self) -> Places:
        """Return the places of what was there before any word: occasions and covariates."""
        return np.arange(len(self.behaviours), self.place(OUTCOME), dtype=np.intp)

    def block(self, rows: Places) -> Floats:
        """Return some rows with their residualized exposures, seen within those rows only."""
        whole = len(rows) == len(self.columns)
        columns = self.columns if whole else self.columns[rows]
        if not self.turns:
            return columns
        agents, cases = self.agents[rows], self.cases[rows]
        unexpected = [
            residualized_exposure(first[rows], since[rows], judged[rows], agents, cases)
            for first, since, judged in self.turns.values()
        ]
        return np.column_stack([columns, *unexpected])

    def comparable(self, behaviour: str) -> bool:
        """Tell whether inquiries of either outcome gave the same chance to show it."""
        return self.outcome == "satisfaction" or behaviour not in WHOLE_TALK

    def describe(self, behaviour: str, values: Floats) -> dict[str, object]:
        """Return what is known of a sample before any estimate."""
        shown = int((values == 1).sum()) if unit_of(behaviour) == "shown" else None
        return {
            Drivers.BEHAVIOUR: behaviour,
            Drivers.OUTCOME: self.outcome,
            Drivers.UNIT: unit_of(behaviour),
            Drivers.N: len(values),
            Drivers.SHOWN: shown,
        }


def design_matrix_of(design: Design, *, together: bool) -> DesignMatrix:
    """Lay a design out as one matrix; `together` adjusts for the companions in the same talk."""
    rows = design.rows
    behaviours = (*design.family, *design.negative_controls)
    values = rows[list(behaviours)].to_numpy(dtype=float)
    offered = ~np.isnan(values)
    companions = [behaviours.index(b) for b in COMPANIONS if b in behaviours]
    controls = design.controls.to_numpy(dtype=float)
    outcome = rows[[OUTCOME]].to_numpy(dtype=float)
    turns = _turns(design)
    chance = np.column_stack(
        [turns[b][1] == 1 if b in turns else offered[:, behaviours.index(b)] for b in behaviours]
    )[:, companions].astype(float)
    names = (
        *behaviours,
        *[f"chance of {behaviours[place]}" for place in companions],
        *design.controls.columns,
        OUTCOME,
    )
    width = len(behaviours)
    extra = [*companions, *range(width, width + len(companions))] if together else []
    first = width + len(companions)
    return DesignMatrix(
        columns=np.column_stack([np.where(offered, values, 0.0), chance, controls, outcome]),
        names=names,
        offered=offered,
        agents=pd.factorize(rows[Conversations.AGENT_ID])[0].astype(np.int64),
        behaviours=behaviours,
        adjust=(*extra, *range(first, first + controls.shape[1])),
        outcome=design.outcome,
        turns=turns,
        cases=pd.factorize(rows[Conversations.CATEGORY].fillna(""))[0].astype(np.int64),
    )


def _turns(design: Design) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Return when each behaviour was first shown and first possible, where turns are compared."""
    if design.turns.shape[1] == 0:
        return {}
    counted = TURN_MARKERS if Conversations.TURNS_JUDGED in design.turns else ()
    judged = dict.fromkeys(counted, Conversations.TURNS_JUDGED)
    judged |= {b: judged_column(b) for b in CLOCKED if judged_column(b) in design.turns}
    return {
        name: (
            design.turns[turn_column(name)].to_numpy(dtype=float),
            design.turns[opportunity_column(name)].to_numpy(dtype=float),
            design.turns[last].to_numpy(dtype=float),
        )
        for name, last in judged.items()
        if name in design.family
    }
