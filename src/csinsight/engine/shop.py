"""A shop's tables, opened on the engine that was asked for."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final, get_args

import narwhals as nw
import polars as pl

from csinsight.contract.files import table_path
from csinsight.contract.join import BuyersNamed, Key, KeyMatch, Match, match_buyers
from csinsight.contract.schema import (
    MAIN_TABLES,
    TABLES,
    Agents,
    Messages,
    OrderBuyers,
    Orders,
)
from csinsight.contract.tally import Counter, in_this_process
from csinsight.engine import polars_tables
from csinsight.engine.frames import among, collect, ms
from csinsight.engine.lag import OrderLag, order_lag
from csinsight.engine.writing import Writing, writing
from csinsight.errors import EngineError
from csinsight.params import EngineName

__all__ = ["EngineError", "Shop", "open_shop", "table_path"]


#: So many orders over so long, of which such a share at one second of their day, have days for
#: times.
_DATED: Final = 20
_DATED_MS: Final = 5 * 86_400_000
_MOST: Final = 0.5


@dataclass(frozen=True)
class Shop:
    """The tables of one shop that are there, opened but not read.

    Use it as a context manager, or call `close`, to end a Spark session with it.

    Parameters
    ----------
    folder : Path
    engine : EngineName
    tables : dict of str to narwhals.LazyFrame
        By table name; an absent table is not in it.
    filled : dict of str to frozenset of str
        By table name, the columns that hold at least one value.
    writing : Writing
        How its chats were written down; its messages are read by it.
    """

    folder: Path
    engine: EngineName
    tables: dict[str, nw.LazyFrame[Any]]
    filled: dict[str, frozenset[str]]
    writing: Writing = field(default_factory=Writing)

    def has(self, table: str, *columns: str) -> bool:
        """Tell whether `table` is there with at least one value in each of `columns`."""
        return table in self.tables and set(columns) <= self.filled[table]

    def __getitem__(self, table: str) -> nw.LazyFrame[Any]:
        """Return one table; `KeyError` where the shop lacks it (ask `has` first)."""
        return self.tables[table]

    @cached_property
    def match(self) -> Match:
        """How the buyers of chats and of orders fit each other, and by which keys."""
        chats, orders = (
            pl.from_pandas(collect(self.tables[table].select(column).unique())[column].dropna())
            if self.has(table, column)
            else pl.Series([], dtype=pl.String)
            for table, column in (("messages", Messages.BUYER_ID), ("orders", Orders.BUYER_ID))
        )
        match = match_buyers(chats, orders, self.buyers_named().nameless)
        return replace(match, keys=self._keys(chats))

    def _keys(self, chats: pl.Series) -> tuple[KeyMatch, ...]:
        """Return what each key joins; of the buyers of `chats`, each under its best one."""
        import pandas as pd

        if not self.has("orders", Orders.BUYER_ID) or not len(chats):
            return ()
        by = [Orders.BUYER_ID, *([_KEY] if self.linked else [])]
        counts = collect(self["orders"].group_by(by).agg(nw.len().alias("orders")))
        counts = counts[among(counts[Orders.BUYER_ID], chats)]
        keys = counts[_KEY].fillna("id") if self.linked else pd.Series("id", index=counts.index)
        rank = keys.map(list(get_args(Key)).index)
        best = rank.groupby(counts[Orders.BUYER_ID]).min()
        return tuple(
            KeyMatch(key, int((best == place).sum()), int(counts["orders"][rank == place].sum()))
            for place, key in enumerate(get_args(Key))
            if (rank == place).any()
        )

    @property
    def linked(self) -> bool:
        """Whether some orders have their buyer from ``order_buyers``, not from their own row."""
        return self.has("order_buyers", OrderBuyers.ORDER_ID) and "orders" in self.tables

    def buyers_named(self, since_ms: int | None = None, until_ms: int | None = None) -> BuyersNamed:
        """Return of how many orders the buyer is known: of all, or of those placed in a time.

        A payment at `until_ms` or later is not known yet.
        """
        if "orders" not in self.tables:
            return BuyersNamed()
        orders = self["orders"]
        placed, paid = nw.col(ms(Orders.PLACED_AT)), ~nw.col(ms(Orders.PAID_AT)).is_null()
        if since_ms is not None:
            orders = orders.filter(placed >= since_ms)
        if until_ms is not None:
            orders = orders.filter(placed < until_ms)
            paid = paid & (nw.col(ms(Orders.PAID_AT)) < until_ms)
        net = nw.col(Orders.PAID_AMOUNT) - nw.col(Orders.REFUND_AMOUNT).fill_null(0.0)
        net = nw.when(paid).then(net).otherwise(nw.lit(0.0)).fill_null(0.0)
        named = ~nw.col(Orders.BUYER_ID).is_null()
        counts = collect(
            orders.with_columns(
                _net=net, _named_net=nw.when(named).then(net).otherwise(nw.lit(0.0))
            ).select(
                nw.col(Orders.BUYER_ID).count().alias("orders"),
                nw.len().alias("of_orders"),
                nw.col("_named_net").sum().alias("net"),
                nw.col("_net").sum().alias("of_net"),
            )
        ).fillna(0)  # the sum of no rows is null on Spark
        row = counts.iloc[0]
        return BuyersNamed(
            int(row["orders"]), int(row["of_orders"]), float(row["net"]), float(row["of_net"])
        )

    @cached_property
    def orders_dated(self) -> bool:
        """Whether orders tell days, not times: most are at one and the same second of their day."""
        if not self.has("orders", Orders.PLACED_AT):
            return False
        placed = nw.col(ms(Orders.PLACED_AT))
        at = self["orders"].with_columns(second=placed // 1000 % 86_400).group_by("second")
        found = collect(
            at.agg(nw.len().alias("n"), placed.min().alias("low"), placed.max().alias("high"))
        )
        long = found["high"].max() - found["low"].min() >= _DATED_MS
        orders, most = found["n"].sum(), found["n"].max()
        return bool(long and orders >= _DATED and most >= _MOST * orders)

    @cached_property
    def sides(self) -> frozenset[str]:
        """Who of buyer, agent, robot and system has lines; nobody where there are no chats."""
        if not self.has("messages", Messages.SENDER):
            return frozenset()
        found = collect(self["messages"].select(Messages.SENDER).unique())
        return frozenset(found[Messages.SENDER].dropna())

    @property
    def joined(self) -> bool:
        """Whether orders name buyers and times, and chats can be joined to them by it.

        Where they can't, what came of a conversation is not known: that is no zero.
        """
        known = self.has("orders", Orders.BUYER_ID) and not self.match.broken
        return known and not self.orders_dated and not self.order_lag.hours

    @cached_property
    def order_lag(self) -> OrderLag:
        """Whether orders and chats go by one clock, by when orders come after buyers' lines."""
        timed = self.has("messages", Messages.SENT_AT) and self.has("orders", Orders.PLACED_AT)
        if not timed or not self.has("orders", Orders.BUYER_ID) or self.orders_dated:
            return OrderLag()
        return order_lag(self["messages"], self["orders"])

    def close(self) -> None:
        """End the Spark session, if that is the engine; every shop of the process shares it."""
        if self.engine == "spark":
            from csinsight.engine import spark

            spark.stop()

    def __enter__(self) -> Shop:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def start(engine: EngineName) -> None:
    """Start what `engine` needs in this process, so that children can work on it too.

    Examples
    --------
    >>> start("polars"), lent()
    (None, {})
    """
    if engine == "spark":
        from csinsight.engine import spark

        spark.session()


def lent() -> dict[str, str]:
    """Return the environment by which a child works on the engine of this process; see `start`.

    Examples
    --------
    >>> lent()
    {}
    """
    if "pyspark" not in sys.modules:
        return {}
    from csinsight.engine import spark

    return spark.lent()


def counter(engine: EngineName) -> Counter:
    """Return what counts a table's stretches on `engine`, for `csinsight.contract.check`.

    Examples
    --------
    >>> counter("polars").__name__
    'in_this_process'
    """
    if engine == "spark":
        from csinsight.engine import spark

        return spark.counted
    return in_this_process


def open_shop(folder: Path | str, engine: EngineName = "polars") -> Shop:
    r"""Open the contract tables in `folder`.

    Nothing is read but the schemas and which columns hold values. Times, numbers and truth
    values of CSV files are read as `csinsight.contract.cells` says, on either engine.

    Parameters
    ----------
    folder : Path or str
    engine : {"polars", "spark"}
        Polars runs inside this process. Spark uses the session that is active, or starts one
        on this machine's cores.

    Raises
    ------
    FileNotFoundError
        Where the folder is missing or holds none of the tables.
    EngineError
        Where a file can't be read as its table (the first faults are named), or where PySpark
        or Java is missing (how to install it is named).

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "buyers.csv").write_text("buyer_id\nb1\n", encoding="utf-8")
    >>> shop = open_shop(folder)
    >>> shop.has("buyers", "buyer_id"), shop.has("orders")
    (True, False)
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder")
    paths = {name: path for name in TABLES if (path := table_path(folder, name))}
    if not paths.keys() & MAIN_TABLES.keys():
        raise FileNotFoundError(f"{folder}: holds none of the tables {', '.join(MAIN_TABLES)}")
    if engine == "spark":
        from csinsight.engine import spark

        opened = spark.open_tables(paths)
    else:
        opened = polars_tables.open_tables(paths)
    tables, filled = opened
    # A table of a header alone is as good as none: what needs it is left out, and says so.
    tables = {name: frame for name, frame in tables.items() if filled[name]}
    if not tables.keys() & MAIN_TABLES.keys():
        raise FileNotFoundError(
            f"{folder}: holds no rows in any of the tables {', '.join(MAIN_TABLES)}"
        )
    tables, filled = _with_buyers(tables, filled)
    told = Writing()
    if Messages.SENT_AT in filled.get("messages", ()):
        lines = polars_tables.some_messages(paths["messages"])
        known = tables["orders"] if Orders.BUYER_ID in filled.get("orders", ()) else None
        ids = Messages.CONVERSATION_ID in filled["messages"]
        told = writing(lines, tables["messages"], known, ids=ids)
        tables = {**tables, "messages": told.read(tables["messages"])}
        if told.ids != "kept":
            filled = {**filled, "messages": filled["messages"] - {Messages.CONVERSATION_ID}}
    if Agents.SAME_AS in filled.get("agents", ()):
        tables = _as_one_agent(tables)
    return Shop(folder, engine, tables, filled, told)


def _as_one_agent(tables: dict[str, nw.LazyFrame[Any]]) -> dict[str, nw.LazyFrame[Any]]:
    """Count the accounts of an agent who has several as the one that ``agents`` names.

    Who came under an earlier account came on its day.
    """
    agents, same = tables["agents"], Agents.SAME_AS
    others = agents.filter(~nw.col(same).is_null())
    came = others.group_by(same).agg(nw.col(Agents.HIRED_ON).min().alias("_came"))
    first = nw.min_horizontal(Agents.HIRED_ON, "_came").alias(Agents.HIRED_ON)
    own = agents.filter(nw.col(same).is_null()).join(
        came, left_on=Agents.AGENT_ID, right_on=same, how="left"
    )
    counted = {"agents": own.with_columns(first).drop("_came")}
    names = others.select(nw.col(Agents.AGENT_ID), nw.col(same).alias("_as"))
    for name in {"messages", "ratings"} & set(tables):
        joined = tables[name].join(names, on=Agents.AGENT_ID, how="left")
        one = nw.coalesce("_as", Agents.AGENT_ID).alias(Agents.AGENT_ID)
        counted[name] = joined.with_columns(one).drop("_as")
    return {**tables, **counted}


#: How an order's buyer was found; null where its own row tells.
_KEY: Final = "_buyer_key"


def _with_buyers(
    tables: dict[str, nw.LazyFrame[Any]], filled: dict[str, frozenset[str]]
) -> tuple[dict[str, nw.LazyFrame[Any]], dict[str, frozenset[str]]]:
    """Give orders the buyers that ``order_buyers`` names, by the best key that does.

    An order that one key gives to two buyers is nobody's.
    """
    if "orders" not in tables or OrderBuyers.ORDER_ID not in filled.get("order_buyers", ()):
        return tables, filled
    key = nw.col(OrderBuyers.KEY)
    rank = nw.when(key == "number").then(0).otherwise(nw.when(key == "list").then(1).otherwise(2))
    links = (
        tables["order_buyers"]
        .filter(~nw.col(OrderBuyers.ORDER_ID).is_null())
        .with_columns(rank.alias("_rank"))
        .filter(nw.col("_rank") == nw.col("_rank").min().over(OrderBuyers.ORDER_ID))
        .group_by(OrderBuyers.ORDER_ID)
        .agg(
            nw.col(OrderBuyers.BUYER_ID).min().alias("_linked"),
            nw.col(OrderBuyers.BUYER_ID).max().alias("_other"),
            nw.col(OrderBuyers.KEY).min().alias(_KEY),
        )
        .filter(nw.col("_linked") == nw.col("_other"))
        .drop("_other")
    )
    orders = (
        tables["orders"]
        .join(links, on=Orders.ORDER_ID, how="left")
        .with_columns(nw.coalesce("_linked", Orders.BUYER_ID).alias(Orders.BUYER_ID))
        .drop("_linked")
    )
    return (
        {**tables, "orders": orders},
        {**filled, "orders": filled["orders"] | {Orders.BUYER_ID}},
    )
