"""One tree of errors: whatever csinsight tells a user is a `CsinsightError`.

There are as many kinds as a caller has to tell apart: what is wrong with what the user wrote
(`ConfigError`), with the shop's data (`DataError`), with what ships (`ReportError`), and what went
wrong in a run (`RunError`). Every message says what, where and how to mend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class CsinsightError(Exception):
    """Something that a user can mend; the message says what, where and how."""

    #: What the command line ends with.
    exit_code = 1


class ConfigError(CsinsightError, ValueError):
    """A parameter, or a file that a shop edits, that can't be used; one line a fault."""

    exit_code = 2


class DataError(CsinsightError, ValueError):
    """Data that can't be used: file, row, column and mend."""


class ContractError(DataError):
    """The shop's tables break the contract; `faults` holds every line."""

    def __init__(self, data: Path, faults: Sequence[object]) -> None:
        self.faults = tuple(str(fault) for fault in faults)
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        super().__init__("\n".join([f"{data}: {count}", *self.faults]))


class ArtifactError(CsinsightError, ValueError):
    """A table of a run that is not as it is declared; one line a fault: table, column and mend."""


class ImporterError(DataError):
    """A file, mapping or folder that can't be used as a whole; the message says the mend."""


class NoFitError(DataError):
    """A model that the data can't carry."""


class EngineError(CsinsightError, RuntimeError):
    """A table that can't be read, or an engine that is not there; the message has the mend."""


class ReportError(CsinsightError, ValueError):
    """A word, translation or glyph that a page needs and csinsight lacks."""


class PlanError(CsinsightError, ValueError):
    """A run that can't start: nothing to report on, or notebooks that don't fit."""


class RunError(CsinsightError, RuntimeError):
    """A step of a run, or what follows it, that failed: a page, a print, a delivery."""


class NotebookError(RunError):
    """A notebook of the run failed; the message says which, in which cell, and why."""

    def __init__(self, why: str, notebook: str) -> None:
        super().__init__(why)
        self.notebook = notebook


class CellError(RunError):
    """A cell of a notebook failed; `cell` is the cell."""

    def __init__(self, cell: Any, why: str) -> None:
        super().__init__(why)
        self.cell = cell


class KernelError(RunError):
    """A kernel did not start, ended, fell silent or took too long.

    `cell` is the last cell that it was given, None for none, and `seconds` the time since then.
    """

    def __init__(self, why: str, cell: Any = None, seconds: float = 0.0) -> None:
        super().__init__(why)
        self.cell, self.seconds = cell, seconds


class LockedError(RunError):
    """Another run of the same shop and month is at work."""
