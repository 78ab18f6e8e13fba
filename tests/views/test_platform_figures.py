"""The platform's figures of a month beside ours, each with the reason why the two differ."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from csinsight.behaviours.profiles import load_profile
from csinsight.contract.schema import Messages
from csinsight.views import platform_figures
from csinsight.views.study import Study

KPIS = """day,agent_id,kpi,value,source
2026-10-05,,询单人数,10,生意参谋 业绩询单
2026-10-06,,询单人数,30,生意参谋 业绩询单
2026-10-05,,询单最终付款转化率,0.5,生意参谋 业绩询单
2026-10-06,,询单最终付款转化率,0.1,生意参谋 业绩询单
2026-10-05,,平均响应时长,20,生意参谋 咨询接待
2026-10-06,,平均响应时长,40,生意参谋 咨询接待
2026-10-05,小李,客服询单支付额,100,飞鸽
2026-10-05,小王,客服询单支付额,50,飞鸽
2026-10-05,小李,全天3分钟回复率,0.9,飞鸽
2026-10-05,,客服字数,999,生意参谋 咨询接待
2026-11-01,,询单人数,500,生意参谋 业绩询单
2026-10-05,小李,旺旺回复率,0.9,赤兔
2026-10-05,小王,旺旺回复率,0.5,赤兔
2026-10-05,小李,咨询人数,30,赤兔
2026-10-05,小王,咨询人数,10,赤兔
2026-10-05,,首次30秒应答率,0.7,京东
"""


@pytest.fixture
def study(tmp_path: Path) -> Study:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "platform_kpis.csv").write_text(KPIS, encoding="utf-8")
    names = (Messages.BUYER_ID, Messages.SENDER, Messages.SENT_AT, Messages.TEXT)
    text = ",".join(names) + "\nb1,buyer,2026-10-05 10:00:00,在吗\n"
    (folder / "messages.csv").write_text(text, encoding="utf-8")
    return Study(folder, tmp_path / "run", shop="s", lang="en", month="2026-10")


def test_counts_are_summed_and_rates_weighed(study: Study) -> None:
    start, end = pd.Timestamp(study.start), pd.Timestamp(study.as_of)
    found = platform_figures.months_figures(study.open(), start, end).set_index("kpi")
    assert found["value"].to_dict() == pytest.approx(
        # 10 and 30 inquirers; (10 * 50 % + 30 * 10 %) / 40; no count, so days alike; two agents;
        # (30 * 90 % + 10 * 50 %) / 40.
        {
            "旺旺回复率": 0.8,
            "首次30秒应答率": 0.7,
            "询单人数": 40,
            "询单最终付款转化率": 0.2,
            "平均响应时长": 30,
            "客服询单支付额": 150,
        }
    )
    assert found["days"].to_dict()["询单人数"] == 2


def test_both_stand_side_by_side_with_the_reason(study: Study) -> None:
    ours = pd.DataFrame(
        {
            "inquirers": [37],
            "paid_rate": [float("nan")],
            "mean_response_s": [33.0],
            "reply_rate": [0.75],
            "sales": [140.0],
        }
    )
    (block,) = platform_figures.beside(study, ours)
    text = block.plain()
    for part in ("40", "37", "20.0%", "can’t be told", "Windows and maturity", "every day"):
        assert part in text
    others = "全天3分钟回复率, 咨询人数, 客服字数 and 首次30秒应答率"
    assert f"no counterpart here: {others}." in str(block.caption)


def test_without_them_nothing_is_shown(study: Study) -> None:
    (study.data / "platform_kpis.csv").unlink()
    assert platform_figures.beside(study, pd.DataFrame()) == []


def test_the_profile_of_douyin_is_dated() -> None:
    profile = load_profile("douyin")
    assert (profile.as_of.year, profile.targets) == (2025, {"reply_rate_180s": 0.5})
    assert (profile.service_start_hour, profile.service_end_hour) == (8, 23)
