"""The hour that a clock tells twice: its chat lines can't be told apart, and the record says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from csinsight.contract.imports import read_imports
from csinsight.importers.run import run_import

#: In UTC: before, twice within, and after the two hours of Berlin's 25 October 2026.
SENT = ["2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:10:00Z"]


def _tickets(folder: Path, sent: list[str]) -> Path:
    comments = [
        {"id": n, "author_id": 7 + n % 2, "plain_body": "hello", "created_at": at, "public": True}
        for n, at in enumerate(sent)
    ]
    users = [{"id": 7, "role": "end-user"}, {"id": 8, "role": "agent", "name": "Mia"}]
    ticket = {"id": 1, "requester_id": 7, "assignee_id": 8, "created_at": sent[0]}
    ticket |= {"comments": comments, "users": users}
    file = folder / "tickets.json"
    file.write_text(json.dumps({"tickets": [ticket], "users": users}), encoding="utf-8")
    return file


@pytest.mark.parametrize(("zone", "rows"), [("Europe/Berlin", 2), ("Asia/Shanghai", 0)])
def test_lines_of_the_hour_repeated_hour_are_counted(tmp_path: Path, zone: str, rows: int) -> None:
    out = tmp_path / "shop"
    report = run_import("zendesk", [_tickets(tmp_path, SENT)], out, timezone=zone)
    assert report.counts["messages"] == len(SENT)
    notes = [note for note in read_imports(out)[0].notes if note.kind == "repeated_hour"]
    assert [note.rows for note in notes] == [rows] * bool(rows)
    assert any("tells twice" in told for told in report.notices) == bool(rows)


def test_orders_of_that_hour_are_counted_too(tmp_path: Path) -> None:
    columns = {"order_id": "id", "placed_at": "at", "list_amount": "sum", "paid_amount": "sum"}
    plan = {"table": "orders", "columns": columns, "timezone": "Europe/Berlin"}
    (tmp_path / "plan.yml").write_text(json.dumps(plan), encoding="utf-8")
    rows = [
        "id,at,sum",
        "1,2026-10-25T00:50:00Z,9",
        "2,2026-10-25 05:30:00+05,9",
        "3,2026-10-25T03:00:00Z,9",
    ]
    (tmp_path / "orders.csv").write_text("\n".join(rows), encoding="utf-8")
    out = tmp_path / "shop"
    report = run_import("mapping", [tmp_path / "orders.csv"], out, tmp_path / "plan.yml")
    assert report.counts["orders"] == 3, report.reasons
    notes = [note for note in read_imports(out)[0].notes if note.kind == "repeated_hour"]
    assert [note.rows for note in notes] == [2]
