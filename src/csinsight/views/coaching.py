"""Notebook 05: what to practise and who gains, and whose lines break rules."""

from __future__ import annotations

import pandas as pd

from csinsight.behaviours.findings import waiting
from csinsight.coaching.month import Coached
from csinsight.coaching.plan import KEEP_UP, TOO_FEW, mentors, to_check
from csinsight.coaching.shrunken_effects import sureness
from csinsight.contract.artifacts import AgentKpis, CoachingPlan, Drivers, Findings, FollowUp
from csinsight.contract.disputes import reference
from csinsight.drivers.units import unit_of
from csinsight.render import theme
from csinsight.render.blocks import (
    Anchor,
    Block,
    Columns,
    Finding,
    Folded,
    Linked,
    Note,
    Prose,
    Stack,
    Table,
    Talk,
)
from csinsight.render.figure import Picture
from csinsight.views import labels, plots
from csinsight.views.kpi_figures import SHOP_KPIS
from csinsight.views.study import Study
from csinsight.views.workbook import JSON, WORKBOOK, write_exports

_P = CoachingPlan
#: Agents named in a sentence; a table names all.
_MOST_NAMED = 4


def by_behaviour(plan: pd.DataFrame) -> pd.DataFrame:
    """Sum the recommendations over agents: who, and the gain of all with its interval.

    What goes with a sale most surely comes first, however large another gain may look; its agents
    stand by what closing their gap goes with, the most first. Agents' gains share the uncertainty
    of one effect, so their interval ends are added up: wider than independence would make them.

    Examples
    --------
    >>> plan = pd.DataFrame({"agent_id": ["a1", "a2"], "behaviour": "recommends", "kind": "driver"})
    >>> told = plan.assign(expected_gain_inquiries=[2.0, 1.0], low=[1.0, 0.5], high=[3.0, 1.5])
    >>> told = told.assign(effect_pp=8.0, effect_low_pp=6.0, effect_high_pp=10.0)
    >>> by_behaviour(told)[["behaviour", "agents", "gain"]].to_numpy().tolist()
    [['recommends', 2, 3.0]]
    >>> by_behaviour(told.assign(expected_gain_inquiries=[1.0, 2.0]))["who"].tolist()
    [['a2', 'a1']]
    """
    rows = labels.of_kind(plan, "driver")
    sure = sureness(rows, _P.EFFECT_PP, _P.EFFECT_LOW_PP, _P.EFFECT_HIGH_PP)
    table = (
        rows.assign(sure=sure.astype(float))
        .sort_values([_P.EXPECTED_GAIN, _P.AGENT_ID], ascending=[False, True])
        .groupby(_P.BEHAVIOUR)
        .agg(
            who=(_P.AGENT_ID, lambda agents: list(dict.fromkeys(agents))),
            sure=("sure", "max"),
            gain=(_P.EXPECTED_GAIN, "sum"),
            low=(_P.LOW, "sum"),
            high=(_P.HIGH, "sum"),
        )
        .reset_index()
    )
    table["agents"] = [len(names) for names in table["who"]]
    return table.sort_values(["sure", "gain"], ascending=False, ignore_index=True)


def sentence(study: Study, plan: pd.DataFrame) -> str:
    """Return the finding: rules first, then how many agents get what to practise.

    Examples
    --------
    >>> from csinsight.views.sample import sample_plan, sample_study
    >>> bool(sentence(sample_study(), sample_plan()))
    True
    """
    table = by_behaviour(plan)
    broken = labels.of_kind(plan, "compliance")
    parts = []
    if len(broken):
        parts.append(study.word("coaching.rules", agents=labels.agents_of(study, broken)))
    if table.empty:
        parts.append(study.word(_silence(study)))
        return study.words.sentences(*parts)
    first = table.iloc[0]
    told = labels.of_kind(plan, "driver")
    number = labels.counted(study, "recommendations", len(told))
    parts.append(study.word("coaching.found", n=number, agents=labels.agents_of(study, told)))
    parts.append(
        study.word(
            "coaching.first",
            behaviour=labels.title_of(study, first[_P.BEHAVIOUR]),
            agents=labels.counted(study, "agents", int(first["agents"])),
        )
    )
    return study.words.sentences(*parts)


def in_brief(study: Study, plan: pd.DataFrame, drivers: pd.DataFrame | None) -> str:
    """Return the one thing to practise first, with what speaks for it and for whom it is.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_plan, sample_study
    >>> bool(in_brief(sample_study(), sample_plan(), sample_drivers()))
    True
    """
    table = by_behaviour(plan)
    if table.empty:
        return study.word(_silence(study))
    first = table.iloc[0]
    found = pd.DataFrame() if drivers is None else labels.readable(drivers)
    row = found[found[Drivers.BEHAVIOUR] == first[_P.BEHAVIOUR]].iloc[0]
    value, *ends = (
        float(row[name]) for name in (Drivers.EFFECT_PP, Drivers.LOW_PP, Drivers.HIGH_PP)
    )
    low, high = sorted(abs(end) for end in ends)
    outcome, write = row[Drivers.OUTCOME], study.words.number
    places = labels.digits(outcome)
    effect = study.words.with_interval(
        study.word(f"drivers.unit_{outcome}", n=write(abs(value), places)),
        *(write(end, places) for end in (low, high)),
    )
    told = study.word(
        "brief.first_helps" if value > 0 else "brief.first_hurts",
        behaviour=labels.noun(study, first[_P.BEHAVIOUR]),
        measure=study.word(f"drivers.measure_{outcome}"),
        effect=effect,
        title=labels.title_of(study, first[_P.BEHAVIOUR]),
        agents=_some(study, first["who"]),
    )
    return study.words.sentences(told, measured(study, first[_P.BEHAVIOUR]))


def measured(study: Study, behaviour: str) -> str:
    """Say that of advice only the words were measured; nothing of a timing, which is all there is.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> measured(sample_study(), "first_response_s")
    ''
    """
    if unit_of(behaviour) != "shown":
        return ""
    return study.word("coaching.measured", behaviour=labels.noun(study, behaviour))


def _some(study: Study, agents: list[str]) -> str:
    """Name a few agents in a sentence, those first whose gap is largest, and how many others."""
    # Nobody is told that there is "1 more": the name is as short.
    few = len(agents) <= _MOST_NAMED + 1
    shown = agents if few else agents[:_MOST_NAMED]
    names = [
        study.word("brief.newcomer", name=study.agent_name(agent))
        if labels.is_new(study, agent)
        else study.agent_name(agent)
        for agent in shown
    ]
    if few:
        return study.words.listed(names)
    others = study.word("text.others", n=study.words.number(len(agents) - _MOST_NAMED))
    return study.word("text.list_join").join(names) + others


def team_title(study: Study, table: pd.DataFrame) -> str:
    """Return the finding above the team's plan: what first, for how many, and what of it.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> first = {"behaviour": "recommends", "agents": 4, "gain": 14.2, "low": 8.1, "high": 20.3}
    >>> told = team_title(sample_study(), pd.DataFrame([first]))
    >>> "+14" in told and "8" in told and "20" in told
    True
    """
    words, first = study.words, table.iloc[0]
    gain = words.with_interval(
        words.word("unit.orders", n=words.number(first["gain"], 0, sign=True)),
        words.number(first["low"]),
        words.number(first["high"]),
    )
    return study.word(
        "coaching.team",
        behaviour=labels.title_of(study, first[_P.BEHAVIOUR]),
        agents=labels.counted(study, "agents", int(first["agents"])),
        gain=gain,
    )


def in_money(study: Study, table: pd.DataFrame) -> str:
    """Write the first row's gain in money, at what a buyer spent this month; nothing without it.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> in_money(sample_study(), pd.DataFrame())  # the sample's run wrote no figures of the shop
    ''
    """
    shop = study.read_or_none(SHOP_KPIS)
    if shop is None or table.empty or pd.isna(spend := shop[AgentKpis.SPEND_PER_BUYER].iloc[0]):
        return ""
    money, first = study.words.money, table.iloc[0]
    written = (money(spend * first[name]) for name in ("gain", "low", "high"))
    told = study.words.with_interval(*written)
    return study.word("coaching.team_money", spend=money(spend), money=told)


def _silence(study: Study) -> str:
    """Return the word for a month without recommendations: none found, or none to be found."""
    return "coaching.none" if labels.any_named(study) else "coaching.no_drivers"


def nothing(study: Study) -> Prose:
    """Return why there is nothing to practise.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> nothing(sample_study()).plain()[:40]
    'Advice needs a behaviour that goes with '
    """
    return Prose(study.word(f"{_silence(study)}_long"))


def finding(study: Study, plan: pd.DataFrame) -> Finding:
    """Return the sentence on top of the page, and keep it for the index.

    Examples
    --------
    >>> from csinsight.views.sample import sample_plan, sample_study
    >>> type(finding(sample_study(), sample_plan())).__name__
    'Finding'
    """
    return study.finding(sentence(study, plan))


def headline(plan: pd.DataFrame) -> dict[str, int]:
    """Return how many agents are advised on what, for the recorded results.

    Examples
    --------
    >>> plan = pd.DataFrame({"agent_id": ["a1", "a2"], "behaviour": "recommends", "kind": "driver"})
    >>> headline(plan)
    {'recommends': 2}
    """
    counts = labels.of_kind(plan, "driver")[_P.BEHAVIOUR].value_counts().sort_index()
    return {str(name): int(count) for name, count in counts.items()}


def team(study: Study, plan: pd.DataFrame) -> Block:
    """Draw the expected gain of each behaviour over all agents advised on it.

    Examples
    --------
    >>> from csinsight.views.sample import sample_plan, sample_study
    >>> type(team(sample_study(), sample_plan())).__name__
    'Prose'
    """
    table = by_behaviour(plan)
    if table.empty:
        return nothing(study)
    words = study.words
    names = [
        f"{labels.title_of(study, b)} · {words.word('unit.people', n=n)}"
        for b, n in zip(table[_P.BEHAVIOUR], table["agents"], strict=True)
    ]
    told = [
        words.with_interval(words.number(g, 1, sign=True), words.number(lo, 1), words.number(hi, 1))
        for g, lo, hi in zip(table["gain"], table["low"], table["high"], strict=True)
    ]
    figure = plots.forest(
        table.assign(name=names, value=table["gain"]),
        axis=study.word("coaching.axis"),
        colours=theme.HELPS,
        beside=told,
    )
    return Picture(
        figure,
        team_title(study, table),
        alt=words.listed([f"{name} {text}" for name, text in zip(names, told, strict=True)]),
        caption=words.sentences(
            study.word("coaching.team_caption"),
            measured(study, str(table[_P.BEHAVIOUR].iloc[0])),
            _not_advised(study, table),
        ),
        data=table.round(3),
        name="coaching_by_behaviour",
    )


def _not_advised(study: Study, table: pd.DataFrame) -> str:
    """Name what goes with a sale and is advised to nobody, which a reader would look for."""
    drivers = study.read_or_none(Drivers.NAME)
    if drivers is None:
        return ""
    rows = labels.readable(drivers)
    against = labels.contrary(rows)
    left = labels.surest(rows)
    left = left[~left[Drivers.BEHAVIOUR].isin(table[_P.BEHAVIOUR])]
    told = {"coaching.not_advised": left, "drivers.against": against}
    return study.words.sentences(
        *(
            study.word(word, behaviours=study.words.listed(names))
            for word, some in told.items()
            if (names := [labels.noun(study, name) for name in some[Drivers.BEHAVIOUR]])
        )
    )


def keep(study: Study, coached: Coached, talks: pd.DataFrame, followed: pd.DataFrame) -> None:
    """Write the tables that the cards read, and the plan as workbook and JSON."""
    study.write("agent_status", coached.status)
    study.write("agent_rates", coached.adjusted_rates)
    study.write("agent_conversion", coached.conversion)
    study.write("coaching_disputes", coached.disputes)
    study.write(Findings.NAME, coached.findings)
    unsure = to_check(coached.findings)
    by = [_P.AGENT_ID, _P.BEHAVIOUR]
    lines = pd.MultiIndex.from_frame(talks[[*by, "conversation_id"]])
    known = pd.MultiIndex.from_frame(unsure[[*by, _P.MISSES]].explode(_P.MISSES))
    is_unsure = lines.isin(known)
    doubted, talks = talks[is_unsure], talks[~is_unsure].reset_index(drop=True)
    study.write("coaching_excerpts", talks)
    study.write(FollowUp.NAME, followed)
    write_exports(study, coached.plan, coached.status, talks, followed, (unsure, doubted))


def files(study: Study) -> Note:
    """Return the links to the plan as workbook and as JSON.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> print(files(sample_study()).plain()[:40])
    Take the plan with youWorkbook for the t
    """
    items = [
        study.word("coaching.file_workbook", file=WORKBOOK),
        study.word("coaching.file_json", file=JSON),
    ]
    return Note(items, study.word("coaching.files"))


def agents(study: Study, plan: pd.DataFrame, status: pd.DataFrame) -> Block:
    """Return the plan agent by agent: rules to look at, what to practise, who has no advice.

    Examples
    --------
    >>> from csinsight.views.sample import sample_plan, sample_status, sample_study
    >>> type(agents(sample_study(), sample_plan(), sample_status())).__name__
    'Stack'
    """
    rows, broken = labels.of_kind(plan, "driver"), labels.of_kind(plan, "compliance")
    blocks: list[Block] = [rules_table(study, broken)] if len(broken) else []
    blocks.append(_advised(study, rows) if len(rows) else Prose(study.word("coaching.nobody")))
    # Who is to keep it up, and of whom too little was seen to say anything.
    groups = {str(name): list(own["agent_id"]) for name, own in status.groupby("status")}
    kept = "keep_it_up" if labels.any_named(study) else "untold"
    without = groups.get(KEEP_UP, [])
    also = sorted(set(without) & set(broken[_P.AGENT_ID]))
    told = study.word(f"coaching.{kept}", agents=_named(study, without))
    more = study.word("coaching.kept_but_rules", agents=_named(study, also)) if also else ""
    items = [
        study.words.sentences(told, more),
        study.word("coaching.too_few", agents=_named(study, groups.get(TOO_FEW, []))),
    ]
    there = [KEEP_UP in groups, TOO_FEW in groups]
    shown = [item for item, is_there in zip(items, there, strict=True) if is_there]
    return Stack(*blocks, Note(shown, study.word("coaching.verdicts")))


def _advised(study: Study, rows: pd.DataFrame) -> Table:
    words = study.words
    shown = pd.DataFrame(
        [
            {
                "agent": Linked(labels.card_links(study, [row[_P.AGENT_ID]])),
                "what": labels.cell(labels.title_of(study, row[_P.BEHAVIOUR])),
                "rate": labels.rate_text(study, row[_P.BEHAVIOUR], row[_P.RATE]),
                "peers": labels.rate_text(study, row[_P.BEHAVIOUR], row[_P.TARGET_RATE]),
                "occasions": words.number(row[_P.OPPORTUNITIES]),
                "gain": labels.cell(
                    words.with_interval(
                        words.number(row[_P.EXPECTED_GAIN], 1, sign=True),
                        *(words.number(row[end], 1) for end in (_P.LOW, _P.HIGH)),
                    )
                ),
            }
            for agent in labels.sorted_names(study, rows[_P.AGENT_ID].unique())
            for _, row in rows[rows[_P.AGENT_ID] == agent].iterrows()
        ]
    )
    headings = labels.headings(study, "coaching", shown.columns)
    return Table(shown, study.word("coaching.agents"), labels=headings, name="plan")


def strengths(study: Study, plan: pd.DataFrame) -> Block:
    """Return who does what better than comparable peers, and whom they could help with it.

    Examples
    --------
    >>> from csinsight.views.sample import sample_plan, sample_study
    >>> type(strengths(sample_study(), sample_plan())).__name__
    'Prose'
    """
    rows = labels.of_kind(plan, "strength")
    if rows.empty:
        return Prose(study.word("coaching.no_strengths"))
    learners = mentors(plan).groupby(_P.BEHAVIOUR)[_P.AGENT_ID].agg(list)
    items = []
    for name, own in rows.groupby(_P.BEHAVIOUR):
        text = study.word(
            "coaching.strength",
            behaviour=labels.strength_of(study, str(name)),
            agents=_named(study, own[_P.AGENT_ID]),
        )
        if name in learners:
            text = study.word(
                "coaching.mentors", text=text, agents=_named(study, learners[str(name)])
            )
        items.append(text)
    return Note(items, study.word("coaching.strengths"))


def _named(study: Study, agents: pd.Series | list[str]) -> str:
    names = labels.sorted_names(study, agents)
    return study.words.listed([study.agent_name(name) for name in names])


#: So many agents at most are named in the brief for conversations that seem to break a rule,
#: each with more than so many of them.
_NAMED_FOR_RULES = 3
_MANY = 3


def rules_in_brief(study: Study, plan: pd.DataFrame) -> str:
    """Return in whose conversations a rule seems broken and in how many, most first; else nothing.

    Those with few are told by their range alone, without names: one or two hits are as likely
    the reader's fault.

    Examples
    --------
    >>> from csinsight.views.sample import sample_plan, sample_study
    >>> type(rules_in_brief(sample_study(), sample_plan())).__name__
    'str'
    """
    broken, words = labels.of_kind(plan, "compliance"), study.words
    found = study.read_or_none(Findings.NAME)
    check = "" if found is None else _waiting(study, found)
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


def rules_table(study: Study, broken: pd.DataFrame) -> Table:
    """Return a row an agent: which rules may have been broken in how many conversations.

    Examples
    --------
    >>> from csinsight.views.sample import sample_plan, sample_study
    >>> type(rules_table(sample_study(), labels.of_kind(sample_plan(), "compliance"))).__name__
    'Table'
    """
    shown = pd.DataFrame(
        [
            {
                "agent": Linked(labels.card_links(study, [agent])),
                "talks": int(own[_P.OPPORTUNITIES].max()),
                "seen": study.words.listed(
                    [
                        study.word(
                            "text.with_count",
                            value=study.word(f"behaviour.{row[_P.BEHAVIOUR]}"),
                            n=labels.counted(study, "times", labels.breaches(row)),
                        )
                        for _, row in own.iterrows()
                    ]
                ),
            }
            for agent in labels.sorted_names(study, broken[_P.AGENT_ID].unique())
            for own in [broken[broken[_P.AGENT_ID] == agent]]
        ]
    )
    headings = labels.headings(study, "coaching", shown.columns)
    title, caption = study.word("coaching.rules_title"), study.word("coaching.rules_caption")
    return Table(shown, title, caption=caption, labels=headings, name="rules")


def behind(study: Study, lines: pd.DataFrame) -> Block:
    """Return, by behaviour that goes with a sale, conversations with and without it, to be read.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> type(behind(sample_study(), pd.DataFrame(columns=["behaviour", "shown"]))).__name__
    'Prose'
    """
    if lines.empty:
        return Prose(study.word("behind.none"))
    boxes = []
    for name, own in lines.groupby("behaviour", sort=False):
        sides = [
            Stack(Prose(study.word(f"behind.{side}")), *_conversations_read(study, part))
            for side, part in (("with", own[own["shown"]]), ("without", own[~own["shown"]]))
        ]
        count = labels.counted(study, "conversations", own["conversation_id"].nunique())
        title = study.word("text.with_count", value=labels.label(study, str(name)), n=count)
        boxes.append(Folded(title, Anchor(f"behind-{name}"), Columns(*sides)))
    return Stack(Prose(study.word("behind.title")), *boxes)


def _conversations_read(study: Study, lines: pd.DataFrame) -> list[Talk]:
    """Return each conversation under its day, whether it was paid, and its name."""
    talks = []
    for name, own in lines.groupby("conversation_id", sort=False):
        first = own.iloc[0]
        parts = [study.words.day(first["sent_at"])] if pd.notna(first["sent_at"]) else []
        if pd.notna(first["paid"]):
            parts.append(study.word("behind.paid" if first["paid"] else "behind.not_paid"))
        parts.append(study.word("card.talk", name=reference(str(name))))
        said = [
            (
                study.word("block.buyer" if sender == "buyer" else "block.agent"),
                labels.quoted(study, text),
            )
            for sender, text in zip(own["sender"], own["text"], strict=True)
        ]
        talks.append(Talk(" · ".join(parts), said))
    return talks
