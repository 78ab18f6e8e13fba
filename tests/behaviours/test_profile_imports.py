"""Which platform's profile a shop has that says nothing: by what most of its tables came from."""

from __future__ import annotations

from pathlib import Path

import pytest

from csinsight.behaviours.profiles import imported_from
from csinsight.contract.imports import ImportRecord, write_imports


def _record(form: str, table: str, rows: int) -> ImportRecord:
    counts = {"rows_in": rows, "rows_used": rows, "rows_refused": 0}
    return ImportRecord(file=f"{form}.csv", sha256="0", format=form, tables=[table], **counts)


@pytest.mark.parametrize(
    ("lines", "profile"),
    [
        # A few lines of one platform beside many of nobody knows which: the orders tell.
        ({"mapping": 17_175, "qianniu_chat": 9}, "jd"),
        ({"mapping": 400, "qianniu_chat": 600}, "taobao"),
        ({"mapping": 600, "qianniu_chat": 400}, "jd"),
        ({}, "jd"),
    ],
)
def test_more_than_half_of_a_table_has_to_be_of_one_platform(
    tmp_path: Path, lines: dict[str, int], profile: str
) -> None:
    chats = [_record(form, "messages", rows) for form, rows in lines.items()]
    write_imports(tmp_path, [_record("jd_orders", "orders", 3475), *chats])
    assert imported_from(tmp_path) == profile


def test_orders_of_nobody_knows_where_tell_no_platform(tmp_path: Path) -> None:
    write_imports(tmp_path, [_record("mapping", "orders", 90), _record("jd_orders", "orders", 80)])
    assert imported_from(tmp_path) is None
