"""A plain table of messages in and out, for ``csinsight markers``.

A plain table of messages in, the behaviours that each message shows out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import narwhals as nw
import polars as pl

from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.markers import LEADS_ON, TOPICS, mark, with_template_replies
from csinsight.contract.domain import COMPLIANCE, MARKERS, NOTED
from csinsight.contract.files import write_atomically
from csinsight.contract.schema import SENDERS, Messages
from csinsight.engine import ms
from csinsight.errors import DataError
from csinsight.features.conversations import with_turns

_NEEDED: Final = ("sender", "text")


def read_messages(path: Path) -> pl.DataFrame:
    r"""Return the table at `path` (CSV in UTF-8, or Parquet), every column of a CSV as text.

    Raises
    ------
    DataError
        Where it can't be read, or lacks the columns ``sender`` and ``text``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "messages.csv"
    ...     _ = file.write_text("sender,text\nbuyer,在吗\n", encoding="utf-8")
    ...     table = read_messages(file)
    >>> table.columns
    ['sender', 'text']
    """
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path, glob=False)
        else:
            frame = pl.read_csv(path, infer_schema=False, glob=False)
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{path}: can't be read as a table ({error}); save it as CSV in UTF-8, or Parquet"
        ) from error
    missing = [name for name in _NEEDED if name not in frame.columns]
    if missing:
        raise DataError(f"{path}: lacks the column {', '.join(missing)}; name it in the header")
    return frame


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write `frame` whole or not at all, as Parquet or CSV, by the name's ending.

    Raises
    ------
    DataError
        Where the ending promises another format.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(pl.DataFrame({"a": [1]}), Path(folder) / "a.csv")
    ...     text = (Path(folder) / "a.csv").read_text(encoding="utf-8")
    >>> text.splitlines()
    ['a', '1']
    """
    if path.suffix.lower() not in (".parquet", ".csv"):
        raise DataError(f"{path.name}: is written as .csv or .parquet; name it with such an ending")
    with write_atomically(path) as draft:
        if path.suffix == ".parquet":
            frame.write_parquet(draft)
        else:
            frame.write_csv(draft)


#: What `mark_table` adds, before what is the shop's own: one nullable boolean column each.
SHOWN: Final = (*MARKERS, *COMPLIANCE, *NOTED)


def mark_table(
    frame: pl.DataFrame, lexicon: Lexicon, names: Sequence[str] | None = None
) -> pl.DataFrame:
    """Tell which behaviours each message of a plain table shows.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns ``sender`` (buyer, agent, bot, system) and ``text``; ``conversation_id`` and
        ``sent_at`` where known. Without ``conversation_id`` the table is one conversation.
        Within a conversation messages are read by ``sent_at`` where every message has it, else
        in the table's order.
    lexicon : Lexicon
    names : sequence of str, optional
        Markers of either side; unless told `SHOWN` and the shop's own behaviours.

    Returns
    -------
    polars.DataFrame
        The same rows and columns in the same order, then a column for each of `names`: what the
        message itself shows, read with the buyer's last lines before it, without opportunity
        rules; null on the other side's lines.

    Raises
    ------
    DataError
        Where a column is missing or a sender unknown.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lexicon = load_lexicon()
    >>> lines = pl.DataFrame({"sender": ["agent"], "text": ["亲，您好"]})
    >>> mark_table(lines, lexicon)["greets"].to_list()
    [True]
    """
    _check(frame)
    number = pl.int_range(pl.len(), dtype=pl.Int64).alias(Messages.MESSAGE_NO)
    messages = frame.select(
        pl.col(Messages.SENDER).cast(pl.String),
        pl.col(Messages.TEXT).cast(pl.String).fill_null("").str.normalize("NFKC"),
        _conversation(frame),
        _time(frame).alias(ms(Messages.SENT_AT)),
        number,
    )
    names = (*SHOWN, *lexicon.own) if names is None else tuple(names)
    lexicon = lexicon.only({*names, *TOPICS, *LEADS_ON})
    marked = with_template_replies(
        mark(with_turns(nw.from_native(messages.lazy())), lexicon), lexicon
    )
    shown = pl.DataFrame(marked.select(Messages.MESSAGE_NO, *names).collect().to_native())
    if not shown[Messages.MESSAGE_NO].is_sorted():
        shown = shown.sort(Messages.MESSAGE_NO)
    columns = shown.drop(Messages.MESSAGE_NO)
    return pl.concat([frame.drop(names, strict=False), columns], how="horizontal")


def _check(frame: pl.DataFrame) -> None:
    for name in (Messages.SENDER, Messages.TEXT):
        if name not in frame.columns:
            raise DataError(
                f"the table has no column `{name}`; it needs `sender` and `text`, and may have "
                "`conversation_id` and `sent_at`"
            )
    odd = frame.with_row_index("row", 1).filter(
        ~pl.col(Messages.SENDER).cast(pl.String).is_in(SENDERS).fill_null(value=False)
    )
    if odd.height:
        row, sender = odd.row(0, named=True)["row"], odd.row(0, named=True)[Messages.SENDER]
        raise DataError(
            f"message {row}, column sender: {sender!r} is none of {', '.join(SENDERS)}; "
            f"{odd.height} message(s) are so"
        )


def _conversation(frame: pl.DataFrame) -> pl.Expr:
    if Messages.CONVERSATION_ID not in frame.columns:
        return pl.lit("table").alias(Messages.CONVERSATION_ID)
    return (
        pl.col(Messages.CONVERSATION_ID)
        .cast(pl.String)
        .fill_null("")
        .alias(Messages.CONVERSATION_ID)
    )


def _time(frame: pl.DataFrame) -> pl.Expr:
    """Return milliseconds, or nulls throughout where any message lacks a time."""
    unknown = pl.lit(None, dtype=pl.Int64)
    if Messages.SENT_AT not in frame.columns or frame[Messages.SENT_AT].null_count():
        return unknown
    times = frame[Messages.SENT_AT]
    if times.dtype == pl.String:
        times = times.str.to_datetime(strict=False)
        if times.null_count():
            return unknown
    elif not times.dtype.is_temporal():
        return unknown
    return pl.lit(times.cast(pl.Datetime("ms")).dt.epoch("ms"))
