"""The look ahead: a challenger has to beat the baseline on the shop's own last stretch."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from csinsight.segments.clv import Past, accuracy, learn_boosted, learn_rfm
from csinsight.segments.model_selection import LEARNT, choose


def shop(buyers: int, seed: int, *, rhythm: bool) -> tuple[pd.DataFrame, Past, Past]:
    """Return a shop today and two stretches; with `rhythm`, money alone says who comes back."""
    rng = np.random.default_rng(seed)
    worth, pace = rng.gamma(4, 25, buyers), rng.gamma(1.0, 0.01, buyers)

    def known() -> pd.DataFrame:
        age = rng.uniform(120, 360, buyers).round()
        x = rng.poisson(pace * age)
        t_x = np.where(x > 0, age * rng.random(buyers) ** (1 / np.maximum(x, 1)), 0).round()
        recent = rng.binomial(x + 1, 0.3)
        frame = pd.DataFrame({"x": x, "t_x": t_x, "T": age, "purchase_days": x + 1})
        frame["net_spend"] = frame["purchase_days"] * worth
        frame["lifetime_spend"] = frame["net_spend"]
        frame["net_spend_90d"] = recent * worth
        for days in (30, 60, 90, 180, 360):
            frame[f"orders_{days}d"] = recent
        return frame.assign(buyer_id=[f"b{i}" for i in range(buyers)])

    def stretch() -> Past:
        now = known()
        rate = np.where(worth > 100, 2.0, 0.0) if rhythm else pace * 90
        later = rng.poisson(rate) * worth
        return Past(now, pd.Series(later, index=now["buyer_id"]), 90)

    return known(), stretch(), stretch()


def test_a_pattern_that_the_baseline_cannot_know_is_learnt() -> None:
    outlook = choose(*shop(1500, 1, rhythm=True), seed=1)
    assert outlook.name in set(LEARNT)
    scores = outlook.scores.set_index("model")
    assert scores["used"].sum() == 1
    assert scores.loc[outlook.name, "deviance"] < scores["deviance"].iloc[0]
    assert outlook.expected.notna().all()
    assert outlook.expected.index.tolist() == [f"b{i}" for i in range(1500)]


def test_the_baseline_stays_where_nothing_is_better() -> None:
    outlook = choose(*shop(1500, 2, rhythm=False), seed=1)
    assert outlook.name in {"bgnbd", "pareto_nbd"}
    assert outlook.scores["model"].iloc[0] == outlook.name
    assert set(outlook.scores["model"]) == {"bgnbd", "pareto_nbd", *LEARNT}
    assert outlook.held_out.columns.tolist() == ["expected", "actual"]


def test_a_young_shop_compares_nothing() -> None:
    now, recent, earlier = shop(400, 3, rhythm=True)
    nothing = Past(earlier.spend.head(0), earlier.later.head(0), 90)
    outlook = choose(now, recent, nothing, seed=1)
    assert outlook.name in {"bgnbd", "pareto_nbd"}
    assert set(outlook.scores["model"]) == {"bgnbd", "pareto_nbd"}
    assert choose(now.head(20), nothing, nothing, seed=1).scores.empty


def test_a_model_that_expects_nothing_does_not_win() -> None:
    """Most buyers spend nothing, so the absolute error is least for who expects nothing."""
    _, recent, _ = shop(1500, 5, rhythm=False)
    spent = pd.Series(np.where(np.arange(1500) < 300, recent.target + 1, 0.0))
    none, mean = spent * 0.0, spent * 0.0 + spent.mean()
    assert accuracy(none, spent)["mae"] < accuracy(mean, spent)["mae"]
    assert accuracy(mean, spent)["deviance"] < accuracy(none, spent)["deviance"]


def test_a_named_model_is_used_whatever_wins() -> None:
    outlook = choose(*shop(1500, 2, rhythm=False), name="blend", seed=1)
    assert outlook.name == "blend"
    assert outlook.scores.set_index("used").loc[True, "model"] == "blend"


@pytest.mark.parametrize("learn", [learn_rfm, lambda past: learn_boosted(past, seed=1)])
def test_what_is_learnt_keeps_the_mean_and_scales_with_time(learn: object) -> None:
    _, past, _ = shop(1500, 4, rhythm=True)
    model = learn(past)  # type: ignore[operator]
    told = model.expected_spend(past.spend, 90)
    assert told.mean() == pytest.approx(past.target.mean(), rel=0.05)
    assert model.expected_spend(past.spend, 180).to_numpy() == pytest.approx(2 * told.to_numpy())
