"""The only place that opens data: contract tables as narwhals lazy frames.

Every table leaves here with all its contract columns in contract order (an absent optional
column as nulls), with an integer millisecond column beside every time, and with chat text in
NFKC, so that the same expressions give the same answer on every engine.
"""

from __future__ import annotations

from csinsight.engine.frames import collect, ms, simplified, simplify
from csinsight.engine.shop import EngineError, Shop, counter, lent, open_shop, start, table_path

__all__ = [
    "EngineError",
    "Shop",
    "collect",
    "counter",
    "lent",
    "ms",
    "open_shop",
    "simplified",
    "simplify",
    "start",
    "table_path",
]
