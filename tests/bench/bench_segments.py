"""Types and tiers of a million buyers with ten million page views, from their tables on disk.

The promise: under 60 s and 4 GB on two cores. The baseline is scikit-learn's KMeans with six groups
on the very features that the types use: what a plain clustering would cost after the same reading.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.cluster import KMeans
from tests.bench.peak import peak_gb
from tests.contexts import ORDER_DAYS, TIERS, TYPES, WINDOWS

from csinsight.contract.schema import PAGE_KINDS
from csinsight.engine import open_shop
from csinsight.features.buyers import buyer_features
from csinsight.features.spend import spend_features
from csinsight.segments.model_selection import look_ahead
from csinsight.segments.shrink_features import weigh
from csinsight.segments.tiers import value_tiers
from csinsight.segments.types import fit_types, types_at

BUYERS = int(os.environ.get("BENCH_BUYERS", "1000000"))
VIEWS_EACH = 10
END = datetime(2026, 11, 1)
_DAY = 86_400_000_000
_CHUNK = 200_000
#: Weights of pages, by type; rows and columns as in the contract.
_PAGES = np.ones((6, len(PAGE_KINDS))) + 12 * np.eye(6, len(PAGE_KINDS), k=4)


def run() -> Iterator[str]:
    """Make the shop, then time both in processes of their own so that peaks stay apart."""
    with tempfile.TemporaryDirectory() as folder:
        _make(Path(folder))
        yield f"{BUYERS:,} buyers, {BUYERS * VIEWS_EACH:,} page views"
        for part in ("ours", "kmeans"):
            code = f"from tests.bench.bench_segments import {part}; {part}({folder!r})"
            done = subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True
            )
            yield from done.stdout.splitlines()


def _make(folder: Path) -> None:
    rng = np.random.default_rng(1)
    end = int(END.replace(tzinfo=UTC).timestamp() * 1e6)
    ids = pl.select(pl.format("b{}", pl.int_range(BUYERS)).alias("id"))["id"]
    kinds = np.array([rng.choice(len(PAGE_KINDS), 1 << 16, p=row / row.sum()) for row in _PAGES])
    views = []
    for start in range(0, BUYERS, _CHUNK):
        who = np.repeat(np.arange(start, min(start + _CHUNK, BUYERS)), VIEWS_EACH)
        visit = np.repeat(rng.integers(0, 85 * _DAY, len(who) // VIEWS_EACH), VIEWS_EACH)
        step = np.tile(np.r_[np.arange(5) * 30e6, 3 * _DAY + np.arange(5) * 30e6], len(who) // 10)
        kind = kinds[who % 6, rng.integers(0, 1 << 16, len(who))]
        views.append(
            pl.DataFrame(
                {
                    "buyer_id": ids.gather(who),
                    "viewed_at": pl.Series(end - 89 * _DAY + visit + step.astype(np.int64)).cast(
                        pl.Datetime("us")
                    ),
                    "page_kind": pl.Series(list(PAGE_KINDS)).gather(kind),
                    "dwell_seconds": rng.gamma(2, 10 + 3 * (who % 6)),
                }
            )
        )
    pl.concat(views).write_parquet(folder / "page_views.parquet")
    joined = pl.Series(end - rng.integers(30, 2000, BUYERS) * _DAY).cast(pl.Datetime("us"))
    pl.DataFrame({"buyer_id": ids, "joined_at": joined}).write_parquet(folder / "buyers.parquet")
    buyer = rng.integers(0, BUYERS, BUYERS)
    placed = end - rng.integers(1, 360 * 86_400, BUYERS) * 1_000_000
    price = rng.gamma(4, 25, BUYERS).round(2)
    moment = pl.Series(placed).cast(pl.Datetime("us"))
    pl.DataFrame(
        {
            "order_id": pl.select(pl.format("o{}", pl.int_range(BUYERS)).alias("o"))["o"],
            "buyer_id": ids.gather(buyer),
            "placed_at": moment,
            "paid_at": pl.Series(placed + 300_000_000).cast(pl.Datetime("us")),
            "list_amount": price * 1.1,
            "paid_amount": price,
            "units": np.ones(BUYERS, dtype=np.int64),
        }
    ).write_parquet(folder / "orders.parquet")


def _peak() -> str:
    return f"{peak_gb():.2f} GB"


def _say(**figures: object) -> None:
    sys.stdout.write("  ".join(f"{name} {value}" for name, value in figures.items()) + "\n")


def ours(folder: str) -> None:
    """Read, label and value every buyer; the models are chosen as in a run.

    Then, apart, types as a run follows them: six look-backs are read instead of one.
    """
    began = time.perf_counter()
    shop = open_shop(Path(folder))
    features = buyer_features(shop, END, **WINDOWS)
    read = time.perf_counter()
    types = fit_types(features, TYPES)
    typed = time.perf_counter()
    del features
    spend = spend_features(shop, END, **ORDER_DAYS)
    outlook = look_ahead(shop, END, options=TIERS)
    tiers = value_tiers(spend, outlook.expected, options=TIERS)
    done = time.perf_counter()
    steps = {"features": read - began, "types": typed - read, "tiers": done - typed}
    _say(**{name: f"{seconds:.1f} s" for name, seconds in steps.items()})
    _say(together=f"{done - began:.1f} s", processor=f"{time.process_time():.1f} s", peak=_peak())
    _say(types=f"{len(types.buyers):,}", tiers=f"{len(tiers):,}", future=outlook.name)
    began = time.perf_counter()
    types_at(shop, END, options=TYPES)
    followed = time.perf_counter() - began
    _say(types_followed_from_month_to_month=f"{followed:.1f} s", peak=_peak())


def kmeans(folder: str) -> None:
    """Read the same features and group them with scikit-learn's KMeans."""
    began = time.perf_counter()
    points = weigh(buyer_features(open_shop(Path(folder)), END, **WINDOWS)).shrunk
    read = time.perf_counter()
    KMeans(6, n_init=10, random_state=1).fit_predict(points)
    done = time.perf_counter()
    _say(kmeans=f"{done - read:.1f} s", after_features=f"{read - began:.1f} s", peak=_peak())
