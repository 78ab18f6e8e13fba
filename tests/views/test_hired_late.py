"""An agent who wrote before the day of hiring: named on the data check, and new on no page."""

from __future__ import annotations

from pathlib import Path

import pytest

from csinsight.views import data_check, labels
from csinsight.views.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    agents = ["a1,Ann,2026-09-01", "a2,Ben,2026-09-01", "a3,Cid,", "a4,Dee,2026-09-01"]
    days = {"a1": "2026-08-05", "a2": "2026-09-01", "a3": "2026-08-05", "a4": "2026-10-02"}
    lines = [
        line
        for agent, day in days.items()
        for line in (f"b1,,buyer,{day} 08:00:00,hello", f"b1,{agent},agent,{day} 08:01:00,hi")
    ]
    for name, rows in {
        "agents": ["agent_id,name,hired_on", *agents],
        "messages": ["buyer_id,agent_id,sender,sent_at,text", *lines],
    }.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return Study(tmp_path, tmp_path / "run", shop="s", month="2026-10", lang="en")


def test_who_wrote_before_being_hired_is_named_and_not_new(study: Study, monkeypatch) -> None:
    assert labels.is_new(study, "a1")  # before the data check has run nothing else is known
    monkeypatch.setattr(study, "step", "00_data_check")
    told = data_check.hired_late(study)
    assert len(told) == 1
    assert "Ann" in told[0]
    assert "September 1, 2026" in told[0]
    assert "August 5, 2026" in told[0]
    # Whose first line is of the first day is in order.
    assert [labels.is_new(study, f"a{n}") for n in range(1, 5)] == [False, True, False, True]
