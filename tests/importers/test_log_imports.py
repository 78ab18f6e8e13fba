"""JDDC sessions and the UserBehavior log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csinsight.importers import Imported, ImporterError
from csinsight.importers.jddc import read_jddc
from csinsight.importers.taobao_userbehavior import log_range, read_taobao_userbehavior

Sound = Callable[[Imported], Imported]
Reader = Callable[[list[Path]], Imported]

JDDC = (
    "session_id\tuser_id\tis_waiter\tis_transfer\tis_repeat\tsku\tcontent\n"
    "s1\tu1\t0\t0\t0\tnan\t你好\n"
    "s1\tu1\t1\t0\t0\tnan\t在的\t亲\r\n"
    "s2\tu2\t0\t0\t0\t123\t \n"
    "s2\tu2\t2\t0\t0\t123\t谁\n"
    "s2\tu2\t0\t0\n"
    "s2\tu2\t0\t0\t0\t123\t\u2028特\0殊\n"
    "s2\tu2\t0\t0\t0\t123\t完\u2028了\n"
)
LOG = (
    "1,10,7,pv,1511544070\n"
    "1,10,7,fav,1511544071\r\n"
    "1,10,7,cart,1511544072\n"
    "1,10,7,buy,1511544073\n"
    "1,11,7,buy,1511544073\n"
    "1,10,7,pv,1511544070\n"
    "1,10,7,click,1511544073\n"
    "1,10,7,pv,soon\n"
    ",10,7,pv,1511544073\n"
    "1,10,7,pv\n"
    "\n"
)


def put(folder: Path, text: str) -> Path:
    path = folder / "log.txt"
    path.write_bytes(text.encode())
    return path


def test_jddc_lines(tmp_path: Path) -> None:
    result = read_jddc([put(tmp_path, JDDC)])
    messages = result.tables["messages"]
    assert messages.select("buyer_id", "sender", "text", "conversation_id").rows() == [
        ("u1", "buyer", "你好", "s1"),
        ("u1", "agent", "在的\t亲", "s1"),
        ("u2", "buyer", "完\u2028了", "s2"),
    ]
    assert messages["sent_at"].null_count() == 3
    refused = dict(result.refused.select("_line", "_reason").iter_rows())
    assert refused[4] == "the text is empty"
    assert refused[5] == "is_waiter is neither 0 nor 1"
    assert "7 fields" in refused[6]
    assert "NUL" in refused[7]
    assert (result.rows_in, result.rows_out) == (7, 3)


def test_userbehavior_events(tmp_path: Path) -> None:
    result = read_taobao_userbehavior([put(tmp_path, LOG)])
    views, orders = result.tables["page_views"], result.tables["orders"]
    assert views["page_kind"].to_list() == ["product", "product", "cart", "checkout", "checkout"]
    assert views["viewed_at"][0] == datetime(2017, 11, 25, 1, 21, 10)
    assert orders["order_id"].to_list() == ["1-10-7-1511544073", "1-11-7-1511544073"]
    assert orders["placed_at"].equals(orders["paid_at"], check_names=False)
    assert orders.select("list_amount", "paid_amount", "units").null_count().row(0) == (2, 2, 2)
    assert (result.rows_in, result.rows_out, result.refused.height) == (10, 5, 5)


def days(counts: dict[date, int]) -> pl.Series:
    return pl.Series(
        [datetime.combine(day, datetime.min.time()) for day, n in counts.items() for _ in range(n)]
    )


def test_stray_days_are_left_out_and_quiet_ones_are_not() -> None:
    start = date(2020, 3, 1)
    month = {start + timedelta(days=n): 1000 for n in range(30)}
    stray = {date(1999, 1, 1) + timedelta(days=40 * n): 1 for n in range(60)}
    assert log_range(days(stray | month)) == (start, date(2020, 3, 30))
    # One great day does not make the quiet ones stray.
    promotion = {start: 3, start + timedelta(days=1): 5, start + timedelta(days=2): 1000}
    assert log_range(days(promotion)) == (start, start + timedelta(days=2))
    assert log_range(days({start: 1})) == (start, start)


@pytest.mark.parametrize("reader", [read_jddc, read_taobao_userbehavior])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_line_comes_out_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, sound: Sound, reader: Reader, data: st.DataObject
) -> None:
    text = JDDC if reader is read_jddc else LOG
    for _ in range(data.draw(st.integers(0, 10))):
        at = data.draw(st.integers(0, len(text)))
        junk = data.draw(
            st.sampled_from(["\n", "\r", "\0", "\t", ",", "-", "9" * 12, '"', "\u2028", ""])
        )
        text = text[:at] + junk + text[at + data.draw(st.integers(0, 4)) :]
    lines = [
        line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()
    ]
    path = put(tmp_path_factory.mktemp("corrupt"), text)
    result = sound(reader([path]))
    assert len(lines) - result.rows_in in (0, 1)  # a header of JDDC is no row
    assert sorted(result.refused["_line"].unique()) == sorted(result.refused["_line"])


def test_no_mapping_for_formats_that_take_none(tmp_path: Path) -> None:
    for reader in (read_jddc, read_taobao_userbehavior):
        with pytest.raises(ImporterError, match="takes no mapping"):
            reader([put(tmp_path, LOG)], tmp_path / "m.yml")


def test_the_log_is_read_at_utc8() -> None:
    moment = datetime(2017, 11, 24, 16, 0, tzinfo=UTC)
    assert datetime(2017, 11, 25) - moment.replace(tzinfo=None) == timedelta(hours=8)


def test_a_session_of_two_users_keeps_the_first(tmp_path: Path, sound: Sound) -> None:
    lines = ("s1\tu1\t0\t0\t0\tnan\t你好", "s1\tu2\t0\t0\t0\tnan\t在吗", "s1\tu1\t1\t0\t0\tnan\t在")
    result = sound(read_jddc([put(tmp_path, "\n".join(lines))]))
    assert result.tables["messages"]["text"].to_list() == ["你好", "在"]
    assert "another buyer" in result.refused["_reason"].item()
