"""A simulated shop keeps the contract, is the same for the same seed, and its truth is true."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from csinsight.contract.check import check_folder
from csinsight.contract.domain import BUYER_TYPES
from csinsight.contract.schema import MAIN_TABLES
from csinsight.simulate import SCENARIOS, SIZES, Scenario, Truth, simulate

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("shop")
    return folder, simulate(folder, seed=7, buyers=1500, agents=8, conversations=4500)


def table(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{name}.parquet")


def cut(messages: pl.DataFrame) -> pl.DataFrame:
    """Cut conversations at gaps of twelve hours, plainly."""
    gap = pl.col("sent_at").diff().over("buyer_id") >= pl.duration(hours=12)
    return messages.sort("buyer_id", "sent_at", maintain_order=True).with_columns(
        talk=gap.fill_null(True).cum_sum()
    )


def test_the_tables_keep_the_contract(made: tuple[Path, Truth]) -> None:
    folder, _ = made
    assert check_folder(folder) == []
    for name, contract in MAIN_TABLES.items():
        columns = set(table(folder, name).columns)
        assert {c.name for c in contract.columns if c.required} <= columns


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        simulate(tmp_path / name, seed=3, buyers=60, agents=3, conversations=150)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.parquet"))
    assert len(files) == 10
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_another_seed_is_another_shop(tmp_path: Path) -> None:
    for seed in (1, 2):
        simulate(tmp_path / str(seed), seed=seed, buyers=30, agents=2, conversations=40)
    assert not table(tmp_path / "1", "messages").equals(table(tmp_path / "2", "messages"))


def test_conversations_are_found_by_their_gaps(made: tuple[Path, Truth]) -> None:
    folder, truth = made
    found = (
        cut(table(folder, "messages"))
        .group_by("talk")
        .agg(pl.first("buyer_id"), pl.min("sent_at").alias("started_at"))
        .select("buyer_id", "started_at")
        .sort("buyer_id", "started_at")
    )
    told = truth.conversations.select("buyer_id", "started_at").sort("buyer_id", "started_at")
    assert_frame_equal(found, told)


def test_outcomes_follow_from_the_tables(made: tuple[Path, Truth]) -> None:
    """By the contract's rule alone, every mature conversation ends as the truth says."""
    folder, truth = made
    first = truth.conversations.filter("opened_by_buyer").with_row_index("talk")
    orders = table(folder, "orders")
    near = first.join(orders, on="buyer_id", suffix="_order").filter(
        (pl.col("placed_at") > pl.col("started_at"))
        & (pl.col("placed_at") <= pl.col("started_at") + pl.duration(hours=24))
    )
    paid = pl.col("paid_at") <= pl.col("placed_at") + pl.duration(hours=72)
    won = near.filter(paid)["talk"].unique()
    mature = pl.col("started_at") < orders["placed_at"].max() - pl.duration(hours=97)
    seen = first.filter(mature).with_columns(
        found_ordered=pl.col("talk").is_in(near["talk"].to_list()),
        found_paid=pl.col("talk").is_in(won.to_list()),
    )
    assert seen.height > 3000
    assert (seen["found_ordered"] == seen["ordered"]).all()
    assert (seen["found_paid"] == seen["paid"]).all()


def test_conversion_is_what_its_chances_say(made: tuple[Path, Truth]) -> None:
    _, truth = made
    inquiries = truth.conversations.filter("is_inquiry")
    for shown in [pl.lit(True), *(pl.col(b) for b in ("recommends", "refuses_flatly", "greets"))]:
        some = inquiries.filter(shown)
        p, won = some["p_paid"].to_numpy(), some["paid"].to_numpy()
        z = (won - p).sum() / np.sqrt((p * (1 - p)).sum())
        assert abs(z) < 4


def test_planted_effects_keep_their_signs(made: tuple[Path, Truth]) -> None:
    _, truth = made
    rows = {row["behaviour"]: row for row in truth.behaviours.iter_rows(named=True)}
    for name, row in rows.items():
        assert np.sign(row["effect_pp"]) == np.sign(row["log_odds"]), name
        assert (row["kind"] == "real") == (row["log_odds"] != 0), name
    assert rows["closes_warmly"]["raw_pp"] > 10
    assert rows["offers_alternative"]["raw_all_pp"] < rows["offers_alternative"]["raw_pp"]


def test_messages_say_what_was_shown(made: tuple[Path, Truth]) -> None:
    folder, truth = made
    talks = cut(table(folder, "messages"))
    heads = talks.group_by("talk").agg(pl.first("buyer_id"), pl.min("sent_at").alias("started_at"))
    replies = talks.filter(pl.col("sender") == "agent")
    told = heads.join(truth.conversations, on=["buyer_id", "started_at"]).filter("is_inquiry")
    for name, words in (
        ("curt_reply", "^(嗯|哦|好|嗯嗯|在|没有|是的|对|好的|有)$"),
        ("recommends", "推荐|可以看看这款|搭着|都会带一份|可以一起入|要不要也看|升级款"),
        ("apologizes", "不好意思|抱歉|对不起"),
    ):
        with_words = replies.filter(pl.col("text").str.contains(words))["talk"].unique().to_list()
        agree = told["talk"].is_in(with_words) == told[name].fill_null(False)
        assert agree.mean() > 0.985, name


def test_texts_have_no_open_slots_and_hold_planted_ones(made: tuple[Path, Truth]) -> None:
    texts = table(made[0], "messages")["text"]
    assert not texts.str.contains(r"[{}]").any()
    for planted in ("1[3-8][0-9]{9}", "<script>|=cmd|=HYPERLINK|onerror", "微信|薇"):
        assert texts.str.contains(planted).any(), planted
    assert (texts.str.len_chars() > 0).all()


def test_the_null_shop_has_no_effects(tmp_path: Path) -> None:
    truth = simulate(tmp_path, seed=5, buyers=300, conversations=600, scenario="null")
    assert (truth.behaviours["effect_pp"] == 0).all()
    assert (truth.behaviours["log_odds"] == 0).all()
    assert not (truth.behaviours["kind"] == "real").any()


def test_haggling_speaks_against_what_helps(tmp_path: Path) -> None:
    truth = simulate(tmp_path, seed=11, scenario="haggling")
    row = truth.behaviours.row(by_predicate=pl.col("behaviour") == "offers_alternative", named=True)
    assert row["effect_pp"] > 5
    assert row["raw_pp"] < -3


def test_pages_before_a_talk_tell_of_intent(made: tuple[Path, Truth]) -> None:
    """Buyers who mean to buy were seen at the cart more often, all before the first message."""
    folder, truth = made
    talks = truth.conversations.filter("opened_by_buyer").with_row_index("talk")
    near = talks.join(table(folder, "page_views"), on="buyer_id").filter(
        (pl.col("viewed_at") < pl.col("started_at"))
        & (pl.col("viewed_at") >= pl.col("started_at") - pl.duration(hours=1))
    )
    at_cart = near.filter(pl.col("page_kind") == "cart")["talk"].unique()
    seen = talks.with_columns(cart=pl.col("talk").is_in(at_cart.to_list()))
    keen = seen["hesitancy"] < seen["hesitancy"].median()
    assert 0.6 < talks["talk"].is_in(near["talk"].unique().to_list()).mean() < 0.9
    assert seen.filter(keen)["cart"].mean() > 1.6 * seen.filter(~keen)["cart"].mean() > 0.1


@pytest.mark.parametrize(("scenario", "follows"), [("responding", True), ("demo", False)])
def test_effort_follows_intent_where_told(tmp_path: Path, scenario: str, follows: bool) -> None:
    talks = simulate(tmp_path, seed=4, scenario=scenario).conversations.filter("is_inquiry")
    # Over talks of one length: hesitant buyers talk longer.
    rows = talks.filter(pl.col("agent_turns") == 3).drop_nulls(["gives_specifics", "curt_reply"])
    assert rows.height > 500
    for name, side in (("gives_specifics", -1), ("polite_words", -1), ("curt_reply", 1)):
        tie = side * np.corrcoef(rows["hesitancy"], rows[name].cast(pl.Float64))[0, 1]
        assert (tie > 0.08) if follows else (abs(tie) < 0.1), name


def test_buyers_change_their_minds_and_sound_like_it(tmp_path: Path) -> None:
    truth = simulate(tmp_path, seed=4, buyers=800, conversations=2400, scenario="warming")
    talks = truth.conversations.filter("is_inquiry")
    change = (talks["intent_at_end"] + talks["hesitancy"]).to_numpy()
    assert change.std() > 0.4
    assert np.corrcoef(change, talks["p_paid"])[0, 1] > 0.2
    buyers = table(tmp_path, "messages").filter(pl.col("sender") == "buyer")
    assert 0.05 < buyers["text"].is_in(["这个不错", "挺喜欢的", "太麻烦了", "郁闷"]).mean() < 0.3


def test_words_are_placed_as_told(tmp_path: Path) -> None:
    """Decided once a talk, long talks show no more of it; decided at each turn, they do."""
    ties = {}
    for scenario in ("mixed_placement", "demo"):
        talks = simulate(tmp_path / scenario, seed=4, scenario=scenario).conversations
        talks = talks.filter("is_inquiry")
        shown = talks["polite_words"].cast(pl.Float64)
        ties[scenario] = np.corrcoef(talks["agent_turns"], shown)[0, 1]
    assert abs(ties["mixed_placement"]) < 0.1 < ties["demo"]


def test_polite_words_lie_in_others_where_words_overlap(tmp_path: Path) -> None:
    gaps = {}
    for scenario in ("overlapping", "demo"):
        talks = simulate(tmp_path / scenario, seed=4, scenario=scenario).conversations
        talks = talks.filter("is_inquiry").drop_nulls("empathizes")
        by = talks.group_by("empathizes").agg(pl.mean("polite_words")).sort("empathizes")
        gaps[scenario] = by["polite_words"][1] - by["polite_words"][0]
    assert gaps["overlapping"] > gaps["demo"] + 0.1


def test_another_agent_takes_over_at_any_turn(tmp_path: Path) -> None:
    truth = simulate(tmp_path, seed=4, buyers=800, conversations=2400, scenario="handovers")
    assert 0.25 < truth.conversations.filter("is_inquiry")["transferred"].mean() < 0.45
    lines = cut(table(tmp_path, "messages"))
    before = lines.with_columns(
        told=(pl.col("sender") == "system") & pl.col("text").str.contains("转交给")
    ).with_columns(since=pl.col("told").cum_sum().over("talk"))
    agents = before.filter(pl.col("sender") == "agent").group_by("talk", "since")
    who = agents.agg(pl.n_unique("agent_id"), turns=pl.len())
    # A turn that went unanswered may come before the note that the colleague would have left.
    assert (who["agent_id"] == 1).mean() > 0.97
    assert who.filter(pl.col("since") == 0)["turns"].max() > 6


def test_small_effects_are_three_points(tmp_path: Path) -> None:
    rows = simulate(tmp_path, seed=4, scenario="small_effects").behaviours
    real = rows.filter(pl.col("kind") == "real")
    assert real.height == 6
    assert real["effect_pp"].abs().is_between(2, 4).all()


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name.endswith("_null")])
def test_null_worlds_have_no_effects(tmp_path: Path, scenario: str) -> None:
    truth = simulate(tmp_path, seed=5, buyers=60, conversations=120, scenario=scenario)
    assert (truth.behaviours["effect_pp"] == 0).all()


def test_spend_comes_as_expected(made: tuple[Path, Truth]) -> None:
    _, truth = made
    buyers = truth.buyers
    total = buyers["realised_spend_90d"].sum() / buyers["expected_spend_90d"].sum()
    assert 0.85 < total < 1.15
    assert (buyers.filter(~pl.col("active_at_end"))["realised_spend_90d"] == 0).all()


def test_buying_goes_on_as_before(made: tuple[Path, Truth]) -> None:
    """Chats lead to orders that would else have come by themselves: no jump in the chat months."""
    orders = table(made[0], "orders")
    months = orders.group_by(pl.col("placed_at").dt.truncate("1mo")).len().sort("placed_at")["len"]
    assert 0.75 < months[-3:].mean() / months[-6:-3].mean() < 1.35


def test_a_missing_type_is_missing(tmp_path: Path) -> None:
    truth = simulate(tmp_path, seed=1, buyers=400, conversations=0, scenario="missing_type")
    assert "sporty" not in truth.buyers["type"].unique()
    assert truth.buyers["w_sporty"].max() < 1e-6
    weights = truth.buyers.select(f"w_{name}" for name in BUYER_TYPES).sum_horizontal()
    assert (weights - 1).abs().max() < 1e-3


def test_ids_are_given_where_told(tmp_path: Path) -> None:
    world = Scenario(name="mine", conversation_ids=True)
    simulate(tmp_path, seed=1, buyers=40, agents=2, conversations=60, scenario=world)
    messages = cut(table(tmp_path, "messages"))
    pairs = messages.select("talk", "conversation_id").unique()
    assert pairs.height == messages["talk"].n_unique()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"scenario": "dream"}, "there is no scenario 'dream'"),
        ({"buyers": 10, "conversations": 5000}, "between 0 and 300 for 10 buyers"),
        ({"agents": 0}, "agents has to be at least 1"),
        ({"months": 0}, "months has to be at least 1"),
    ],
)
def test_impossible_counts_are_refused(
    told: dict[str, int | str], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        simulate(tmp_path, **told)  # type: ignore[arg-type]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    buyers=st.integers(1, 12),
    agents=st.integers(1, 3),
    conversations=st.integers(0, 12),
    months=st.integers(2, 4),
    scenario=st.sampled_from(sorted(SCENARIOS)),
)
def test_the_smallest_shops_keep_the_contract(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    buyers: int,
    agents: int,
    conversations: int,
    months: int,
    scenario: str,
) -> None:
    folder = tmp_path_factory.mktemp("tiny")
    truth = simulate(
        folder,
        seed=seed,
        buyers=buyers,
        agents=agents,
        conversations=conversations,
        months=months,
        scenario=scenario,
    )
    opened = truth.conversations.filter("opened_by_buyer")
    assert opened.height == conversations
    assert truth.buyers.height == buyers
    assert check_folder(folder) == []


def test_sizes_rise() -> None:
    small, medium, large = SIZES["small"], SIZES["medium"], SIZES["large"]
    assert small.conversations < medium.conversations < large.conversations
    assert small.buyers < medium.buyers < large.buyers


def test_the_committed_demo_is_what_the_simulator_makes(demo_folder: Path, tmp_path: Path) -> None:
    simulate(tmp_path)
    for file in sorted(tmp_path.rglob("*.parquet")):
        kept = demo_folder / file.relative_to(tmp_path)
        assert_frame_equal(pl.read_parquet(kept), pl.read_parquet(file), rel_tol=1e-9)
    assert sum(file.stat().st_size for file in demo_folder.rglob("*.parquet")) < 5_000_000
