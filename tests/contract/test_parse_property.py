"""Whatever is written in ISO 8601 is read back as it was; nothing else is taken for it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
from hypothesis import assume, given
from hypothesis import strategies as st

from csinsight.contract import cells
from csinsight.contract.csv_tables import read_csv
from csinsight.contract.schema import Column
from csinsight.contract.textfile import misread

TIME = Column("t", "datetime", "a time")
NUMBER = Column("t", "float", "a number")
WHOLE = Column("t", "int", "a whole number")


def cell(column: Column, text: str) -> object:
    return pl.DataFrame({"t": [text]}).select(cells.cell(column)).item()


@given(st.datetimes(), st.sampled_from(["T", " "]), st.booleans())
def test_times_come_back(moment: datetime, between: str, whole: bool) -> None:
    moment = moment.replace(microsecond=0) if whole else moment
    assert cell(TIME, moment.isoformat(between)) == moment


@given(st.datetimes(), st.sampled_from(["hours", "milliseconds", "minutes"]))
def test_times_of_less_precision(moment: datetime, spec: str) -> None:
    text = moment.isoformat(timespec=spec)
    expected = None if spec == "hours" else datetime.fromisoformat(text)
    assert cell(TIME, text) == expected


@given(st.text(alphabet="0123456789-: T.Z+", max_size=24))
def test_nothing_else_is_a_time(text: str) -> None:
    value = cell(TIME, text)
    if value is not None:
        assert datetime.fromisoformat(text.strip()[:26]) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back(number: float) -> None:
    assert cell(NUMBER, repr(number)) == number


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_come_back(number: int) -> None:
    assert cell(WHOLE, str(number)) == number


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)


@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8))
def test_what_csv_writers_write_is_read(rows: list[tuple[str, ...]]) -> None:
    import csv
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *rows])
        # Letters that look encoded twice are refused by design, whoever wrote them.
        assume(not misread(path.read_text(encoding="utf-8")))
        text = read_csv(path)
    kept = [row for row in rows if row[0].strip() or row[1] or row[2]]
    assert text.faults == []
    read = [tuple(cell or "" for cell in row) for row in text.frame.rows()]
    assert read == kept
    assert text.rows.to_list() == [i + 2 for i, row in enumerate(rows) if row in kept]
