"""Equal exposure: long conversations and short ones compared fairly, each behaviour by its own way.

By turns: conversations that last longer give more chance to show anything, and hesitant buyers stay
longer and order less: whatever is counted over the whole window before the outcome looks harmful.
So at every agent turn at which a behaviour is possible and was not shown yet, it is compared with
the same agent's same turn in all other conversations: 1 minus the share where it was first shown,
minus the share where it was not. Summed over a conversation's turns, these residuals are free of
its length, and of what the buyer had shown before each turn where that is known. The sum is the
instrument for "was shown at all" (`csinsight.drivers.fixed_effects`).

By conversations, as covariate balance tells: where a behaviour is shown once a conversation or not
at all, wherever it falls, long conversations show no more of it but spread it over more turns; a
show at a given turn then speaks of a short conversation, and conversations themselves are compared.
Which of the two holds is told for each behaviour by its own balance: those who showed it and those
who did not should have had conversations of like length. No outcome is looked at for that. What
neither is fair to is not judged.

By the clock, in risk sets: an agent can only remind, or come back to, a buyer who has not yet paid
or returned by themselves. Buyers who do so soon are therefore never reminded, and whoever is
reminded looks slow to pay. So time since the order, or since the silence began, is cut into bands,
each a quarter longer than the one before, and in each band those still waited for are compared:
done now, or not (yet). These bands take the place of agent turns.

References
----------
Robins (1994), "Correcting for non-compliance in randomized trials using structural nested mean
models", Communications in Statistics 23: g-estimation, of which this is the linear case with one
treatment start a turn. Hernán, Robins (2020), "Causal Inference: What If", chapter 21.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from csinsight.contract.artifacts import (
    BuyerStates,
    Conversations,
    opportunity_column,
    turn_column,
    turn_markers,
)
from csinsight.contract.domain import TURN_MARKERS
from csinsight.drivers.units import Codes, Places, as_float
from csinsight.stats import Floats, Singles

_C = Conversations
_S = BuyerStates

#: ``turns`` and ``conversations`` are told above; ``landmark`` compares conversations that reach k
#: agent turns, read over the first k; ``window`` counts all that came before the outcome.
Exposure = Literal["turns", "conversations", "landmark", "window"]

#: Turns that fewer of the conversations than this reach are not compared.
LEAST_REACHING: Final = 0.02
#: Rounds of taking out agents', situations' and states' levels in turn; they settle fast.
_SWEEPS: Final = 4
#: Share of inquiries that have to reach the landmark.
REACHED: Final = 0.80
NEEDED: Final = (
    Conversations.TURNS_JUDGED,
    *(turn_column(b) for b in TURN_MARKERS),
    *(opportunity_column(b) for b in TURN_MARKERS),
)


#: By turn, what a word's chance goes up by with each number known before it.
Slopes = Mapping[int, Singles]


class TurnTimes(NamedTuple):
    """When one behaviour was possible and shown, by conversation; NaN where never.

    Parameters
    ----------
    first, since : array (conversations,)
        Agent turn, or band of the clock, first shown, and first possible.
    judged : array (conversations,)
        Turns or bands that count.
    """

    first: Floats
    since: Floats
    judged: Floats

    def at(self, rows: Places) -> TurnTimes:
        """Return those of some conversations."""
        return TurnTimes(*(each[rows] for each in self))


class RiskSet(NamedTuple):
    """Who could show a behaviour for the first time at one turn.

    Parameters
    ----------
    turn : int
    places : array (at risk,)
        Conversations that reach the turn with the behaviour possible and not shown before.
    shown : array (at risk,)
        1 for who shows it now.
    situations : array (at risk,)
        Codes of like opportunities.
    """

    turn: int
    places: Places
    shown: Floats
    situations: Codes


def residualized_exposure(
    times: TurnTimes,
    agents: Codes,
    cases: Codes,
    states: Sequence[Singles] = (),
    held: Slopes | None = None,
) -> tuple[Floats, Slopes]:
    """Return by how much each conversation showed one behaviour beyond what its agent does.

    Parameters
    ----------
    times : TurnTimes
    agents : array (conversations,) or (conversations, turns)
        Codes from 0 of the agent, or of who wrote each turn (`authors_of`).
    cases : array (conversations,)
        Codes from 0 of the problem that the buyer came with.
    states : sequence of array (conversations, k)
        For each turn what the buyer had shown and written before it, zero where not known.
    held : mapping of int to array (k,), optional
        Slopes on the states that were learnt from more conversations than these.

    Returns
    -------
    tuple of array (conversations,), mapping of int to array (k,)
        The first sums to zero over each agent's turns and over each problem's conversations; the
        slopes on the states, by turn.

    Examples
    --------
    Two of one agent's four conversations show it in their only turn:

    >>> import numpy as np
    >>> one, same = np.ones(4), np.zeros(4, dtype=np.int64)
    >>> times = TurnTimes(np.array([1, 1, np.nan, np.nan]), one, one)
    >>> residualized_exposure(times, same, same)[0].tolist()
    [0.5, 0.5, -0.5, -0.5]
    """
    total = np.zeros(len(times.first))
    slopes: dict[int, Singles] = {}
    for turn, here, shown, situations in turns_at_risk(times, cases):
        known = states[turn - 1][here] if turn <= len(states) else None
        by = authors_of(agents, here, turn)
        if held is None or known is None:
            left, slopes[turn] = beyond_levels(shown, by, situations, known)
        else:
            # What few conversations would have to tell of many numbers is known from more.
            told = known @ held[turn] if turn in held else 0.0
            left, _ = beyond_levels(shown - told, by, situations)
        total[here] += left
    return total, slopes


def authors_of(agents: Codes, here: Places, turn: int) -> Codes:
    """Return who wrote a turn of some conversations: their agents, where nobody took over.

    Examples
    --------
    >>> taken_over = np.array([[0, 1], [0, 0]])
    >>> authors_of(taken_over, np.array([0, 1]), 2).tolist()
    [1, 0]
    >>> authors_of(taken_over[:, 0], np.array([0, 1]), 2).tolist()
    [0, 0]
    """
    if agents.ndim == 1:
        return agents[here]
    return np.asarray(agents[here, min(turn, agents.shape[1]) - 1])


def turns_at_risk(times: TurnTimes, cases: Codes) -> Iterator[RiskSet]:
    """Yield each turn at which some showed a behaviour for the first time and some did not.

    Examples
    --------
    Of three conversations the first shows it at once, the second at its second turn:

    >>> times = TurnTimes(np.array([1.0, 2, np.nan]), np.ones(3), np.array([2.0, 2, 2]))
    >>> sets = turns_at_risk(times, np.zeros(3, dtype=np.int64))
    >>> [(one.turn, one.places.tolist(), one.shown.tolist()) for one in sets]
    [(1, [0, 1, 2], [1.0, 0.0, 0.0]), (2, [1, 2], [1.0, 0.0])]
    """
    first, since, judged = times
    for turn in range(1, last_compared(judged) + 1):
        here = np.flatnonzero((since <= turn) & (judged >= turn) & ~(first < turn))
        shown = (first[here] == turn).astype(float)
        if 0 < shown.sum() < len(shown):
            # Opportunities there from the opening on, come up since, and just come up.
            fresh = np.where(since[here] == 1, 0, np.where(since[here] < turn, 1, 2))
            yield RiskSet(turn, here, shown, 3 * cases[here] + fresh)


def beyond_levels(
    shown: Floats, agents: Codes, situations: Codes, known: Singles | None = None
) -> tuple[Floats, Singles]:
    """Return what is left of `shown` once agents' and situations' levels are out of it.

    Parameters
    ----------
    known : array (rows, k) or None
        Numbers that are taken out of it besides, by a straight line.

    Returns
    -------
    tuple of array (rows,), array (k,)
        What is left, and the slopes on `known`.

    Examples
    --------
    >>> agents, alike = np.array([0, 0, 1, 1]), np.zeros(4, dtype=np.int64)
    >>> beyond_levels(np.array([1.0, 0, 1, 1]), agents, alike)[0].round(2).tolist()
    [0.5, -0.5, 0.0, 0.0]
    """
    left, slopes = shown, np.zeros(0 if known is None else known.shape[1], dtype=np.float32)
    if known is not None:
        # In single precision: what is taken out is told well enough, in half the time.
        known = known - known.mean(axis=0, dtype=float).astype(np.float32)
        square = (known.T @ known).astype(float)
        inner = np.linalg.pinv(square, rcond=1e-6, hermitian=True).astype(np.float32)
    for _ in range(_SWEEPS):
        if known is not None:
            slope = inner @ (known.T @ left.astype(np.float32))
            left, slopes = left - known @ slope, slopes + slope
        for codes in (situations, agents):
            number = np.bincount(codes)
            left = left - (np.bincount(codes, left) / np.maximum(number, 1))[codes]
    return left, slopes


def last_compared(judged: Floats) -> int:
    """Return the last turn that enough conversations reach, of those with a turn at all.

    Examples
    --------
    >>> last_compared(np.array([1.0, 2, 2, 3, 0]))
    3
    """
    judged = judged[judged > 0]
    if len(judged) == 0:
        return 0
    return int(np.sort(judged)[-max(int(np.ceil(LEAST_REACHING * len(judged))), 1)])


def has_turns(conversations: pd.DataFrame) -> bool:
    """Tell whether the turn columns are there.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> has_turns(sample_conversations())
    True
    """
    return set(NEEDED) <= set(conversations.columns)


def judged(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return the inquiries with an agent turn to judge, behaviours read in those turns only.

    Raises
    ------
    ValueError
        Where the turn columns are absent.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> conversations = sample_conversations()
    >>> len(judged(conversations)) <= len(conversations)
    True
    """
    _check(conversations)
    turns = conversations[Conversations.TURNS_JUDGED].fillna(0)
    return _read(conversations[turns >= 1], int(turns.max()) if len(turns) else 0)


def at_landmark(conversations: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return the inquiries that reach the landmark, behaviours read up to it, and its turn.

    The landmark is the largest turn that a share `REACHED` get to. Who shows a behaviour later
    counts as not having shown it, so effects come out too small.

    Raises
    ------
    ValueError
        Where the turn columns are absent.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> reaching, landmark = at_landmark(sample_conversations())
    >>> landmark, bool((reaching["turns_judged"] >= landmark).all())
    (2, True)
    """
    _check(conversations)
    turns = conversations[Conversations.TURNS_JUDGED].fillna(0)
    place = len(turns) - math.ceil(REACHED * len(turns))
    landmark = max(int(np.sort(turns.to_numpy(dtype=int))[place]), 1) if len(turns) else 1
    return _read(conversations[turns >= landmark], landmark), landmark


def _check(conversations: pd.DataFrame) -> None:
    if not has_turns(conversations):
        raise ValueError(
            "to compare by turns or by a landmark the conversations need `turns_judged` and the "
            "columns `<behaviour>_turn` and `<behaviour>_opportunity_turn`; make the table anew, "
            "or choose the exposure `window`"
        )


def _read(conversations: pd.DataFrame, last: int) -> pd.DataFrame:
    """Read behaviours, and whether there was an opportunity, over the turns up to `last`."""
    read = {}
    for behaviour in turn_markers(conversations):
        shown = conversations[turn_column(behaviour)].le(last).fillna(value=False)
        there = conversations[opportunity_column(behaviour)].le(last).fillna(value=False)
        read[behaviour] = shown.astype("boolean").where(there.astype(bool))
    return conversations.assign(**read)


def known_turns(conversation: pd.Series[str], states: pd.DataFrame) -> tuple[pd.DataFrame, Places]:
    """Return what is known of the turns of some conversations, and the place of each one's.

    Parameters
    ----------
    conversation : Series of str
    states : DataFrame
        The ``buyer_states`` artifact.

    Examples
    --------
    >>> states = pd.DataFrame({"conversation_id": ["c9", "c2"], "turn": [1, 1]})
    >>> known, place = known_turns(pd.Series(["c1", "c2"]), states)
    >>> known["conversation_id"].tolist(), place.tolist()
    (['c2'], [1])
    """
    place = pd.Index(conversation).get_indexer(pd.Index(states[_S.CONVERSATION_ID]))
    here = place >= 0
    return (states, place) if here.all() else (states[here], place[here])


#: By so much has the comparison of conversations to be better balanced before it is preferred.
MARGIN: Final = 0.03
#: Fewer behaviours than this that vary don't tell of those whose own balance doesn't.
LEAST: Final = 4
#: Imbalance of either comparison from which on it is not fair.
_UNFAIR: Final = 0.06
#: Standard errors beyond which orders cut conversations short (one in two thousand by chance).
_CLEAR: Final = 3.29
_LEAST_CONVERSATIONS: Final = 300
_RARE: Final = 0.02
#: Conversations that are looked at, at most.
_LOOKED_AT: Final = 20_000


def by_conversation(conversations: pd.DataFrame) -> tuple[str, ...]:
    """Return the behaviours that are a matter of the conversation, not of the turn.

    Each is placed by its own balance where that is clear beyond chance; what varies too little, or
    is not possible from the opening on, goes with the median of the others.

    Parameters
    ----------
    conversations : DataFrame
        Inquiries as read by `csinsight.drivers.exposure.judged`.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> isinstance(by_conversation(sample_conversations()), tuple)
    True
    """
    found = balance(conversations)
    if found.empty:
        return ()
    ahead = found["turns"].abs() - found["conversations"].abs()
    clear = np.maximum(MARGIN, 2 / np.sqrt(found["n"]))
    overall = len(found) >= LEAST and (
        abs(found["turns"].median()) > abs(found["conversations"].median()) + MARGIN
    )
    own = {str(name): bool(ahead[name] > 0) for name in found.index[ahead.abs() > clear]}
    return tuple(name for name in turn_markers(conversations) if own.get(name, overall))


def cut_short(
    conversations: pd.DataFrame, bought: Floats, whole: Collection[str]
) -> tuple[str, ...]:
    """Return the behaviours that no comparison is fair to, since orders cut short what is said.

    An order ends what is judged. What an agent would only have said later is never heard by those
    who order early: at each turn it is said in conversations that are about to end, and over whole
    ones in those that go on. So where orders do that, what was to be said once a conversation is
    balanced where there was no order, and among the orders goes with long conversations; that is
    looked for in all such behaviours together. Neither comparison is fair then, and no other is
    known. No behaviour is held against the outcome for that, only lengths are.

    Parameters
    ----------
    conversations : DataFrame
        As for `by_conversation`.
    bought : array (conversations,)
        1 with the outcome, 0 without.
    whole : collection of str
        What is compared by conversation.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> conversations = sample_conversations()
    >>> cut_short(conversations, np.ones(len(conversations)), ["greets"])
    ()
    """
    ordered = balance(conversations[bought == 1])
    own = ordered.loc[[name for name in whole if name in ordered.index]]
    z = float((own["conversations"] * np.sqrt(own["n"])).sum()) / np.sqrt(max(len(own), 1))
    if own.empty or z < _CLEAR or own["conversations"].mean() < MARGIN:
        return ()
    found = balance(conversations)
    least = np.maximum(_UNFAIR, 3 / np.sqrt(found["n"]))
    neither = found.index[(found["turns"] < -least) & (found["conversations"] > least)]
    return tuple(n for n in turn_markers(conversations) if n in whole or n in neither)


def balance(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return how each behaviour goes with the length of the conversation, by either comparison.

    Parameters
    ----------
    conversations : DataFrame
        As for `by_conversation`.

    Returns
    -------
    DataFrame
        By behaviour that could be shown from the opening on: correlations, within agents and
        problem categories, of the logarithm of the turns judged with the residualized exposure
        (``turns``) and with having been shown at all (``conversations``), near zero where fair;
        and ``n``, how many were looked at.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> balance(sample_conversations()).columns.tolist()
    ['turns', 'conversations', 'n']
    """
    step = max(len(conversations) // _LOOKED_AT, 1)
    looked = conversations.iloc[::step]
    turns = as_float(looked[Conversations.TURNS_JUDGED])
    agents = pd.factorize(looked[Conversations.AGENT_ID])[0].astype(np.int64)
    cases = pd.factorize(looked[Conversations.CATEGORY].fillna(""))[0].astype(np.int64)
    rows = {}
    for behaviour in turn_markers(looked):
        first = as_float(looked[turn_column(behaviour)])
        since = as_float(looked[opportunity_column(behaviour)])
        # Where no turn was judged there is no length to hold it against.
        here, shown = (since == 1) & (turns >= 1), (first >= 1).astype(float)
        enough = here.sum() >= _LEAST_CONVERSATIONS
        if not enough or not _RARE < shown[here].mean() < 1 - _RARE:
            continue
        unexpected, _ = residualized_exposure(TurnTimes(first, since, turns), agents, cases)
        length = _within(np.log(turns[here]), agents[here], cases[here])
        both = [_within(v[here], agents[here], cases[here]) for v in (unexpected, shown)]
        if min(length.std(), *(v.std() for v in both)) > 0:
            told = [float(np.corrcoef(v, length)[0, 1]) for v in both]
            rows[behaviour] = [*told, int(here.sum())]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["turns", "conversations", "n"])


def _within(values: Floats, agents: Codes, cases: Codes) -> Floats:
    """Return what is left of `values` beyond the mean of the agent's inquiries of the category."""
    codes = agents * (int(cases.max()) + 1) + cases
    number = np.maximum(np.bincount(codes), 1)
    return np.asarray(values - (np.bincount(codes, values) / number)[codes])


#: Behaviours judged by the clock, and the columns that time them.
CLOCKED: Final = {
    "reminds_payment": (_C.REMINDED_S, _C.PAID_AT, _C.OUTCOME_AT),
    "follows_up": (_C.SILENCE_S, _C.SILENCE_BROKEN),
}


#: Seconds until the first band, growth from band to band, and seconds after which none is cut.
FROM_S: Final = 600.0
GROWTH: Final = 1.25
UNTIL_S: Final = 72 * 3600.0


def judged_column(behaviour: str) -> str:
    """Return the name of the column that holds how many bands a behaviour was waited for.

    Examples
    --------
    >>> judged_column("follows_up")
    'follows_up_bands'
    """
    return f"{behaviour}_bands"


def band(seconds: Floats) -> Floats:
    """Return the band that a moment falls in, from 1; 0 before the first, the last if never.

    Examples
    --------
    >>> band(np.array([0.0, np.inf]))
    array([ 0., 28.])
    """
    bounded = np.clip(np.nan_to_num(seconds, nan=UNTIL_S), FROM_S / GROWTH, UNTIL_S)
    return np.asarray(np.floor(np.log(bounded / FROM_S) / np.log(GROWTH) + 1e-9) + 1)


def has_clocks(conversations: pd.DataFrame, behaviour: str) -> bool:
    """Tell whether the columns that time a behaviour are there.

    Examples
    --------
    >>> has_clocks(pd.DataFrame({"follows_up": [1.0]}), "follows_up")
    False
    """
    needed = CLOCKED[behaviour]
    return behaviour in conversations and set(needed) <= set(conversations.columns)


def in_silence(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return the conversations with following up null where the buyer had not fallen silent.

    An agent who answers late with words of coming back shows it without the opportunity; counted
    among the opportunities it would be one that is always taken.

    Examples
    --------
    >>> asked = pd.DataFrame({"follows_up": [1.0, 0.0], "silence_s": [900.0, np.nan]})
    >>> asked = asked.assign(**{name: 0.0 for name in CLOCKED["follows_up"] if name not in asked})
    >>> in_silence(asked)["follows_up"].tolist()
    [1.0, nan]
    """
    if not has_clocks(conversations, "follows_up"):
        return conversations
    silent = conversations[_C.SILENCE_S].notna()
    return conversations.assign(follows_up=conversations["follows_up"].where(silent))


def risk_set_columns(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that the design matrix compares by, for what has its times.

    Returns
    -------
    DataFrame
        Same index; for each behaviour of `CLOCKED` whose times are there ``NAME_turn``,
        ``NAME_opportunity_turn`` and ``NAME_bands`` as floats, NaN without an opportunity.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> sorted(risk_set_columns(sample_conversations()))[:2]
    ['follows_up_bands', 'follows_up_opportunity_turn']
    """
    columns: dict[str, Floats] = {}
    for behaviour in CLOCKED:
        if not has_clocks(conversations, behaviour):
            continue
        there = conversations[behaviour].notna().to_numpy()
        done, over = _moments(conversations, behaviour)
        first, last = band(done), band(over)
        shown = ~np.isnan(done) & there
        columns[turn_column(behaviour)] = np.where(shown, first, np.nan)
        columns[opportunity_column(behaviour)] = np.where(there, 1.0, np.nan)
        waited = np.where(shown, np.maximum(first, 1), np.maximum(last, 1))
        columns[judged_column(behaviour)] = np.where(there, waited, 0.0)
    return pd.DataFrame(columns, index=conversations.index)


def _moments(conversations: pd.DataFrame, behaviour: str) -> tuple[Floats, Floats]:
    """Return when it was done, and when it was too late, in seconds; NaN where never."""
    if behaviour == "follows_up":
        lasted = as_float(conversations[_C.SILENCE_S])
        broken = as_float(conversations[_C.SILENCE_BROKEN]) == 1
        return np.where(broken, lasted, np.nan), lasted
    paid = (conversations[_C.PAID_AT] - conversations[_C.OUTCOME_AT]).dt.total_seconds()
    return as_float(conversations[_C.REMINDED_S]), as_float(paid)
