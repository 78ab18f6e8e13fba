"""Small shops made in a test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import polars as pl
import pytest

from csinsight.contract.schema import TABLES
from csinsight.engine import Shop, open_shop

Rows = list[dict[str, Any]]
KINDS = {
    "str": pl.String,
    "datetime": pl.Datetime("us"),
    "date": pl.Date,
    "float": pl.Float64,
    "int": pl.Int64,
    "bool": pl.Boolean,
}


@pytest.fixture(scope="session")
def shop_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Shop]:
    """Write the given rows of each table to Parquet and open them as a shop.

    A required column that no row has is there and empty; an optional one is absent.
    """
    root, number = tmp_path_factory.mktemp("shops"), count()

    def make(**tables: Rows) -> Shop:
        folder = root / str(next(number))
        folder.mkdir()
        for name, rows in tables.items():
            there = {column for row in rows for column in row}
            schema = {
                column.name: KINDS[column.kind]
                for column in TABLES[name].columns
                if column.required or column.name in there
            }
            pl.DataFrame(rows, schema=schema).write_parquet(folder / f"{name}.parquet")
        return open_shop(folder)

    return make


@pytest.fixture(scope="session")
def at() -> Callable[..., datetime]:
    """A moment so much after 10:00 on Monday, 5 October 2026."""

    def moment(seconds: float = 0, *, hours: float = 0, days: float = 0) -> datetime:
        start = datetime(2026, 10, 5, 10)
        return start + timedelta(days=days, hours=hours, seconds=seconds)

    return moment


@pytest.fixture(scope="session")
def talk(at: Callable[..., datetime]) -> Callable[..., Rows]:
    """The messages of one buyer from short lines such as ``("a1", 30)``.

    The first part is ``buyer``, ``bot``, ``system`` or an agent's id; the second the seconds
    after 10:00 on 5 October 2026, or None for a message without a time.
    """

    def lines(buyer: str, *said: tuple[str, float | None], **more: Any) -> Rows:
        rows = []
        for who, seconds in said:
            agent = who not in {"buyer", "bot", "system"}
            rows.append(
                {
                    "buyer_id": buyer,
                    "agent_id": who if agent else None,
                    "sender": "agent" if agent else who,
                    "sent_at": None if seconds is None else at(seconds),
                    "text": "…",
                    **more,
                }
            )
        return rows

    return lines
