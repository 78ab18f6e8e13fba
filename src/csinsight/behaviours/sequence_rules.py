"""Sequence rules: what has to be shown within so many messages or minutes of something.

A file of rules (``params/sequence_rules.yml``) is data; this runs it. What comes out are positions
in conversations, never text: evidence is shown, masked, by who may show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Final

import narwhals as nw
import pandas as pd
import polars as pl

from csinsight.behaviours.conversations import MarkedMessages
from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.markers import mark
from csinsight.behaviours.sequence_forms import RuleExample, RulesFile, SequenceRule
from csinsight.config import load
from csinsight.contract.artifacts import RuleOpportunities as Opportunity
from csinsight.contract.schema import Messages
from csinsight.engine import collect
from csinsight.engine.frames import beside, hold
from csinsight.errors import ConfigError
from csinsight.features.conversations import with_turns
from csinsight.features.frames import (
    POSITION,
    SECOND_MS,
    SENT_MS,
    TURN_NO,
    Columns,
    ConversationRules,
    Frame,
    pick,
)
from csinsight.features.rounds import in_service
from csinsight.params import shipped

_CONVERSATION: Final = Messages.CONVERSATION_ID
_ORDER: Final = (SENT_MS, Messages.MESSAGE_NO)
_ASKED: Final = "_asked_at"
_COLUMNS: Final = Columns(
    texts=(Opportunity.RULE, _CONVERSATION),
    integers=(
        Opportunity.POSITION,
        Opportunity.LINES,
        Opportunity.FIRST,
        Opportunity.UNTIL,
        Opportunity.SHOWN_AT,
    ),
    booleans=(Opportunity.BROKEN,),
)


def load_rules(lexicon: Lexicon, path: Path | None = None) -> Mapping[str, SequenceRule]:
    """Read sequence rules and check that the lexicon has every marker they name.

    Parameters
    ----------
    lexicon : Lexicon
    path : Path or None
        None: ``params/sequence_rules.yml`` as it comes with csinsight.

    Raises
    ------
    ConfigError
        Naming file, rule, what is wrong, and the mend.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lexicon = load_lexicon()
    >>> len(load_rules(lexicon)) > 1
    True
    """
    path = path or shipped("params") / "sequence_rules.yml"
    rules = load(path, RulesFile).rules
    for name, rule in rules.items():
        sides = {rule.who: list(rule.expect.any_of)}
        if rule.trigger.side and rule.trigger.marker:
            sides.setdefault(rule.trigger.side, []).append(rule.trigger.marker)
        for side, markers in sides.items():
            for unknown in set(markers) - set(lexicon.ids(side)):
                raise ConfigError(
                    f"{path}, rule `{name}`: `{unknown}` is no marker of the {side}'s lines; see "
                    "behaviours/lexicons/ for the names"
                )
    return rules


def rule_opportunities(
    marked: MarkedMessages, sequences: Mapping[str, SequenceRule], conversation_ids: Iterable[str]
) -> pd.DataFrame:
    """Return every opportunity of every rule in some conversations.

    Parameters
    ----------
    marked : MarkedMessages
    sequences : mapping of str to SequenceRule
    conversation_ids : iterable of str
        Those of the report month, say.

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.RuleOpportunities`, sorted. Rules that wait or
        count minutes have no opportunity in conversations without times.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations, sample_messages
    >>> marked = sample_messages()
    >>> ids = sample_conversations()["conversation_id"]
    >>> found = rule_opportunities(marked, load_rules(marked.lexicon), ids)
    >>> set(found["conversation_id"]) <= set(ids)
    True
    """
    wanted = sorted(set(conversation_ids))
    lines = marked.lines.filter(nw.col(_CONVERSATION).is_in(wanted))
    return find_opportunities(lines, sequences, marked.cut.rules)


def find_opportunities(
    marked: Frame, sequences: Mapping[str, SequenceRule], rules: ConversationRules
) -> pd.DataFrame:
    """Return the opportunities of sequence rules in marked messages; see `rule_opportunities`.

    Parameters
    ----------
    marked : narwhals.LazyFrame
        Of `csinsight.behaviours.markers.mark`, with ``position``.
    sequences : mapping of str to SequenceRule
    rules : ConversationRules
        For the service hours of waits.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> from csinsight.sample import sample_context, sample_messages
    >>> marked, rules = sample_messages(), load_rules(load_lexicon())
    >>> found = find_opportunities(marked.lines, rules, sample_context().rules)
    >>> set(found["rule"]) <= set(rules), bool((found["lines"] >= 0).all())
    (True, True)
    """
    lines = hold(_numbered(marked, sequences))
    parts = [_opportunities(lines, name, rule, rules) for name, rule in sequences.items()]
    table = _COLUMNS.gather(nw.concat(parts))
    table = table.sort_values([Opportunity.RULE, _CONVERSATION, Opportunity.POSITION])
    wrote = nw.col(Messages.SENDER) == "agent"
    talks = pl.from_pandas(table[[_CONVERSATION]].drop_duplicates()).cast(pl.String)
    there = lines.filter(wrote).join(beside(lines, talks), on=_CONVERSATION, how="inner")
    authors = collect(there.select(_CONVERSATION, POSITION, Messages.AGENT_ID))
    table[Opportunity.AGENT_ID] = _authors(table, authors.dropna())
    return table.reset_index(drop=True)


def _authors(table: pd.DataFrame, authors: pd.DataFrame) -> pd.Series[str]:
    """Return whose each opportunity was: who wrote first in its window, or last before it."""
    asked = table[[_CONVERSATION]].copy()
    at = table[Opportunity.FIRST].fillna(table[Opportunity.POSITION])
    asked[POSITION], asked["_row"] = at.astype("int64"), table.index
    wrote = authors.astype({POSITION: "int64"}).sort_values(POSITION)
    found = pd.merge_asof(asked.sort_values(POSITION), wrote, on=POSITION, by=_CONVERSATION)
    return found.set_index("_row")[Messages.AGENT_ID].reindex(table.index).astype("str")


def try_example(rule: SequenceRule, example: RuleExample, lexicon: Lexicon) -> tuple[int, int]:
    """Return how often a rule applies to an example's conversation, and is broken.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lexicon = load_lexicon()
    >>> rules = load_rules(lexicon)
    >>> rule = next(iter(rules.values()))
    >>> applies, broken = try_example(rule, rule.examples[0], lexicon)
    >>> broken <= applies
    True
    """
    told = pl.DataFrame(
        {
            Messages.CONVERSATION_ID: ["example"] * len(example.conversation),
            Messages.SENDER: [sender for _, sender, _ in example.conversation],
            Messages.AGENT_ID: [s if s == "agent" else None for _, s, _ in example.conversation],
            Messages.TEXT: [text for *_, text in example.conversation],
            # From ten o'clock on, so that service hours hold it.
            SENT_MS: [int((600 + minute) * 60_000) for minute, *_ in example.conversation],
            Messages.MESSAGE_NO: list(range(len(example.conversation))),
        }
    ).with_columns(pl.col(Messages.TEXT).str.normalize("NFKC"))
    marked = mark(with_turns(nw.from_native(told.lazy())), lexicon)
    found = find_opportunities(
        marked, {"example": rule}, ConversationRules(12, 24, 72, 8, 23, 600, 180, 24, 90)
    )
    return len(found), int(found[Opportunity.BROKEN].sum())


def _numbered(marked: Frame, sequences: Mapping[str, SequenceRule]) -> Frame:
    """Return both sides' lines, numbered by side, with when the answered question was asked."""
    named = {m for rule in sequences.values() for m in rule.expect.any_of}
    named |= {rule.trigger.marker for rule in sequences.values() if rule.trigger.marker}
    sent, sender = nw.col(SENT_MS), nw.col(Messages.SENDER)
    lines = marked.filter(~nw.col(TURN_NO).is_null()).select(
        _CONVERSATION,
        POSITION,
        SENT_MS,
        Messages.MESSAGE_NO,
        Messages.SENDER,
        Messages.AGENT_ID,
        TURN_NO,
        *sorted(named),
    )
    return (
        lines.with_columns(_began=sent.min().over(_CONVERSATION, TURN_NO))
        .with_columns(
            nw.col("_began").shift(1).over(_CONVERSATION, order_by=_ORDER).alias(_ASKED),
            nw.col(TURN_NO).shift(1).over(_CONVERSATION, order_by=_ORDER).alias("_previous"),
            *(
                nw.when(sender == side).then(nw.lit(1)).otherwise(nw.lit(0)).alias(f"_is_{side}")
                for side in ("agent", "buyer")
            ),
        )
        .with_columns(
            nw.col(f"_is_{side}")
            .cum_sum()
            .over(_CONVERSATION, order_by=_ORDER)
            .alias(f"_{side}_no")
            for side in ("agent", "buyer")
        )
    )


def _opportunities(lines: Frame, name: str, rule: SequenceRule, rules: ConversationRules) -> Frame:
    """Lay the lines of one rule's windows beside its triggers, and see what they show."""
    number = f"_{rule.who}_no"
    own = nw.col(Messages.SENDER) == rule.who
    # The trigger's own line is the first of the window where it is of the side looked at.
    start = nw.when(own).then(nw.col(number) - 1).otherwise(nw.col(number))
    triggers = lines.filter(_triggered(rule, rules)).select(
        _CONVERSATION,
        nw.col(POSITION).alias(Opportunity.POSITION),
        nw.col(SENT_MS).alias("_from"),
        start.alias("_after"),
    )
    any_shown = reduce(or_, (nw.col(m).fill_null(value=False) for m in rule.expect.any_of))
    shown = nw.when(any_shown).then(nw.lit(1)).otherwise(nw.lit(0))
    looked_at = lines.filter(own).select(
        _CONVERSATION,
        nw.col(number).alias("_no"),
        nw.col(SENT_MS).alias("_at"),
        nw.col(POSITION).alias("_place"),
        shown.alias("_shown"),
    )
    pairs = triggers.join(looked_at, on=_CONVERSATION, how="left")
    inside = nw.col("_no") > nw.col("_after")
    if rule.within.messages is not None:
        inside = inside & (nw.col("_no") <= nw.col("_after") + rule.within.messages)
    else:
        reach = int(float(rule.within.minutes or 0) * 60 * SECOND_MS)
        inside = inside & (nw.col("_at") - nw.col("_from") <= reach)
    inside = inside.fill_null(value=False)
    place = nw.col("_place")
    found = pairs.group_by(_CONVERSATION, Opportunity.POSITION).agg(
        pick(inside, place).count().cast(nw.Int64).alias(Opportunity.LINES),
        pick(inside, place).min().alias(Opportunity.FIRST),
        pick(inside, place).max().alias(Opportunity.UNTIL),
        pick(inside & (nw.col("_shown") == 1), place).min().alias(Opportunity.SHOWN_AT),
    )
    seen = ~nw.col(Opportunity.SHOWN_AT).is_null()
    if rule.within.messages is not None:
        # Who wrote nothing more had no chance to show anything.
        found = found.filter(nw.col(Opportunity.LINES) > 0)
    return found.with_columns(
        nw.lit(name).alias(Opportunity.RULE),
        (~seen if rule.expect.shown else seen).alias(Opportunity.BROKEN),
    ).select(*_COLUMNS.texts, *_COLUMNS.integers, *_COLUMNS.booleans)


def _triggered(rule: SequenceRule, rules: ConversationRules) -> nw.Expr:
    trigger, sender = rule.trigger, nw.col(Messages.SENDER)
    timed = ~nw.col(SENT_MS).is_null()
    if trigger.kind == "opens":
        hit = (nw.col("_buyer_no") == 1) & (sender == "buyer") & (nw.col(TURN_NO) == 1)
    elif trigger.kind == "wait":
        answers = (sender == "agent") & (nw.col("_previous") != nw.col(TURN_NO))
        waited = nw.col(SENT_MS) - nw.col(_ASKED)
        late = waited > int((trigger.over_s or 0) * SECOND_MS)
        hit = answers & late & in_service(nw.col(_ASKED), rules)
    else:
        hit = (sender == trigger.side) & nw.col(str(trigger.marker))
    if rule.within.minutes is not None:
        hit = hit & timed
    return hit.fill_null(value=False)
