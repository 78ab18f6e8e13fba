"""Qianniu chats: the three pasted forms, noise, sides, and the workbook."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from csinsight.errors import ConfigError
from csinsight.importers import Imported, ImporterError
from csinsight.importers.qianniu_chat import read_qianniu_chat

Sound = Callable[[Imported], Imported]

PASTE = """您好
小雨2024-1-5 9:03:07
在吗
有没有大码的
已读
[茶小铺：阿梅] 2024-01-05 09:03:20
亲，在的
创建时间：2024-01-05 08:00:00
未读
由 茶小铺:阿梅 转交给 茶小铺:小李
茶小铺:小李(2024/1/5 9:04:00): 您要几码
茶小铺:服务助手 2024-1-5 9:04:10
欢迎光临
小雨 撤回了一条消息
茶小铺 2024-1-5 9:05:00
请在客户端查看原始聊天记录，网页版无法展示
小雨 2024-13-45 9:05:10
坏时间
[小雨] 2024-1-5 9:06
茶小铺:小李 2024-1-5 9:06:30
好的
"""


def paste(folder: Path, text: str, name: str = "chat.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_three_forms_and_the_noise(tmp_path: Path, sound: Sound) -> None:
    result = sound(read_qianniu_chat([paste(tmp_path, PASTE)]))
    rows = result.tables["messages"].select("sender", "agent_id", "sent_at", "text").rows()
    day = datetime(2024, 1, 5)
    assert rows == [
        ("buyer", None, day.replace(hour=9, minute=3, second=7), "在吗\n有没有大码的"),
        (
            "agent",
            "茶小铺:阿梅",
            day.replace(hour=9, minute=3, second=20),
            "亲，在的\n创建时间：2024-01-05 08:00:00",
        ),
        (
            "system",
            None,
            day.replace(hour=9, minute=3, second=20),
            "由 茶小铺:阿梅 转交给 茶小铺:小李",
        ),
        ("agent", "茶小铺:小李", day.replace(hour=9, minute=4), "您要几码"),
        ("bot", None, day.replace(hour=9, minute=4, second=10), "欢迎光临"),
        ("system", None, day.replace(hour=9, minute=4, second=10), "小雨 撤回了一条消息"),
        ("agent", "茶小铺:小李", day.replace(hour=9, minute=6, second=30), "好的"),
    ]
    assert result.tables["messages"]["buyer_id"].unique().to_list() == ["小雨"]
    assert result.tables["agents"].rows() == [("茶小铺:阿梅", "阿梅"), ("茶小铺:小李", "小李")]
    refused = dict(result.refused.select("_line", "_reason").iter_rows())
    assert sorted(refused) == [1, 5, 9, 15, 17, 19]
    assert "missing, not a reply" in refused[15]
    assert "does not exist" in refused[17]
    assert "no text" in refused[19]
    assert (result.rows_in, result.rows_out) == (13, 7)
    assert any("1 messages could not be shown" in notice for notice in result.notices)


def test_an_agents_line_belongs_to_the_talk_it_stands_in(tmp_path: Path) -> None:
    text = (
        "店:甲 2024-1-5 9:00:00\n您好\n买家一 2024-1-5 9:00:10\n在吗\n店:甲 2024-1-5 9:00:20\n在\n"
        "店:甲 2024-1-4 8:00:00\n您好\n买家二 2024-1-4 8:00:10\n在吗\n"
        "店:甲 2024-1-3 8:00:00\n有活动\n"
    )
    result = read_qianniu_chat([paste(tmp_path, text)])
    assert result.tables["messages"]["buyer_id"].to_list() == ["买家一"] * 3 + ["买家二"] * 2
    assert result.refused["_reason"].to_list() == [
        "no buyer wrote in this talk, so nobody is known whose it is"
    ]


def test_masked_buyers_of_two_talks_are_two_buyers(tmp_path: Path) -> None:
    text = "摩** 2024-1-5 9:00:00\n在吗\n店:甲 2024-1-5 9:00:20\n在\n"
    again = text.replace("9:00", "8:00")
    result = read_qianniu_chat([paste(tmp_path, text), paste(tmp_path, again, "b.txt")])
    assert result.tables["messages"]["buyer_id"].n_unique() == 2
    assert any("masked" in notice for notice in result.notices)


def test_overlapping_copies_count_once(tmp_path: Path) -> None:
    text = "小雨 2024-1-5 9:00:00\n在吗\n店:甲 2024-1-5 9:00:20\n在\n"
    result = read_qianniu_chat([paste(tmp_path, text), paste(tmp_path, text, "b.txt")])
    assert (result.rows_in, result.rows_out, result.refused.height) == (4, 2, 2)


def test_agents_without_a_colon_have_to_be_told(tmp_path: Path) -> None:
    path = paste(tmp_path, "小雨 2024-1-5 9:00:00\n在吗\n阿梅 2024-1-5 9:00:20\n在\n")
    with pytest.raises(ImporterError, match="name the agents in a YAML file"):
        read_qianniu_chat([path])
    plan = paste(tmp_path, "agents: [阿梅]\n", "chat.yml")
    assert read_qianniu_chat([path], plan).tables["agents"].rows() == [("阿梅", "阿梅")]
    with pytest.raises(ConfigError, match="did you mean `agents`"):
        read_qianniu_chat([path], paste(tmp_path, "agent: [阿梅]\n", "typo.yml"))


ROWS = [
    ("tb1", "2", "20:57:13", "有现货吗", "tb1", "客户"),
    ("tb1", "1", "20:57:11", "请在客户端查看原始聊天记录，网页版无法展示", "得力店:小迪", "客服"),
    ("tb1", "3", "20:57:40", "有的", "得力店:小迪", ""),
    ("tb1", "4", "00:10:00", "好", "tb1", ""),
    ("tb1", "5", "下午", "好", "tb1", ""),
    ("tb1", "6", "20:59:00", "？", "", ""),
]


def workbook(folder: Path, rows: list[tuple[str, ...]]) -> Path:
    path = folder / "chat.xlsx"
    book = xlsxwriter.Workbook(path)
    book.add_worksheet("导出汇总").write_row(0, 0, ["客户名", "消息数"])
    sheet = book.add_worksheet("tb1")
    header = ["客户名", "消息序号", "发送时间", "发送内容", "发送账号", "账号类型"]
    for number, row in enumerate([header, *rows]):
        sheet.write_row(number, 0, row)
    book.close()
    return path


def test_the_workbook_without_dates(tmp_path: Path) -> None:
    result = read_qianniu_chat([workbook(tmp_path, ROWS)])
    messages = result.tables["messages"]
    assert messages["text"].to_list() == ["有现货吗", "有的", "好"]
    assert messages["sender"].to_list() == ["buyer", "agent", "buyer"]
    assert messages["sent_at"].null_count() == 3
    assert messages["conversation_id"].n_unique() == 1
    assert (result.rows_in, result.rows_out, result.refused.height) == (6, 3, 3)
    assert any("has other columns and is not read" in notice for notice in result.notices)


def test_the_workbook_with_its_day(tmp_path: Path) -> None:
    plan = paste(tmp_path, "day: 2024-01-05\n", "chat.yml")
    messages = read_qianniu_chat([workbook(tmp_path, ROWS)], plan).tables["messages"]
    assert messages["sent_at"].to_list() == [
        datetime(2024, 1, 5, 20, 57, 13),
        datetime(2024, 1, 5, 20, 57, 40),
        datetime(2024, 1, 6, 0, 10),
    ]


def test_the_workbook_with_full_times(tmp_path: Path) -> None:
    rows = [(a, b, f"2024-01-05 {c}", *rest) for a, b, c, *rest in ROWS[:4]]
    messages = read_qianniu_chat([workbook(tmp_path, rows)]).tables["messages"]
    assert messages["sent_at"].to_list()[0] == datetime(2024, 1, 5, 20, 57, 13)
    assert "conversation_id" not in messages.columns


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_every_entry_comes_out_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, sound: Sound, data: st.DataObject
) -> None:
    text = PASTE
    for _ in range(data.draw(st.integers(0, 10))):
        at = data.draw(st.integers(0, len(text)))
        junk = data.draw(
            st.sampled_from(
                ["\n", "\0", ":", "(", "2024-1-5 9:00:00", "\u2028", "已读\n", "x" * 90, "*", ""]
            )
        )
        text = text[:at] + junk + text[at + data.draw(st.integers(0, 4)) :]
    path = paste(tmp_path_factory.mktemp("corrupt"), text)
    try:
        result = sound(read_qianniu_chat([path]))
    except ImporterError as error:
        assert "name the agents" in str(error)
        return
    assert result.rows_out == result.tables.get("messages", pl.DataFrame()).height
