"""Importers: one file per outside format, each to contract tables and a list of refused rows."""

from __future__ import annotations

from csinsight.errors import ImporterError
from csinsight.importers.run import FORMATS, Importer, ImportReport, run_import
from csinsight.importers.sift import Imported

__all__ = ["FORMATS", "ImportReport", "Imported", "Importer", "ImporterError", "run_import"]
