"""Fits that are remembered: what a function was asked before it answers from a folder.

Most of a run's parameters, its language among them, leave the data of a fit as they were; whatever
reaches it, down to the last cell of a table, makes it be done.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from csinsight.behaviours.conversations import ChatSource
from csinsight.engine import Shop

#: What takes longest of a run, where it is called.
FITS: Final = (
    ("csinsight.segments.by_month", "types_by_month"),
    ("csinsight.segments.by_month", "tiers_by_month"),
    ("csinsight.coaching.month", "coach"),
    ("csinsight.coaching.month", "plan_excerpts"),
    ("csinsight.segments.types", "buyer_features"),
    ("csinsight.segments.types", "fit_model"),
    ("csinsight.segments.support", "fit_model"),
    ("csinsight.segments.model_selection", "choose"),
    ("csinsight.segments.model_selection", "spend_features"),
    ("csinsight.drivers.estimates", "estimate_drivers"),
    ("csinsight.drivers.sensitivity", "estimate_drivers"),
)


def remember_fits(folder: Path, put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Let `FITS` answer from `folder`, in this process; `put` sets a module's attribute."""
    folder.mkdir(parents=True, exist_ok=True)
    for module, name in FITS:
        place = import_module(module)
        real = getattr(place, name)
        if not isinstance(real, _Remembering):  # imported from a module that has it already
            put(place, name, _Remembering(real, folder))


class _Remembering:
    def __init__(self, real: Callable[..., Any], folder: Path) -> None:
        self.real, self.folder = real, folder

    def __call__(self, *args: Any, **told: Any) -> Any:
        asked = self.real.__qualname__, [_plain(one) for one in args], told
        path = self.folder / hashlib.sha256(pickle.dumps(asked)).hexdigest()
        if not path.exists():
            half = path.with_suffix(f".{os.getpid()}")
            half.write_bytes(pickle.dumps(self.real(*args, **told)))
            half.replace(path)
        return pickle.loads(path.read_bytes())  # noqa: S301 - our own


def _plain(argument: Any) -> Any:
    """Return what an argument is pickled as: a shop is its folder, whose tables stay as they are.

    What the lexicon compiles follows from its words.
    """
    if isinstance(argument, ChatSource):
        words = argument.lexicon
        told = repr((words.markers, words.cuts, words.own, words.reader is None, words.model))
        return argument.shop.folder, argument.as_of, argument.months, argument.rules, told
    return argument.folder if isinstance(argument, Shop) else argument
