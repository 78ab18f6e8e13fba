"""Importers: one file per outside format, each to contract tables and a list of refused rows.

How a new format is written:

1. One module ``importers/NAME.py`` with one public function ``read_NAME(files, mapping=None, *,
   timezone=None) -> Imported`` (leave `timezone` out where the files carry the shop's own clock),
   and a line in `csinsight.importers.run.FORMATS`.
2. Read with `reading.read_records` (delimited text: encodings, header under a title, files without
   header, broken quotes), `workbook.read_workbook` and `sheet_records`, or `records.read_json`; for
   chats as text `chat_text.parse_text`. Each gives the columns of `reading.Line` (file, line, raw
   text) and text columns, and what could not be read as ``damaged``. Columns are found by their
   names; a file without them is an `ImporterError` that says which were looked for and found.
3. Cells are read by `importers.cells` alone (`clean`, `number`, `whole`, `at_clock`, `utc`), and
   each has a rule from `cells.unreadable`, so that a row is refused with its reason and never
   dropped. Options of a format are a subclass of `mapping_spec.Options` (`OrderOptions` for
   orders), read by `mapping_spec.read_options`.
4. Orders go through `orders.import_orders`, whatever the platform: it folds lines
   (``rows="lines"`` where amounts are the line's, ``"repeated"`` where the order's stand on each),
   refuses whole orders, chooses the latest state by the states (`one_shop.OrderRow.CLOSED`,
   `OrderRow.EXPORTED` from `mapping_spec.exported_at` or an update column), and refuses two
   currencies (`OrderRow.CURRENCY`), clocks (`OrderRow.OFFSET`) or shops (`OrderRow.KEY`). Money is
   summed from ``_money``, which is ``paid_amount`` unless the format tells it. Chats go through
   `chat_tables.chat_tables`; other tables through `sift.settle` and `sift.finish`.
5. The result has ``rows_in == rows_out + refused`` and money likewise, in any order of files;
   `run.run_import` checks both, adds to what earlier imports wrote (`importers.archive`) and keeps
   the record of imports (`csinsight.contract.imports`). A row that only repeats another has a
   reason that begins with `reading.REPEAT`.
"""

from __future__ import annotations

from csinsight.errors import ImporterError
from csinsight.importers.run import FORMATS, Importer, ImportReport, run_import
from csinsight.importers.sift import Imported

__all__ = ["FORMATS", "ImportReport", "Imported", "Importer", "ImporterError", "run_import"]
