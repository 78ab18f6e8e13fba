"""Notebook 03: what the team shows in chat, which rules it may break, and the scorecard."""

from __future__ import annotations

from typing import Final

import pandas as pd

from csinsight.behaviours import scorecard
from csinsight.behaviours.findings import (
    MIN_READ,
    compliance_findings,
    crossed_red_lines,
    rule_precisions,
    unread_red_lines,
)
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.profiles import AS_MAIL_S
from csinsight.behaviours.sequence_forms import Scorecard
from csinsight.coaching.disputes import load_disputes, set_aside, without_rejected
from csinsight.contract.artifacts import AgentKpis, Conversations, Findings
from csinsight.contract.artifacts import Scorecards as Card
from csinsight.contract.domain import COMPLIANCE, MARKERS
from csinsight.contract.labels import load_labels
from csinsight.render import theme
from csinsight.render.blocks import Block, Note, Prose, Table
from csinsight.render.figure import Picture
from csinsight.render.words import by_pinyin
from csinsight.stats.intervals import wilson
from csinsight.views import labels, plots
from csinsight.views.kpi_figures import SHOP_KPIS
from csinsight.views.study import Study

_GROUPS: Final = ("speed", "courtesy", "answers", "problems", "compliance")


#: Shown after the outcome or late in the talk: drawn, but in grey.
_AFTER: Final = ("checks_address", "closes_warmly")


def read_by(study: Study) -> list[str]:
    """Say which behaviours a model of the shop's own choosing reads, and how well, or why none.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> read_by(study)
    []
    """
    found = study.context.model
    if found is None or study.context.params.reader != "llm":
        return []
    if found.why_not:
        return [study.word(f"llm.{found.why_not}", model=found.model)]
    words, taken = study.words, [one for one in found.judged if one.taken]
    figures = [
        study.word(
            "llm.figure",
            behaviour=study.word(f"behaviour.{one.behaviour}"),
            lines=words.number(one.lines),
            **{
                name: words.number(getattr(one, key), 2)
                for name, key in (
                    ("f1", "f1"),
                    ("low", "f1_low"),
                    ("high", "f1_high"),
                    ("built_in", "built_in"),
                    ("built_in_low", "built_in_low"),
                    ("built_in_high", "built_in_high"),
                )
            },
        )
        for one in taken
    ]
    names = words.listed([study.word(f"behaviour.{one.behaviour}") for one in taken])
    joined = study.word("text.clause_join").join(figures)
    told = study.word("llm.reads", model=found.model, behaviours=names, figures=joined)
    refused = [study.word("llm.refused", n=words.number(found.refused))] if found.refused else []
    return [told, *refused]


def behaviours(study: Study, conversations: pd.DataFrame) -> Block:
    """Draw how often each behaviour was shown in the month.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> type(behaviours(study, study.read("conversations"))).__name__
    'Picture'
    """
    month = study.of_month(conversations)
    found = labels.behaviour_rates(month, (*MARKERS, *study.context.own.behaviours))
    if found.empty:
        return Prose(study.word("kpis.no_behaviours"))
    words = study.words
    names = [study.word(f"behaviour.{name}") for name in found["behaviour"]]
    texts = [
        words.word("text.with_count", value=words.percent(r, 0), n=words.number(n))
        for r, n in zip(found["rate"], found["n"], strict=True)
    ]
    colours = [theme.LINE if name in _AFTER else theme.BAND for name in found["behaviour"]]
    most, least = (
        words.word("text.with_count", value=names[i], n=words.percent(found["rate"].iloc[i], 0))
        for i in (0, -1)
    )
    told = words.listed([f"{name} {text}" for name, text in zip(names, texts, strict=True)])
    return Picture(
        plots.rate_bars(found.assign(name=names), texts, colours=colours),
        study.word("kpis.behaviours", most=most, least=least),
        alt=study.word("kpis.behaviours_alt", rows=told),
        caption=study.words.sentences(study.word("kpis.behaviours_caption"), *read_by(study)),
        data=found.round(4),
        name="behaviour_rates",
    )


def compliance(study: Study, sessions: pd.DataFrame) -> Block:
    """Return how many conversations of the month seem to break which platform rule.

    The same findings as on the cards and in the workbook, with those of lines that name no agent.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> from csinsight.sample import sample_sessions
    >>> type(compliance(study, sample_sessions())).__name__
    'Note'
    """
    disputes = load_disputes(
        study.data, sessions, month=study.month, months=study.context.params.driver_months
    )
    counted, read = set_aside(sessions, disputes), load_labels(study.data)
    by = Conversations.AGENT_ID
    precisions = rule_precisions(study.context.lexicon, counted, read)
    found = compliance_findings(
        counted.assign(**{by: counted[by].fillna("")}), study.as_of, precisions, read
    )
    found = without_rejected(found, disputes)
    month, by_rule = study.of_month(counted), dict(iter(found.groupby(Findings.BEHAVIOUR)))
    total = month[Conversations.CONVERSATION_ID].nunique()
    items = [_broken(study, rule, by_rule[rule], total) for rule in COMPLIANCE if rule in by_rule]
    title = study.word("kpis.compliance")
    unnamed = int(found.loc[found[Findings.AGENT_ID] == "", Findings.CONVERSATIONS].sum())
    told = study.word("kpis.compliance_unnamed", n=study.words.number(unnamed)) if unnamed else ""
    items += [study.words.sentences(study.word("kpis.compliance_all"), told)] if items else []
    return Note(items, title) if items else Prose(study.word("kpis.compliance_none"))


def rule_trust(study: Study, rule: str, *, right: int, read: int, sure: bool = False) -> str:
    """Write what became of a rule's hits when they were read; `sure` where people said all are.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> rule_trust(study, "off_platform", right=0, read=0)
    'none of such lines has been read yet, so how often they are right is not known'
    >>> rule_trust(study, "off_platform", right=1, read=1)[:40]
    'lines of this kind that a person has rea'
    >>> rule_trust(study, "off_platform", right=9, read=10)[:40]
    'of such lines that were read one by one,'
    """
    if sure:
        return study.word("card.rule_confirmed")
    if not read:
        return study.word("card.rule_unread")
    if read < MIN_READ:
        return study.word("card.rule_few", read=study.words.number(read))
    low, high = wilson(right, read)
    words = study.words
    ends = {"low": words.percent(low, 0), "high": words.percent(high, 0)}
    told = {"right": words.number(right), "read": words.number(read)}
    published = load_lexicon(study.context.own, reader="rules").markers[rule].precision
    public = min(published.read, read) if published else 0
    of = {"public": words.number(public), "own": words.number(read - public)}
    key = "public" if public == read else "both" if public else "own"
    by = study.word(f"card.rule_read_{key}", **of)
    return study.word("card.rule_trust", by=by, **told, **ends)


def _broken(study: Study, rule: str, found: pd.DataFrame, total: int) -> str:
    """Write one rule's hits and how often such hits are right.

    How many are on cards is not known yet: the coaching plan finds which lines can be read.
    """
    sizes, first, number = found[Findings.CONVERSATIONS], found.iloc[0], study.words.number
    trust = rule_trust(
        study,
        rule,
        right=int(first[Findings.RIGHT]),
        read=int(first[Findings.READ]),
        sure=bool((found[Findings.LIKELY] == 1).all()),
    )
    return study.word(
        "kpis.compliance_item",
        rule=study.word(f"behaviour.{rule}"),
        n=number(int(sizes.sum())),
        all=number(total),
        trust=trust,
    )


def write(
    study: Study,
    sessions: pd.DataFrame,
    opportunities: pd.DataFrame,
    card: Scorecard,
) -> pd.DataFrame:
    """Score the month's conversations and keep scores, items and the rules' opportunities.

    Returns
    -------
    DataFrame
        Of `csinsight.behaviours.scorecard.score_conversations`.
    """
    month, read = study.of_month(sessions), load_labels(study.data)
    crossed = crossed_red_lines(month, card.red_lines, read)
    study.write("rule_opportunities", opportunities)
    study.write(Card.ITEMS, scorecard.item_points(month, opportunities, card))
    scores = scorecard.score_conversations(month, opportunities, card, crossed)
    return study.write(Card.NAME, scores)


def items(study: Study, card: Scorecard) -> Block:
    """Draw what share of the conversations with opportunity kept each item in full.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from csinsight.views.sample import sample_study
    >>> card = Scorecard.model_construct(items={})
    >>> study = SimpleNamespace(read=lambda name: pd.DataFrame(), word=sample_study().word)
    >>> items(study, card).plain()
    'No conversation of this month gave an opportunity for any item of the scorecard.'
    """
    found = scorecard.item_shares(study.read(Card.ITEMS), card)
    known = found[found[scorecard.CONVERSATIONS] > 0].sort_values(Card.LOST, ascending=False)
    if known.empty:
        return Prose(study.word("quality.no_items"))
    words = study.words
    names = [card.items[name].meaning[words.lang] for name in known[Card.ITEM]]
    texts = [
        study.word(
            "quality.item_text",
            kept=words.percent(row[Card.KEPT], 0),
            lost=words.number(row[Card.LOST], 1),
            points=words.number(row[Card.POINTS]),
            n=words.number(row[scorecard.CONVERSATIONS]),
        )
        for _, row in known.iterrows()
    ]
    told = words.listed([f"{name} {text}" for name, text in zip(names, texts, strict=True)])
    return Picture(
        plots.rate_bars(known.assign(name=names, rate=known[Card.KEPT]), texts),
        study.word("quality.items", most=names[0]),
        alt=study.word("quality.items_alt", rows=told),
        caption=study.words.sentences(study.word("quality.items_caption"), _as_mail(study)),
        data=known.round(4),
        name="scorecard_items",
    )


def agents(study: Study, scores: pd.DataFrame, card: Scorecard, sessions: pd.DataFrame) -> Block:
    """Draw each agent's mean score with its interval, by name and not by result.

    Beside red lines that a person confirmed stands, for all alike, whether any are unread: a plain
    0 would say that there was nothing.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> nobody = pd.DataFrame({"agent_id": [None], "score": [None], "red_lines": [[]]})
    >>> empty = Scorecard.model_construct(items={})
    >>> agents(sample_study(), nobody, empty, pd.DataFrame()).plain()
    'No agent has a conversation with enough opportunities to be scored.'
    """
    found = scorecard.agent_scores(scores)
    if found.empty:
        return Prose(study.word("quality.no_agents"))
    found = found.assign(name=[study.agent_name(a) for a in found[Conversations.AGENT_ID]])
    found = found.sort_values("name", key=lambda names: names.map(by_pinyin))
    words = study.words
    waits = unread_red_lines(study.of_month(sessions), card.red_lines, load_labels(study.data))
    shown = pd.DataFrame(
        {
            "agent": found["name"],
            "score": [_score(study, row) for _, row in found.iterrows()],
            "talks": found[scorecard.CONVERSATIONS],
            "red": [_red(study, int(n), waits) for n in found[scorecard.RED_CONVERSATIONS]],
            "lost": [_most_lost(study, card, agent) for agent in found[Conversations.AGENT_ID]],
        }
    )
    low, high = found[Card.SCORE].min(), found[Card.SCORE].max()
    return Table(
        shown,
        study.word("quality.agents", low=words.number(low), high=words.number(high)),
        caption=words.sentences(
            study.word("quality.agents_caption"),
            study.word("quality.red_unread", n=words.number(waits)) if waits else "",
            _as_mail(study),
        ),
        labels=labels.headings(study, "quality", shown.columns),
        name="scorecard_agents",
    )


def _as_mail(study: Study) -> str:
    """Say that items of minutes are made for chat, where the shop answers as slowly as mail."""
    shop = study.read_or_none(SHOP_KPIS)
    first = None if shop is None else shop[AgentKpis.FIRST_RESPONSE_MEDIAN].iloc[0]
    return study.word("quality.as_mail") if pd.notna(first) and first >= AS_MAIL_S else ""


def card_table(study: Study, card: Scorecard) -> Block:
    """Return the scorecard itself: items, points and what keeps them.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> from csinsight.behaviours.scorecard import load_scorecard
    >>> from csinsight.behaviours.sequence_rules import load_rules
    >>> card = load_scorecard(load_rules(sample_study().context.lexicon))
    >>> shown = card_table(sample_study(), card).plain()
    >>> all(item.meaning["en"] in shown for item in card.items.values())
    True
    """
    words = study.words
    rows = [
        {
            "group": study.word(f"quality.group_{group}"),
            "item": card.items[name].meaning[words.lang],
            "points": words.number(item.points),
        }
        for group in _GROUPS
        for name, item in card.items.items()
        if item.group == group
    ]
    lines = study.words.listed([study.word(f"behaviour.{name}") for name in card.red_lines])
    return Table(
        pd.DataFrame(rows),
        card.title[study.words.lang],
        caption=study.word(
            "quality.card_caption",
            red=lines,
            least=study.words.number(card.least_points),
        ),
        labels=labels.headings(study, "quality", rows[0]),
        name="scorecard_card",
    )


def _score(study: Study, row: pd.Series) -> str:
    number = study.words.number
    if pd.isna(row[scorecard.LOW]):
        return number(row[Card.SCORE])
    ends = number(row[scorecard.LOW]), number(row[scorecard.HIGH])
    return labels.two_lines(study.words.with_interval(number(row[Card.SCORE]), *ends))


def _red(study: Study, confirmed: int, waits: int) -> str:
    """Write an agent's confirmed red lines; where any of the team's are unread, none is no 0."""
    number = study.words.number(confirmed)
    if not waits:
        return number
    return study.word("quality.red_some" if confirmed else "quality.red_none", n=number)


def _most_lost(study: Study, card: Scorecard, agent: str) -> str:
    """Name the item that lost the agent most points over the month."""
    items = study.read(Card.ITEMS)
    own = items[items[Conversations.AGENT_ID] == agent]
    lost = (own[Card.POINTS] * (1 - own[Card.KEPT])).groupby(own[Card.ITEM]).sum()
    if lost.empty or lost.max() == 0:
        return study.word("quality.nothing_lost")
    return study.word(
        "quality.most_lost",
        item=card.items[str(lost.idxmax())].meaning[study.words.lang],
        points=study.words.number(lost.max() / own[Conversations.CONVERSATION_ID].nunique(), 1),
    )
