"""A tiny simulated shop and its month, to try a function on."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from csinsight.behaviours.agent_sessions import build_agent_sessions
from csinsight.behaviours.conversations import (
    MarkedMessages,
    build_conversations,
    mark_messages,
)
from csinsight.context import MonthContext
from csinsight.contract.artifacts import Conversations, Drivers
from csinsight.contract.dictionary import artifact
from csinsight.drivers.design import Design, design
from csinsight.drivers.verdicts import COLUMNS
from csinsight.engine import Shop, open_shop
from csinsight.params import RunParams
from csinsight.segments.signatures import signatures_of
from csinsight.simulate import simulate
from csinsight.simulate.arrays import make_calendar
from csinsight.simulate.scenario import scenario_named
from csinsight.simulate.shop import Chats, World, draw_silent, draw_talks, populate, streams


def sample_shop() -> Shop:
    """Return a simulated shop of 120 buyers, 6 agents and 360 conversations up to October 2026.

    It is made once a process, in a folder that goes with it.

    Examples
    --------
    >>> sorted(sample_shop().tables)
    ['agents', 'buyers', 'messages', 'orders', 'page_views', 'ratings']
    """
    return open_shop(Path(_folder().name))


def sample_context(**given: Any) -> MonthContext:
    """Return the sample shop's October 2026, with some parameters as `given`.

    Raises
    ------
    ConfigError
        Where a value is not one that a run could have.

    Examples
    --------
    >>> sample_context(conversation_gap_hours=6.0).rules.gap_hours
    6.0
    """
    return _october().changed(**given)


@cache
def sample_messages() -> MarkedMessages:
    """Return the sample shop's messages with what each shows, of all its months.

    Examples
    --------
    >>> sample_messages().cut.shop.folder == sample_shop().folder
    True
    """
    return mark_messages(sample_context().chats(sample_shop()))


def sample_conversations() -> pd.DataFrame:
    """Return the ``conversations`` artifact of the sample shop.

    Examples
    --------
    >>> sample_conversations()["conversation_id"].is_unique
    True
    """
    return _conversations().copy()


def sample_sessions() -> pd.DataFrame:
    """Return the ``agent_sessions`` artifact of the sample shop.

    Examples
    --------
    >>> sorted(set(sample_sessions()["agent_id"]))
    ['a001', 'a002', 'a003', 'a004', 'a005', 'a006']
    """
    return _sessions().copy()


@cache
def sample_run() -> tuple[Path, Path]:
    """Return the folders of the sample shop's tables and of a run that holds its conversations.

    Examples
    --------
    >>> data, run = sample_run()
    >>> (run / "artifacts" / "conversations.parquet").is_file()
    True
    """
    data = sample_shop().folder
    run = Path(_folder().name) / "run"
    sample_context().write(run)
    conversations = artifact(Conversations.NAME)
    conversations.write(sample_conversations(), run / "artifacts" / "conversations.parquet")
    return data, run


def sample_design() -> Design:
    """Return the comparison of the sample shop's inquiries by whether they were paid.

    Examples
    --------
    >>> len(sample_design().rows) > 100
    True
    """
    return design(sample_conversations(), outcome="paid", as_of=sample_context().as_of, months=3)


def sample_drivers() -> pd.DataFrame:
    """Return a ``drivers`` artifact of two rows, one named and one without evidence.

    Examples
    --------
    >>> sample_drivers()[["behaviour", "effect_pp", "verdict"]].to_numpy().tolist()
    [['recommends', 8.0, 'helps'], ['first_response_s', -0.5, 'no evidence']]
    """
    both = {Drivers.OUTCOME: "paid", Drivers.SCOPE: "all", Drivers.SCOPE_KIND: "all"}
    rows = (
        {"behaviour": "recommends", "verdict": "helps", "effect_pp": 8.0, "low_pp": 6.0}
        | {"high_pp": 10.0, "raw_pp": 11.0, "q_value": 0.001, "unit": "shown", "n": 800},
        {"behaviour": "first_response_s", "verdict": "no evidence", "effect_pp": -0.5}
        | {"low_pp": -2.0, "high_pp": 1.0, "raw_pp": -3.0, "q_value": 0.6, "unit": "doubling"},
    )
    return pd.DataFrame([both | row for row in rows]).reindex(columns=list(COLUMNS))


@cache
def sample_talks() -> tuple[World, Chats]:
    """Return a simulated month, 60 buyers, 3 agents, 90 conversations, before it becomes tables.

    Examples
    --------
    >>> base, chats = sample_talks()
    >>> len(chats.cases)
    90
    """
    rngs, calendar = streams(1), make_calendar(1, "2026-10")
    base = populate(rngs, scenario_named("demo"), calendar, buyers=60, agents=3, talks=90, months=1)
    chats, _ = draw_talks(rngs, base, 90, draw_silent(rngs, base, chats=True))
    return base, chats


@cache
def _folder() -> tempfile.TemporaryDirectory[Any]:
    folder: tempfile.TemporaryDirectory[Any] = tempfile.TemporaryDirectory(prefix="csinsight-")
    simulate(folder.name, buyers=120, agents=6, conversations=360)
    return folder


@cache
def _october() -> MonthContext:
    return MonthContext.of(RunParams(month="2026-10"), signatures_of(sample_shop()))


@cache
def _conversations() -> pd.DataFrame:
    return build_conversations(sample_messages())


@cache
def _sessions() -> pd.DataFrame:
    profile = sample_context().profile
    return build_agent_sessions(sample_messages(), _conversations(), profile)
