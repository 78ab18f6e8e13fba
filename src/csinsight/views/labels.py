"""How figures, behaviours, agents and estimates are called and written, on every page alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import pandas as pd

from csinsight.behaviours.conversations import inquiries_of
from csinsight.coaching.shrunken_effects import BELIEVED, as_taught, sureness, taught_in
from csinsight.contract.artifacts import CoachingPlan, Conversations, Drivers
from csinsight.contract.domain import MARKERS, MASKS, TIMINGS
from csinsight.contract.schema import Agents
from csinsight.drivers.units import as_float, from_model
from csinsight.features.coverage import chats_observed
from csinsight.render.page import page_slug
from csinsight.render.words import by_pinyin
from csinsight.stats import intervals
from csinsight.stats.intervals import wilson
from csinsight.views.study import WROTE_BEFORE, Study

_C = Conversations
_D = Drivers
_P = CoachingPlan
#: Measured as "slower" or "more slow ones", and told as the opposite, which is what one can do.
TURNED: Final = ("first_response_s", "mean_response_s", "slow_reply_share")
_OPPOSITE: Final = {"helps": "hurts", "hurts": "helps"}
_LABELLED: Final = (*TURNED, "answer_ask_ratio")
_MASK: Final = re.compile(rf"\[({'|'.join(MASKS)})\]")
NAMED: Final = ("helps", "hurts")


def label(study: Study, behaviour: str) -> str:
    """Return what a row of effects is about, such as "First reply twice as fast".

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> label(sample_study(), "first_response_s")
    'First reply twice as fast'
    """
    group = "effect" if behaviour in _LABELLED else "behaviour"
    return study.word(f"{group}.{behaviour}")


def wait(study: Study, seconds: float) -> str:
    """Write a wait: one as long as is counted is no time, but over that long.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> wait(sample_study(), 28), wait(sample_study(), 600)
    ('28 s', 'over 600 s')
    """
    told = study.words.seconds(seconds)
    beyond = seconds >= study.context.profile.round_cap_s
    return study.word("kpis.tile_beyond_cap", cap=told) if beyond else told


def noun(study: Study, behaviour: str) -> str:
    """Return `label` as it stands within a sentence: small in English.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> noun(sample_study(), "recommends")
    'recommending a product'
    """
    name = label(study, behaviour)
    return name[:1].lower() + name[1:]


def of_main(drivers: pd.DataFrame) -> pd.DataFrame:
    """Return the estimates on the outcome that was asked for, which come first.

    Examples
    --------
    >>> two = pd.DataFrame({"outcome": ["paid", "ordered"], "behaviour": "greets"})
    >>> of_main(two)["outcome"].tolist()
    ['paid']
    """
    main = drivers[_D.OUTCOME].head(1)  # none where nothing could be estimated
    rows: pd.DataFrame = drivers[drivers[_D.OUTCOME].isin(main)]
    return rows


def about(study: Study, rows: pd.DataFrame, word: str) -> str:
    """Return a word that differs by the outcome that `rows` are about.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> about(sample_study(), pd.DataFrame({"outcome": ["paid"]}), "drivers.goal")
    'sales'
    """
    return study.word(f"{word}_{rows[_D.OUTCOME].iloc[0]}")


def digits(outcome: str) -> int:
    """Return decimals of a difference: points of a share have one, of a rating two.

    Examples
    --------
    >>> digits("paid"), digits("satisfaction")
    (1, 2)
    """
    return 2 if outcome == "satisfaction" else 1


def readable(
    drivers: pd.DataFrame, scope_kind: str = "all", *, plain: bool = False
) -> pd.DataFrame:
    """Return the main outcome's estimates of one kind of scope, "slower" turned into "faster".

    The largest effect comes first; what could not be estimated comes last. Effects are as believed,
    shrunk for having been chosen; with `plain` as estimated.

    Examples
    --------
    Slower replies that go with fewer sales are told as quicker ones that go with more:

    >>> from csinsight.sample import sample_drivers
    >>> readable(sample_drivers())[["behaviour", "effect_pp"]].to_numpy().tolist()
    [['recommends', 8.0], ['first_response_s', 0.5]]
    """
    rows = of_main(drivers)
    rows = rows[rows[_D.SCOPE_KIND] == scope_kind].copy()
    if not plain:
        for name, believed in BELIEVED.items():
            shrunk = as_float(rows[believed])
            rows[name] = np.where(np.isnan(shrunk), as_float(rows[name]), shrunk)
    turned = rows[_D.BEHAVIOUR].isin(TURNED)
    low, high = rows[_D.LOW_PP].copy(), rows[_D.HIGH_PP].copy()
    rows.loc[turned, _D.LOW_PP], rows.loc[turned, _D.HIGH_PP] = -high[turned], -low[turned]
    numbers = (_D.RAW_PP, _D.EFFECT_PP, _D.PROXIMAL_PP, _D.MOVED_PP)
    for column in numbers:
        rows.loc[turned, column] = -rows.loc[turned, column]
    rows.loc[turned, _D.VERDICT] = rows.loc[turned, _D.VERDICT].replace(_OPPOSITE)
    rows = rows.sort_values([_D.EFFECT_PP, _D.BEHAVIOUR], ascending=[False, True])
    return rows.reset_index(drop=True)


def estimated(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have an estimate and are no control.

    Examples
    --------
    >>> rows = pd.DataFrame({"effect_pp": [8.0, None, 1.0], "verdict": ["helps", "", "control"]})
    >>> estimated(rows).index.tolist()
    [0]
    """
    return rows[rows[_D.EFFECT_PP].notna() & (rows[_D.VERDICT] != "control")]


def contrary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the named rows of `readable` whose effect is against what is taught.

    Nobody is advised on them: the library says the opposite of what the data would.

    Examples
    --------
    >>> rows = pd.DataFrame({"behaviour": ["greets", "curt_reply"], "effect_pp": [2.0, 2.0]})
    >>> contrary(rows.assign(verdict="helps"))["behaviour"].tolist()
    ['curt_reply']
    """
    turned = rows[_D.BEHAVIOUR].isin(TURNED)
    measured = rows.assign(**{_D.EFFECT_PP: rows[_D.EFFECT_PP].where(~turned, -rows[_D.EFFECT_PP])})
    against = ~as_taught(measured) & (taught_in(rows) != "nothing")
    named: pd.DataFrame = rows[rows[_D.VERDICT].isin(NAMED) & against]
    return named


def surest(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the named rows of `readable`, the surest first, without those against what is taught.

    The order is that of advice: what is surest is told first, however large another one looks.

    Examples
    --------
    >>> rows = pd.DataFrame({"behaviour": ["greets", "recommends"], "effect_pp": [9.0, 4.0]})
    >>> rows = rows.assign(low_pp=[0.5, 3.0], high_pp=[17.5, 5.0], verdict="helps")
    >>> surest(rows)["behaviour"].tolist()
    ['recommends', 'greets']
    """
    named = rows[rows[_D.VERDICT].isin(NAMED)].drop(index=contrary(rows).index)
    order = sureness(named, _D.EFFECT_PP, _D.LOW_PP, _D.HIGH_PP).sort_values(ascending=False)
    return named.loc[order.index]


def in_words(study: Study, row: pd.Series, *, unit: bool = False) -> str:
    """Return one estimate with its interval, in points; with the unit for a sentence.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> row = {"behaviour": "recommends", "outcome": "paid", "verdict": "helps", "effect_pp": 8.0}
    >>> rows = pd.DataFrame([row | {"low_pp": 6.0, "high_pp": 10.0}])
    >>> in_words(sample_study(), rows.iloc[0])
    '+8.0 (+6.0 to +10.0)'
    """
    words, places = study.words, digits(row[_D.OUTCOME])
    value, low, high = (
        words.points(row[name], places) for name in (_D.EFFECT_PP, _D.LOW_PP, _D.HIGH_PP)
    )
    if unit:
        value = words.word(f"drivers.unit_{row[_D.OUTCOME]}", n=value)
    return words.with_interval(value, low, high)


def rate_name(study: Study, behaviour: str) -> str:
    """Return what a rate over an agent's single inquiries is called, payment among them.

    The conversion of the KPI pages counts a buyer once a day, and is another number.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> rate_name(sample_study(), "recommends")
    'Recommending a product'
    """
    return study.word("card.paid_each" if behaviour == _C.PAID else f"behaviour.{behaviour}")


def rate_text(study: Study, behaviour: str, value: float) -> str:
    """Write a behaviour's rate in its own unit: seconds, a ratio, or a share.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> [rate_text(sample_study(), name, 0.5) for name in ("recommends", "answer_ask_ratio")]
    ['50%', '0.50']
    """
    if behaviour == "answer_ask_ratio":
        return study.words.number(value, 2)
    if behaviour in TIMINGS and behaviour != "slow_reply_share":
        return study.words.seconds(value)
    return study.words.percent(value, 0)


def title_of(study: Study, behaviour: str) -> str:
    """Return what the coaching library calls a behaviour, as something to do.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> title_of(sample_study(), "recommends")
    'Answer first, then offer one thing that fits'
    """
    return study.library[behaviour].title


def strength_of(study: Study, behaviour: str) -> str:
    """Return what a behaviour is called as a strength, to begin a line with.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> strength_of(sample_study(), "recommends")
    'Recommending a product'
    """
    text = study.word(f"strength.{behaviour}")
    return text[:1].upper() + text[1:]


def breaches(row: pd.Series) -> int:
    """Return in how many conversations of the month a rule was seen broken.

    Examples
    --------
    >>> breaches(pd.Series({"rate": 0.03, "opportunities": 100}))
    3
    """
    return round(float(row[_P.RATE]) * int(row[_P.OPPORTUNITIES]))


def agents_of(study: Study, rows: pd.DataFrame) -> str:
    """Write how many agents the rows of a plan are about.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> agents_of(sample_study(), pd.DataFrame({"agent_id": ["a1", "a2", "a2"]}))
    '2 agents'
    """
    return counted(study, "agents", rows[_P.AGENT_ID].nunique())


def of_kind(plan: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return a plan's rows of one kind.

    Examples
    --------
    >>> of_kind(pd.DataFrame({"kind": ["driver", "strength"]}), "driver").index.tolist()
    [0]
    """
    rows: pd.DataFrame = plan[plan[_P.KIND] == kind]
    return rows


def readable_rate(behaviour: str, level: float) -> float:
    """Return a level in the behaviour's unit (doublings, ten points) as what `rate_text` takes.

    Examples
    --------
    >>> readable_rate("recommends", 0.4)
    0.4
    """
    return float(from_model(np.asarray(level), behaviour))


def rate(values: pd.Series) -> tuple[float, float, float, int]:
    """Return share, low, high and number of a nullable boolean column.

    Examples
    --------
    >>> share, low, high, n = rate(pd.Series([True, False, None], dtype="boolean"))
    >>> share, low < share < high, n
    (0.5, True, 2)
    """
    known = as_float(values)
    known = known[~np.isnan(known)]
    if not len(known):
        return float("nan"), float("nan"), float("nan"), 0
    low, high = wilson(int(known.sum()), len(known))
    return float(known.mean()), float(low), float(high), len(known)


def share_of(study: Study, hits: int, n: int, digits: int = 0) -> str:
    """Write how many of how many with the interval of that share (Wilson, 95 %).

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> share_of(sample_study(), 8, 10)
    '80% (49% to 94%)'
    """
    ends = (hits / n, *wilson(hits, n))
    return study.words.with_interval(*(study.words.percent(value, digits) for value in ends))


#: An id of so many characters would be told by its last two.
_SHORT_ID: Final = 5
#: A change whose interval stays within these points either way is none that matters.
_ALIKE: Final = 0.02


def change_in_words(
    study: Study, change: tuple[float, float, float], *, brief: bool = False
) -> str:
    """Say how a rate changed: beyond chance, perhaps by chance, or surely not by much.

    "No evidence of a change" is not "no change": that is said only where the interval is narrow.
    In `brief`, where a table below has the figures, a change that may be chance has none.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> print(change_in_words(sample_study(), (0.05, 0.02, 0.08)))
    +5.0 points on last month (+2.0 to +8.0), beyond chance
    """
    written = [study.words.points(100 * value) for value in change]
    told = dict(zip(("change", "low", "high"), written, strict=True))
    _, low, high = change
    if low > 0 or high < 0:
        return study.word("change.news", **told)
    alike = max(abs(low), abs(high)) <= _ALIKE
    key = "change.alike" if alike else "change.chance"
    return study.word(f"{key}_brief") if brief else study.word(key, **told)


def difference(now: pd.Series, before: pd.Series, name: str) -> tuple[float, float, float]:
    """Return how a share with ``name_low`` and ``name_high`` changed, with its 95 % interval.

    The change is that of the shares as they are printed, to a tenth of a point, so that who
    subtracts finds the same.

    Examples
    --------
    >>> october = pd.Series({"paid": 0.30, "paid_low": 0.28, "paid_high": 0.32})
    >>> september = pd.Series({"paid": 0.25, "paid_low": 0.23, "paid_high": 0.27})
    >>> [round(value, 3) for value in difference(october, september, "paid")]
    [0.05, 0.022, 0.078]
    >>> october["paid"], september["paid"] = 0.84949, 0.85051  # printed 84.9 % and 85.1 %
    >>> round(difference(october, september, "paid")[0], 5)
    -0.002
    """
    ends = [[float(row[f"{name}{end}"]) for end in ("", "_low", "_high")] for row in (now, before)]
    (value, low, high), (was, was_low, was_high) = ends
    _, least, most = intervals.difference((value, low, high), (was, was_low, was_high))
    return round(value, 3) - round(was, 3), least, most


def behaviour_rates(
    conversations: pd.DataFrame, behaviours: Sequence[str] = MARKERS
) -> pd.DataFrame:
    """Return how often each behaviour was shown among inquiries with an opportunity for it.

    Returns
    -------
    DataFrame
        ``behaviour``, ``rate``, ``low``, ``high``, ``n``; most frequent first, without those
        that had no opportunity.

    Examples
    --------
    >>> from csinsight.sample import sample_conversations
    >>> behaviour_rates(sample_conversations(), ["greets"])[["behaviour", "n"]].to_numpy().tolist()
    [['greets', 290]]
    """
    rows = inquiries_of(conversations)
    found = [(name, *rate(rows[name])) for name in behaviours if name in rows]
    table = pd.DataFrame(found, columns=["behaviour", "rate", "low", "high", "n"])
    table = table[table["n"] > 0].sort_values(["rate", "behaviour"], ascending=[False, True])
    return table.reset_index(drop=True)


def headings(study: Study, group: str, columns: Iterable[str]) -> dict[str, str]:
    """Return what a table's columns are called, by the words ``GROUP.column_NAME``.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> headings(sample_study(), "drivers", ["behaviour", "n"])
    {'behaviour': 'Behaviour', 'n': 'Inquiries'}
    """
    return {str(name): study.word(f"{group}.column_{name}") for name in columns}


def counted(study: Study, unit: str, n: float) -> str:
    """Write a number of things with its word: "1 agent", "3 agents".

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> counted(sample_study(), "agents", 1), counted(sample_study(), "agents", 3)
    ('1 agent', '3 agents')
    """
    return study.word(f"unit.{unit}_one" if n == 1 else f"unit.{unit}", n=study.words.number(n))


def sorted_names(study: Study, agents: Iterable[str]) -> list[str]:
    """Return agents' ids in the order of their names, Chinese ones by pinyin.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> sorted_names(sample_study(), ["a003", "a001"])
    ['a003', 'a001']
    """
    named = {str(agent): study.agent_name(str(agent)) for agent in agents}
    return sorted(named, key=lambda agent: (by_pinyin(named[agent]), agent))


def masked_id(buyer: str) -> str:
    """Return a buyer's id so that the shop finds whom it means and nobody else does.

    Examples
    --------
    >>> masked_id("tb12345678"), masked_id("小满")
    ('t***78', '小***')
    """
    return f"{buyer[:1]}***{buyer[-2:] if len(buyer) > _SHORT_ID else ''}"


def quoted(study: Study, text: str) -> str:
    """Return a masked line with its masks in the report's language; all else stays as it was said.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> quoted(sample_study(), "ship it to [地址], call [电话]")
    'ship it to [address], call [phone]'
    """
    return _MASK.sub(lambda found: f"[{study.word(f'mask.{found[1]}')}]", text)


def card_links(study: Study, agents: Iterable[str], most: int | None = None) -> str:
    """Write agents in their order, each with a link to the card, up to `most` and how many others.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> card_links(sample_study(), ["a001"])
    '[小满](06_agent_card-a001.html)'
    >>> card_links(sample_study(), ["a002", "a001"]).index("a002") < 30
    True
    """
    names = list(agents)
    more = len(names) - (len(names) if most is None else most)
    # Nobody is told that there is "1 more": the name is as short.
    shown = names[: len(names) - more] if more > 1 else names
    told = study.word("text.list_join").join(
        f"[{study.agent_name(name)}]({quote(f'06_agent_card-{page_slug(name)}')}.html)"
        for name in shown
    )
    return told + study.word("text.others", n=study.words.number(more)) if more > 1 else told


def cell(text: str) -> str:
    """Return an estimate with its interval so that a table doesn't break it in two.

    Examples
    --------
    >>> len(cell("8.0 (6.0 to 10.0)").split(" "))
    1
    """
    return text.replace(" ", "\u00a0").replace("（", "\u2060（")


def months_told(study: Study) -> str:
    """Write of how many months there are chats among those that drivers are read from.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> months_told(sample_study())
    '3 months'
    """
    most, seen = study.context.params.driver_months, chats_observed(study.open(), study.as_of)
    if seen is not None:
        first = seen[0]
        months = (study.as_of.year - first.year) * 12 + study.as_of.month - first.month
        most = max(min(most, months), 1)
    return counted(study, "months", most)


def any_named(study: Study) -> bool:
    """Tell whether the run knows any behaviour that goes with a sale, as all advice needs.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> any_named(sample_study())
    False
    """
    drivers = study.read_or_none(Drivers.NAME)
    return drivers is not None and bool(readable(drivers)[_D.VERDICT].isin(NAMED).any())


#: Days within which an agent is a newcomer.
_NEW: Final = 90


def is_new(study: Study, agent_id: str) -> bool:
    """Tell whether an agent came less than about three months ago; no where it is not known.

    Nor where the agent wrote before the day that is said: then the day is not to be relied on.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> is_new(sample_study(), "nobody")
    False
    """
    hired = study.agent(agent_id).get(Agents.HIRED_ON)
    if agent_id in study.facts("00_data_check").get(WROTE_BEFORE, []):
        return False
    return bool(pd.notna(hired) and (study.as_of - pd.Timestamp(hired)).days < _NEW)


def two_lines(text: str) -> str:
    """Return an estimate with its interval so that a narrow table breaks it before the interval.

    Examples
    --------
    >>> len(two_lines("8.0 (6.0 to 10.0)").split(" "))
    2
    """
    return text.replace(" ", "\u00a0").replace("\u00a0(", " (")


def or_dash(study: Study, write: Callable[[Any], str]) -> Callable[[Any], str]:
    """Return `write` with a dash for what is not given, where that says enough.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> write = or_dash(sample_study(), "{:.1f}".format)
    >>> write(2.0), write(float("nan"))
    ('2.0', '—')
    """
    return lambda value: study.word("text.not_given") if pd.isna(value) else write(value)
