"""Any table to one contract table, by a saved mapping of columns (YAML, see `mapping_spec`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.config import did_you_mean
from csinsight.contract.cells import MASKED
from csinsight.contract.schema import Messages, Orders
from csinsight.errors import ImporterError
from csinsight.importers import cells
from csinsight.importers.mapping_spec import (
    FORMAT_OF_SUFFIX,
    FileFormat,
    Mapping,
    exported_at,
    load_mapping,
)
from csinsight.importers.mapping_values import (
    LINE_FIELDS,
    NOTE,
    internal,
    only_rules,
    order_facts,
    raw,
    read_patterned,
    refuse_whole_talks,
    typed,
    with_buyers,
)
from csinsight.importers.one_shop import OrderRow, Told, refuse_other_conversations, shop_of
from csinsight.importers.order_states import ORDER_MONEY, Rows
from csinsight.importers.orders import import_orders
from csinsight.importers.reading import (
    HEADER_WITHIN,
    LINE_SCHEMA,
    NO_DATA,
    REFUSED_SCHEMA,
    Line,
    Records,
    find_header,
    gather,
    laid_together,
    read_records,
    refuse_doubled,
    stack,
)
from csinsight.importers.records import EMPTY_LIST, read_json, read_jsonl
from csinsight.importers.sift import FileNotice, Imported, Rule, finish, settle_once
from csinsight.importers.workbook import (
    holds_sheets,
    of_one_kind,
    read_workbook,
    sheet_records,
)


def read_mapping(
    files: Sequence[Path], mapping: Path | None = None, *, timezone: str | None = None
) -> Imported:
    r"""Read files of one form into the contract table that a mapping names.

    Parameters
    ----------
    files : sequence of pathlib.Path
        CSV, TSV, XLSX, Parquet, JSON or JSON lines, in any order.
    mapping : pathlib.Path or None
        The mapping; it has to be told.
    timezone : str or None
        In place of the mapping's.

    Raises
    ------
    ImporterError
        Where a file can't be read or lacks a column of the mapping.
    ConfigError
        Where the mapping is wrong.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file, plan = Path(folder) / "o.csv", Path(folder) / "map.yml"
    ...     _ = file.write_text("id,day\n1,2026-10-05\n", encoding="utf-8")
    ...     _ = plan.write_text("table: orders\ncolumns: {order_id: id, placed_at: day}\n")
    ...     imported = read_mapping([file], plan)
    >>> imported.tables["orders"]["order_id"].to_list()
    ['1']
    """
    if mapping is None:
        raise ImporterError("the format `mapping` takes a mapping file; give it as --mapping FILE")
    spec = load_mapping(mapping)
    if timezone is not None:
        spec = spec.model_copy(update={"timezone": timezone})
    skipped: list[str] = []
    read = [records for path in files for records in _read(path, spec, skipped)]
    lines = laid_together(_picked(records, spec) for records in read)
    damaged = stack((records.damaged for records in read), REFUSED_SCHEMA)
    if spec.table != "orders":
        # A conversation without a message is no loss, an order without a line is one.
        damaged = damaged.with_columns(
            pl.col(Line.REASON).replace({EMPTY_LIST: f"{NO_DATA}{EMPTY_LIST}"})
        )
    frame, rules, notices = typed(lines, spec)
    notices = [*skipped, *notices]
    empty = [c.name for c in spec.contract.columns if c.required and c.name not in frame.columns]
    if empty:
        notices.append(f"{', '.join(empty)}: not in the mapping, left empty")
    if spec.table == "orders":
        return _orders(frame, spec, rules, damaged, notices)
    if spec.table == "messages":
        refuse_whole_talks(frame)
        frame, more, told = with_buyers(frame, spec)
        rules, notices = [*rules, *more], [*notices, *told]
        if Messages.CONVERSATION_ID in frame.columns:
            refuse_other_conversations(frame)
    kept, refused = settle_once(spec.contract, frame, rules)
    table = finish(spec.contract, kept)
    return Imported(
        {spec.table: table} if table.height else {},
        stack([damaged, refused], REFUSED_SCHEMA),
        lines.height + damaged.height,
        table.height,
        tuple(notices),
        used=kept.select(Line.FILE),
    )


def _orders(
    frame: pl.DataFrame,
    spec: Mapping,
    rules: Sequence[Rule],
    damaged: pl.DataFrame,
    notices: Sequence[str],
) -> Imported:
    rows, doubts, told = _rows_of(frame, spec)
    frame, masked, said = _buyers(frame.with_columns(order_facts(spec)))
    # What is set aside may be another shop's, in another currency.
    aside = pl.any_horizontal(pl.lit(value=False), *(wrong for wrong, _ in only_rules(spec)))
    facts = [name for name in (OrderRow.SHOP, OrderRow.CURRENCY) if name in frame.columns]
    frame = frame.with_columns(
        pl.when(~aside.fill_null(value=False)).then(name).alias(name) for name in facts
    )
    return import_orders(
        frame,
        [*rules, *doubts, *masked],
        rows=rows,
        damaged=[damaged],
        notices=[*notices, *told, *said],
        # Without a column the currency is a fact of the file, not a choice among several.
        told=Told(
            (spec.currency or "") if spec.currency_from else "", spec.rates or None, spec.one_shop
        ),
    )


def _buyers(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Rule], list[str]]:
    """Return orders without masked buyers, who can't be told apart."""
    if Orders.BUYER_ID not in frame.columns:
        return frame, [], []
    masked = pl.col(Orders.BUYER_ID).str.contains(MASKED).fill_null(value=False)
    count = int(frame.select(masked.sum()).item())
    if not count:
        return frame, [], []
    if count < frame[Orders.BUYER_ID].count():
        return (
            frame,
            [(masked, "buyer_id is masked while others are not: who it is can't be told")],
            [],
        )
    told = f"all {count} buyers are masked (t**) and can't be told apart: buyer_id is left empty"
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(Orders.BUYER_ID)), [], [told]


#: Among so many of the orders with several rows the amounts have to differ to be the lines' own.
_DIFFER: Final = 0.2


def _rows_of(typed: pl.DataFrame, spec: Mapping) -> tuple[Rows, list[Rule], list[str]]:
    """Tell what a row of the file is: what the mapping says, else what the amounts show."""
    if spec.lines is not None:
        return ("lines" if spec.lines.amounts == "sum" else "repeated"), [], []
    if Orders.PAID_AMOUNT not in typed.columns:
        return "orders", [], []
    # Rows alike in all that is written are one row twice, not two lines.
    once = typed.unique([Line.FILE, Line.RAW], maintain_order=True)
    one_time = pl.col(Orders.PLACED_AT).n_unique() == 1
    several = (
        once.drop_nulls(Orders.ORDER_ID)
        .group_by(Line.FILE, Orders.ORDER_ID)
        .agg(pl.len(), pl.col(Orders.PAID_AMOUNT).n_unique() > 1, one_time)
        .filter((pl.col("len") > 1) & pl.col(Orders.PLACED_AT))
    )
    if several.is_empty():
        return "orders", [], []
    if float(several[Orders.PAID_AMOUNT].sum()) >= _DIFFER * several.height:
        told = (
            f"{several.height} orders have several rows with amounts of their own: they are summed "
            "as lines; where each row has the whole order's, say `lines: {amounts: repeat}`"
        )
        return "lines", [], [told]
    why = (
        "the order has several rows, and nothing shows whether an amount is the line's or the "
        "whole order's; say in the mapping `lines: {amounts: sum}` or `lines: {amounts: repeat}`"
    )
    unclear = pl.col(Orders.ORDER_ID).is_in(several[Orders.ORDER_ID].implode())
    return "orders", [(unclear, why)], []


def _read(path: Path, spec: Mapping, skipped: list[str]) -> list[Records]:
    form = spec.format or _format_of(path)
    if form is None:
        raise ImporterError(
            f"{path.name}: what kind of file {path.suffix!r} is, the mapping has to say (`format:`)"
        )
    if spec.line_pattern is not None:
        records = read_patterned(path, spec.line_pattern, spec.encoding)
        name = pl.lit(path.stem, dtype=pl.String).alias("file")
        return [
            replace(
                records, header=(*records.header, "file"), frame=records.frame.with_columns(name)
            )
        ]
    if form in ("csv", "tsv"):
        separator = spec.separator or ("\t" if form == "tsv" else None)
        return [
            read_records(
                path,
                separator,
                spec.encoding,
                header_line=spec.header_line,
                wanted=_sources(spec),
                names=spec.names,
                strip=spec.strip_headers,
            )
        ]
    if form == "xlsx":
        return _sheets(path, spec, skipped)
    if form == "parquet":
        return [_parquet(path)]
    reader = read_json if form == "json" else read_jsonl
    return [reader(path, spec.records, spec.encoding)]


def _sheets(path: Path, spec: Mapping, skipped: list[str]) -> list[Records]:
    """Read the sheets of a workbook that are meant; the others are told in `skipped`."""
    sheets = read_workbook(path)
    if spec.sheet is not None and spec.sheet not in sheets:
        # Says so in its own words.
        read_workbook(path, spec.sheet)
    said = "is not the `sheet` that the mapping names, and is not read"
    skipped += [
        FileNotice(f"{path.name}, sheet {name}: {said}", path.name, "unread_sheets", grid.height)
        for name, grid in sheets.items()
        if spec.sheet not in (None, name) and grid.height
    ]
    found = [
        sheet_records(
            f"{path.name}, sheet {name}",
            grid,
            header_line=_sheet_header(grid, spec),
            names=spec.names,
            strip=spec.strip_headers,
        )
        for name, grid in sheets.items()
        if name == spec.sheet or (spec.sheet is None and grid.height)
    ]
    some = {source.strip() for source in _sources(spec)}

    def may_be_one(table: Records) -> bool:
        """Tell whether a sheet is meant: one that has some of the columns has to have all."""
        return not some or bool(some & {name.strip() for name in table.header})

    return of_one_kind(found, may_be_one, skipped)


def _format_of(path: Path) -> FileFormat | None:
    """Return what a file is by its name, and where that is a table by its bytes."""
    named = FORMAT_OF_SUFFIX.get(path.suffix.lower())
    if named not in ("csv", "tsv", "xlsx"):
        return named
    return "xlsx" if holds_sheets(path) else "csv" if named == "xlsx" else named


def _sources(spec: Mapping) -> tuple[str, ...]:
    """Return the named columns of the source that the mapping needs."""
    sources = [rule.source for rule in spec.rules().values()]
    return tuple(source for source in sources if isinstance(source, str))


def _sheet_header(grid: pl.DataFrame, spec: Mapping) -> int:
    if spec.names:
        return spec.header_line or 0
    if spec.header_line is not None:
        return spec.header_line
    rows = [[cell or "" for cell in row] for row in grid.head(HEADER_WITHIN).rows()]
    return find_header(rows, _sources(spec))


#: A few kilobytes of Parquet may stand for more rows than any machine holds.
_MOST_CELLS: Final = 1_000_000_000


def _parquet(path: Path) -> Records:
    try:
        scanned = pl.scan_parquet(path, glob=False)
        cells_of = scanned.select(pl.len()).collect().item() * len(scanned.collect_schema())
        if cells_of > _MOST_CELLS:
            raise ImporterError(
                f"{path.name}: holds {cells_of:,} cells, more than can be read at once; split it "
                "into several files"
            )
        frame = pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ImporterError(f"{path.name}: can't be read as Parquet; export it again") from error
    simple = frame.select(
        pl.col(name).cast(pl.String)
        for name, kind in frame.schema.items()
        if not kind.is_nested() and kind not in (pl.Binary, pl.Object)
    )
    rows = (
        (number, "\t".join(cell or "" for cell in row), row)
        for number, row in enumerate(simple.iter_rows(), start=1)
    )
    return gather(path.name, simple.columns, rows)


def _picked(records: Records, spec: Mapping) -> pl.DataFrame:
    """Return the lines with the mapped source columns, named after the contract's."""
    wanted: dict[str, str | int] = {name: rule.source for name, rule in spec.rules().items()}
    more = {OrderRow.CURRENCY: spec.currency_from, OrderRow.EXPORTED: spec.updated}
    if spec.lines is not None:
        more |= {name: getattr(spec.lines, kind) for name, kind in LINE_FIELDS.items()}
    wanted |= {name: source for name, source in more.items() if source is not None}
    wanted |= {f"only:{source}": source for source in spec.only}
    columns = [_column_of(records, name, source, spec) for name, source in wanted.items()]
    when = pl.lit(exported_at(records.file), dtype=pl.Datetime("us")).alias("_exported_at")
    frame = records.frame.select(
        *LINE_SCHEMA,
        *columns,
        when,
        shop_of(records.header),
        internal(records.header, spec).alias(NOTE),
    )
    return _unmerged(frame, spec) if spec.merged else frame


def _unmerged(frame: pl.DataFrame, spec: Mapping) -> pl.DataFrame:
    """Return rows with what their order says, where its cells were merged over its lines."""
    fields = [
        *(Orders.ORDER_ID, Orders.BUYER_ID, Orders.PLACED_AT, Orders.PAID_AT, Orders.COUPON_USED),
        *(OrderRow.CURRENCY, OrderRow.EXPORTED, *(f"only:{source}" for source in spec.only)),
        # A line's own amount that is empty is not the one above.
        *(ORDER_MONEY if spec.lines and spec.lines.amounts == "repeat" else ()),
    ]
    bare = cells.clean(raw(Orders.ORDER_ID)).is_null()
    there = [raw(name) for name in fields if raw(name) in frame.columns]
    return frame.with_columns(
        pl.when(bare & cells.clean(name).is_null())
        .then(pl.when(cells.clean(name).is_not_null() | ~bare).then(name).forward_fill())
        .otherwise(name)
        .alias(name)
        for name in there
    )


def _column_of(records: Records, name: str, source: str | int, spec: Mapping) -> pl.Expr:
    if isinstance(source, int):
        if not 1 <= source <= len(records.header):
            raise ImporterError(
                f"{records.file}: has no column {source}, which the mapping takes for {name}; it "
                f"has {len(records.header)}"
            )
        return pl.col(records.header[source - 1]).alias(raw(name))
    source = source.strip() if spec.strip_headers else source
    if source in records.header:
        refuse_doubled(records, [source])
        return pl.col(source).alias(raw(name))
    if not records.frame.height:
        return pl.lit(None, dtype=pl.String).alias(raw(name))
    # The mend for a missing column; a header is not listed, it may be a row with names.
    near = did_you_mean(source, records.header, "is `header_line` the line with the names?")
    spare = {column.name for column in spec.contract.columns if not column.required}
    without = f"; a file without may do: take `{name}` out of the mapping" if name in spare else ""
    raise ImporterError(
        f"{records.file}: has no column {source!r}, which the mapping takes for {name}; "
        f"{near}{without}"
    )
