"""The design as one matrix, so that every estimate is a choice of rows and columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.artifacts import (
    Conversations,
    Drivers,
    opportunity_column,
    turn_column,
    turn_markers,
)
from csinsight.contract.domain import taught_of
from csinsight.drivers.design import LATE, WHOLE_CONVERSATION, Design
from csinsight.drivers.exposure import (
    CLOCKED,
    Slopes,
    beyond_levels,
    judged_column,
    residualized_exposure,
)
from csinsight.drivers.fixed_effects import cross_products, without_levels
from csinsight.drivers.units import Floats, Singles, unit_of
from csinsight.drivers.word_index import LEANS, days_differ, told_by_signs, words_by_turn

Places = npt.NDArray[np.intp]
Counts = npt.NDArray[np.int64]

#: The outcome's column.
OUTCOME: Final = "outcome"
#: Before the names of columns that tell of openings, and of the buyer's state in them.
TEXT: Final = "text: "
STATE: Final = "opening: state "
#: Never a companion: what the conversation's course makes.
_APART: Final = (*LATE, *WHOLE_CONVERSATION)
#: Weeks that make a period in which an agent is compared with themselves, the finest first, and
#: how many inquiries such a cell has to hold on average.
_WEEKS: Final = (1, 4)
_A_CELL: Final = 20
#: The same of a day, where agents' words differ by the day: a third of what inquiries tell is lost
#: with so few, and more is not worth it.
_A_DAY: Final = 3
#: A number that tells of openings is adjusted for from this t of its link with the outcome on.
_BEARS: Final = 1.3
#: Shown fewer times than this without an opportunity, a word is no column of its own.
_FEW: Final = 30


@dataclass(frozen=True, eq=False)
class DesignMatrix:
    """Behaviours, covariates and outcomes side by side.

    Parameters
    ----------
    columns : array (rows, k)
        Behaviours with zero for no opportunity, who had an opportunity from the opening on, words
        shown without any, covariates, signs of the buyer's intent, the outcome.
    names : tuple of str
        Of the columns.
    offered : array (rows, behaviours) of bool
        Opportunity, in the order of `behaviours`.
    agents : array (rows,)
        Codes; an agent's rows lie together.
    behaviours : tuple of str
    adjust : tuple of int
        Places of what every behaviour is adjusted for, without the signs.
    signs : tuple of int
        Places of the signs of the buyer's intent.
    outcome : str
    browsing : float
        Of what share of inquiries, of the outcome with less, page views are known; 1 where of none.
    turns : mapping of column to (first shown, first opportunity, judged)
        For what is compared turn by turn, or band by band of the clock; empty otherwise.
    states : array (rows, turns, k) or None
        What the buyer had shown before each turn.
    texts : array (rows, turns, k) or None
        What the buyer had written before each turn.
    heard : array (rows,)
        Judged turns there were.
    authors : array (rows, turns) or None
        Who wrote each turn, where colleagues did.
    written : tuple of int
        Places of what share of a conversation each colleague wrote.
    cases : array (rows,)
        Codes of the problem category.
    weeks : array (rows,)
        Codes of the week in which each began; zeros for an untimed source.
    days : array (rows,)
        The same of the calendar day.
    taught : mapping of str to str
        By behaviour what is taught of it (`csinsight.contract.domain.TAUGHT`).
    unfair : tuple of str
        Behaviours that no comparison is fair to.
    """

    columns: Floats
    names: tuple[str, ...]
    offered: npt.NDArray[np.bool_]
    agents: Counts
    behaviours: tuple[str, ...]
    adjust: tuple[int, ...]
    signs: tuple[int, ...]
    outcome: str
    browsing: float
    turns: Mapping[str, tuple[Floats, Floats, Floats]]
    states: Singles | None
    texts: Singles | None
    heard: Counts
    authors: Counts | None
    written: tuple[int, ...]
    cases: Counts
    weeks: Counts
    days: Counts
    taught: Mapping[str, str]
    unfair: tuple[str, ...]

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

    def cells(self, rows: Places) -> Counts:
        """Return codes of who is compared with whom: an agent's inquiries of one week.

        Agents have better and worse weeks in all they do, newcomers learn, sales come and go. Of
        one day where what agents say differs by the day. Of four weeks where the inquiries at
        `rows` are too few for weeks, else of the whole time.
        """
        agents = self.agents[rows]
        periods = [(self.days, _A_DAY)] if self.days_differ else []
        for codes, least in [*periods, *((self.weeks // width, _A_CELL) for width in _WEEKS)]:
            both = agents * (int(codes.max(initial=0)) + 1) + codes[rows]
            cells: Counts = np.asarray(np.unique(both, return_inverse=True)[1], dtype=np.int64)
            if len(rows) >= least * (int(cells.max(initial=0)) + 1):
                return cells
        return np.asarray(np.unique(agents, return_inverse=True)[1], dtype=np.int64)

    @cached_property
    def days_differ(self) -> bool:
        """Tell whether what agents say differs by the day, beyond their weeks."""
        words = [b for b in self.behaviours if b in self._leans]
        said = [np.nan_to_num(self._beyond(b)) * self._leans[b] for b in words]
        return bool(said) and days_differ(np.sum(said, axis=0), self.agents, self.days)

    @cached_property
    def _leans(self) -> dict[str, float]:
        """How the words that may be companions lean."""
        words = [b for b in companions_of(self.behaviours) if unit_of(b) == "shown"]
        return {b: LEANS[self.taught[b]] for b in words}

    def _beyond(self, behaviour: str) -> Floats:
        """Return by how much each inquiry shows a behaviour beyond its agent and problem."""
        if behaviour in self.turns:
            timed = {behaviour: self.turns[behaviour]}
            tried, _ = words_by_turn(timed, {behaviour: 1.0}, self._by, self.cases)
            return np.asarray(tried.sum(axis=1))
        here = np.flatnonzero(self.offered[:, self.behaviours.index(behaviour)])
        found = np.zeros(len(self.agents))
        shown = self.columns[here, self.place(behaviour)]
        found[here] = beyond_levels(shown, self.agents[here], self.cases[here])[0]
        return found

    @property
    def _by(self) -> Counts:
        return self.agents if self.authors is None else self.authors

    def told_by_signs(self) -> float:
        """Return what share of what moves an inquiry's words the signs of intent tell.

        NaN where words are not compared by turn, or there are no signs.
        """
        rows = np.flatnonzero(~np.isnan(self.columns[:, self.place(OUTCOME)]))
        by_turn = {b: self.turns[b] for b in self._leans if b in self.turns}
        turns = {b: (f[rows], s[rows], j[rows]) for b, (f, s, j) in by_turn.items()}
        signs = [p for p in self.signs if not self.names[p].startswith(STATE)]
        if not turns or not signs:
            return float("nan")
        tried, could = words_by_turn(turns, self._leans, self._by[rows], self.cases[rows])
        cells, given = self.cells(rows), self.before(signs=False)
        wanted = [*given, *signs, self.place(OUTCOME)]
        both = without_levels(self.columns[np.ix_(rows, wanted)], cells)
        known, rest = both[:, : len(given)], both[:, len(given) :]
        square = np.linalg.pinv(known.T @ known, rcond=1e-9, hermitian=True)
        rest = rest - known @ (square @ (known.T @ rest))
        seen, y = rest[:, :-1], rest[:, -1]
        slopes = np.linalg.pinv(seen.T @ seen, rcond=1e-9, hermitian=True) @ (seen.T @ y)
        return told_by_signs(tried, could, seen @ slopes, cells)

    def products(self, columns: Floats, rows: Places, *, weekly: bool = True) -> tuple[Floats, int]:
        """Return the cross-products of each agent's `columns` at `rows` within `cells`.

        And how many rows they are worth: each cell but one of an agent costs one. Not `weekly`:
        within agents over the whole time.
        """
        if not weekly:
            sizes = np.unique(self.agents[rows], return_counts=True)[1].astype(np.int64)
            return cross_products(columns, sizes), len(rows)
        cells = self.cells(rows)
        sizes = np.unique(self.agents[rows], return_counts=True)[1].astype(np.int64)
        worth = len(rows) - (int(cells.max(initial=-1)) + 1) + len(sizes)
        return cross_products(without_levels(columns, cells), sizes), worth

    def model(
        self, behaviour: str, *, plain: bool = False, outcome: int | None = None
    ) -> tuple[Places, Places]:
        """Return the columns of one model, and those of their instruments.

        The model: behaviour, what is adjusted for, outcome. A column is its own instrument but for
        what is compared turn by turn, whose residualized exposures stand behind all `columns`, in
        order.

        Parameters
        ----------
        behaviour : str
        plain : bool
            As if nothing were known of the buyer's intent: without the signs, and with exposures
            that don't know the buyer's state before each turn.
        outcome : int or None
            Place of another outcome.
        """
        own = self.place(behaviour)
        known = self.adjust if plain else (*self.adjust, *self.signs)
        if unit_of(behaviour) == "shown" and behaviour not in self.turns:
            known = (*known, *self.written)
        regressors = [own, *(place for place in known if place != own)]
        first = len(self.names) + (len(self.turns) if plain and self.states is not None else 0)
        places = {self.place(b): first + i for i, b in enumerate(self.turns)}
        instruments = [places.get(place, place) for place in regressors]
        regressors.append(self.place(OUTCOME) if outcome is None else outcome)
        return np.array(regressors, dtype=np.intp), np.array(instruments, dtype=np.intp)

    def before(self, *, signs: bool = True) -> Places:
        """Return the places of what is adjusted for but behaviours; without the signs, if so."""
        known = (*self.adjust, *self.signs) if signs else self.adjust
        apart = [place for place in known if self.names[place] not in self.behaviours]
        return np.array(apart, dtype=np.intp)

    def outcome_told(self, rows: Places) -> tuple[Floats, Floats, Floats]:
        """Return the outcome within agents, what `before` is there, and the slopes on it."""
        agents = np.unique(self.agents[rows], return_inverse=True)[1].astype(np.int64)
        wanted = [*self.before(), self.place(OUTCOME)]
        both = without_levels(self.columns[np.ix_(rows, wanted)], agents)
        known, y = both[:, :-1], both[:, -1]
        square = np.linalg.pinv(known.T @ known, rcond=1e-9, hermitian=True)
        return y, known, square @ (known.T @ y)

    def block(self, rows: Places) -> Floats:
        """Return some rows with their residualized exposures.

        Where the buyer's states are known, exposures that know them come first, those that don't
        after them. A part of the rows is compared within itself, but what buyers' texts say of
        words and outcomes is held from all: so many numbers as tell of a text would take up what a
        part has to tell. In a part the first of the openings' columns is their sum by those slopes,
        the others are empty.
        """
        if len(rows) == len(self.columns):
            return self._whole
        columns = self.columns[rows]
        texts = [p for p, name in enumerate(self.names) if name.startswith(TEXT)]
        if texts:
            columns[:, texts[0]] = columns[:, texts] @ self._text_slopes
            columns[:, texts[1:]] = 0.0
        if not self.turns:
            return columns
        held = self._exposed[1]
        return np.column_stack([columns, *self._exposures(rows, held)[0]])

    @cached_property
    def _whole(self) -> Floats:
        """All rows: estimates, alarms and power ask for them, and exposures are dear."""
        return np.column_stack([self.columns, *self._exposed[0]]) if self.turns else self.columns

    @cached_property
    def _exposed(self) -> tuple[list[Floats], list[Slopes]]:
        return self._exposures(np.arange(len(self.columns)))

    @cached_property
    def _text_slopes(self) -> Floats:
        slopes = self.outcome_told(np.flatnonzero(~np.isnan(self.columns[:, self.place(OUTCOME)])))[
            2
        ]
        texts = [self.names[place].startswith(TEXT) for place in self.before()]
        return np.asarray(slopes[texts])

    def _exposures(
        self, rows: Places, held: Sequence[Slopes] | None = None
    ) -> tuple[list[Floats], list[Slopes]]:
        """Return the exposures, and by each its slopes on what was known before the turns."""
        every = [each for each in (self.states, self.texts) if each is not None]
        agents, cases = self.agents[rows], self.cases[rows]
        by = agents if self.authors is None else self.authors[rows]
        found: list[Floats] = []
        slopes: list[Slopes] = []
        for before in [every, every[1:]] if self.states is not None else [every]:
            turns = min((each.shape[1] for each in before), default=0)
            known = [
                np.concatenate([e[rows, turn] for e in before], axis=1) for turn in range(turns)
            ]
            # What is done after a silence, or an order, is done to who has said all of it.
            last = np.clip(self.heard[rows], 1, max(turns, 1)) - 1
            final = [np.stack(known)[last, np.arange(len(rows))]] if known else []
            for name, times in self.turns.items():
                first, since, judged = (each[rows] for each in times)
                told, who = known, by
                if name in CLOCKED:
                    told, who = final * int(judged.max(initial=0)), agents
                own = None if held is None else held[len(found)]
                exposure, slope = residualized_exposure(first, since, judged, who, cases, told, own)
                found.append(exposure)
                slopes.append(slope)
        return found, slopes

    def comparable(self, behaviour: str) -> bool:
        """Tell whether inquiries of either outcome gave the same chance to show it."""
        unequal = (*WHOLE_CONVERSATION, *self.unfair)
        return self.outcome == "satisfaction" or behaviour not in unequal

    def describe(self, behaviour: str, values: Floats) -> dict[str, object]:
        """Return what is known of a sample before any estimate."""
        shown = int((values == 1).sum()) if unit_of(behaviour) == "shown" else None
        return {
            Drivers.BEHAVIOUR: behaviour,
            Drivers.OUTCOME: self.outcome,
            Drivers.UNIT: unit_of(behaviour),
            Drivers.N: len(values),
            Drivers.SHOWN: shown,
            Drivers.TAUGHT: self.taught[behaviour],
        }


#: Estimates, checks and power of one design share its matrix for as long as the design is there.
_MADE: Final[WeakKeyDictionary[Design, dict[bool, DesignMatrix]]] = WeakKeyDictionary()


def companions_of(family: Iterable[str]) -> list[str]:
    """Return what a behaviour is adjusted for besides the covariates.

    These are its companions in the same conversation, without those that the conversation's course
    makes.

    Examples
    --------
    An apology is made by the wait before it, so nothing is adjusted for apologies:

    >>> companions_of(["greets", "apologizes", "recommends"])
    ['greets', 'recommends']
    """
    return [name for name in family if name not in _APART]


def design_matrix_of(design: Design, *, together: bool) -> DesignMatrix:
    """Lay a design out as one matrix; `together` adjusts for the companions in the conversation.

    Examples
    --------
    >>> from csinsight.sample import sample_design
    >>> plan = sample_design()
    >>> matrix = design_matrix_of(plan, together=True)
    >>> matrix.columns.shape[0] == len(plan.rows), matrix.behaviours[:2]
    (True, ('first_response_s', 'mean_response_s'))
    """
    made = _MADE.setdefault(design, {})
    if together not in made:
        made[together] = _laid_out(design, together)
    return made[together]


def _laid_out(design: Design, together: bool) -> DesignMatrix:
    rows = design.rows
    behaviours = (*design.family, *design.negative_controls)
    values = rows[list(behaviours)].to_numpy(dtype=float)
    offered = ~np.isnan(values)
    companions = [behaviours.index(b) for b in companions_of(design.family)]
    turns = _turns(design)
    chance = np.column_stack(
        [turns[b][1] == 1 if b in turns else offered[:, behaviours.index(b)] for b in behaviours]
    )[:, companions].astype(float)
    unasked = {
        f"unasked {name}": design.unasked[name].notna().to_numpy(dtype=float)
        for name in design.unasked
        if name in design.family and design.unasked[name].notna().sum() >= _FEW
    }
    states = {}
    if design.states is not None:
        first = design.states[:, 0].T
        states = {f"{STATE}{i}": column for i, column in enumerate(first)}
    parts = {
        "behaviours": pd.DataFrame(np.where(offered, values, 0.0), columns=behaviours),
        "chance": pd.DataFrame(chance, columns=[f"chance of {behaviours[i]}" for i in companions]),
        "unasked": pd.DataFrame(unasked, index=rows.index),
        "controls": design.controls,
        "texts": _openings(design),
        "signs": design.signs,
        "states": pd.DataFrame(states, index=rows.index),
        "written": design.written,
        "outcome": rows[[OUTCOME]],
    }
    names = tuple(str(name) for part in parts.values() for name in part)
    ends = np.cumsum([part.shape[1] for part in parts.values()])
    spans = {
        name: tuple(range(end - part.shape[1], end))
        for (name, part), end in zip(parts.items(), ends, strict=True)
    }
    extra = (*companions, *spans["chance"], *spans["unasked"]) if together else ()
    return DesignMatrix(
        columns=np.column_stack([part.to_numpy(dtype=float) for part in parts.values()]),
        names=names,
        offered=offered,
        agents=pd.factorize(rows[Conversations.AGENT_ID])[0].astype(np.int64),
        behaviours=behaviours,
        adjust=(*extra, *spans["controls"], *spans["texts"]),
        signs=(*spans["signs"], *spans["states"]),
        outcome=design.outcome,
        browsing=design.browsing_share or 1.0,
        turns=turns | _unasked(design, list(unasked)),
        states=design.states,
        texts=design.texts,
        heard=design.heard,
        authors=design.authors,
        written=spans["written"],
        cases=pd.factorize(rows[Conversations.CATEGORY].fillna(""))[0].astype(np.int64),
        weeks=_weeks(rows[Conversations.STARTED_AT]),
        days=_days(rows[Conversations.STARTED_AT]),
        taught={name: taught_of(name, design.own) for name in behaviours},
        unfair=design.unfair,
    )


def _openings(design: Design) -> pd.DataFrame:
    """Return what tells of openings, as far as an agent's inquiries end otherwise by it.

    What has no bearing on the outcome confounds nothing, and widens the jackknife's intervals.
    """
    if design.opening is None:
        return pd.DataFrame(index=design.rows.index)
    both = pd.DataFrame(design.opening.astype(float)).assign(y=design.rows[OUTCOME].to_numpy())
    both = both[both["y"].notna()]
    agents = design.rows[Conversations.AGENT_ID].to_numpy()[both.index]
    left = (both - both.groupby(agents).transform("mean")).to_numpy()
    texts, y = left[:, :-1], left[:, -1]
    spread = np.sqrt((texts**2).sum(axis=0) * (y**2).sum())
    t = np.sqrt(len(y)) * np.abs(texts.T @ y) / np.maximum(spread, 1e-12)
    kept = {f"{TEXT}{i}": design.opening[:, i] for i in np.flatnonzero(t > _BEARS)}
    return pd.DataFrame(kept, index=design.rows.index, dtype=float)


def _weeks(started: pd.Series) -> Counts:
    """Return the week of each inquiry, counted back from the last; untimed ones share the last."""
    days = (started.max() - started).dt.days if started.notna().any() else started
    return np.asarray(days.fillna(0), dtype=np.int64) // 7


def _days(started: pd.Series) -> Counts:
    """Return the calendar day of each inquiry, counted back from the last, which untimed share."""
    days = (started.max() - started.dt.normalize()).dt.days if started.notna().any() else started
    return np.asarray(days.fillna(0), dtype=np.int64)


def _turns(design: Design) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Return when each behaviour was first shown and first possible, where turns are compared."""
    if design.turns.shape[1] == 0:
        return {}
    counted = turn_markers(design.turns) if Conversations.TURNS_JUDGED in design.turns else ()
    judged = {b: Conversations.TURNS_JUDGED for b in counted if b not in design.by_conversation}
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


def _unasked(design: Design, columns: list[str]) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Return the same for words shown without an opportunity, which may come at any turn."""
    if Conversations.TURNS_JUDGED not in design.turns:
        return {}
    last = design.turns[Conversations.TURNS_JUDGED].to_numpy(dtype=float)
    found = {}
    for column in columns:
        name = column.removeprefix("unasked ")
        if name not in design.by_conversation:
            never = design.turns[opportunity_column(name)].isna().to_numpy()
            first = design.unasked[name].to_numpy(dtype=float)
            found[column] = (first, np.where(never, 1.0, np.nan), last)
    return found
