"""What the imports' record says of files stands on the data check, in both languages."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import get_args

import pandas as pd
import polars as pl
import pytest

from csinsight.contract.imports import FileNote, ImportRecord, NoteKind, write_imports
from csinsight.engine import open_shop
from csinsight.sample import sample_run
from csinsight.views import data_check, monthly_brief
from csinsight.views.sample import sample_study
from csinsight.views.study import open_study


def test_every_kind_of_note_is_told_with_its_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = [FileNote(kind=kind, count=3, rows=1234) for kind in get_args(NoteKind)]
    entry = ImportRecord(
        file="o.xlsx", sha256="0", format="x", rows_in=1, rows_used=1, rows_refused=0, notes=notes
    )
    assert ImportRecord.model_validate_json(entry.model_dump_json()) == entry
    monkeypatch.setattr(data_check, "standing_imports", lambda _: [entry])
    told = [line for line in data_check.trust(sample_study()) if "o.xlsx" in line]
    assert len(told) == len(notes)
    assert "1,234" in told[0]


def test_a_month_that_was_not_exported_is_told_on_the_check_and_on_the_brief(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    days = pd.date_range("2026-07-04", periods=120)
    rows = [0 if day.month == 8 else 15 for day in days]
    # Nobody wrote on some single days, and ratings are few anyway: nothing need be missing.
    rows[3], rows[100] = 0, 0
    tables = [pd.DataFrame({"table": t, "day": days, "rows": rows}) for t in ("orders", "messages")]
    few = pd.DataFrame({"table": "ratings", "day": days, "rows": 0})
    monkeypatch.setattr(data_check, "daily_rows", lambda *_: pd.concat([*tables, few]))
    for lang, first in (("zh", "8月1日"), ("en", "August 1, 2026")):
        study = open_study(*sample_run(), lang=lang)
        told = data_check.missing_days(study)
        assert len(told) == 2
        assert all(first in line and "31" in line for line in told)
        assert set(told) <= set(data_check.trust(study))
        assert set(told) <= set(monthly_brief.careful(study, monthly_brief.gather(study)).items)


@pytest.mark.parametrize(
    ("orders", "refund", "said"), [(400, 0.0, 1), (400, 5.0, 0), (100, 0.0, 0)]
)
def test_sums_called_net_are_doubted_where_no_order_has_a_refund(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orders: int, refund: float, said: int
) -> None:
    at = datetime(2026, 10, 5, 10)
    rows = [(f"o{n}", f"b{n}", at, at, 9.0, 9.0, refund * (n == 7), 1) for n in range(orders)]
    names = ["order_id", "buyer_id", "placed_at", "paid_at", "list_amount", "paid_amount"]
    table = pl.DataFrame(rows, schema=[*names, "refund_amount", "units"], orient="row")
    table.write_parquet(tmp_path / "orders.parquet")
    study = sample_study()
    brief = monthly_brief.gather(study)
    monkeypatch.setattr(type(study), "open", lambda _: open_shop(tmp_path))
    told = data_check.no_refunds(study)
    assert len(told) == said
    assert set(told) <= set(monthly_brief.careful(study, brief).items)
    assert all("400" in line for line in told)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_orders_that_were_refused_are_counted_where_they_are_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lang: str
) -> None:
    """Few of them are named nowhere else on the page, so "see below" would point to nothing."""
    study = open_study(*sample_run(), lang=lang)
    given = {"file": "o.csv", "sha256": "0", "format": "mapping", "tables": ["orders"]}
    rows = {"rows_in": 4000, "rows_used": 3988, "rows_refused": 12}
    first = ImportRecord(**given, mapping="1", money_in=9e6, money_refused=2258.25, **rows)
    write_imports(tmp_path, [first])
    monkeypatch.setattr(study, "data", tmp_path)
    told = data_check.all_orders(study)
    assert "12" in told and "2,258" in told and "rejects.csv" in told
    # Refused for their amounts, which nobody can read, they are worth more than nothing.
    unread = {"rows_in": 40, "rows_used": 20, "rows_refused": 20}
    write_imports(tmp_path, [ImportRecord(**given, money_in=100.0, money_refused=0.0, **unread)])
    assert data_check.all_orders(study) == study.word("imported.part_unpriced", n="20")
    (named,) = data_check.imports(study)
    assert "20" in named and named.count("%") == 1
    # Imported once more with a mapping that was mended, nothing of it is missing.
    again = first.model_copy(update={"mapping": "2", "rows_used": 4000, "rows_refused": 0})
    write_imports(tmp_path, [first, again])
    assert data_check.all_orders(study) == study.word("imported.whole")
    assert data_check.imports(study) == []


@pytest.mark.parametrize(("last", "said"), [("2026-10-31 22:00", False), ("2027-02-01", True)])
def test_files_that_reach_beyond_the_month_are_not_what_the_report_reaches_to(
    last: str, said: bool
) -> None:
    study = sample_study()
    tables = pd.DataFrame({"table": ["orders"], "rows": [9], "last": [pd.Timestamp(last)]})
    assert ("nothing after its own month" in data_check.finding(study, tables).plain()) == said
