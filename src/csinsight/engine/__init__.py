"""The only place that opens data: contract tables as narwhals lazy frames.

Every table leaves here with all its contract columns in contract order (an absent optional
column as nulls), with an integer millisecond column beside every time, and with chat text in
NFKC, so that the same expressions give the same answer on every engine.

What opens a shop is imported when first asked for: who only marks a table of messages needs no
Parquet and no contract.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from csinsight.engine.frames import collect, ms, simplified, simplify
from csinsight.errors import EngineError

if TYPE_CHECKING:
    from csinsight.engine.shop import Shop, counter, lent, open_shop, start, table_path

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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"csinsight.engine has no `{name}`")
    return getattr(import_module("csinsight.engine.shop"), name)
