"""Pages stay usable where a team, or a conversation, is far larger than most."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import pandas as pd
import pytest

from csinsight.behaviours.agent_sessions import count_month
from csinsight.behaviours.kpis import agent_kpis
from csinsight.coaching.masking import mask_lines
from csinsight.sample import (
    sample_context,
    sample_conversations,
    sample_messages,
    sample_run,
    sample_sessions,
)
from csinsight.views import agent_kpis as kpi_page
from csinsight.views import explore
from csinsight.views.study import Study


@pytest.fixture(scope="module")
def study() -> Study:
    return Study(*sample_run(), shop="sample", lang="en")


def test_a_conversation_of_fifty_thousand_lines_is_read_from_both_ends(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, start = 50_000, datetime(2026, 10, 3)
    told = pd.DataFrame(
        {
            "conversation_id": "b000001-long",
            "buyer_id": "b000001",
            "agent_id": "a01",
            "sender": ["buyer", "agent"] * (count // 2),
            "sent_at": [start + timedelta(seconds=n) for n in range(count)],
            "text": [f"第 {n} 句" for n in range(count)],
        }
    )
    monkeypatch.setattr(explore, "excerpts", lambda *_, **__: told)
    monkeypatch.setattr(explore, "what_many_say", lambda *_: None)
    name = str(study.read("conversations")["conversation_id"].iloc[0])
    talk = explore.read(study, name)
    assert len(talk.lines) == 2 * explore.ENDS + 1
    assert talk.lines[0][1] == "第 0 句"
    assert talk.lines[-1][1] == f"第 {count - 1} 句"
    assert "49,600" in talk.lines[explore.ENDS][1]
    assert len(talk.page_html().encode()) < 200_000


FLOODS = {
    "figures": "1 " * 3000,
    "numbers": "微信" + "号" * 3000,
    "mail": "邮箱" + "是" * 3000,
    "dots": "a." * 3000,
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_buyer_cannot_hang_the_masking(flood: str) -> None:
    """Read in all ways that it can be read, forty signs of these would take for ever."""
    began = time.process_time()
    assert len(mask_lines([FLOODS[flood], "好的"])) == 2
    assert time.process_time() - began < 10


def test_a_flood_of_bare_figures_is_masked_in_good_time() -> None:
    began = time.process_time()
    masked = mask_lines(["138", "0013", "8000", "好的"] + ["1"] * 1000)
    assert not {"138", "0013", "8000"} & set(masked)
    assert masked[3] == "好的"
    assert time.process_time() - began < 10


def _team(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Lay the sample's agents side by side under new names until there are `count`."""
    copies = -(-count // len(rows))
    return pd.concat(
        [rows.assign(agent_id=rows["agent_id"] + f"-{number}") for number in range(copies)],
        ignore_index=True,
    )


def test_two_hundred_agents_fit_a_table(study: Study) -> None:
    context = sample_context()
    month = count_month(
        sample_messages(), sample_conversations(), sample_sessions(), context.profile
    )
    agents = _team(agent_kpis(month, profile=context.profile), 200)
    for table in kpi_page.table(study, agents).blocks:
        assert len(table.rows) == len(agents) >= 200
        assert len(table.page_html().encode()) < 2_000 * len(agents)
