"""One tree of errors: whatever csinsight tells a user is a `CsinsightError`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class CsinsightError(Exception):
    """Something that a user can mend; the message says what, where and how."""


class EngineError(CsinsightError, RuntimeError):
    """A table that can't be read, or an engine that is not there; the message has the mend."""


class ImporterError(CsinsightError, ValueError):
    """A file, mapping or folder that can't be used as a whole; the message says the mend."""


class LexiconError(CsinsightError, ValueError):
    """A lexicon file that can't be used; one line a fault, each with its mend."""


class RulesError(CsinsightError, ValueError):
    """A file of rules that can't be used; one line a fault, each with its mend."""


class MessagesError(CsinsightError, ValueError):
    """A table of messages that can't be read."""


class TableError(CsinsightError, ValueError):
    """A table of messages that can't be marked; the message names column, row and mend."""


class LibraryError(CsinsightError, ValueError):
    """A coaching library that can't be used; the message names file, entry and the mend."""


class GlyphError(CsinsightError, ValueError):
    """A figure shows characters for which the bundled font has no glyph."""


class WordError(CsinsightError, ValueError):
    """A word that the catalogue lacks, or values that don't fit it."""


class ProseError(CsinsightError, ValueError):
    """Prose that lacks its translation, or a translation that lacks its prose."""


class PlanError(CsinsightError, ValueError):
    """A run that can't start: nothing to report on, or notebooks that don't fit."""


class ContractError(CsinsightError, ValueError):
    """The shop's tables break the contract; `faults` holds every line."""

    def __init__(self, data: Path, faults: Sequence[object]) -> None:
        self.faults = tuple(str(fault) for fault in faults)
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        super().__init__("\n".join([f"{data}: {count}", *self.faults]))


class NotebookError(CsinsightError, RuntimeError):
    """A notebook of the run failed; the message says which, in which cell, and why."""

    def __init__(self, why: str, notebook: str) -> None:
        super().__init__(why)
        self.notebook = notebook


class LockedError(CsinsightError, RuntimeError):
    """Another run of the same shop and month is at work."""


class DeliveryError(CsinsightError, RuntimeError):
    """A report could not be copied to where it was to go; the message says why."""


class ShopError(CsinsightError, RuntimeError):
    """A shop's report was not made, or lacks agents' cards; the message says what was said."""


class PdfError(CsinsightError, RuntimeError):
    """A page could not be printed; the message says why."""


class StudyError(CsinsightError, ValueError):
    """A notebook asks for what is not there; the message says what to run first."""


class LabelError(CsinsightError, ValueError):
    """A sheet that can't be read; one line a fault, with file, row, column and mend."""


class ParamsError(CsinsightError, ValueError):
    """A parameter file or value that can't be used; the message names it and the mend."""


class NoFitError(CsinsightError, ValueError):
    """A model that the data can't carry."""


class ProfileError(CsinsightError, ValueError):
    """A KPI profile that can't be used; the message names file, key and mend."""


class DisputeError(CsinsightError, ValueError):
    """A file of disputes that can't be used; one line a fault, with file, row, column, mend."""


class TierError(CsinsightError, ValueError):
    """Tables or shares from which no tiers can be made; the message says what to mend."""


class SignatureError(CsinsightError, ValueError):
    """An archetype file that can't be used; the message names file, place and mend."""
