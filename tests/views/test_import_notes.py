"""What the imports' record says of files stands on the data check, in both languages."""

from __future__ import annotations

from typing import get_args

import pytest

from csinsight.contract.imports import FileNote, ImportRecord, NoteKind
from csinsight.views import data_check
from csinsight.views.sample import sample_study


def test_every_kind_of_note_is_told_with_its_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = [FileNote(kind=kind, count=3, rows=1234) for kind in get_args(NoteKind)]
    entry = ImportRecord(
        file="o.xlsx", sha256="0", format="x", rows_in=1, rows_used=1, rows_refused=0, notes=notes
    )
    assert ImportRecord.model_validate_json(entry.model_dump_json()) == entry
    monkeypatch.setattr(data_check, "read_imports", lambda _: [entry])
    told = [line for line in data_check.trust(sample_study()) if "o.xlsx" in line]
    assert len(told) == len(notes)
    assert "1,234" in told[0]
