"""A shop with a behaviour of its own, from its file to the report: rate, driver, card, page."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.behaviours.test_own import template

from csinsight.contract.files import OWN_FILE as FILE
from csinsight.params import RunParams
from csinsight.runs.month import RunResult, run_month
from csinsight.simulate import simulate
from csinsight.views import explore
from csinsight.views.study import open_study

OWN = "offers_gift_wrap"
LINE = "送您一个礼盒，送人有面子"
#: Of inquiries that would not have led to an order, the share that the words turn into one.
GAIN = 0.35


def _plant(folder: Path) -> dict[str, float]:
    """Say the shop's own words after the first answer in some conversations; some then buy.

    Whether they are said is drawn by lot within each agent, whose habit differs.
    """
    rng = np.random.default_rng(5)
    messages = pl.read_parquet(folder / "messages.parquet").to_pandas()
    orders = pl.read_parquet(folder / "orders.parquet").to_pandas()
    messages = messages.sort_values(["buyer_id", "sent_at"], kind="stable", ignore_index=True)
    gap = messages.groupby("buyer_id")["sent_at"].diff() > pd.Timedelta(hours=12)
    messages["talk"] = (gap | (messages["buyer_id"] != messages["buyer_id"].shift())).cumsum()
    habits = dict(zip(sorted(messages["agent_id"].dropna().unique()), [0.2, 0.8] * 9, strict=False))
    placed = orders.groupby("buyer_id")["placed_at"].agg(list)
    lines, bought, said = [], [], 0
    for _, rows in messages.groupby("talk"):
        answers = rows[(rows["sender"] == "agent") & rows["agent_id"].notna()]
        if rows["sender"].iloc[0] != "buyer" or answers.empty:
            continue
        first, began = answers.iloc[0], rows["sent_at"].iloc[0]
        if rng.random() >= habits[first["agent_id"]]:
            continue
        said += 1
        at = first["sent_at"] + pd.Timedelta(milliseconds=100)
        lines.append({**first, "sent_at": at, "text": LINE})
        window = (began, began + pd.Timedelta(hours=24))
        if any(window[0] <= p <= window[1] for p in placed.get(first["buyer_id"], [])):
            continue
        if rng.random() < GAIN:
            late = rows["sent_at"].iloc[-1] + pd.Timedelta(minutes=3)
            bought.append((f"own{len(bought)}", first["buyer_id"], late))
    extra = pd.DataFrame(bought, columns=["order_id", "buyer_id", "placed_at"])
    extra = extra.assign(
        paid_at=extra["placed_at"] + pd.Timedelta(minutes=1),
        list_amount=50.0, paid_amount=50.0, refund_amount=0.0, units=1, coupon_used=False,
    )  # fmt: skip
    whole = pd.concat([messages, pd.DataFrame(lines)]).drop(columns="talk")
    whole = whole.sort_values(["buyer_id", "sent_at"], kind="stable")
    whole.to_parquet(folder / "messages.parquet", index=False)
    pd.concat([orders, extra]).to_parquet(folder / "orders.parquet", index=False)
    return {"said": said}


# What is made once, by one worker.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("own")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult, dict[str, float]]:
    """A planted shop and the report on it, in Chinese."""
    out = tmp_path_factory.mktemp("own")
    folder = out / "data"
    simulate(folder, buyers=800, agents=6, conversations=2000, seed=11)
    (folder / "page_views.parquet").unlink()
    truth = _plant(folder)
    text = template().replace("[asks_for_gift]", "every_conversation")
    (folder / FILE).write_text(text, encoding="utf-8")
    params = RunParams(shop="own", month="2026-10", min_opportunities=10, min_agent_inquiries=20)
    return folder, run_month(folder, params, out), truth


def _artifact(result: RunResult, name: str) -> pd.DataFrame:
    return pd.read_parquet(result.run / "artifacts" / f"{name}.parquet")


@pytest.mark.timeout(1800)
def test_its_rate_is_right(made):
    folder, result, truth = made
    talks = _artifact(result, "conversations")
    said = pd.read_parquet(folder / "messages.parquet")["text"].eq(LINE).sum()
    shown = talks[OWN].fillna(value=False).sum()
    assert said == truth["said"]
    # Words said once the order is placed are no words before it.
    assert 0.9 * said <= shown <= said + 5
    served = talks["agent_messages_before"].gt(0)
    assert talks.loc[served, OWN].notna().all()
    sessions = _artifact(result, "agent_sessions")
    rates = sessions.groupby("agent_id")[OWN].mean().astype(float).sort_index()
    assert rates.iloc[::2].max() < 0.35 < 0.6 < rates.iloc[1::2].min()


@pytest.mark.timeout(1800)
def test_its_driver_is_found_with_the_effect_that_was_planted(made):
    _, result, _ = made
    drivers = _artifact(result, "drivers")
    row = drivers[(drivers["behaviour"] == OWN) & (drivers["scope"] == "all")].iloc[0]
    talks = _artifact(result, "conversations")
    rest = talks[talks["is_inquiry"].fillna(value=False) & (talks[OWN] == False)]  # noqa: E712
    planted = 100 * GAIN * (1 - rest["paid"].astype(float).mean())
    assert row["verdict"] == "helps"
    assert row["taught"] == "more"
    assert row["low_pp"] - 2 < planted < row["high_pp"] + 2
    assert row["low_pp"] > 5


@pytest.mark.timeout(1800)
def test_its_names_and_phrases_stand_on_the_pages(made):
    folder, result, _ = made
    plan = _artifact(result, "coaching_plan")
    advised = plan[(plan["behaviour"] == OWN) & (plan["kind"] == "driver")]
    assert len(advised) >= 2
    report = result.report.parent
    pages = {path.stem: path.read_text(encoding="utf-8") for path in report.glob("*.html")}
    card = pages[f"06_agent_card-{advised['agent_id'].iloc[0]}"]
    for text in (
        "送礼的买家，先问要不要包装",
        "您是送人的话，我给您配个礼盒吧",
        "本店礼品季的经验",
    ):
        assert text in card
    assert re.search(r"礼盒", card)
    for name in ("03_agent_kpis", "04_conversion_drivers", "05_coaching", "07_monthly_brief"):
        assert "主动提供礼品包装" in pages[name] or "送礼的买家" in pages[name], name
    study = open_study(folder, result.run, lang="en")
    assert study.word(f"behaviour.{OWN}") == "Offers gift wrapping"
    assert study.library[OWN].title == "Offer wrapping to whoever buys a gift"
    found = explore.conversations(study)
    both = explore.compare(found, "agent_id", sorted(found["agent_id"].dropna().unique())[:2])
    assert OWN in set(both["what"])
    picked = explore.pick(found, behaviour=OWN, shown=True)
    talk = explore.read(study, picked["conversation_id"].iloc[0])
    assert any("礼盒" in text for _, text in talk.lines)
