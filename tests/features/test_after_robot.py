"""Where a robot writes first, a response is read twice, and the profile names the headline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from csinsight.behaviours.profiles import load_profile
from csinsight.context import context_of
from csinsight.engine import open_shop
from csinsight.features.agent_sessions import after_robot, response_times
from csinsight.features.conversations import CutMessages, cut_messages
from csinsight.views import kpi_figures as view
from csinsight.views.study import Study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six talks of the robot alone, four handed over, one left waiting, one without a robot."""
    lines = ["buyer_id,agent_id,sender,sent_at,text"]
    for n in range(6):
        lines += [
            f"p{n},,buyer,2026-10-05 10:00:00,几天发货",
            f"p{n},,bot,2026-10-05 10:00:02,两天",
        ]
    for n in range(4):
        agent = f"A{n % 2}"
        lines += [
            f"q{n},,buyer,2026-10-06 10:00:00,几天发货",
            f"q{n},,bot,2026-10-06 10:00:02,两天",
            f"q{n},,buyer,2026-10-06 10:04:00,转人工",
            f"q{n},{agent},agent,2026-10-06 10:04:15,在的",
            # A robot after the person, with nobody asking, is no hand-over.
            f"q{n},,bot,2026-10-06 10:05:00,请评价",
        ]
    lines += [
        # Handed over without another word of the buyer.
        "r,,buyer,2026-10-07 10:00:00,人工",
        "r,,bot,2026-10-07 10:00:05,正在转接",
        "r,A0,agent,2026-10-07 10:00:35,您好",
        # Asked again after the robot and left waiting.
        "s,,buyer,2026-10-08 10:00:00,人工",
        "s,,bot,2026-10-08 10:00:05,请稍候",
        "s,,buyer,2026-10-08 10:03:00,有人吗",
        "t,,buyer,2026-10-09 10:00:00,在吗",
        "t,A1,agent,2026-10-09 10:00:10,在的",
    ]
    data = tmp_path / "shop"
    data.mkdir()
    (data / "messages.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return data


def _cut(folder: Path, response_from: str) -> CutMessages:
    shop = open_shop(folder)
    context = context_of(folder / "run", shop.folder).changed(month="2026-10")
    return cut_messages(shop, context.as_of, replace(context.rules, response_from=response_from))


def test_both_readings_stand_side_by_side(folder: Path) -> None:
    for headline in ("buyer_message", "hand_over"):
        found = view.robot_figures(after_robot(_cut(folder, headline))).set_index("agent_id")
        shop = found[found.index.isna()].iloc[0]
        assert (shop["rounds"], shop["robot_alone"]) == (6, 6)
        # Four of 255 s, one of 35 s, one at the cap; from the hand-over 15 s, 30 s and the cap.
        assert shop["mean_buyer"] == pytest.approx((4 * 255 + 35 + 600) / 6)
        assert shop["mean_handover"] == pytest.approx((4 * 15 + 30 + 600) / 6)
        assert shop["rate_buyer"] == pytest.approx(1 / 6)
        assert shop["rate_handover"] == pytest.approx(5 / 6)
        assert found.loc["A1", "median_handover"] == 15
        assert found.loc["A0", "rate_buyer"] == pytest.approx(1 / 3)


def test_a_round_of_a_conversation_still_open_at_the_months_end_counts_next_month(folder):
    before = response_times(_cut(folder, "buyer_message"))["rounds"].sum()
    with (folder / "messages.csv").open("a", encoding="utf-8") as lines:
        lines.write("u,,buyer,2026-10-31 20:00:00,在吗\n")
    cut = _cut(folder, "buyer_message")
    assert "u" in set(cut.conversations.collect()["buyer_id"])
    assert response_times(cut)["rounds"].sum() == before


def test_the_profile_names_the_headline(folder: Path, tmp_path: Path) -> None:
    from_buyer = response_times(_cut(folder, "buyer_message"))
    assert sorted(zip(from_buyer["response_s"], from_buyer["rounds"], strict=True)) == [
        (10, 1),
        (35, 1),
        (255, 2),
        (255, 2),
        (600, 7),
    ]
    handed = response_times(_cut(folder, "hand_over"))
    assert sorted(zip(handed["response_s"], handed["rounds"], strict=True)) == [
        (10, 1),
        (15, 2),
        (15, 2),
        (30, 1),
        (600, 1),
    ]
    taobao = load_profile("taobao")
    assert taobao.response_from == "buyer_message"
    study = Study(folder, tmp_path / "run", shop="s", lang="en", month="2026-10")
    table = view.robot_figures(after_robot(_cut(folder, "hand_over")))
    for choice, said in (
        ("buyer_message", "as platforms do"),
        ("hand_over", "from the hand-over, as"),
    ):
        profile = taobao.model_copy(update={"response_from": choice})
        study.context = study.context.model_copy(update={"profile": profile})
        text = view.robot_table(study, table).plain()
        assert said in text
        assert "In 6 rounds a robot wrote before a person had to; 6 more" in text


def test_without_a_robot_there_is_one_reading(folder: Path, tmp_path: Path) -> None:
    text = (folder / "messages.csv").read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if ",bot," not in line]
    (folder / "messages.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    table = view.robot_figures(after_robot(_cut(folder, "buyer_message")))
    study = Study(folder, tmp_path / "run", shop="s", lang="en", month="2026-10")
    assert "No robot wrote" in view.robot_table(study, table).plain()
