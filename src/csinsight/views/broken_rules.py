"""Lines that seem to break a rule: whose and how many, in notebook 05 and in the brief."""

from __future__ import annotations

import pandas as pd

from csinsight.behaviours.findings import waiting
from csinsight.contract.artifacts import CoachingPlan, Findings
from csinsight.render.table import Linked, Table
from csinsight.views import labels
from csinsight.views.study import Study

_P = CoachingPlan
#: Agents named in the brief for lines that seem to break a rule, and from how many lines on.
_NAMED_FOR_RULES = 3
_MANY = 3


def in_brief(study: Study, plan: pd.DataFrame) -> str:
    """Return whose lines seem to break a rule and how many, most first; nothing where none do.

    Those with few are told by their range alone, without names: one or two hits are as likely
    the reader's fault.

    Examples
    --------
    >>> from csinsight.views.sample import sample_plan, sample_study
    >>> type(in_brief(sample_study(), sample_plan())).__name__
    'str'
    """
    broken = labels.of_kind(plan, "compliance")
    words = study.words
    found = study.read_or_none(Findings.NAME)
    check = ""
    if found is not None:
        check = _waiting(study, found)
    if broken.empty:
        return check
    by_agent = {name: _conversations_of(own) for name, own in broken.groupby(_P.AGENT_ID)}
    sizes = pd.Series(by_agent).sort_values(ascending=False, kind="stable")
    many = sizes[sizes > _MANY].head(_NAMED_FOR_RULES)
    rest = sizes.drop(many.index)
    named = [
        study.word(
            "brief.rules_one", name=labels.card_links(study, [str(agent)]), n=words.number(n)
        )
        for agent, n in many.items()
    ]
    if len(rest):
        ends = {"low": words.number(rest.min()), "high": words.number(rest.max())}
        who = "others" if named else "all"
        key = f"brief.rules_{who}" if rest.min() < rest.max() else f"brief.rules_{who}_alike"
        if len(sizes) == 1:
            key = "brief.rules_alone"
        named.append(study.word(key, agents=labels.agents_of(study, broken), **ends))
    told = study.word("brief.rules", named=words.listed(named))
    return words.sentences(told, check)


def _waiting(study: Study, found: pd.DataFrame) -> str:
    """Write how many findings of which kind wait to be read, naming nobody; nothing for none."""
    sizes = waiting(found)
    if sizes.empty:
        return ""
    words = study.words
    kinds = [
        study.word("brief.rules_kind", rule=labels.noun(study, str(rule)), n=words.number(n))
        for rule, n in sizes.items()
    ]
    told = {"n": words.number(int(sizes.sum())), "kinds": words.listed(kinds)}
    # One kind has no order to be read in.
    return study.word("brief.rules_check" if len(kinds) > 1 else "brief.rules_check_one", **told)


def _conversations_of(broken: pd.DataFrame) -> int:
    """Return in how many conversations one agent's rules were seen broken; one counts once."""
    listed = {one for ids in broken[_P.EVIDENCE] for one in ids}
    # A rule with many lists some of them alone.
    return max(len(listed), *(labels.breaches(row) for _, row in broken.iterrows()))


def table(study: Study, broken: pd.DataFrame) -> Table:
    """Return a row an agent: which rules may have been broken in how many conversations.

    Examples
    --------
    >>> from csinsight.views.sample import sample_plan, sample_study
    >>> type(table(sample_study(), labels.of_kind(sample_plan(), "compliance"))).__name__
    'Table'
    """
    shown = pd.DataFrame(
        [
            {
                "agent": Linked(labels.card_links(study, [agent])),
                "talks": int(own[_P.OPPORTUNITIES].max()),
                "seen": study.words.listed([_seen(study, row) for _, row in own.iterrows()]),
            }
            for agent in labels.sorted_names(study, broken[_P.AGENT_ID].unique())
            for own in [broken[broken[_P.AGENT_ID] == agent]]
        ]
    )
    headings = labels.headings(study, "coaching", shown.columns)
    title, caption = study.word("coaching.rules_title"), study.word("coaching.rules_caption")
    return Table(shown, title, caption=caption, labels=headings, name="rules")


def _seen(study: Study, row: pd.Series) -> str:
    """Write one rule with the number of conversations in which a breach was seen."""
    rule = study.word(f"behaviour.{row[_P.BEHAVIOUR]}")
    times = labels.counted(study, "times", labels.breaches(row))
    return study.word("text.with_count", value=rule, n=times)
