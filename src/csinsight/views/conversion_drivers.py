"""Notebook 04: which behaviours go with a sale, raw beside adjusted, and how far to trust it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from csinsight.coaching.shrunken_effects import sureness
from csinsight.contract.artifacts import Conversations, DriverChecks, Drivers, Rollouts
from csinsight.contract.domain import OWN_INTENT
from csinsight.drivers.checks import NEXT_CONVERSATION, REVERSAL
from csinsight.drivers.design import LATE
from csinsight.drivers.estimates import SCOPES
from csinsight.drivers.verdicts import (
    CUT_SHORT,
    DISAGREES,
    LEFT_OVER,
    SETTLED,
    UNSEEN,
    answering,
    rings,
)
from csinsight.render import theme
from csinsight.render.blocks import Block, Box, Columns, Finding, Note, Prose, Stack, Table
from csinsight.render.figure import Picture
from csinsight.render.words import Words
from csinsight.views import earlier_advice, labels, plots
from csinsight.views.study import Study

_D, _K = Drivers, DriverChecks
#: Cards in words for the strongest drivers; the table below them has them all.
MAX_CARDS = 6
#: Words for why a finding could be the buyer's own intent.
_WHY = {DISAGREES: "apart", LEFT_OVER: "left_over", SETTLED: "settled", UNSEEN: "unseen"}


def sentence(study: Study, drivers: pd.DataFrame) -> str:
    """Return the finding: how many behaviours go with a sale, and the strongest each way.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> drivers = sample_drivers()
    >>> sentence(sample_study(), drivers)[:25]
    '**1 of 2 behaviours** goe'
    """
    rows = labels.readable(drivers)
    tried = labels.estimated(rows)
    if tried.empty:
        # More inquiries don't help who lacks agents: each is compared with themselves.
        agents = rows.loc[rows[_D.REASON] == "few agents", _D.AGENTS]
        if len(agents):
            return study.word("drivers.too_few_agents", n=study.words.number(agents.max()))
        return study.word("drivers.too_little", n=study.words.number(rows[_D.N].max()))
    named = tried[tried[_D.VERDICT].isin(labels.NAMED)]
    if named.empty:
        doubted = int((tried[_D.VERDICT] == OWN_INTENT).sum())
        word = "drivers.doubted" if doubted else "drivers.silent"
        return study.word(word, tried=len(tried), doubted=doubted, goal=_goal(study, rows))
    found = "drivers.found_one" if len(named) == 1 else "drivers.found"
    goal = _goal(study, rows)
    parts = [study.word(found, named=len(named), tried=len(tried), goal=goal)]
    against = labels.contrary(rows)
    for verdict in labels.NAMED:
        side = named[named[_D.VERDICT] == verdict].drop(index=against.index, errors="ignore")
        if len(side):
            sure = sureness(side, _D.EFFECT_PP, _D.LOW_PP, _D.HIGH_PP)
            row = side.iloc[int(sure.argmax())]
            name = labels.noun(study, row[_D.BEHAVIOUR])
            told = labels.in_words(study, row, unit=True)
            word = f"drivers.most_{verdict}"
            parts.append(study.word(word, behaviour=name, effect=told, goal=goal))
    if len(against):
        listed = study.words.listed([labels.noun(study, name) for name in against[_D.BEHAVIOUR]])
        parts.append(study.word("drivers.against", behaviours=listed))
    return study.words.sentences(*parts)


def _goal(study: Study, rows: pd.DataFrame) -> str:
    return labels.about(study, rows, "drivers.goal")


def in_brief(study: Study, drivers: pd.DataFrame) -> str:
    """Return how many behaviours go with a sale and the surest of them, in one sentence.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> drivers = sample_drivers()
    >>> in_brief(sample_study(), drivers)[:25]
    '**1 of 2 behaviours** goe'
    """
    rows = labels.readable(drivers)
    tried, surest = labels.estimated(rows), labels.surest(rows)
    if surest.empty:
        return sentence(study, drivers)
    row, named = surest.iloc[0], int(tried[_D.VERDICT].isin(labels.NAMED).sum())
    return study.word(
        "brief.drivers_one" if named == 1 else "brief.drivers",
        named=named,
        tried=len(tried),
        behaviour=labels.noun(study, row[_D.BEHAVIOUR]),
        effect=labels.in_words(study, row, unit=True),
    )


def title(study: Study, rows: pd.DataFrame) -> str:
    """Return the finding above the picture of `rows`: how many go with more or fewer sales.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> row = {"behaviour": "recommends", "outcome": "paid", "verdict": "helps", "effect_pp": 8.0}
    >>> rows = pd.DataFrame([row | {"low_pp": 6.0, "high_pp": 10.0}])
    >>> title(sample_study(), rows)
    '1 of 1 behaviours goes with more or fewer sales, like for like'
    """
    named = int(rows[_D.VERDICT].isin(labels.NAMED).sum())
    word = {0: "drivers.title_none", 1: "drivers.title_one"}.get(named, "drivers.title")
    return study.word(word, named=named, tried=len(rows), goal=_goal(study, rows))


def finding(study: Study, drivers: pd.DataFrame) -> Finding:
    """Return the sentence on top of the page, and keep it for the index.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> drivers = sample_drivers()
    >>> finding(sample_study(), drivers).plain()[:21]
    '1 of 2 behaviours goe'
    """
    return study.finding(sentence(study, drivers))


def raw_beside_adjusted(study: Study, drivers: pd.DataFrame) -> Block:
    """Return the raw comparison beside the adjusted one, or why there is none.

    Examples
    --------
    Without an estimate there is nothing to draw, and the page says so:

    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> drivers = sample_drivers()
    >>> print(raw_beside_adjusted(sample_study(), drivers.assign(verdict="control")).plain())
    Read with careThere are too few inquiries or agents for an estimate, so there is no picture.
    """
    rows = labels.estimated(labels.readable(drivers))
    if rows.empty:
        return Note([study.word("drivers.no_picture")])
    return picture(study, rows, title(study, rows))


def picture(study: Study, rows: pd.DataFrame, title: str) -> Picture:
    """Draw rows of `labels.readable`, raw beside adjusted, one a behaviour.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> import matplotlib.pyplot as plt
    >>> drawn = picture(sample_study(), labels.readable(sample_drivers()), "what goes with a sale")
    >>> plt.close("all")
    >>> drawn.title
    'what goes with a sale'
    """
    words, places = study.words, labels.digits(rows[_D.OUTCOME].iloc[0])
    names = [labels.label(study, behaviour) for behaviour in rows[_D.BEHAVIOUR]]
    told = [labels.in_words(study, row) for _, row in rows.iterrows()]
    drawn = rows.assign(name=names).rename(
        columns={_D.EFFECT_PP: "value", _D.LOW_PP: "low", _D.HIGH_PP: "high", _D.RAW_PP: "raw"}
    )
    figure = plots.forest(
        drawn,
        axis=labels.about(study, rows, "drivers.axis"),
        colours=[theme.VERDICT_COLOURS[str(name)] for name in rows[_D.VERDICT]],
        beside=told,
        legend=(study.word("drivers.within"), study.word("drivers.raw")),
    )
    alt = [
        study.word("drivers.alt_row", behaviour=name, effect=text, raw=words.points(raw, places))
        for name, text, raw in zip(names, told, rows[_D.RAW_PP], strict=True)
    ]
    columns = [_D.BEHAVIOUR, _D.N, _D.RAW_PP, _D.EFFECT_PP, _D.LOW_PP, _D.HIGH_PP, _D.Q_VALUE]
    return Picture(
        figure,
        title,
        alt=words.sentences(labels.about(study, rows, "drivers.alt"), *alt),
        caption=words.sentences(labels.about(study, rows, "drivers.caption"), _gate(study, rows)),
        data=rows[[*columns, _D.VERDICT]].round(4),
        name="drivers",
    )


def _gate(study: Study, rows: pd.DataFrame) -> str:
    """Say why a bar that misses zero may be grey, where one does."""
    clear = (rows[_D.LOW_PP] > 0) | (rows[_D.HIGH_PP] < 0)
    intent, silent = (rows[_D.VERDICT] == name for name in (OWN_INTENT, "no evidence"))
    return study.words.sentences(
        study.word("drivers.gate", n=len(rows)) if (clear & silent).any() else "",
        study.word("drivers.intent_bar") if intent.any() else "",
    )


def headline(drivers: pd.DataFrame) -> dict[str, str]:
    """Return each behaviour's verdict over all inquiries, for the recorded results.

    Examples
    --------
    >>> headline(pd.DataFrame({"behaviour": ["greets"], "outcome": ["paid"], "scope_kind": ["all"],
    ...                        "verdict": ["no evidence"]}))
    {'greets': 'no evidence'}
    """
    whole = labels.of_main(drivers)
    whole = whole[whole[_D.SCOPE_KIND] == "all"]
    return dict(zip(whole[_D.BEHAVIOUR], whole[_D.VERDICT], strict=True))


def cards(study: Study, drivers: pd.DataFrame, lots: pd.DataFrame) -> Block:
    """Return the strongest drivers in plain words, each with what its roll-out by lot said.

    Parameters
    ----------
    study : Study
    drivers : DataFrame
        The ``drivers`` artifact.
    lots : DataFrame
        The roll-outs of `csinsight.drivers.rollout.read_rollouts`; the latest of each counts.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> lots = pd.DataFrame(columns=["behaviour", "ends_at"])
    >>> nothing_named = sample_drivers().tail(1)
    >>> type(cards(sample_study(), nothing_named, lots)).__name__
    'Prose'
    """
    rows = labels.estimated(labels.readable(drivers))
    named = rows[rows[_D.VERDICT].isin(labels.NAMED)]
    sure = sureness(named, _D.EFFECT_PP, _D.LOW_PP, _D.HIGH_PP)
    named = named.loc[sure.sort_values(ascending=False).index]
    latest = lots.sort_values(Rollouts.ENDS_AT, kind="stable").drop_duplicates(
        Rollouts.BEHAVIOUR, keep="last"
    )
    boxes = [
        _card(study, row, latest[latest[Rollouts.BEHAVIOUR] == row[_D.BEHAVIOUR]])
        for _, row in named.head(MAX_CARDS).iterrows()
    ]
    if not boxes:
        # Where nothing could be estimated it is said of what there was too little.
        return Prose(study.word("drivers.silent_long") if len(rows) else sentence(study, drivers))
    return Columns(Stack(*boxes[::2]), Stack(*boxes[1::2]))


def to_read(drivers: pd.DataFrame | None) -> list[str]:
    """Return the named behaviours that words show, whose conversations can be read.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> drivers = sample_drivers()
    >>> to_read(drivers), to_read(None)
    (['recommends'], [])
    """
    if drivers is None:
        return []
    rows = labels.readable(drivers)
    spoken = rows[_D.UNIT] == "shown"
    return list(rows.loc[rows[_D.VERDICT].isin(labels.NAMED) & spoken, _D.BEHAVIOUR])


def _card(study: Study, row: pd.Series, lot: pd.DataFrame) -> Box:
    words, behaviour, outcome = study.words, str(row[_D.BEHAVIOUR]), row[_D.OUTCOME]
    places = labels.digits(outcome)
    # Told as "higher by" or "lower by": the interval turns with the sign.
    ends = [row[_D.LOW_PP], row[_D.HIGH_PP]]
    low, high = ends if row[_D.VERDICT] == "helps" else [-end for end in reversed(ends)]
    told = study.word(
        f"drivers.card_{row[_D.VERDICT]}",
        measure=study.word(f"drivers.measure_{outcome}"),
        effect=study.word(
            f"drivers.unit_{outcome}", n=words.number(abs(row[_D.EFFECT_PP]), places)
        ),
        low=words.number(low, places),
        high=words.number(high, places),
        raw=words.points(row[_D.RAW_PP], places),
        n=words.number(row[_D.N]),
    )
    reversal = row[_D.RAW_PP] * row[_D.EFFECT_PP] < 0
    paragraphs = (
        told,
        study.word("drivers.card_reversal") if reversal else "",
        study.word(f"drivers.card_{row[_D.STANDING]}"),
        study.word("drivers.card_mind", robustness=words.percent(row[_D.ROBUSTNESS], 1)),
        # What a lot has settled, or will, is worth more than how it could be settled.
        earlier_advice.rollout_in_words(study, lot.iloc[0]) if len(lot) else _test(study, row),
        study.word("drivers.card_read", name=behaviour) if row[_D.UNIT] == "shown" else "",
    )
    return Box(
        labels.label(study, behaviour),
        Prose(*paragraphs),
        detail=study.word(f"verdict.{row[_D.VERDICT]}"),
    )


def _test(study: Study, row: pd.Series) -> str:
    """Return how to test a finding; what is against the textbook is looked into first."""
    if len(labels.contrary(row.to_frame().T.reset_index(drop=True))):
        return study.word("drivers.card_contrary", why=_whom(study, row[_D.BEHAVIOUR]))
    measure = study.word(f"drivers.measure_{row[_D.OUTCOME]}")
    return study.word(f"drivers.card_test_{row[_D.VERDICT]}", measure=measure)


def table(study: Study, drivers: pd.DataFrame) -> Table:
    """Return every behaviour over all inquiries, raw and within agents, with its verdict.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> len(table(sample_study(), sample_drivers()).rows)
    2
    """
    rows = labels.readable(drivers, plain=True)
    rows[_D.BEHAVIOUR] = [labels.label(study, name) for name in rows[_D.BEHAVIOUR]]
    rows["interval"] = [_interval(study.words, row) for _, row in rows.iterrows()]
    rows[_D.VERDICT] = [study.word(f"verdict.{name}") for name in rows[_D.VERDICT]]
    columns = (
        _D.BEHAVIOUR,
        _D.N,
        _D.RAW_PP,
        _D.EFFECT_PP,
        "interval",
        _D.Q_VALUE,
        *([_D.CORRECTED_PP] if _D.CORRECTED_PP in rows else []),
        _D.VERDICT,
    )
    points, words = _points(study, rows), study.words
    q = labels.or_dash(study, lambda v: "<0.001" if v < 0.001 else words.number(v, 3))
    return Table(
        rows,
        study.word("drivers.table"),
        caption=study.word("drivers.table_caption"),
        labels={
            **labels.headings(study, "drivers", columns),
            _D.EFFECT_PP: study.word("drivers.column_unshrunk_pp"),
        },
        formats={
            _D.RAW_PP: points,
            _D.EFFECT_PP: points,
            **dict.fromkeys([_D.CORRECTED_PP] if _D.CORRECTED_PP in columns else [], points),
            _D.Q_VALUE: q,
        },
        name="drivers-all",
    )


def _points(study: Study, rows: pd.DataFrame) -> Callable[[float], str]:
    places = labels.digits(rows[_D.OUTCOME].iloc[0])
    return labels.or_dash(study, lambda value: study.words.points(value, places))


def _interval(words: Words, row: pd.Series) -> str:
    if pd.isna(row[_D.EFFECT_PP]):
        return words.word("text.not_given")
    places = labels.digits(row[_D.OUTCOME])
    low, high = (words.points(row[name], places) for name in (_D.LOW_PP, _D.HIGH_PP))
    return labels.cell(words.interval(low, high))


def scopes(study: Study, drivers: pd.DataFrame) -> Block:
    """Return what was found for single categories of question, types of buyer and goods.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> drivers = sample_drivers()
    >>> scopes(sample_study(), drivers).plain()[:27]
    'Within one kind of question'
    """
    found = pd.concat([labels.readable(drivers, kind) for kind in SCOPES])
    named = found[found[_D.VERDICT].isin(labels.NAMED)]
    if named.empty:
        return Prose(study.word("drivers.no_scopes"))
    named = named.assign(
        interval=[_interval(study.words, row) for _, row in named.iterrows()],
        behaviour=[labels.label(study, name) for name in named[_D.BEHAVIOUR]],
        scope=[
            (name if kind == Conversations.PRODUCT_CATEGORY else study.word(f"{kind}.{name}"))
            for kind, name in zip(named[_D.SCOPE_KIND], named[_D.SCOPE], strict=True)
        ],
    )
    columns = (_D.SCOPE, _D.BEHAVIOUR, _D.N, _D.RAW_PP, _D.EFFECT_PP, "interval")
    return Table(
        named,
        study.word("drivers.scopes"),
        caption=study.word("drivers.scopes_caption"),
        labels=labels.headings(study, "drivers", columns),
        formats=dict.fromkeys((_D.RAW_PP, _D.EFFECT_PP), _points(study, named)),
        name="drivers-scopes",
    )


def checks(study: Study, drivers: pd.DataFrame, found: pd.DataFrame) -> Block:
    """Return alarms, controls, reversals and second opinions, and whether they warn.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> none = pd.DataFrame(columns=["check", "behaviour", "fired"])
    >>> type(checks(sample_study(), sample_drivers(), none)).__name__
    'Note'
    """
    tried = len(labels.estimated(labels.readable(drivers)))
    items = alarm_notes(study, found) or ([study.word("drivers.no_alarm")] if tried else [])
    items += control_notes(study, drivers, found) or [study.word("drivers.no_checks")]
    named = found[found[_K.BEHAVIOUR].notna()]
    items += [
        study.word("drivers.reversal", behaviour=labels.label(study, name))
        for name in named.loc[named[_K.CHECK] == REVERSAL, _K.BEHAVIOUR]
    ]
    items += [
        study.word(
            "drivers.could_be",
            behaviour=labels.label(study, row[_D.BEHAVIOUR]),
            effect=labels.in_words(study, row, unit=True),
            why=study.word(f"drivers.{_WHY.get(row[_D.REASON], 'as_strong')}"),
        )
        for _, row in labels.readable(drivers).query("verdict == @OWN_INTENT").iterrows()
    ]
    rows = labels.readable(drivers)
    cut = [labels.label(study, b) for b in rows.loc[rows[_D.REASON] == CUT_SHORT, _D.BEHAVIOUR]]
    if cut:
        listed = study.words.listed(cut)
        items.append(study.word("drivers.cut_short", listed=listed))
    return Note([*items, *contrary_notes(study, drivers)], study.word("drivers.checks"))


def alarm_notes(study: Study, found: pd.DataFrame) -> list[str]:
    """Return a line for each alarm over the whole: calm, or agents answer the buyer.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> alarm = {"check": "cart page before the first message", "behaviour": None, "fired": False}
    >>> alarm |= {"estimate_pp": 0.1, "low_pp": -0.2, "high_pp": 0.4}
    >>> len(alarm_notes(sample_study(), pd.DataFrame([alarm])))
    1
    """
    whole = found[found[_K.BEHAVIOUR].isna()]

    def answer(row: pd.Series) -> str:
        if row[_K.FIRED]:
            return "rings"
        # Many checks are looked at, so an alarm asks for more than this one's interval says.
        return "calm_strict" if row[_K.LOW_PP] > 0 or row[_K.HIGH_PP] < 0 else "calm"

    lines = [
        study.word(
            f"drivers.alarm_{answer(row)}",
            n=study.words.number(len(whole)),
            check=study.word(f"check.{str(row[_K.CHECK]).replace(chr(39), '').replace(' ', '_')}"),
            effect=study.words.with_interval(
                *(study.words.points(row[n], 1) for n in (_K.ESTIMATE_PP, _K.LOW_PP, _K.HIGH_PP))
            ),
        )
        for _, row in whole.iterrows()
    ]
    own = [] if rings(found) else sorted(answering(found))
    if own:
        listed = study.words.listed([labels.label(study, name) for name in own])
        lines.append(study.word("drivers.alarm_own", listed=listed))
    return lines


def contrary_notes(study: Study, drivers: pd.DataFrame) -> list[str]:
    """Return a line for each behaviour whose figures are against what the textbook teaches.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> drivers = sample_drivers()
    >>> len(contrary_notes(sample_study(), drivers))
    1
    """
    return [
        study.word(
            "drivers.contrary",
            behaviour=labels.label(study, row[_D.BEHAVIOUR]),
            effect=labels.in_words(study, row, unit=True),
            why=_whom(study, row[_D.BEHAVIOUR]),
        )
        for _, row in labels.contrary(labels.readable(drivers)).iterrows()
    ]


def _whom(study: Study, behaviour: str) -> str:
    """Say with whom a behaviour is used, which may be all that a figure against the textbook shows.

    What is said only once a buyer has gone quiet, has not paid or has complained meets buyers who
    are on their way out; no marker tells all of them from those who are not.
    """
    return study.word("drivers.used_late" if behaviour in LATE else "drivers.used_with")


def control_notes(study: Study, drivers: pd.DataFrame, found: pd.DataFrame) -> list[str]:
    """Return a line for each negative control: calm, or a warning.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> none = pd.DataFrame(columns=["check", "behaviour", "fired"])
    >>> control_notes(sample_study(), sample_drivers(), none)
    []
    """
    return [_control(study, drivers, row) for _, row in _controls(found).iterrows()]


def control_warnings(study: Study, drivers: pd.DataFrame, found: pd.DataFrame) -> list[str]:
    """Return a line for each control that warns, or one that says that none does.

    Where an alarm rings agents answer the buyer, and calm controls of the next comfort nobody.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> none = pd.DataFrame(columns=["check", "behaviour", "fired"])
    >>> control_warnings(sample_study(), sample_drivers(), none)
    []
    """
    controls = _controls(found)
    fired = controls[controls[_K.FIRED].astype(bool)]
    warned = [_control(study, drivers, row) for _, row in fired.iterrows()]
    if rings(found):
        warned.append(study.word("brief.alarm"))
    return warned or ([study.word("brief.calm_controls")] if len(controls) else [])


def unseen_intent(study: Study, drivers: pd.DataFrame) -> str:
    """Return the surest of what goes with a sale but could be the intent that buyers came with.

    So all of it is called where agents answer the buyer (an alarm rings) and nothing is known of
    what buyers did before their first line.

    Examples
    --------
    >>> from csinsight.sample import sample_drivers
    >>> from csinsight.views.sample import sample_study
    >>> unseen_intent(sample_study(), sample_drivers())
    ''
    """
    rows = labels.readable(drivers)
    doubted = rows[rows[_D.REASON] == UNSEEN]
    if doubted.empty:
        return ""
    sure = sureness(doubted, _D.EFFECT_PP, _D.LOW_PP, _D.HIGH_PP)
    row = doubted.iloc[int(sure.argmax())]
    return study.word(
        "brief.unseen_intent",
        n=len(doubted),
        behaviour=labels.noun(study, row[_D.BEHAVIOUR]),
        effect=labels.in_words(study, row, unit=True),
    )


def _controls(found: pd.DataFrame) -> pd.DataFrame:
    return found[found[_K.CHECK] == NEXT_CONVERSATION]


def _control(study: Study, drivers: pd.DataFrame, row: pd.Series) -> str:
    key = "drivers.control_warns" if row[_K.FIRED] else "drivers.control_calm"
    name = study.word(f"behaviour.{row[_K.BEHAVIOUR]}")
    rows = labels.of_main(drivers)
    same = rows[(rows[_D.BEHAVIOUR] == row[_K.BEHAVIOUR]) & (rows[_D.SCOPE] == "all")].iloc[0]
    return study.word(key, behaviour=name, effect=labels.in_words(study, same, unit=True))
