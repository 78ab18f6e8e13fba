"""Labels that lead to no line, or to another line than the one that was read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from csinsight.behaviours.label_places import label_places
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.cli import main
from csinsight.contract.messages import Fault, Notice
from csinsight.engine import open_shop

HEAD = "conversation_id,sent_at,behaviour,shown,reader,position"
LEXICON = load_lexicon(reader="rules")
LOG = [
    ("buyer", "10:00:00", "这款有货吗"),
    ("bot", "10:00:05", "欢迎光临"),
    ("agent", "10:00:20", "亲，您好，有的"),
    ("buyer", "10:01:00", "多少钱"),
    ("agent", "10:01:20.250", "标价就是最后的价"),
]


@pytest.fixture(params=["given", None], ids=["ids given", "ids made"])
def talk(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A conversation of five lines; without ids of its own it is called by buyer and moment."""
    times = [datetime.fromisoformat(f"2026-10-05 {clock}") for _, clock, _ in LOG]
    pl.DataFrame(
        {
            "conversation_id": pl.Series([request.param] * len(LOG), dtype=pl.String),
            "buyer_id": "b1",
            "agent_id": [None if who == "buyer" else "a1" for who, _, _ in LOG],
            "sender": [who for who, _, _ in LOG],
            "sent_at": times,
            "text": [text for _, _, text in LOG],
        }
    ).write_parquet(tmp_path / "messages.parquet")
    return request.param or f"b1#{pl.Series(times[:1]).dt.epoch('ms')[0]}"


def told(folder: Path, *rows: str, gap: float = 12.0) -> tuple[list[Fault], list[Notice]]:
    (folder / "labels.csv").write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    return label_places(open_shop(folder), LEXICON, gap)


def test_labels_of_lines_that_are_there_are_in_order(talk: str, tmp_path: Path) -> None:
    rows = (
        f"{talk},,greets,true,anna,3",
        f"{talk},2026-10-05T10:00:20,greets,true,anna,3",
        # An import or a person may have left out what is below a second.
        f"{talk},2026-10-05T10:01:20,greets,false,anna,5",
        f"{talk},2026-10-05T10:01:20,greets,false,bo,",
        f"{talk},,voices_worry,false,bo,4",
    )
    assert told(tmp_path, *rows) == ([], [])


@pytest.mark.parametrize(
    ("row", "column", "what", "mend"),
    [
        (",,greets,true,anna,9", "position", "has 5 lines, and none is number 9", "leave the row"),
        (",,greets,true,anna,4", "position", "is of the buyer, and greets is read in those of the"
         " agent", "leave the row out"),
        (",,greets,true,anna,2", "position", "is of the bot", "leave the row out"),
        (",2026-10-05T10:00:20,greets,true,anna,4", "position", "is of the buyer", "is number 3"),
        (",2026-10-05T10:00:20,greets,true,anna,5", "position",
         "was sent at 2026-10-05 10:01:20, and the one that was read at 2026-10-05 10:00:20",
         "the agent's line that was sent then is number 3"),
        (",2026-10-05T11:00:00,greets,true,anna,", "sent_at",
         "none is sent at 2026-10-05 11:00:00", "leave the row out"),
        (",2026-10-05T10:01:00,greets,true,anna,", "sent_at", "is of the buyer", "leave the row"),
    ],
)  # fmt: skip
def test_a_label_of_no_line_or_of_another_is_a_fault(
    talk: str, tmp_path: Path, row: str, column: str, what: str, mend: str
) -> None:
    [fault], notices = told(tmp_path, f"{talk},,greets,true,anna,3", f"{talk}{row}")
    assert (fault.file, fault.row, fault.column) == ("labels.csv", 3, column)
    assert what in fault.what
    assert mend in fault.mend
    assert notices == []


def test_rows_are_the_files_own(talk: str, tmp_path: Path) -> None:
    [fault], _ = told(tmp_path, ",,,,,", "", f"{talk},,greets,true,anna,9")
    assert fault.row == 4


def test_labels_of_other_months_are_counted_and_no_fault(talk: str, tmp_path: Path) -> None:
    rows = (f"{talk},,greets,true,anna,3", "of-may,,greets,true,anna,70")
    faults, [notice] = told(tmp_path, *rows)
    assert faults == []
    assert notice.values == {"found": 1, "all": 2}
    assert "those of another import" not in notice.what
    _, [notice] = told(tmp_path, "of-may,,greets,true,anna,70")
    assert "are the ids of the conversations those of another import?" in notice.what


def test_labels_without_a_place_are_counted_but_for_rules_about_people(
    talk: str, tmp_path: Path
) -> None:
    faults, [notice] = told(
        tmp_path, f"{talk},,greets,true,anna,", f"{talk},,over_promises,false,anna,"
    )
    assert faults == []
    assert (notice.kind, notice.values) == ("labels_placeless", {"found": 1, "all": 2})


def test_many_are_named_in_part_and_counted_whole(talk: str, tmp_path: Path) -> None:
    faults, _ = told(tmp_path, *[f"{talk},,greets,true,r{n},9" for n in range(30)])
    assert len(faults) == 21
    assert faults[-1].what.startswith("and 10 more labels")
    assert faults[-1].rows == tuple(range(22, 32))


def test_the_check_names_it_by_the_runs_own_gap(talk: str, tmp_path: Path) -> None:
    told(tmp_path, f"{talk},,greets,true,anna,5")
    assert CliRunner().invoke(main, ["check", str(tmp_path)]).exit_code == 0
    told(tmp_path, f"{talk},,greets,true,anna,8")
    found = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert found.exit_code == 1
    assert "labels.csv, row 2, column position: conversation" in found.output
    params = tmp_path / "month.yml"
    params.write_text("conversation_gap_hours: 0.01\n", encoding="utf-8")
    told(tmp_path, f"{talk},,greets,true,anna,5")
    found = CliRunner().invoke(main, ["check", str(tmp_path), "--params", str(params)])
    assert found.exit_code == (0 if talk == "given" else 1)
