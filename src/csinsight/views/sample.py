"""The sample shop's run as a notebook sees it, to try a view on."""

from __future__ import annotations

from functools import cache

import pandas as pd

from csinsight.coaching.card import Card, agent_card, conversions
from csinsight.coaching.plan import agent_status, coaching_plan
from csinsight.sample import sample_drivers, sample_run, sample_sessions
from csinsight.segments.types import TypeResult, fit_types, read_buyers
from csinsight.views.lost_inquiries import Lost
from csinsight.views.study import Study, open_study


@cache
def sample_study() -> Study:
    """Return the sample run in English; it holds conversations and no other table.

    Examples
    --------
    >>> sample_study().agent_name("a001")
    '小满'
    """
    return open_study(*sample_run(), lang="en")


@cache
def sample_plan() -> pd.DataFrame:
    """Return the ``coaching_plan`` of the sample shop: its agents have too few inquiries for any.

    Examples
    --------
    >>> len(sample_plan())
    0
    """
    context, sessions = sample_study().context, sample_sessions()
    return coaching_plan(sessions, sample_drivers(), as_of=context.as_of, limits=context.limits)


@cache
def sample_status() -> pd.DataFrame:
    """Return what may be said to each agent of the sample shop.

    Examples
    --------
    >>> sample_status()["agent_id"].tolist()[:2]
    ['a001', 'a002']
    """
    as_of = sample_study().as_of
    told = {"months": 3, "min_agent_inquiries": 5}
    return agent_status(sample_sessions(), sample_plan(), as_of=as_of, **told)


@cache
def sample_card() -> Card:
    """Return the card of one of the sample shop's agents.

    Examples
    --------
    >>> sample_card().agent_id
    'a001'
    """
    rates = pd.DataFrame(columns=["agent_id", "behaviour", "n", "rate"])
    sessions, as_of = sample_sessions(), sample_study().as_of
    tables = sessions, sample_plan(), rates, sample_status(), conversions(sessions)
    return agent_card("a001", *tables, as_of=as_of, trend_months=3)


@cache
def sample_types() -> TypeResult:
    """Return the buyer types of the sample shop, fitted without a month before.

    Examples
    --------
    >>> int(sample_types().sizes.sum()) == len(sample_types().buyers)
    True
    """
    study, options = sample_study(), sample_study().context.types
    return fit_types(read_buyers(study.open(), options, study.as_of), options)


@cache
def sample_lost() -> Lost:
    """Return the lost inquiries of the sample shop's month.

    Examples
    --------
    >>> lost = sample_lost()
    >>> len(lost.inquiries) >= len(lost.talks)
    True
    """
    return Lost(sample_study(), sample_study().read("conversations"))
