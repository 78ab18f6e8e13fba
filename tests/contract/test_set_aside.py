"""A bad row is moved beside the tables, whole and with its reason; too many move nothing."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from csinsight.cli import main
from csinsight.contract.check import check_shop
from csinsight.contract.set_aside import ASIDE, asides, set_aside
from csinsight.errors import ContractError

HEADER = "order_id,buyer_id,placed_at,paid_at,list_amount,paid_amount,units\r\n"


def _row(number: int, amount: str = "10.0", units: str = "1") -> str:
    at = "2026-10-05 09:30:00"
    return f"o{number},b{number},{at},{at},20.0,{amount},{units}\r\n"


def _orders(folder: Path, lines: list[str]) -> Path:
    path = folder / "orders.csv"
    path.write_text(HEADER + "".join(lines), encoding="utf-8", newline="")
    return path


def _kept(folder: Path) -> list[dict[str, str]]:
    with (folder / ASIDE).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_rows_that_are_kept_are_as_they_were_and_the_others_whole(tmp_path: Path) -> None:
    # More than are named one by one, one twice, one of too many fields, one on two lines.
    bad = [_row(n, amount="ten") for n in range(1000, 1030)]
    odd = ["o1,b1,2026-10-05 09:30:00,,20.0,1,1\r\n", "o7,b7,a,b,c,d,e,f,g\r\n", _row(8, "=1+1")]
    good = [_row(n) for n in range(1, 400)]
    path = _orders(tmp_path, [*good[:200], *bad, *good[200:], *odd])
    assert len(check_shop(tmp_path).faults) > 20
    (moved,) = set_aside(tmp_path, 0.1)
    assert (moved.file, moved.rows, moved.of) == ("orders.csv", 33, 432)
    assert path.read_bytes() == (HEADER + "".join(good)).encode()
    assert check_shop(tmp_path).ok
    kept = _kept(tmp_path)
    assert {row["raw"] for row in kept} == {line.rstrip() for line in [*bad, *odd]}
    assert [row["reason"] for row in kept if row["row"] == "202"] == [
        "column paid_amount: 'ten' is not a number"
    ]
    assert asides(tmp_path) == [moved]
    assert set_aside(tmp_path, 0.1) == []


def test_the_limit_is_over_time_and_beyond_it_nothing_is_moved(tmp_path: Path) -> None:
    lines = [_row(n) for n in range(1, 100)]
    path = _orders(tmp_path, [*lines, _row(100, "ten")])
    before = path.read_bytes()
    with pytest.raises(ContractError, match="paid_amount"):
        set_aside(tmp_path, 0.009)
    assert path.read_bytes() == before
    assert not (tmp_path / ASIDE).exists()
    assert [moved.rows for moved in set_aside(tmp_path, 0.01)] == [1]
    _orders(tmp_path, [*lines, _row(100, "ten")])
    with pytest.raises(ContractError):
        set_aside(tmp_path, 0.01)
    assert len(_kept(tmp_path)) == 1


def test_a_fault_that_is_not_one_of_rows_has_to_be_mended(tmp_path: Path) -> None:
    path = _orders(tmp_path, [_row(1), _row(2, "ten")])
    text = path.read_text(encoding="utf-8").replace("placed_at", "when")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match="placed_at"):
        set_aside(tmp_path, 0.5)
    assert path.read_text(encoding="utf-8") == text


def test_parquet_in_parts_loses_its_bad_rows_only(tmp_path: Path) -> None:
    folder = tmp_path / "buyers.parquet"
    folder.mkdir()
    pl.DataFrame({"buyer_id": ["b1", "b2"]}).write_parquet(folder / "part-0.parquet")
    pl.DataFrame({"buyer_id": ["b2", "b3"]}).write_parquet(folder / "part-1.parquet")
    (moved,) = set_aside(tmp_path, 0.25)
    assert (moved.rows, moved.of) == (1, 4)
    left = pl.read_parquet(folder / "*.parquet")["buyer_id"].to_list()
    assert left == ["b1", "b2", "b3"]
    assert '"b2"' in _kept(tmp_path)[0]["raw"]


def test_the_command_says_what_it_moved(tmp_path: Path) -> None:
    _orders(tmp_path, [*(_row(n) for n in range(1, 100)), _row(100, "ten")])
    told = ["check", str(tmp_path)]
    assert CliRunner().invoke(main, told).exit_code == 1
    assert CliRunner().invoke(main, [*told, "--set-aside", "0.001"]).exit_code == 1
    result = CliRunner().invoke(main, [*told, "--set-aside", "0.01"])
    assert result.exit_code == 0
    assert "orders.csv: 1 of 100 rows set aside into set_aside.csv" in result.output
