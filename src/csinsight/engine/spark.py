"""Contract tables on PySpark: the engine for data beyond one machine's memory.

PySpark is an optional extra and needs a Java 17 runtime; nothing here is imported unless the
spark engine is asked for.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import narwhals as nw
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from csinsight.contract import cells, tally
from csinsight.contract.files import parts
from csinsight.contract.schema import TABLES, Column, Kind, Messages, Table
from csinsight.engine import polars_tables
from csinsight.engine.frames import explain, ms
from csinsight.engine.polars_tables import holding
from csinsight.errors import EngineError

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame, SparkSession

_SPARK: dict[Kind, str] = {
    "str": "string",
    "datetime": "timestamp_ntz",
    "date": "date",
    "float": "double",
    "int": "bigint",
    "bool": "boolean",
}
#: Hold for every session: times without zone, as the contract has them.
_MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
#: How PySpark finds a JVM that runs already; ``spark-submit`` sets them too.
_PORT, _SECRET = "PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET"
#: Columns of `csinsight.contract.tally.SCHEMA`, as Arrow and as Spark write them.
_COUNTS = pa.schema(
    [
        (name, pa.string() if kind == pl.String else pa.int64())
        for name, kind in tally.SCHEMA.items()
    ]
)
_COUNTS_TYPE = "kind string, value string, other string, n bigint, low bigint, high bigint"
_LOG = Path(__file__).with_name("log4j2.properties")


def session() -> SparkSession:
    """Return the Spark session: the active one, a lent one, or one on this machine's cores.

    A run has one Spark for all its processes: see `lent`. Under ``spark-submit`` the master and the
    memory are what was submitted. Otherwise ``SPARK_DRIVER_MEMORY`` sets the memory (4g unless
    told).

    Raises
    ------
    EngineError
        Where PySpark or Java is missing or does not start.
    """
    with warnings.catch_warnings():
        # PySpark's pandas interface warns of pandas 3; nothing here goes through it.
        warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
        builder = _spark_session().builder
        return _active() or _borrowed() or _start(builder)


def lent() -> dict[str, str]:
    """Return the environment by which a child process works on this process's Spark.

    Empty where this process has none. The port is one of this machine, and answers only to who
    knows the secret.

    Examples
    --------
    >>> sorted(lent()) in ([], ["PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET"])
    True
    """
    from pyspark import SparkContext

    # Of the process: which session is active differs by thread.
    context: Any = SparkContext._active_spark_context
    if context is None:
        return {}
    known = context._gateway.gateway_parameters
    return {_PORT: str(known.port), _SECRET: known.auth_token}


def stop() -> None:
    """End the Spark session of this process, if there is one."""
    active = _active()
    if active is not None:
        active.stop()


def open_tables(paths: dict[str, Path]) -> polars_tables.Tables:
    """Open the files of the tables in `paths`; see `csinsight.engine.open_shop`."""
    spark = session()
    for name, value in _MEANING.items():
        spark.conf.set(name, value)
    tables: dict[str, nw.LazyFrame[Any]] = {}
    filled: dict[str, frozenset[str]] = {}
    for name, path in paths.items():
        opened = _open_parquet if path.suffix == ".parquet" else _open_csv
        frame, filled[name] = opened(spark, path, TABLES[name])
        tables[name] = nw.from_native(frame)
    return tables, filled


def counted(pieces: list[tally.Stretch], table: Table) -> pl.DataFrame:
    """Count stretches of a Parquet table on Spark's workers, which read the files themselves.

    Parameters
    ----------
    pieces : list of Stretch
    table : Table

    Returns
    -------
    polars.DataFrame
        As of `csinsight.contract.tally.in_this_process`, where a table of one stretch is counted;
        of keys only those that stand twice.

    Examples
    --------
    >>> from csinsight.contract.schema import TABLES
    >>> counted([], TABLES["ratings"]).columns
    ['kind', 'value', 'other', 'n', 'low', 'high']
    """
    if len(pieces) < 2:
        return tally.in_this_process(pieces, table)
    import pyspark.sql.functions as sf
    from pyspark.errors import PythonException

    rows = [(piece.part, piece.start, piece.rows) for piece in pieces]
    told = session().createDataFrame(rows, "part string, start bigint, rows bigint")

    def in_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                counts = tally.counted(tally.read(tally.Stretch(**row), table), table)
                yield from counts.to_arrow().cast(_COUNTS).combine_chunks().to_batches()

    lines = told.repartition(len(pieces)).mapInArrow(in_batches, _COUNTS_TYPE)
    summed = lines.groupBy("kind", "value", "other").agg(
        sf.sum("n").alias("n"), sf.min("low").alias("low"), sf.max("high").alias("high")
    )
    kept = summed.filter((sf.col("kind") != tally.KEY) | (sf.col("n") > 1))
    try:
        arrow = kept.toArrow()
    except PythonException:
        # What a worker could not read can't be read here either, and is told of without Spark.
        return tally.in_this_process(pieces, table)
    return pl.DataFrame(pl.from_arrow(arrow), schema_overrides=tally.SCHEMA)


def _open_parquet(
    spark: SparkSession, path: Path, table: Table
) -> tuple[DataFrame, frozenset[str]]:
    import pyspark.sql.functions as sf

    try:
        scan = pl.scan_parquet(parts(path), glob=False)
        schema = dict(scan.collect_schema())
        rows = [pq.read_metadata(part).num_rows for part in parts(path)]
        told = holding(path, schema)
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
        raise explain(path, table, error) from error
    if not cells.columns_fit(table, schema):
        raise explain(path, table)
    # Spark takes the names of files for patterns.
    files = [re.sub(r"([\\{}\[\]*?])", r"\\\1", str(part.resolve())) for part in parts(path)]
    frame = spark.read.parquet(*files)
    # The row's place in the table, whichever way Spark cuts it into partitions: the rows of the
    # parts before its own, by their footers, and its place in the part.
    # Spark may give a name as in an address, so that each stands there in both forms.
    before = {
        name: number
        for part, number in zip(parts(path), accumulate(rows, initial=0), strict=False)
        for name in (part.name, quote(part.name, safe="$&+,;=:@!'()*~"))
    }
    offset = sf.create_map(*(sf.lit(one) for pair in before.items() for one in pair))
    unknown = sf.raise_error(sf.lit(f"{path.name}: a part is not known by its name"))
    part = sf.coalesce(offset[sf.col("_metadata.file_name")], unknown.cast("bigint"))
    number = (part + sf.col("_metadata.row_index")).cast("bigint").alias(Messages.MESSAGE_NO)
    values = [_stored(column, schema) for column in table.columns]
    frame = frame.select(*values, *([number] if table.name == "messages" else []))
    asked = [c.name for c in table.columns if c.name in schema and c.name not in told]
    if asked:
        counts = frame.agg(*(sf.count(name).alias(name) for name in asked)).collect()[0]
        told |= {name: counts[name] > 0 for name in asked}
    filled = frozenset(c.name for c in table.columns if told.get(c.name))
    if table.name == "messages":
        frame = frame.withColumn(
            Messages.TEXT, _nfkc(sf.coalesce(sf.col(Messages.TEXT), sf.lit("")))
        )
    for time in cells.times(table):
        frame = frame.withColumn(ms(time), sf.unix_millis(sf.col(time).cast("timestamp")))
    return frame, filled


def _open_csv(spark: SparkSession, path: Path, table: Table) -> tuple[DataFrame, frozenset[str]]:
    """Read CSV with the parser of the other engine and hand it over.

    One parser means one meaning. CSV is for what fits one machine: beyond it, keep the tables
    as Parquet, which Spark reads by itself.
    """
    frame, filled = polars_tables.open_table(path, table)
    return spark.createDataFrame(frame.collect().to_arrow()), filled


def _stored(column: Column, schema: dict[str, pl.DataType]) -> SparkColumn:
    import pyspark.sql.functions as sf

    dtype = schema.get(column.name)
    if dtype is None or dtype == pl.Null:
        return sf.lit(None).cast(_SPARK[column.kind]).alias(column.name)
    values = sf.col(column.name)
    if isinstance(dtype, pl.Datetime) and dtype.time_unit == "ns":
        # Read as a whole number (`nanosAsLong`): Spark knows no nanoseconds.
        values = sf.timestamp_micros(sf.floor(values / sf.lit(1000)).cast("bigint"))
    if dtype.is_float():
        values = sf.when(sf.abs(values) < sf.lit(float("inf")), values)  # NaN is above it
    values = values.cast(_SPARK[column.kind])
    if column.kind == "str":
        values = sf.nullif(values, sf.lit(""))
    return values.alias(column.name)


def _nfkc(text: SparkColumn) -> SparkColumn:
    from pyspark.sql.pandas.functions import arrow_udf

    def normalize(values: Any) -> Any:
        # Polars on the workers too, so that both engines know the same Unicode tables.
        import polars

        return polars.Series(values).str.normalize("NFKC").to_arrow().cast(pa.string())

    normalize.__annotations__ = {"values": pa.Array, "return": pa.Array}
    wrap: Any = arrow_udf  # PySpark's stubs leave out the plain form
    result: SparkColumn = wrap(normalize, "string")(text)
    return result


def _spark_session() -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise EngineError(
            "the spark engine needs PySpark: pip install 'csinsight[spark]', "
            "or run with --engine polars"
        ) from error
    return SparkSession


def _active() -> SparkSession | None:
    active: SparkSession | None = _spark_session().getActiveSession()
    return active


def _borrowed() -> SparkSession | None:
    """Return the session that another process started in the JVM that this one is told of."""
    if _PORT not in os.environ:
        return None
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    SparkContext._ensure_initialized()
    jvm: Any = SparkContext._jvm
    found = jvm.org.apache.spark.sql.classic.SparkSession.getDefaultSession()
    if not found.isDefined():
        return None
    java = jvm.JavaSparkContext(found.get().sparkContext())
    context = SparkContext(
        jsc=java, gateway=SparkContext._gateway, conf=SparkConf(_jconf=java.getConf())
    )
    # A session of its own, so that settings and names of one process are not the other's.
    return SparkSession(context, found.get().newSession())


def _start(builder: Any) -> SparkSession:
    builder = builder.appName("csinsight").config(map=_MEANING)
    if _PORT not in os.environ:  # set by spark-submit
        _need_java()
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.master("local[*]").config(map=_local())
    try:
        spark: SparkSession = builder.getOrCreate()
    except Exception as error:  # py4j and PySpark each have their own family of errors
        raise EngineError(
            f"Spark did not start; it needs a Java 17 runtime (JAVA_HOME says which): {error}"
        ) from error
    return spark


def _local() -> dict[str, str]:
    return {
        "spark.driver.memory": os.environ.get("SPARK_DRIVER_MEMORY", "4g"),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={_LOG.as_uri()}",
        "spark.sql.shuffle.partitions": str(os.cpu_count() or 2),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def _need_java() -> None:
    home = os.environ.get("JAVA_HOME")
    there = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if there is None:
        where = f"in JAVA_HOME ({home})" if home else "on PATH, and JAVA_HOME is not set"
        raise EngineError(
            f"the spark engine needs a Java 17 runtime, and there is none {where}: install one "
            "(Debian: apt install openjdk-17-jre-headless), or run with --engine polars"
        )
