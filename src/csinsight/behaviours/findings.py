"""Findings about people: which rules a month's lines break, and how far each reading is trusted.

Rules are read by wording, and wording misleads. Each carries how many of its hits in real chats
were right when a language model read them by the guide; a shop's own labels (``labels.csv``) are
added to that. What is not trusted enough is for the quality reader to check, and stands on nobody's
card.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import betaln

from csinsight.behaviours.lexicon import Lexicon
from csinsight.contract.artifacts import Conversations, Findings
from csinsight.contract.domain import COMPLIANCE
from csinsight.contract.labels import Labels
from csinsight.features.months import in_months
from csinsight.stats.intervals import wilson

_C, _F = Conversations, Findings
#: A rule that is trusted less than this accuses nobody.
TRUSTED: Final = 0.8
#: Nor does one of which fewer hits were read, however right they were: two of two, or four of
#: four, is what a rule that is wrong every third time shows in one draw of two, or of five.
MIN_READ: Final = 5
#: Nor one whose interval (Wilson, 95 %) reaches so low that a hit may as well be wrong as right.
TRUSTED_LOW: Final = 0.5
#: A line that pays for praise asks for it too: it counts once, as what is graver. While that is
#: only to be checked, no card may show the line under the lesser rule: it would name who wrote it.
GRAVER: Final = {"asks_for_praise": "trades_for_praise"}
_READ_FIRST: Final = ("leaks_order_data",)
COLUMNS: Final = (
    _F.AGENT_ID,
    _F.BEHAVIOUR,
    _F.CONVERSATIONS,
    _F.OPPORTUNITIES,
    _F.CONFIRMED,
    _F.READ,
    _F.RIGHT,
    _F.PRECISION,
    _F.PRECISION_LOW,
    _F.PRECISION_HIGH,
    _F.LIKELY,
    _F.STANDS,
    _F.PEER_RATE,
    _F.EVIDENCE,
)


@dataclass(frozen=True)
class Precision:
    """How many of a rule's hits were read one by one, and how many were right.

    Parameters
    ----------
    right, read : int

    Examples
    --------
    >>> few, many = Precision(2, 2), Precision(19, 20)
    >>> few.trusted, many.trusted
    (False, True)
    >>> round(many.any_right(1), 3) == round(many.share, 3)
    True
    """

    right: int
    read: int

    @property
    def share(self) -> float:
        """What is to be expected of the next hit (Jeffreys' prior): never quite 0 or 1."""
        return (self.right + 0.5) / (self.read + 1)

    @property
    def trusted(self) -> bool:
        """Whether the rule may accuse: enough of its hits were read, and enough were right."""
        if self.read < MIN_READ:
            return False
        return self.share >= TRUSTED and float(wilson(self.right, self.read)[0]) >= TRUSTED_LOW

    def columns(self) -> dict[str, float]:
        """Return what stands of it beside each finding."""
        low, high = wilson(self.right, self.read) if self.read else (0.0, 1.0)
        return {
            _F.READ: self.read,
            _F.RIGHT: self.right,
            _F.PRECISION: self.share,
            _F.PRECISION_LOW: float(low),
            _F.PRECISION_HIGH: float(high),
        }

    def any_right(self, hits: int) -> float:
        """Return the probability that at least one of so many hits is right.

        The hits share one precision, which is itself uncertain: ten hits of a rule that has been
        read twice are no ten witnesses.
        """
        a, b = self.right + 0.5, self.read - self.right + 0.5
        return float(1 - np.exp(betaln(a, b + hits) - betaln(a, b)))


def rule_precisions(
    lexicon: Lexicon, sessions: pd.DataFrame | None = None, labels: pd.DataFrame | None = None
) -> dict[str, Precision]:
    """Return the precision of each rule: as published, and as this shop's readers found it.

    Parameters
    ----------
    lexicon : Lexicon
        Whose markers carry what was read in public chats.
    sessions : pandas.DataFrame or None
        The ``agent_sessions`` artifact; with `labels`, for the shop's own reading.
    labels : pandas.DataFrame or None
        Of `csinsight.contract.labels.load_labels`.

    Returns
    -------
    dict of str to Precision
        By id, for each of `COMPLIANCE`. A conversation counts once: right where a reader says that
        one of its lines shows it.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lexicon = load_lexicon()
    >>> sorted(rule_precisions(lexicon))[:2]
    ['asks_for_praise', 'leaks_order_data']
    """
    found = {}
    for rule in COMPLIANCE:
        known = lexicon.markers[rule].precision
        right, read = (known.right, known.read) if known else (0, 0)
        if sessions is not None and labels is not None and len(labels):
            verdicts = _verdicts(labels, rule)
            hits = sessions.loc[_shown(sessions, rule), _C.CONVERSATION_ID].unique()
            seen = verdicts[verdicts.index.isin(hits)]
            right, read = right + int(seen.sum()), read + len(seen)
        found[rule] = Precision(right, read)
    return found


def compliance_findings(
    sessions: pd.DataFrame,
    as_of: datetime,
    precisions: Mapping[str, Precision],
    labels: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return what rules the lines of the report month seem to break, by agent.

    One row an agent and rule, or two: what stands, and what waits for somebody to read it.

    Parameters
    ----------
    sessions : pandas.DataFrame
        The ``agent_sessions`` artifact: a finding belongs to who wrote the line.
    as_of : datetime
        First moment after the report month.
    precisions : mapping of str to Precision
    labels : pandas.DataFrame or None
        What people read: a conversation that they cleared is no finding, one that they confirmed
        stands whatever the rule is worth.

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.Findings`, by agent and then by size; those that
        do not stand are for the quality reader to check.

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_sessions
    >>> context, sessions = sample_context(), sample_sessions()
    >>> found = compliance_findings(sessions, context.as_of, rule_precisions(context.lexicon))
    >>> set(found["agent_id"]) <= set(sessions["agent_id"])
    True
    """
    month = in_months(sessions[sessions[_C.AGENT_ID].notna()], as_of, 1)
    records = [
        record
        for rule in COMPLIANCE
        for record in _of_rule(month, rule, precisions[rule], *_hits(month, rule, labels))
    ]
    table = pd.DataFrame(records, columns=list(COLUMNS)).astype({_F.STANDS: bool})
    by = [_F.AGENT_ID, _F.CONVERSATIONS, _F.BEHAVIOUR]
    return table.sort_values(by, ascending=[True, False, True], ignore_index=True)


def _hits(
    month: pd.DataFrame, rule: str, labels: pd.DataFrame | None
) -> tuple[pd.Series[bool], pd.Series[bool]]:
    """Return which rows seem to break a rule, and which of them a person has confirmed."""
    judged = month[_C.CONVERSATION_ID].map(_verdicts(labels, rule))
    hit = _shown(month, rule) & (judged != False)  # noqa: E712 - null: nobody has read it
    if rule in GRAVER:
        cleared = month[_C.CONVERSATION_ID].map(_verdicts(labels, GRAVER[rule])) == False  # noqa: E712
        hit &= ~_shown(month, GRAVER[rule]) | cleared
    return hit, hit & (judged == True)  # noqa: E712


def _of_rule(
    month: pd.DataFrame, rule: str, trust: Precision, hit: pd.Series[bool], sure: pd.Series[bool]
) -> Iterator[dict[str, Any]]:
    """Yield one rule's findings, by agent and by whether they stand."""
    known = month[rule].notna()
    # What a person confirmed stands; its unread neighbours wait, where the rule is not trusted.
    stands = (sure | trust.trusted)[hit].rename(_F.STANDS)
    for (agent, standing), own in month[hit].groupby([month.loc[hit, _C.AGENT_ID], stands]):
        mine = month[_C.AGENT_ID] == agent
        confirmed, n = int(sure[own.index].sum()), len(own)
        last = own.sort_values([_C.STARTED_AT, _C.CONVERSATION_ID], ascending=False)
        others = int((known & ~mine).sum())
        yield {
            _F.AGENT_ID: str(agent),
            _F.BEHAVIOUR: rule,
            _F.CONVERSATIONS: n,
            _F.OPPORTUNITIES: int((known & mine).sum()),
            _F.CONFIRMED: confirmed,
            **trust.columns(),
            _F.LIKELY: 1.0 if confirmed else trust.any_right(n),
            _F.STANDS: bool(standing),
            _F.PEER_RATE: int((hit & ~mine).sum()) / others if others else np.nan,
            _F.EVIDENCE: [str(name) for name in last[_C.CONVERSATION_ID]],
        }


def waiting(found: pd.DataFrame) -> pd.Series[int]:
    """Return how many findings of each rule wait for somebody to read them, in the order to read.

    What a stranger could use against a buyer comes first, then what there is most of.

    Examples
    --------
    >>> rules = ["rude_or_blaming", "leaks_order_data", "over_promises"]
    >>> found = pd.DataFrame({"behaviour": rules, "conversations": [5, 2, 9]})
    >>> waiting(found.assign(stands=[False, False, True])).to_dict()
    {'leaks_order_data': 2, 'rude_or_blaming': 5}
    """
    unsure = found[~found[_F.STANDS].astype(bool)]
    sizes = unsure.groupby(_F.BEHAVIOUR)[_F.CONVERSATIONS].sum().sort_values(ascending=False)
    first = [name for name in sizes.index if name in _READ_FIRST]
    return sizes.loc[[*first, *(name for name in sizes.index if name not in first)]]


def crossed_red_lines(
    sessions: pd.DataFrame, red_lines: list[str], labels: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Tell which red lines each session of a month crosses, for a score.

    Parameters
    ----------
    sessions : pandas.DataFrame
        Of the month.
    red_lines : list of str
    labels : pandas.DataFrame or None

    Returns
    -------
    pandas.DataFrame
        A boolean column a red line, same index. A score of 0 is the hardest thing that is said of
        a conversation: it takes a person who has read the hit and confirmed it, however well a
        rule reads by wording.

    Examples
    --------
    A hit by wording crosses nothing; a person's confirmation does:

    >>> hits = pd.DataFrame({"conversation_id": ["c1"], "agent_id": "a1", "leaks_order_data": True})
    >>> crossed_red_lines(hits, ["leaks_order_data"]).values.tolist()
    [[False]]
    >>> read = {"conversation_id": ["c1"], "behaviour": ["leaks_order_data"], "shown": [True]}
    >>> crossed_red_lines(hits, ["leaks_order_data"], pd.DataFrame(read)).values.tolist()
    [[True]]
    """
    sure = {}
    for rule in red_lines:
        judged = sessions[_C.CONVERSATION_ID].map(_verdicts(labels, rule))
        sure[rule] = _shown(sessions, rule) & (judged == True)  # noqa: E712 - null: nobody has read it
    return pd.DataFrame(sure, index=sessions.index, columns=red_lines).astype(bool)


def unread_red_lines(
    sessions: pd.DataFrame, red_lines: list[str], labels: pd.DataFrame | None = None
) -> int:
    """Return how many hits of red lines nobody has judged, of sessions as for `crossed_red_lines`.

    Examples
    --------
    >>> hits = pd.DataFrame({"conversation_id": ["c1", "c2"], "agent_id": "a1"})
    >>> hits = hits.assign(leaks_order_data=True)
    >>> read = {"conversation_id": ["c1"], "behaviour": ["leaks_order_data"], "shown": [False]}
    >>> unread_red_lines(hits, ["leaks_order_data"], pd.DataFrame(read))
    1
    """
    waits = 0
    for rule in red_lines:
        judged = sessions[_C.CONVERSATION_ID].map(_verdicts(labels, rule))
        waits += int((_shown(sessions, rule) & judged.isna()).sum())
    return waits


def _shown(sessions: pd.DataFrame, rule: str) -> pd.Series[bool]:
    return sessions[rule].astype("boolean").fillna(value=False).astype(bool)


def _verdicts(labels: pd.DataFrame | None, rule: str) -> pd.Series[bool]:
    """Return by conversation whether a reader says that one of its lines shows the rule."""
    if labels is None or labels.empty:
        return pd.Series(dtype=bool)
    rows = labels[labels[Labels.BEHAVIOUR] == rule]
    shown = rows[Labels.SHOWN].astype(bool).groupby(rows[Labels.CONVERSATION_ID])
    verdicts: pd.Series[bool] = shown.any()
    return verdicts
