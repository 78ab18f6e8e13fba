"""Buyer types and value tiers against planted truth and against what came later."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import pandas as pd
from tests.contexts import TYPES, WINDOWS
from tests.validate import planted, purchases

from csinsight.engine import open_shop
from csinsight.features.buyers import buyer_features
from csinsight.importers import run_import
from csinsight.segments.types import fit_types

#: What stands below the figures of CDNOW: why they fall short, and what was tried.
CDNOW_NOTE = Path(__file__).with_name("cdnow.md")
CLICKS = Path("shared/data/taobao_userbehavior/user_behavior_100k.csv")


def run() -> str:
    """Return the part of ``docs/validation.md``."""
    parts = ["## Buyer types and value tiers", _planted(), _others(), _clicks()]
    for name, orders, cut, days, learn in (
        ("CDNOW", purchases.cdnow(), datetime(1997, 10, 1), 273, 91),
        ("completejourney", purchases.completejourney(), datetime(2017, 10, 3), 90, 90),
    ):
        parts.append(f"### {name}\n")
        if orders is None:
            parts.append(
                "Not run: install `requirements/validation.lock`, as `make validate` does."
            )
            continue
        models, tiers, taken = purchases.hold_out(orders, cut, days, learn)
        parts.append(
            f"Known until {cut:%Y-%m-%d}, compared with the {days} days after; chosen on the "
            f"{learn} days before: **{taken}**. Money per buyer.\n\n{table(models)}\n\n"
            f"Tiers, with mean later spend and its growth a day against the last 90 days:\n\n"
            f"{table(tiers)}"
            + (f"\n\n{CDNOW_NOTE.read_text(encoding='utf-8')}" if name == "CDNOW" else "")
        )
    return "\n\n".join(parts)


def table(frame: pd.DataFrame, digits: int = 3) -> str:
    """Write a frame as a Markdown table."""

    def cell(value: object) -> str:
        return f"{value:.{digits}f}" if isinstance(value, float) else str(value)

    lines = [list(frame.columns), ["---"] * frame.shape[1]]
    lines += [[cell(value) for value in row] for row in frame.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _planted() -> str:
    shops = planted.study()
    mean = shops.groupby("world", sort=False)
    summary = mean.mean(numeric_only=True).drop(columns="seed").reset_index()
    summary["least accuracy"] = mean["accuracy"].min().to_numpy()
    summary["unsupported"] = mean["unsupported"].agg(lambda v: "; ".join(sorted(set(v)))).to_numpy()
    return (
        f"### Planted types\n\n{len(shops)} simulated shops of {planted.BUYERS} buyers, "
        f"{len(planted.SEEDS)} of each world, read as a run reads them. `named`: buyers given one "
        "of the six types; `accuracy` of those labels beside `supervised`, a logistic regression "
        "on the same look-back's features and the truth, cross-validated, on the same buyers; "
        "`alone`: accuracy of labels that remember nothing from before the look-back; "
        "`confidence`: its mean over the named. `_all`: the likeliest type of every buyer with "
        "five pages or more, for ours, for scikit-learn's `GaussianMixture` with our seeds as "
        "`means_init`, and supervised. `kept`: of buyers who have a type in two months' reports, "
        "each made on its own, those who have the same; `kept_or_mixed`: of all who had one and "
        f"are still seen enough, those who keep it and don't turn *mixed*.\n\n{table(summary)}\n\n"
        "How soon a true change is followed: three buyers in ten behave as another one from a "
        "day on. Of those whose type thereby changed and who have one, the share read as the `new` "
        "type and as the `old` one, by months since (the look-back is three months; eight months "
        f"of page views; accounts' age unknown):\n\n{table(planted.changes())}"
    )


def _others() -> str:
    return (
        "### Types made in other ways\n\nThree generators that share nothing with the simulator "
        "(`tests/segments/other_shops.py`), 900 buyers each. `ratio`: accuracy of the given labels "
        "over that of the supervised classifier on the same buyers; `least`: the worst shop; "
        f"`wrong`: shops that missed an absent type or a present one.\n\n{table(planted.others())}"
    )


def _clicks() -> str:
    root = Path(__file__).resolve().parents[3] / CLICKS
    head = "### Real clicks (Taobao, nine days)\n\n"
    if not root.exists():
        return head + "Not run: the public data is not beside the project."
    with tempfile.TemporaryDirectory() as folder:
        run_import("taobao_userbehavior", [root], Path(folder))
        shop = open_shop(Path(folder))
        before = buyer_features(shop, datetime(2017, 11, 30), **WINDOWS)
        after = buyer_features(shop, datetime(2017, 12, 4), **WINDOWS).set_index("buyer_id")
    types = fit_types(before, TYPES).buyers
    names = ["pages", "orders", "visits"]
    later = after[names].sub(before.set_index("buyer_id")[names], fill_value=0)
    later = later.reindex(types["buyer_id"]).astype("float64")
    groups = later.groupby(types["type"].to_numpy())
    result = groups.mean().assign(buyers=groups.size()).rename_axis("type").reset_index()
    return head + (
        "Types of the first five days against the mean of what the same buyers did in the four "
        f"days after.\n\n{table(result, 2)}"
    )
