"""The design as one matrix, so that every estimate is a choice of rows and columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple
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
from csinsight.contract.domain import CONTROLS, taught_of
from csinsight.drivers.design import LATE, WHOLE_CONVERSATION, Design
from csinsight.drivers.exposure import (
    CLOCKED,
    Slopes,
    TurnTimes,
    beyond_levels,
    judged_column,
    residualized_exposure,
)
from csinsight.drivers.fixed_effects import (
    CrossProducts,
    FixedEffectsModel,
    cross_products,
    without_levels,
)
from csinsight.drivers.units import Codes, Places, unit_of
from csinsight.drivers.word_index import LEANS, days_differ, told_by_signs, words_by_turn
from csinsight.stats import Floats, Singles

#: The outcome's column.
OUTCOME: Final = "outcome"
#: Before the names of columns that tell of openings, and of the buyer's state in them.
TEXT: Final = "text: "
STATE: Final = "opening: state "
_UNASKED: Final = "unasked "
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
class Block:
    """Some rows of a design matrix, with their exposures.

    Parameters
    ----------
    rows : array (rows,)
        Their places in the matrix.
    names : tuple of str
        Of the columns.
    values : array (rows, k)
    """

    rows: Places
    names: tuple[str, ...]
    values: Floats

    def column(self, name: str) -> Floats:
        """Return one column."""
        return np.asarray(self.values[:, self.names.index(name)])

    def at(self, part: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Block:
        """Return a part of these rows; the whole as it is, which would be dear to copy."""
        rows = self.rows[part]
        return (
            self
            if len(rows) == len(self.rows)
            else replace(self, rows=rows, values=self.values[part])
        )

    def with_columns(self, columns: Mapping[str, Floats]) -> Block:
        """Return these rows with more columns."""
        values = np.column_stack([self.values, *columns.values()])
        return replace(self, names=(*self.names, *columns), values=values)


class OutcomeFit(NamedTuple):
    """The outcome within agents, what comes before any answer there, and the slopes on it."""

    outcome: Floats
    before: Floats
    slopes: Floats


@dataclass(frozen=True, eq=False)
class DesignMatrix:
    """Behaviours, covariates and outcomes side by side, each spoken of by its name.

    Parameters
    ----------
    columns : array (rows, k)
        Behaviours with zero for no opportunity, who had an opportunity from the opening on, words
        shown without any, covariates, texts, states, signs of the buyer's intent, the outcome: in
        what order `names` says.
    names : tuple of str
        Of the columns.
    offered : mapping of str to array (rows,) of bool
        By behaviour who had the opportunity.
    agents : array (rows,)
        Codes; an agent's rows lie together.
    behaviours : tuple of str
    adjust : tuple of str
        What every behaviour is adjusted for, without the signs.
    signs : tuple of str
        Signs of the buyer's intent.
    outcome : str
    browsing : float
        Of what share of inquiries, of the outcome with less, page views are known; 1 where of none.
    turns : mapping of str to TurnTimes
        By the column of what is compared turn by turn, or band by band of the clock; empty
        otherwise.
    states : array (rows, turns, k) or None
        What the buyer had shown before each turn.
    texts : array (rows, turns, k) or None
        What the buyer had written before each turn.
    heard : array (rows,)
        Judged turns there were.
    authors : array (rows, turns) or None
        Who wrote each turn, where colleagues did.
    written : tuple of str
        What share of a conversation each colleague wrote.
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
    offered: Mapping[str, npt.NDArray[np.bool_]]
    agents: Codes
    behaviours: tuple[str, ...]
    adjust: tuple[str, ...]
    signs: tuple[str, ...]
    outcome: str
    browsing: float
    turns: Mapping[str, TurnTimes]
    states: Singles | None
    texts: Singles | None
    heard: Codes
    authors: Codes | None
    written: tuple[str, ...]
    cases: Codes
    weeks: Codes
    days: Codes
    taught: Mapping[str, str]
    unfair: tuple[str, ...]

    @property
    def points(self) -> float:
        """How many points one unit of the outcome is: 100, or one of the score."""
        return 1.0 if self.outcome == "satisfaction" else 100.0

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def values(self, names: Iterable[str], rows: Places) -> Floats:
        """Return some columns of some rows, in the order of `names`."""
        places = np.array([self._places[name] for name in names], dtype=np.intp)
        return np.asarray(self.columns[np.ix_(rows, places)])

    def column(self, name: str) -> Floats:
        """Return one column."""
        return np.asarray(self.columns[:, self._places[name]])

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which rows have the outcome."""
        return ~np.isnan(self.column(OUTCOME))

    def usable(self, behaviour: str) -> npt.NDArray[np.bool_]:
        """Tell which rows had the opportunity and have the outcome."""
        return self.offered[behaviour] & self.known

    def samples(self, block: Block, behaviours: Iterable[str]) -> list[tuple[Block, list[str]]]:
        """Return the rows that each behaviour is estimated on.

        Behaviours with the same opportunities share them, so that cross-products are made once.
        """
        samples: dict[bytes, list[str]] = {}
        for behaviour in behaviours:
            usable = self.usable(behaviour)[block.rows]
            samples.setdefault(usable.tobytes(), []).append(behaviour)
        return [(block.at(np.frombuffer(key, dtype=bool)), b) for key, b in samples.items()]

    def cells(self, rows: Places) -> Codes:
        """Return codes of who is compared with whom: an agent's inquiries of one week.

        Agents have better and worse weeks in all they do, newcomers learn, sales come and go. Of
        one day where what agents say differs by the day. Of four weeks where the inquiries at
        `rows` are too few for weeks, else of the whole time.
        """
        agents = self.agents[rows]
        periods = [(self.days, _A_DAY)] if self.days_differ else []
        for codes, least in [*periods, *((self.weeks // width, _A_CELL) for width in _WEEKS)]:
            both = agents * (int(codes.max(initial=0)) + 1) + codes[rows]
            cells: Codes = np.asarray(np.unique(both, return_inverse=True)[1], dtype=np.int64)
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
            tried, _ = words_by_turn(timed, {behaviour: 1.0}, self.writers, self.cases)
            return np.asarray(tried.sum(axis=1))
        here = np.flatnonzero(self.offered[behaviour])
        found = np.zeros(len(self.agents))
        shown = self.column(behaviour)[here]
        found[here] = beyond_levels(shown, self.agents[here], self.cases[here])[0]
        return found

    @property
    def writers(self) -> Codes:
        """Who wrote each turn, or each conversation where nobody took over."""
        return self.agents if self.authors is None else self.authors

    def told_by_signs(self) -> float:
        """Return what share of what moves an inquiry's words the signs of intent tell.

        NaN where words are not compared by turn, or there are no signs.
        """
        rows = np.flatnonzero(self.known)
        turns = {b: self.turns[b].at(rows) for b in self._leans if b in self.turns}
        signs = [name for name in self.signs if not name.startswith(STATE)]
        if not turns or not signs:
            return float("nan")
        tried, could = words_by_turn(turns, self._leans, self.writers[rows], self.cases[rows])
        cells, given = self.cells(rows), self.before(signs=False)
        both = without_levels(self.values([*given, *signs, OUTCOME], rows), cells)
        known, rest = both[:, : len(given)], both[:, len(given) :]
        rest = rest - known @ _least_squares(known, rest)
        seen, y = rest[:, :-1], rest[:, -1]
        return told_by_signs(tried, could, seen @ _least_squares(seen, y), cells)

    def products(self, block: Block, groups: str = "periods") -> CrossProducts:
        """Return the cross-products of each agent's rows within a model's groups.

        Parameters
        ----------
        block : Block
        groups : {"periods", "agents"}
            As of `csinsight.drivers.fixed_effects.FixedEffectsModel`.
        """
        sizes = self.sizes(block.rows)
        if groups == "agents":
            return cross_products(block.values, block.names, sizes)
        cells = self.cells(block.rows)
        worth = len(block.rows) - (int(cells.max(initial=-1)) + 1) + len(sizes)
        return cross_products(without_levels(block.values, cells), block.names, sizes, worth)

    def sizes(self, rows: Places) -> Codes:
        """Return how many of some rows each agent has."""
        return np.unique(self.agents[rows], return_counts=True)[1].astype(np.int64)

    def model(
        self, behaviour: str, *, signs: bool = True, explains: str = OUTCOME
    ) -> FixedEffectsModel:
        """Return the model of one behaviour.

        A column is its own instrument but for what is compared turn by turn, whose residualized
        exposure stands for it (`block` holds it).

        Parameters
        ----------
        behaviour : str
        signs : bool
            If not, as if nothing were known of the buyer's intent: without its signs, and with
            exposures that don't know the buyer's state before each turn.
        explains : str
            The column that is explained.
        """
        known = (*self.adjust, *self.signs) if signs else self.adjust
        if unit_of(behaviour) == "shown" and behaviour not in self.turns:
            known = (*known, *self.written)
        return FixedEffectsModel(
            explains,
            behaviour,
            tuple(name for name in known if name != behaviour),
            {name: self.exposure(name, signs=signs) for name in self.turns},
            # The next conversation shares the week's mean with this one: within so few, one that
            # ends well takes from the others, which would pass for an effect on them.
            groups="agents" if behaviour in CONTROLS else "periods",
        )

    def exposure(self, behaviour: str, *, signs: bool = True) -> str:
        """Return the column that stands for a behaviour: its residualized exposure, or itself."""
        if behaviour not in self.turns:
            return behaviour
        kind = "exposure" if signs or self.states is None else "without states"
        return f"{behaviour}: {kind}"

    def before(self, *, signs: bool = True) -> tuple[str, ...]:
        """Return what is adjusted for but behaviours; without the signs, if so."""
        known = (*self.adjust, *self.signs) if signs else self.adjust
        return tuple(name for name in known if name not in self.behaviours)

    def outcome_told(self, rows: Places) -> OutcomeFit:
        """Return how what is `before` tells the outcome of some rows."""
        agents = np.unique(self.agents[rows], return_inverse=True)[1].astype(np.int64)
        both = without_levels(self.values([*self.before(), OUTCOME], rows), agents)
        known, y = both[:, :-1], both[:, -1]
        return OutcomeFit(y, known, _least_squares(known, y))

    def block(self, rows: Places) -> Block:
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
        texts = [place for place, name in enumerate(self.names) if name.startswith(TEXT)]
        if texts:
            columns[:, texts[0]] = columns[:, texts] @ self._text_slopes
            columns[:, texts[1:]] = 0.0
        block = Block(rows, self.names, columns)
        return block.with_columns(self._exposures(rows, self._slopes)[0]) if self.turns else block

    @cached_property
    def _whole(self) -> Block:
        """All rows: estimates, alarms and power ask for them, and exposures are dear."""
        block = Block(np.arange(len(self.columns)), self.names, self.columns)
        return block.with_columns(self._exposed[0]) if self.turns else block

    @cached_property
    def _exposed(self) -> tuple[dict[str, Floats], dict[str, Slopes]]:
        return self._exposures(np.arange(len(self.columns)))

    @property
    def _slopes(self) -> dict[str, Slopes]:
        return self._exposed[1]

    @cached_property
    def _text_slopes(self) -> Floats:
        slopes = self.outcome_told(np.flatnonzero(self.known)).slopes
        return np.asarray(slopes[[name.startswith(TEXT) for name in self.before()]])

    def _exposures(
        self, rows: Places, held: Mapping[str, Slopes] | None = None
    ) -> tuple[dict[str, Floats], dict[str, Slopes]]:
        """Return the exposures, and of each its slopes on what was known before the turns."""
        every = [each for each in (self.states, self.texts) if each is not None]
        agents, cases, writers = self.agents[rows], self.cases[rows], self.writers[rows]
        found: dict[str, Floats] = {}
        slopes: dict[str, Slopes] = {}
        for signs in (True, False) if self.states is not None else (True,):
            before = every if signs else every[1:]
            turns = min((each.shape[1] for each in before), default=0)
            known = [
                np.concatenate([e[rows, turn] for e in before], axis=1) for turn in range(turns)
            ]
            # What is done after a silence, or an order, is done to who has said all of it.
            last = np.clip(self.heard[rows], 1, max(turns, 1)) - 1
            final = [np.stack(known)[last, np.arange(len(rows))]] if known else []
            for name, all_times in self.turns.items():
                column, times = self.exposure(name, signs=signs), all_times.at(rows)
                told, who = known, writers
                if name in CLOCKED:
                    told, who = final * int(times.judged.max(initial=0)), agents
                own = None if held is None else held[column]
                exposed = residualized_exposure(times, who, cases, told, own)
                found[column], slopes[column] = exposed
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
_MADE: Final[WeakKeyDictionary[Design, DesignMatrix]] = WeakKeyDictionary()


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


def design_matrix_of(design: Design) -> DesignMatrix:
    """Lay a design out as one matrix, once for all that ask for it.

    Examples
    --------
    >>> from csinsight.sample import sample_design
    >>> plan = sample_design()
    >>> matrix = design_matrix_of(plan)
    >>> matrix.columns.shape[0] == len(plan.rows), matrix.behaviours[:2]
    (True, ('first_response_s', 'mean_response_s'))
    >>> model = matrix.model("greets")
    >>> model.outcome, model.exposure, model.controls[:2]
    ('outcome', 'greets', ('first_response_s', 'polite_words'))
    """
    if design not in _MADE:
        _MADE[design] = _laid_out(design)
    return _MADE[design]


def _least_squares(known: Floats, wanted: Floats) -> Floats:
    """Return the slopes of `wanted` on `known`, whether or not its columns repeat each other."""
    square = np.linalg.pinv(known.T @ known, rcond=1e-9, hermitian=True)
    return np.asarray(square @ (known.T @ wanted))


def _laid_out(design: Design) -> DesignMatrix:
    rows, turns = design.rows, _turns(design)
    parts = _parts(design, turns)
    columns = {part: tuple(map(str, table)) for part, table in parts.items()}
    behaviours = columns["behaviours"]
    companions = (*companions_of(design.family), *columns["chance"], *columns["unasked"])
    return DesignMatrix(
        columns=np.column_stack([part.to_numpy(dtype=float) for part in parts.values()]),
        names=tuple(name for part in columns.values() for name in part),
        offered={name: rows[name].notna().to_numpy() for name in behaviours},
        agents=pd.factorize(rows[Conversations.AGENT_ID])[0].astype(np.int64),
        behaviours=behaviours,
        adjust=(*companions, *columns["controls"], *columns["texts"]),
        signs=(*columns["signs"], *columns["states"]),
        outcome=design.outcome,
        browsing=design.browsing_share or 1.0,
        turns=turns | _unasked(design, columns["unasked"]),
        states=design.states,
        texts=design.texts,
        heard=design.heard,
        authors=design.authors,
        written=columns["written"],
        cases=pd.factorize(rows[Conversations.CATEGORY].fillna(""))[0].astype(np.int64),
        weeks=_days_back(rows[Conversations.STARTED_AT]) // 7,
        days=_days_back(rows[Conversations.STARTED_AT].dt.normalize()),
        taught={name: taught_of(name, design.own) for name in behaviours},
        unfair=design.unfair,
    )


def _parts(design: Design, turns: Mapping[str, TurnTimes]) -> dict[str, pd.DataFrame]:
    """Return the columns of the matrix by what they are for, in their order."""
    rows = design.rows
    values = rows[[*design.family, *design.negative_controls]].astype(float)
    chance = {
        f"chance of {name}": turns[name].since == 1 if name in turns else values[name].notna()
        for name in companions_of(design.family)
    }
    unasked = {
        f"{_UNASKED}{name}": when.notna()
        for name, when in design.unasked.items()
        if name in design.family and when.notna().sum() >= _FEW
    }
    first = () if design.states is None else design.states[:, 0].T
    states = {f"{STATE}{i}": column for i, column in enumerate(first)}
    return {
        "behaviours": values.fillna(0.0),
        "chance": pd.DataFrame(chance, index=rows.index, dtype=float),
        "unasked": pd.DataFrame(unasked, index=rows.index, dtype=float),
        "controls": design.controls,
        "texts": _openings(design),
        "signs": design.signs,
        "states": pd.DataFrame(states, index=rows.index),
        "written": design.written,
        "outcome": rows[[OUTCOME]],
    }


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


def _days_back(started: pd.Series) -> Codes:
    """Return by how many days each began before the last; untimed ones share its day."""
    days = (started.max() - started).dt.days if started.notna().any() else started
    return np.asarray(days.fillna(0), dtype=np.int64)


def _turns(design: Design) -> dict[str, TurnTimes]:
    """Return when each behaviour was first shown and first possible, where turns are compared."""
    if design.turns.shape[1] == 0:
        return {}
    counted = turn_markers(design.turns) if Conversations.TURNS_JUDGED in design.turns else ()
    judged = {b: Conversations.TURNS_JUDGED for b in counted if b not in design.by_conversation}
    judged |= {b: judged_column(b) for b in CLOCKED if judged_column(b) in design.turns}
    times = {
        name: (turn_column(name), opportunity_column(name), last) for name, last in judged.items()
    }
    return {
        name: TurnTimes(*(design.turns[column].to_numpy(dtype=float) for column in columns))
        for name, columns in times.items()
        if name in design.family
    }


def _unasked(design: Design, columns: Iterable[str]) -> dict[str, TurnTimes]:
    """Return the same for words shown without an opportunity, which may come at any turn."""
    if Conversations.TURNS_JUDGED not in design.turns:
        return {}
    last = design.turns[Conversations.TURNS_JUDGED].to_numpy(dtype=float)
    found = {}
    for column in columns:
        name = column.removeprefix(_UNASKED)
        if name not in design.by_conversation:
            never = design.turns[opportunity_column(name)].isna().to_numpy()
            first = design.unasked[name].to_numpy(dtype=float)
            found[column] = TurnTimes(first, np.where(never, 1.0, np.nan), last)
    return found
