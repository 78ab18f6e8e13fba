"""Five million messages of one month: all markers, conversations and KPIs, from tables on disk.

The promise: under 60 s and 3 GB on two cores. The shop is a simulated one, laid side by side under
new names until it has enough messages. Seconds depend on what else the machine does; processor
seconds by the number of cores say what a free machine would take at best. A tenth of it is measured
too, for how the time grows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl
from tests.bench.machine import growth
from tests.bench.peak import peak_gb
from tests.contexts import LEXICON

from csinsight.behaviours.agent_sessions import build_agent_sessions, count_month
from csinsight.behaviours.conversations import ChatSource, build_conversations, mark_messages
from csinsight.behaviours.kpis import agent_kpis, shop_kpis
from csinsight.behaviours.profiles import load_profile
from csinsight.engine import open_shop

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "5000000"))
AS_OF = datetime(2026, 11, 1)
_DEMO = Path(__file__).resolve().parents[2] / "data" / "demo"
_START = datetime(2026, 10, 1)


def run() -> Iterator[str]:
    """Make both shops, and measure each in a process of its own so that the peak is its own."""
    took = []
    for messages in (MESSAGES // 10, MESSAGES):
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), messages)
            yield f"{messages:,} messages of one month, load {os.getloadavg()[0]:.1f}"
            code = f"from tests.bench.bench_messages import ours; ours({folder!r})"
            done = subprocess.run(
                [sys.executable, "-c", code], check=True, capture_output=True, text=True
            )
            told, seconds = done.stdout.rsplit("\n", 2)[:2]
            took.append(float(seconds))
            yield from told.splitlines()
    yield growth("processor", *took, times=10)


def make(folder: Path, wanted: int) -> None:
    """Lay the demo shop's last month side by side, each copy with buyers and agents of its own."""
    within = pl.col("sent_at").is_between(_START, AS_OF, closed="left")
    messages = pl.read_parquet(_DEMO / "messages.parquet").filter(within)
    orders = pl.read_parquet(_DEMO / "orders.parquet").filter(pl.col("placed_at") >= _START)
    copies = -(-wanted // len(messages))
    _copied(messages, copies, ["buyer_id", "agent_id"]).head(wanted).write_parquet(
        folder / "messages.parquet"
    )
    _copied(orders, copies, ["buyer_id", "order_id"]).write_parquet(folder / "orders.parquet")


def _copied(frame: pl.DataFrame, copies: int, names: list[str]) -> pl.DataFrame:
    # Forty copies share their agents: a shop has more buyers than agents.
    shift = {name: 40 if name == "agent_id" else 1 for name in names}
    return pl.concat(
        frame.with_columns(pl.col(name) + f"-{number // by}" for name, by in shift.items())
        for number in range(copies)
    )


def ours(folder: str) -> None:
    """Mark every message, build the conversations, count the KPIs of agents and shop."""
    began = time.perf_counter()
    shop, profile = open_shop(Path(folder)), load_profile("taobao")
    rules = profile.rules(
        gap_hours=12,
        conversion_window_hours=24,
        payment_window_hours=72,
        pre_chat_hours=24,
        look_back_days=90,
    )
    marked = mark_messages(ChatSource(shop, AS_OF, 1, rules, LEXICON))
    conversations = build_conversations(marked)
    built = time.perf_counter()
    sessions = build_agent_sessions(marked, conversations, profile)
    month = count_month(marked, conversations, sessions, profile)
    agents = agent_kpis(month, profile=profile)
    whole = shop_kpis(month.conversations, profile=profile, month=month)
    done, seconds = time.perf_counter(), time.process_time()
    peak = peak_gb()
    cores = os.cpu_count() or 1
    sys.stdout.write(
        f"conversations {built - began:.1f} s  KPIs {done - built:.1f} s  together "
        f"{done - began:.1f} s  processor {seconds:.1f} s ({cores} cores)  "
        f"peak {peak:.2f} GB\n"
        f"{len(conversations):,} conversations, {len(agents):,} agents, "
        f"paid {float(whole['paid_rate'].iloc[0]):.3f}\n{seconds}\n"
    )
