"""The quality scorecard (质检评分): points by conversation and by agent, with what lost them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from csinsight.behaviours.sequence_forms import Item, Scorecard, SequenceRule
from csinsight.config import load
from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.artifacts import RuleOpportunities as Opportunity
from csinsight.contract.artifacts import Scorecards as Card
from csinsight.contract.domain import COMPLIANCE, MARKERS, TIMINGS
from csinsight.errors import ConfigError
from csinsight.params import shipped
from csinsight.stats.intervals import mean_interval, wilson

#: Of `agent_scores`.
CONVERSATIONS, LOW, HIGH, RED_CONVERSATIONS = (
    "conversations",
    "score_low",
    "score_high",
    "red_line_conversations",
)
_KEYS: Final = [Talk.CONVERSATION_ID, Talk.AGENT_ID]
_ABOUT: Final = [Talk.CONVERSATION_ID, Talk.AGENT_ID, Talk.STARTED_AT, Talk.CATEGORY]


def load_scorecard(rules: Mapping[str, SequenceRule], path: Path | None = None) -> Scorecard:
    """Read a scorecard and check that all it names is there.

    Parameters
    ----------
    rules : mapping of str to SequenceRule
        Of `csinsight.behaviours.sequence_rules.load_rules`.
    path : Path or None
        None: ``params/scorecard.yml`` as it comes with csinsight.

    Raises
    ------
    ConfigError
        Naming file, item, what is wrong, and the mend.

    Examples
    --------
    >>> from csinsight.behaviours.sequence_rules import load_rules
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> rules = load_rules(load_lexicon())
    >>> len(load_scorecard(rules).items) > 1
    True
    """
    path = path or shipped("params") / "scorecard.yml"
    card = load(path, Scorecard)
    behaviours = set(MARKERS + COMPLIANCE)
    named = [("red_lines", name, behaviours, "behaviour") for name in card.red_lines]
    for place, item in card.items.items():
        named += [(place, n, behaviours, "behaviour") for n in [item.behaviour] if n]
        named += [(place, n, set(rules), "windowed rule") for n in [item.rule] if n]
        named += [(place, n, set(TIMINGS), "timing") for n in item.at_most or ()]
    for place, name, known, kind in named:
        if name not in known:
            told = ", ".join(sorted(known))
            raise ConfigError(f"{path}, `{place}`: `{name}` is no {kind}; there are {told}")
    return card


def item_points(
    sessions: pd.DataFrame, opportunities: pd.DataFrame, card: Scorecard
) -> pd.DataFrame:
    """Return how much of each item each conversation kept, where there was an opportunity.

    Parameters
    ----------
    sessions : pandas.DataFrame
        Rows of the ``agent_sessions`` artifact to be scored.
    opportunities : pandas.DataFrame
        Of `csinsight.behaviours.sequence_rules.rule_opportunities`.
    card : Scorecard

    Returns
    -------
    pandas.DataFrame
        One row a conversation and item with opportunity: ``conversation_id``, ``agent_id``,
        ``item``, ``points``, ``kept`` (0 to 1).

    Examples
    --------
    >>> from csinsight.behaviours.sequence_rules import load_rules, rule_opportunities
    >>> from csinsight.sample import sample_messages, sample_sessions
    >>> marked, sessions = sample_messages(), sample_sessions()
    >>> rules = load_rules(marked.lexicon)
    >>> moments = rule_opportunities(marked, rules, sessions["conversation_id"])
    >>> card = load_scorecard(rules)
    >>> points = item_points(sessions, moments, card)
    >>> bool(points["points"].dropna().ge(0).all())
    True
    """
    parts = []
    for name, item in card.items.items():
        share = _kept(sessions, opportunities, item)
        rows = sessions.loc[share.notna(), _KEYS].copy()
        rows[Card.ITEM], rows[Card.POINTS], rows[Card.KEPT] = name, item.points, share.dropna()
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def score_conversations(
    sessions: pd.DataFrame, opportunities: pd.DataFrame, card: Scorecard, crossed: pd.DataFrame
) -> pd.DataFrame:
    """Return the score of each conversation and agent who wrote in it.

    Parameters
    ----------
    sessions, opportunities, card
        As for `item_points`.
    crossed : pandas.DataFrame
        Of `csinsight.behaviours.findings.crossed_red_lines` with the card's red lines.

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.Scorecards`, a row each: the score is points
        earned by points that had an opportunity, times 100; 0 where a red line was crossed; null
        where fewer than ``least_points`` had an opportunity.

    Examples
    --------
    >>> meaning = {"zh": "问候", "en": "greets"}
    >>> item = Item(meaning=meaning, points=100, group="courtesy", behaviour="greets")
    >>> card = Scorecard.model_construct(items={"greeting": item}, least_points=0.0)
    >>> rows = pd.DataFrame({"conversation_id": ["c1", "c2"], "agent_id": "a1", "greets": [1, 0]})
    >>> rows["started_at"], rows["category"] = pd.Timestamp("2026-10-01"), "size"
    >>> none = pd.DataFrame(columns=["rule", "broken", "position", "conversation_id", "agent_id"])
    >>> score_conversations(rows, none, card, pd.DataFrame(index=rows.index))["score"].tolist()
    [100.0, 0.0]
    """
    items = item_points(sessions, opportunities, card)
    worth = items[Card.POINTS] * items[Card.KEPT]
    keys = [items[name] for name in _KEYS]
    table = sessions[_ABOUT].set_index(_KEYS)
    table[Card.EARNED] = worth.groupby(keys).sum().reindex(table.index).fillna(0.0)
    table[Card.POSSIBLE] = items[Card.POINTS].groupby(keys).sum().reindex(table.index).fillna(0.0)
    crossed = crossed.set_axis(table.index)
    names = np.array(crossed.columns, dtype=object)
    told = [list(names[row]) for row in crossed.to_numpy(dtype=bool)]
    table[Card.RED_LINES] = pd.Series(told, index=crossed.index, dtype=object)
    score = 100 * table[Card.EARNED] / table[Card.POSSIBLE].where(table[Card.POSSIBLE] > 0)
    enough = table[Card.POSSIBLE] >= max(card.least_points, 1e-9)
    red = crossed.any(axis="columns")
    table[Card.SCORE] = score.where(enough).mask(red, 0.0)
    lost = items[items[Card.KEPT] < 1].groupby(_KEYS)[Card.ITEM].agg(list)
    table[Card.LOST] = _listed(lost, table.index)
    rows = opportunities[opportunities[Opportunity.BROKEN].astype(bool)]
    pairs = zip(rows[Opportunity.RULE], rows[Opportunity.POSITION].astype(int), strict=True)
    places = pd.Series(
        [{Opportunity.RULE: rule, Opportunity.POSITION: at} for rule, at in pairs],
        index=rows.index,
        dtype=object,
    )
    table[Card.EVIDENCE] = _listed(
        places.groupby([rows[name] for name in _KEYS]).agg(list), table.index
    )
    return table.reset_index()


def agent_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Return each agent's mean score with its 95 % interval.

    Parameters
    ----------
    scores : pandas.DataFrame
        Of `score_conversations`.

    Returns
    -------
    pandas.DataFrame
        One row an agent with a scored conversation, sorted by id: ``agent_id``, ``conversations``,
        ``score``, ``score_low``, ``score_high`` (Student's, within 0 and 100; null for one
        conversation) and ``red_line_conversations``.

    Examples
    --------
    >>> scores = {"agent_id": ["a1", "a1", "a2"], "score": [80.0, 81.0, None]}
    >>> scores |= {"red_lines": [[], ["leaks_order_data"], []]}
    >>> agent_scores(pd.DataFrame(scores)).round(1).to_numpy().tolist()
    [['a1', 2, 80.5, 74.1, 86.9, 1]]
    """
    rows = []
    known = scores[scores[Card.SCORE].notna() & scores[Talk.AGENT_ID].notna()]
    for agent, part in known.groupby(Talk.AGENT_ID, sort=True):
        values = part[Card.SCORE].to_numpy(dtype=float)
        low, high = np.clip(mean_interval(values), 0, 100)
        red = sum(len(crossed) > 0 for crossed in part[Card.RED_LINES])
        rows.append((str(agent), len(part), float(values.mean()), low, high, red))
    columns = [Talk.AGENT_ID, CONVERSATIONS, Card.SCORE, LOW, HIGH, RED_CONVERSATIONS]
    return pd.DataFrame(rows, columns=columns)


def item_shares(items: pd.DataFrame, card: Scorecard) -> pd.DataFrame:
    """Return for each item how many conversations gave opportunity and what share was kept in full.

    Parameters
    ----------
    items : pandas.DataFrame
        Of `item_points`.
    card : Scorecard

    Returns
    -------
    pandas.DataFrame
        In the card's order: ``item``, ``points``, ``conversations``, ``kept``, ``low``, ``high``
        (Wilson), and ``lost`` (mean points a conversation with opportunity lost); null shares
        where no conversation gave opportunity.

    Examples
    --------
    >>> meaning = {"zh": "问候", "en": "greets"}
    >>> item = Item(meaning=meaning, points=8, group="courtesy", behaviour="greets")
    >>> card = Scorecard.model_construct(items={"greeting": item})
    >>> points = pd.DataFrame({"item": "greeting", "kept": [1.0, 1.0, 0.0, 0.5]})
    >>> item_shares(points, card)[["conversations", "kept", "lost"]].iloc[0].tolist()
    [4.0, 0.5, 3.0]
    """
    rows = []
    for name, item in card.items.items():
        kept = items.loc[items[Card.ITEM] == name, Card.KEPT].to_numpy(dtype=float)
        full = int((kept == 1).sum())
        share = full / len(kept) if len(kept) else np.nan
        lost = item.points * (1 - kept.mean()) if len(kept) else np.nan
        rows.append((name, item.points, len(kept), share, *wilson(full, len(kept)), lost))
    columns = [Card.ITEM, Card.POINTS, CONVERSATIONS, Card.KEPT, "low", "high", Card.LOST]
    return pd.DataFrame(rows, columns=columns)


def _kept(sessions: pd.DataFrame, opportunities: pd.DataFrame, item: Item) -> pd.Series[float]:
    """Return by row how much of an item was kept; NaN without opportunity."""
    if item.rule is not None:
        of_rule = opportunities[opportunities[Opportunity.RULE] == item.rule]
        kept = 1 - of_rule[Opportunity.BROKEN].astype(float)
        shares = kept.groupby([of_rule[name] for name in _KEYS]).mean()
        places = pd.MultiIndex.from_frame(sessions[_KEYS])
        return pd.Series(shares.reindex(places).to_numpy(dtype=float), index=sessions.index)
    if item.at_most is not None:
        ((name, most),) = item.at_most.items()
        values = sessions[name].astype(float)
        return (values <= most).astype(float).where(values.notna())
    shown = sessions[str(item.behaviour)].astype("Float64").astype(float)
    return shown if item.good else 1 - shown


def _listed(found: pd.Series, index: pd.Index) -> pd.Series:
    """Return the lists of some rows for all rows of `index`; empty for those that have none."""
    there = found.to_dict()
    return pd.Series([there.get(key, []) for key in index], index=index, dtype=object)
