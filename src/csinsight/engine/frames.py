"""From an engine's lazy frame to pandas, with types that don't depend on the engine.

Keeping a table that several others are made from.

What the engine says when it can't open a shop.

Traditional characters read as simplified ones, alike on every engine, place by place.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from csinsight.contract.schema import Table
from csinsight.errors import EngineError

# pandas and Arrow are imported when a table leaves: who marks a table of messages has neither.
if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_TABLE: Final = Path(__file__).with_name("traditional.txt")
#: What `steady` keeps: finer than cents and milliseconds, coarser than float noise.
DECIMALS: Final = 6
DIGITS: Final = 11
#: A little off the middle: a day's parts often end in an exact half, which noise would tip.
_HALF: Final = 0.500137


def simplified(frame: nw.LazyFrame[Any], column: str) -> nw.LazyFrame[Any]:
    """Write a text column in simplified characters.

    Parameters
    ----------
    frame : narwhals.LazyFrame
    column : str
        Text; each character keeps its place. Words are left alone: a shop in Taipei may say
        other words for the same thing.

    Returns
    -------
    narwhals.LazyFrame

    Examples
    --------
    >>> frame = nw.from_native(pl.LazyFrame({"text": ["請問有貨嗎"]}))
    >>> simplified(frame, "text").collect()["text"].to_list()
    ['请问有货吗']
    """
    table = _pairs()
    native: Any = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        read = pl.col(column).str.replace_many(list(table), list(table.values()))
        return nw.from_native(native.with_columns(read))
    import pyspark.sql.functions as sf

    translated = sf.translate(sf.col(column), "".join(table), "".join(table.values()))
    plain: nw.LazyFrame[Any] = nw.from_native(native.withColumn(column, translated))
    return plain


def simplify(text: str) -> str:
    """Return one text as `simplified` writes it.

    Examples
    --------
    >>> simplify("請問有貨嗎")
    '请问有货吗'
    """
    # Most texts have no such sign, which is told faster than each of their signs is looked up.
    return text.translate(_translation()) if _traditional().search(text) else text


@functools.cache
def _translation() -> dict[int, str]:
    return {ord(character): other for character, other in _pairs().items()}


@functools.cache
def _traditional() -> re.Pattern[str]:
    return re.compile(f"[{''.join(map(re.escape, _pairs()))}]")


@functools.cache
def _pairs() -> dict[str, str]:
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    pairs = " ".join(line for line in lines if not line.startswith("#")).split()
    return {pair[0]: pair[1] for pair in pairs}


def ms(column: str) -> str:
    """Return the name of the integer column that holds `column` as milliseconds since 1970.

    Examples
    --------
    >>> ms("placed_at")
    'placed_at_ms'
    """
    return f"{column}_ms"


def collect(frame: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Run a lazy frame on its engine and return the rows as pandas.

    The order of rows is the engine's own: sort where it matters. Types are alike on every
    engine, whatever width the engine computed in:

    ==========================  ==========================================================
    text                        ``str`` (missing: NaN)
    whole numbers               ``int64``; ``Int64`` where some are missing
    booleans                    ``bool``; ``boolean`` where some are missing
    other numbers               ``float64``, rounded by `steady` (missing: NaN)
    times and dates             ``datetime64[us]`` without zone (missing: NaT)
    ==========================  ==========================================================

    Examples
    --------
    >>> frame = nw.from_native(pl.LazyFrame({"n": [1, None], "x": [0.1 + 0.2, 1.0]}))
    >>> collect(frame).dtypes.astype(str).to_dict(), collect(frame)["x"].to_list()
    ({'n': 'Int64', 'x': 'float64'}, [0.3, 1.0])
    """
    import pandas as pd

    table: pa.Table = frame.collect(backend="pyarrow").to_native()
    columns = {name: _series(table[name]) for name in table.column_names}
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), columns=table.column_names)


def among(values: pd.Series | pd.Index, some: Iterable[str]) -> npt.NDArray[np.bool_]:
    """Tell of each text whether it is one of `some`.

    pandas turns each of `some` into a value of Arrow's by itself, which takes longer than to look
    for all of them.

    Examples
    --------
    >>> import pandas as pd
    >>> among(pd.Series(["a", "b", None]), {"b", "c"}).tolist()
    [False, True, False]
    """
    texts = pl.from_pandas(values)
    known = some if isinstance(some, pl.Series) else pl.Series(list(some), dtype=pl.String)
    found: npt.NDArray[np.bool_] = texts.is_in(known.implode()).fill_null(value=False).to_numpy()
    return found


def steady(values: pd.Series) -> pd.Series:
    """Round floats to `DECIMALS` decimals, or to `DIGITS` digits where that is coarser.

    It makes the same data the same bytes: threads add up floats in an order that differs from
    run to run, and so do the last digits of a sum.

    Examples
    --------
    >>> import pandas as pd
    >>> steady(pd.Series([0.1 + 0.2, 123456789.123456])).to_list()
    [0.3, 123456789.12]
    """
    size = np.log10(values.abs().where(values.abs() >= 1, 1.0))
    scale = 10.0 ** (DIGITS - 1 - np.floor(size)).clip(0, DECIMALS)
    # Adding zero turns a rounded -0.0 into 0.0; what is not finite stays as it is.
    rounded: pd.Series = np.floor(values * scale + _HALF) / scale + 0.0
    return rounded.where(np.isfinite(values), values)


def _series(values: pa.ChunkedArray) -> Any:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.types as pat

    if pat.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if pat.is_boolean(kind):
        return _whole(values, pd.BooleanDtype())
    if pat.is_integer(kind):
        return _whole(values.cast(pa.int64()), pd.Int64Dtype())
    if pat.is_floating(kind) or pat.is_decimal(kind):
        return steady(values.cast(pa.float64()).to_pandas())
    if pat.is_timestamp(kind) or pat.is_date(kind):
        # A zone here is Spark's session zone, UTC: dropping it keeps the wall clock.
        return values.cast(pa.timestamp("us")).to_pandas()
    if pat.is_null(kind) or pat.is_string(kind) or pat.is_large_string(kind):
        return values.cast(pa.large_string()).to_pandas().astype("str")
    return values.to_pandas()


def _whole(values: pa.ChunkedArray, masked: Any) -> Any:
    import pandas as pd

    return pd.Series(masked.__from_arrow__(values)) if values.null_count else values.to_pandas()


def keep(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Mark a lazy frame as needed more than once, so that it is computed once.

    Spark would compute it anew for each use: there it is kept (in memory, else on disk) from its
    first use until the session ends, and what it was made by is forgotten: a plan of hundreds of
    patterns takes minutes to be looked at again and again. Polars shares common parts of a plan by
    itself: there nothing is done.

    Examples
    --------
    >>> frame = nw.from_native(pl.LazyFrame({"n": [1]}))
    >>> keep(frame) is frame
    True
    """
    if not frame.implementation.is_spark_like():
        return frame
    kept: nw.LazyFrame[Any] = nw.from_native(frame.to_native().localCheckpoint(eager=False))
    return kept


def hold(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Compute a table now and hold it for several plans that are collected one after the other.

    Polars shares parts within a plan only: what two plans begin with is computed twice. There the
    table is held in this process's memory; Spark keeps it as `keep` says.

    Examples
    --------
    >>> held = hold(nw.from_native(pl.LazyFrame({"n": [1]})))
    >>> collect(held)["n"].to_list()
    [1]
    """
    return keep(frame) if frame.implementation.is_spark_like() else frame.collect().lazy()


def coded(frame: nw.LazyFrame[Any], *columns: str) -> nw.LazyFrame[Any]:
    """Hold columns of texts that many rows share as numbers that stand for them, on Polars.

    A message's conversation is told in some forty bytes; millions are grouped by it, again and
    again. Spark codes what it exchanges by itself: there nothing is done.

    Examples
    --------
    >>> rows = nw.from_native(pl.LazyFrame({"who": ["a", "b", "a"], "units": [1, 2, 3]}))
    >>> collect(coded(rows, "who").filter(nw.col("who") == "a"))["who"].to_list()
    ['a', 'a']
    """
    if frame.implementation.is_spark_like():
        return frame
    return frame.with_columns(nw.col(name).cast(nw.Categorical) for name in columns)


#: So many rows are worked on at a time, or what is made on the way fills the memory.
_PART_ROWS: Final = 500_000
_ROW: Final = "_row_no"


def hold_by_group(
    frame: nw.LazyFrame[Any],
    key: str,
    function: Callable[..., nw.LazyFrame[Any]],
    once: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]] | None = None,
) -> nw.LazyFrame[Any]:
    """Hold what a function adds to a table, which it is given some groups of at a time.

    What it makes on the way is then never there for the whole table. Spark works by parts anyway.

    Parameters
    ----------
    frame : narwhals.LazyFrame
    key : str
        Rows alike in it are given together.
    function : callable
        Returns the rows it is given, in any order, with all their columns and further ones. What
        it says of a group must not depend on which others are given with it.
    once : callable, optional
        Makes of the whole table what `function` is given beside each part.

    Returns
    -------
    narwhals.LazyFrame
        Held (`hold`), the rows of `frame`, in any order.

    Examples
    --------
    >>> rows = nw.from_native(pl.LazyFrame({"who": ["a", "b", "a"], "units": [1, 2, 3]}))
    >>> most = lambda some: some.with_columns(most=nw.col("units").max().over("who"))
    >>> collect(hold_by_group(rows, "who", most))["most"].to_list()
    [3, 2, 3]
    """
    if frame.implementation.is_spark_like():
        return hold(function(frame, *([once(frame)] if once else [])))
    rows: pl.DataFrame = frame.collect().to_native()
    shared = [once(nw.from_native(rows.lazy()))] if once else []
    count = -(-rows.height // _PART_ROWS)
    if count < 2:
        return hold(function(nw.from_native(rows.lazy()), *shared))
    part = rows.select(pl.col(key).hash() % count).to_series()
    done = []
    for number in range(count):
        some = rows.with_row_index(_ROW).filter(part == number)
        told: pl.DataFrame = function(nw.from_native(some.lazy()), *shared).collect().to_native()
        done.append(told.select(_ROW, pl.exclude(_ROW, *rows.columns)))
    added = pl.concat(done).sort(_ROW).drop(_ROW)
    return nw.from_native(rows.hstack(added).lazy())


def beside(frame: nw.LazyFrame[Any], rows: pl.DataFrame) -> nw.LazyFrame[Any]:
    """Bring a small table of this process to the engine of `frame`, to join the two there.

    Examples
    --------
    >>> orders = nw.from_native(pl.LazyFrame({"buyer_id": ["b1", "b2"], "units": [1, 2]}))
    >>> some = beside(orders, pl.DataFrame({"buyer_id": ["b2"]}))
    >>> collect(orders.join(some, on="buyer_id", how="inner"))["units"].to_list()
    [2]
    """
    there: Any = frame.to_native()
    if not frame.implementation.is_spark_like():
        known = there.lazy().collect_schema()
        shared = [name for name in rows.columns if known.get(name) == pl.Categorical]
        return nw.from_native(rows.lazy().with_columns(pl.col(shared).cast(pl.Categorical)))
    brought: nw.LazyFrame[Any] = nw.from_native(there.sparkSession.createDataFrame(rows.to_arrow()))
    return brought


def joined_lines(
    frame: nw.LazyFrame[Any], keys: Sequence[str], column: str, name: str
) -> nw.LazyFrame[Any]:
    r"""Return the texts of each group in one, parted by line breaks, as column `name`.

    Parameters
    ----------
    frame : narwhals.LazyFrame
    keys : sequence of str
    column : str
        Text without line breaks; the lines stand in the order of their characters, so that a
        group is the same on every engine whatever order its rows come in.
    name : str

    Returns
    -------
    narwhals.LazyFrame
        One row a group: `keys` and `name`.

    Examples
    --------
    >>> rows = pl.LazyFrame({"who": ["a", "a"], "said": ["yes", "no"]})
    >>> collect(joined_lines(nw.from_native(rows), ["who"], "said", "all"))["all"].to_list()
    ['no\nyes']
    """
    native: Any = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        # Lists are joined all at once, groups one by one; most have one line, which is in order.
        found = native.group_by(list(keys)).agg(pl.col(column).alias(name))
        said, several = pl.col(name).list, pl.col(name).list.len() > 1
        many = found.filter(several).with_columns(said.sort().list.join("\n"))
        one = found.filter(~several).with_columns(said.join("\n"))
        return nw.from_native(pl.concat([many, one]))
    import pyspark.sql.functions as sf

    lines = sf.array_sort(sf.collect_list(sf.col(column)))
    joined = sf.concat_ws("\n", lines).alias(name)
    grouped: nw.LazyFrame[Any] = nw.from_native(native.groupBy(*keys).agg(joined))
    return grouped


def read_rows(
    frame: nw.LazyFrame[Any],
    reader: Callable[[pl.DataFrame], pl.DataFrame],
    columns: Sequence[str],
) -> nw.LazyFrame[Any]:
    """Set boolean columns, new ones among them, to what a function says of each row.

    Parameters
    ----------
    frame : narwhals.LazyFrame
    reader : callable
        Takes some rows with all columns of `frame` and returns `columns` of the same rows in the
        same order; a row's answer must not depend on which other rows it comes with. Spark hands
        it to the workers.
    columns : sequence of str

    Returns
    -------
    narwhals.LazyFrame

    Examples
    --------
    >>> rows = nw.from_native(pl.LazyFrame({"text": ["hi", "yo"], "asks": [None, True]}))
    >>> greets = lambda some: some.select((pl.col("text") == "hi").alias("asks"))
    >>> collect(read_rows(rows, greets, ["asks"]))["asks"].to_list()
    [True, False]
    """
    native: Any = frame.to_native()

    def replaced(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(reader(rows).select(columns))

    if isinstance(native, pl.LazyFrame):
        done = native.map_batches(
            replaced,
            predicate_pushdown=False,
            projection_pushdown=False,
            slice_pushdown=False,
            schema=pl.Schema(native.collect_schema() | dict.fromkeys(columns, pl.Boolean)),
        )
        return nw.from_native(done)

    import pyarrow as pa
    from pyspark.sql.types import BooleanType, StructType

    schema = StructType(list(native.schema))
    for name in columns:
        if name not in native.columns:
            schema = schema.add(name, BooleanType())

    def in_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                table = replaced(pl.DataFrame(pl.from_arrow(batch))).to_arrow()
                kinds = [
                    f if f.name in columns else batch.schema.field(f.name) for f in table.schema
                ]
                yield from table.cast(pa.schema(kinds)).combine_chunks().to_batches()

    spark: nw.LazyFrame[Any] = nw.from_native(native.mapInArrow(in_batches, schema))
    return spark


def explain(path: Path, table: Table, error: Exception | None = None) -> EngineError:
    r"""Return the error for a file that can't be read as `table`, with its first faults.

    Examples
    --------
    >>> import tempfile
    >>> from csinsight.contract.schema import BUYERS
    >>> file = Path(tempfile.mkdtemp()) / "buyers.csv"
    >>> _ = file.write_text("buyer_id,joined_at\nb1,yesterday\n", encoding="utf-8")
    >>> ["'yesterday' is not" in line for line in str(explain(file, BUYERS)).splitlines()]
    [True, False]
    """
    from csinsight.contract.read import read_table

    faults = [str(fault) for fault in read_table(path, table).faults[:5]]
    if not faults:
        faults = [f"{path.name}: can't be read ({error})"]
    lines = "\n".join(faults)
    return EngineError(f"{lines}\nsee every fault with: csinsight check {path.parent}")
