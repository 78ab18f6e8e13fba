"""Reading a sample by hand: how well the markers read a shop's own messages.

Half of a marker's sample are messages in which it fires, half are others; each carries how many
messages of the month it stands for. So precision is a plain share of the first half, while recall,
F1 and kappa are of the whole month, not of the sample.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from csinsight.behaviours.conversations import ChatSource
from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.markers import mark
from csinsight.contract.labels import Labels
from csinsight.contract.schema import Messages
from csinsight.engine import collect, ms
from csinsight.features.conversations import messages_of, with_turns
from csinsight.features.frames import POSITION, SENT_MS, TURN_NO
from csinsight.stats.intervals import wilson

#: Of a sample.
NO, MARKER, BUYER, TEXT, SHOWN, WEIGHT = "no", "marker", "buyer", "text", "shown", "weight"
COLUMNS: Final = (
    NO,
    MARKER,
    Messages.CONVERSATION_ID,
    POSITION,
    Messages.SENT_AT,
    BUYER,
    TEXT,
    SHOWN,
    WEIGHT,
)
_DRAWS: Final = 1000
_ENDS: Final = ("", "_low", "_high")
_TALK: Final = Messages.CONVERSATION_ID
_Weights = NDArray[np.float64]


def draw_sample(chats: ChatSource, *, markers: Sequence[str], each: int, seed: int) -> pd.DataFrame:
    """Draw messages to be labelled, for each marker.

    Parameters
    ----------
    chats : ChatSource
        Of the months to draw from.
    markers : sequence of str
        Agent-side markers of its lexicon.
    each : int
        How many messages a marker; fewer where there are no more.
    seed : int

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, in an order that tells nothing: ``no`` from 1, the buyer's lines before the
        message, whether the marker fires (not for the labeller), and ``weight``, how many
        messages of the month it stands for.

    Raises
    ------
    ValueError
        Where a marker is none of the agents'.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> chats = sample_context().chats(sample_shop(), months=1)
    >>> sample = draw_sample(chats, markers=["greets"], each=4, seed=1)
    >>> sorted(set(sample["marker"]))
    ['greets']
    """
    agents = chats.lexicon.ids("agent")
    if unknown := sorted(set(markers) - set(agents)):
        told = ", ".join(agents)
        raise ValueError(f"{', '.join(unknown)}: no marker of agents' lines; there are {told}")
    said = messages_of(chats.shop, chats.as_of, chats.rules, months=chats.months)
    marked = mark(said, chats.lexicon)
    lines = collect(
        marked.filter(nw.col(Messages.SENDER) == "agent").select(_TALK, POSITION, TURN_NO, *markers)
    ).sort_values([_TALK, POSITION], ignore_index=True)
    rng = np.random.default_rng(seed)
    parts = [_drawn(lines, name, each, rng) for name in markers]
    sample = pd.concat(parts, ignore_index=True)
    texts = collect(
        marked.filter(nw.col(_TALK).is_in(sorted(set(sample[_TALK])))).select(
            _TALK, POSITION, TURN_NO, SENT_MS, Messages.SENDER, Messages.TEXT
        )
    )
    sample = _with_texts(sample, texts).iloc[rng.permutation(len(sample))]
    return sample.assign(**{NO: range(1, len(sample) + 1)})[list(COLUMNS)].reset_index(drop=True)


def shown_by(sample: pd.DataFrame, lexicon: Lexicon) -> pd.Series[bool]:
    """Return whether each row's marker fires under a lexicon, retuned maybe.

    Parameters
    ----------
    sample : pandas.DataFrame
        Of `draw_sample`.
    lexicon : Lexicon

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> sample = pd.DataFrame({"marker": "greets", "buyer": "在吗", "text": ["亲，您好", "有货的"]})
    >>> shown_by(sample, load_lexicon(reader="rules")).tolist()
    [True, False]
    """
    lines = [
        (str(row), sender, text, 2 * row + place)
        for row, texts in enumerate(zip(sample[BUYER], sample[TEXT], strict=True))
        for place, (sender, text) in enumerate(zip(("buyer", "agent"), texts, strict=True))
        if text
    ]
    names = [_TALK, Messages.SENDER, Messages.TEXT, Messages.MESSAGE_NO]
    frame = pl.DataFrame(lines, schema=names, orient="row").with_columns(
        pl.lit(None, dtype=pl.Int64).alias(ms(Messages.SENT_AT))
    )
    marked = collect(mark(with_turns(nw.from_native(frame.lazy())), lexicon))
    agent = marked[marked[Messages.SENDER] == "agent"]
    agent = agent.set_index(agent[_TALK].astype(int)).sort_index()
    verdicts = agent[sorted(set(sample[MARKER]))].to_dict("index")
    fires = [bool(verdicts[row][name]) for row, name in enumerate(sample[MARKER])]
    return pd.Series(fires, index=sample.index, dtype=bool)


def agreement(
    sample: pd.DataFrame, labels: pd.Series[float], *, shown: pd.Series[bool] | None = None
) -> pd.DataFrame:
    """Return how far a marker and a labeller agree, of those rows that were labelled.

    Parameters
    ----------
    sample : pandas.DataFrame
        Of `draw_sample`.
    labels : pandas.Series
        By ``no``: 1 where the message shows the behaviour, 0 where not; missing: not labelled.
    shown : pandas.Series or None
        What a retuned lexicon says (`shown_by`); None for what the sample was drawn by.

    Returns
    -------
    pandas.DataFrame
        One row a marker with a label: ``marker``, ``labelled``, and ``precision``, ``recall``,
        ``f1``, ``kappa`` (Cohen's), each with ``_low`` and ``_high`` (95 %). Intervals: Wilson's
        for the precision of the lexicon that drew the sample, else bootstrap within its two
        halves. Null where there is nothing to tell it from.

    Examples
    --------
    >>> sample = pd.DataFrame({"no": range(1, 9), "marker": "greets", "weight": 1.0})
    >>> sample["shown"] = [True] * 4 + [False] * 4
    >>> labels = pd.Series([1, 1, 1, 0, 0, 0, 0, 1], index=sample["no"], dtype=float)
    >>> agreement(sample, labels)[["labelled", "precision", "recall", "kappa"]].iloc[0].tolist()
    [8.0, 0.75, 0.75, 0.5]
    """
    rows = sample.assign(
        _true=labels.reindex(sample[NO]).to_numpy(dtype=float),
        _fires=(sample[SHOWN] if shown is None else shown).to_numpy(dtype=bool),
    )
    drawn = rows.groupby([MARKER, SHOWN])[NO].transform("size")
    rows = rows[rows["_true"].notna()]
    # What is not labelled is taken to be like what is, in its half.
    left = rows.groupby([MARKER, SHOWN])[NO].transform("size")
    rows = rows.assign(**{WEIGHT: rows[WEIGHT] * drawn[rows.index] / left})
    found = [
        {MARKER: name, "labelled": len(part), **_figures(part, drawn=shown is None)}
        for name, part in rows.groupby(MARKER, sort=True)
    ]
    names = [f"{n}{end}" for n in ("precision", "recall", "f1", "kappa") for end in _ENDS]
    return pd.DataFrame(found, columns=[MARKER, "labelled", *names])


def _drawn(lines: pd.DataFrame, name: str, each: int, rng: np.random.Generator) -> pd.DataFrame:
    fires = lines[name].astype("boolean").fillna(value=False).to_numpy(dtype=bool)
    hits, others = np.flatnonzero(fires), np.flatnonzero(~fires)
    # Where one half has too few, the other takes what is left.
    from_hits = min(len(hits), max(each // 2, each - len(others)))
    parts = []
    for rows, number in ((hits, from_hits), (others, min(len(others), each - from_hits))):
        chosen = np.sort(rng.choice(rows, size=number, replace=False))
        weight = len(rows) / number if number else np.nan
        part = lines.iloc[chosen][[_TALK, POSITION, TURN_NO]]
        parts.append(part.assign(**{MARKER: name, SHOWN: fires[chosen], WEIGHT: weight}))
    return pd.concat(parts, ignore_index=True)


def _with_texts(sample: pd.DataFrame, texts: pd.DataFrame) -> pd.DataFrame:
    own = texts.set_index([_TALK, POSITION])[[Messages.TEXT, SENT_MS]]
    own = own.rename(columns={Messages.TEXT: TEXT, SENT_MS: Messages.SENT_AT})
    asked = texts[texts[Messages.SENDER] == "buyer"].sort_values([_TALK, POSITION])
    asked = asked.assign(**{TURN_NO: asked[TURN_NO].astype("int64") + 1})
    before = asked.groupby([_TALK, TURN_NO])[Messages.TEXT].agg(" ".join).rename(BUYER)
    sample = sample.join(own, on=[_TALK, POSITION]).join(before, on=[_TALK, TURN_NO])
    sent = pd.to_datetime(sample[Messages.SENT_AT].astype("Int64").astype("float"), unit="ms")
    return sample.assign(**{BUYER: sample[BUYER].fillna(""), Messages.SENT_AT: sent})


def _figures(part: pd.DataFrame, *, drawn: bool) -> dict[str, float]:
    true, fires = part["_true"].to_numpy(dtype=float), part["_fires"].to_numpy(dtype=float)
    weight, half = part[WEIGHT].to_numpy(dtype=float), part[SHOWN].to_numpy(dtype=bool)
    point = _measures(true, fires, weight)
    # Of few lines that all agree any drawn anew agree too: each side has one right and one wrong
    # more, lest it be taken for certain (Agresti and Coull 1998).
    for side in sorted(set(half)):
        true, fires = np.append(true, [1.0, 0.0]), np.append(fires, [float(side)] * 2)
        weight = np.append(weight, [weight[half == side].mean()] * 2)
        half = np.append(half, [side] * 2)
    rng = np.random.default_rng(len(part))
    groups = [np.flatnonzero(half == side) for side in (True, False)]
    draws = []
    for _ in range(_DRAWS):
        chosen = np.concatenate([rng.choice(g, len(g)) for g in groups if len(g)])
        draws.append(_measures(true[chosen], fires[chosen], weight[chosen]))
    spans = _spans(np.array(draws), point)
    if drawn and part["_fires"].any():
        hits = part.loc[part["_fires"], "_true"]
        spans[0] = wilson(float(hits.sum()), float(len(hits)))
    names = ("precision", "recall", "f1", "kappa")
    return {
        f"{name}{end}": value
        for name, middle, (low, high) in zip(names, point, spans, strict=True)
        for end, value in zip(_ENDS, (middle, low, high), strict=True)
    }


def _spans(draws: NDArray[np.float64], point: Sequence[float]) -> list[tuple[float, float]]:
    """Return the interval of each column of draws, with its point in it."""
    spans = []
    for column, middle in zip(draws.T, point, strict=True):
        known = column[~np.isnan(column)]
        told = len(known) and not np.isnan(middle)
        low, high = np.quantile(known, [0.025, 0.975]) if told else (np.nan, np.nan)
        spans.append((float(min(low, middle)), float(max(high, middle))))
    return spans


def _measures(true: _Weights, fires: _Weights, weight: _Weights) -> tuple[float, ...]:
    """Return weighted precision, recall, F1 and Cohen's kappa."""
    both, total = float((weight * true * fires).sum()), float(weight.sum())
    fired, there = float((weight * fires).sum()), float((weight * true).sum())
    precision = both / fired if fired else np.nan
    recall = both / there if there else np.nan
    f1 = 2 * both / (fired + there) if fired + there else np.nan
    agree = 1 - (fired + there - 2 * both) / total
    chance = (fired * there + (total - fired) * (total - there)) / total**2
    kappa = (agree - chance) / (1 - chance) if chance < 1 else np.nan
    return precision, recall, f1, kappa


def settled(sample: pd.DataFrame, labels: pd.DataFrame) -> pd.Series[float]:
    """Return what the readers of each row of a sample say of it.

    Parameters
    ----------
    sample : pandas.DataFrame
        Of `draw_sample`.
    labels : pandas.DataFrame
        Of `csinsight.contract.labels.load_labels`.

    Returns
    -------
    pandas.Series
        By ``no``: 1 or 0 as most readers say; NaN where nobody has read it, or readers are even.

    Examples
    --------
    Two readers of one line, first of one mind and then of two:

    >>> line = {"conversation_id": ["c1"], "position": [3], "sent_at": [pd.NaT]}
    >>> sample = pd.DataFrame({"no": [1], "marker": ["greets"]} | line)
    >>> both = pd.DataFrame(line | {"behaviour": "greets", "shown": [True]}).loc[[0, 0]]
    >>> settled(sample, both).tolist(), settled(sample, both.assign(shown=[True, False])).tolist()
    ([1.0], [nan])
    """
    if labels.empty:
        return pd.Series(np.nan, index=sample[NO], name="label")
    columns = [_TALK, POSITION, Messages.SENT_AT, Labels.BEHAVIOUR]
    rows = sample.rename(columns={MARKER: Labels.BEHAVIOUR})[[NO, *columns]]
    told = labels.reset_index(drop=True).reindex(columns=[*columns, Labels.SHOWN])
    said = told[Labels.SHOWN].astype(float)
    placed = told[POSITION].notna()
    key = [_TALK, Labels.BEHAVIOUR]
    by_place = rows.merge(
        told[placed].assign(said=said).astype({POSITION: "int64"}), on=[*key, POSITION]
    )
    # A label written by hand may know its line by the time alone.
    timed = ~placed & told[Messages.SENT_AT].notna()
    by_time = rows.merge(told[timed].assign(said=said), on=[*key, Messages.SENT_AT])
    both = pd.concat([part[[NO, "said"]] for part in (by_place, by_time)])
    share = both.groupby(NO)["said"].mean()
    verdict = share.where(share != 0.5).round()
    return verdict.reindex(sample[NO]).rename("label")


def kappas(labels: pd.DataFrame) -> pd.DataFrame:
    """Return how far each two readers agree beyond chance on the lines that both have read.

    Parameters
    ----------
    labels : pandas.DataFrame
        Of `csinsight.contract.labels.load_labels`.

    Returns
    -------
    pandas.DataFrame
        ``behaviour``, ``readers``, ``lines`` that both read, ``agree`` (share), ``kappa`` (Cohen's)
        with ``kappa_low`` and ``kappa_high`` (95 %, conversations drawn anew); a row a behaviour
        and pair. Null where one answer was all that either gave.

    Examples
    --------
    >>> told = {"conversation_id": list("abcd") * 2, "position": 1, "sent_at": pd.NaT}
    >>> told |= {"behaviour": "greets", "reader": ["anna"] * 4 + ["bo"] * 4}
    >>> labels = pd.DataFrame(told | {"shown": [True, True, False, False] * 2})
    >>> kappas(labels)[["readers", "lines", "agree", "kappa"]].to_numpy().tolist()
    [['anna, bo', 4, 1.0, 1.0]]
    """
    line = labels[POSITION].astype("Float64").astype(object).where(labels[POSITION].notna())
    line = line.fillna(labels[Messages.SENT_AT].astype(str))
    rows = labels.assign(_line=line.astype(str), said=labels[Labels.SHOWN].astype(float))
    found = []
    for behaviour, own in rows.groupby(Labels.BEHAVIOUR, sort=True):
        wide = own.pivot_table(
            index=[_TALK, "_line"], columns=Labels.READER, values="said", aggfunc="last"
        )
        for pair in itertools.combinations(sorted(wide.columns), 2):
            both = wide[list(pair)].dropna()
            if len(both):
                told = {Labels.BEHAVIOUR: behaviour, "readers": ", ".join(map(str, pair))}
                found.append(told | _pair(both))
    names = [Labels.BEHAVIOUR, "readers", "lines", "agree", "kappa", "kappa_low", "kappa_high"]
    return pd.DataFrame(found, columns=names)


def _pair(both: pd.DataFrame) -> dict[str, float]:
    one, other = both.to_numpy(dtype=float).T
    cells = np.column_stack([one * other, one * (1 - other), (1 - one) * other])
    cells = np.column_stack([cells, (1 - one) * (1 - other)])
    talks = pd.DataFrame(cells).groupby(both.index.get_level_values(0).to_numpy()).sum()
    # As above: one conversation more of each kind, lest a few that agree be taken for certain.
    known = np.vstack([talks.to_numpy(), np.eye(4)])
    rng = np.random.default_rng(len(both))
    drawn = rng.multinomial(len(known), [1 / len(known)] * len(known), size=_DRAWS)
    kappa = float(_kappa(cells.sum(axis=0)[None])[0])
    ends = _spans(_kappa(drawn @ known)[:, None], [kappa])[0]
    return {
        "lines": len(both),
        "agree": float((one == other).mean()),
        "kappa": kappa,
        "kappa_low": ends[0],
        "kappa_high": ends[1],
    }


def _kappa(cells: _Weights) -> _Weights:
    """Return Cohen's kappa of each row of counts: both, first alone, second alone, neither."""
    both, first, second, neither = cells.T
    total = cells.sum(axis=1)
    agree = (both + neither) / total
    chance = ((both + first) * (both + second) + (neither + first) * (neither + second)) / total**2
    with np.errstate(invalid="ignore"):
        return np.where(chance < 1, (agree - chance) / (1 - chance), np.nan)
