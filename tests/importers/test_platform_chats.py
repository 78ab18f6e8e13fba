"""Chats of 生意参谋, 京麦 and Intercom: sides, buyers, times, and what is no message."""

# ruff: noqa: E501 - rows of files stand as they are
from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from csinsight.errors import ImporterError
from csinsight.importers.intercom import read_intercom
from csinsight.importers.platform_chats import (
    read_jingmai_chats,
    read_sycm_chats,
)

SYCM = {
    "sessions": [
        {
            "meta": {
                "dataId": "20261005_77_店:小鹿_2201",
                "buyerNick": "t**",
                "psnNickName": "店:小鹿",
                "startTime": "2026-10-05 10:00:00",
                "isSellerFst": False,
                "isUnReply": False,
            },
            "messages": [
                {
                    "gmtCreated": "2026-10-05 10:00:00",
                    "userNickFrom": "t**",
                    "userNickTo": "店:小鹿",
                    "msg": "在吗",
                    "msgId": 1,
                },
                {
                    "gmtCreated": 1791165610000,
                    "userNickFrom": "店:小鹿",
                    "userNickTo": "t**",
                    "msg": "在的亲",
                    "msgId": 2,
                },
                {
                    "gmtCreated": "2026-10-05 10:00:30",
                    "userNickFrom": "店:店小蜜",
                    "userNickTo": "t**",
                    "msg": "机器人为您服务",
                    "msgId": 3,
                },
            ],
        },
        {
            "meta": {
                "dataId": "20261005_77_店:可可_2202",
                "buyerNick": "小明",
                "psnNickName": "店:可可",
            },
            "messages": [
                {
                    "gmtCreated": "2026-10-05 11:00:00",
                    "userNickFrom": "小明",
                    "userNickTo": "店:可可",
                    "msg": "",
                    "msgId": 4,
                },
                {
                    "gmtCreated": "2026-10-05 11:00:05",
                    "userNickFrom": "小明",
                    "userNickTo": "店:可可",
                    "msg": "多少钱",
                    "msgId": 5,
                },
            ],
        },
    ]
}
JINGMAI = """customer,waiter,created,waiterSend,type,content,consultationDate,responseTime,sessionTypeDesc,resultTags
jd_a,店铺小李,2026-10-05 10:00:00,false,text,有货吗,2026-10-05,,普通咨询,
jd_a,店铺小李,2026-10-05 10:00:20,true,text,有的亲,2026-10-05,20,普通咨询,
jd_a,店铺小李,2026-10-05 10:00:40,true,image,,2026-10-05,,普通咨询,
jd_b,店铺小李,,false,text,没有时间的一行,2026-10-05,,普通咨询,
"""
INTERCOM = {
    "conversations": [
        {
            "id": "c1",
            "created_at": 1791165600,
            "contacts": {"contacts": [{"id": "u1"}]},
            "source": {
                "body": "<p>Is the mug in stock?</p>",
                "author": {"type": "user", "id": "u1", "email": "Ann@Example.com"},
            },
            "conversation_rating": {"rating": 5, "created_at": 1791169200, "teammate": {"id": 9}},
            "conversation_parts": {
                "conversation_parts": [
                    {
                        "part_type": "comment",
                        "body": "<p>Yes, it is.</p>",
                        "created_at": 1791165660,
                        "author": {"type": "admin", "id": "9", "name": "Mia"},
                    },
                    {
                        "part_type": "assignment",
                        "body": None,
                        "created_at": 1791165661,
                        "author": {"type": "admin", "id": "9", "name": "Mia"},
                    },
                    {
                        "part_type": "note",
                        "body": "<p>vip</p>",
                        "created_at": 1791165662,
                        "author": {"type": "admin", "id": "9", "name": "Mia"},
                    },
                    {
                        "part_type": "comment",
                        "body": "<p>Great, I take &amp; pay two.</p>",
                        "created_at": 1791165700,
                        "author": {"type": "user", "id": "u1"},
                    },
                ]
            },
        }
    ]
}


def _json(tmp_path: Path, what: object) -> Path:
    path = tmp_path / "chats.json"
    path.write_text(json.dumps(what, ensure_ascii=False), encoding="utf-8")
    return path


def test_sycm_sessions(tmp_path: Path) -> None:
    imported = read_sycm_chats([_json(tmp_path, SYCM)])
    rows = imported.tables["messages"]

    assert imported.rows_in == imported.rows_out + imported.refused.height == 5
    assert rows["sender"].to_list() == ["buyer", "agent", "bot", "buyer"]
    assert rows["buyer_id"].to_list() == ["2201", "2201", "2201", "小明"], "a masked nick gives way"
    assert rows["agent_id"].to_list() == [None, "店:小鹿", None, None]
    assert rows["sent_at"].to_list()[1] == datetime(2026, 10, 5, 10, 0, 10), (
        "milliseconds since 1970"
    )
    assert (
        imported.refused["_reason"].to_list() == ["the message has no text"]
        or len(imported.refused) == 1
    )


def test_jingmai_rows(tmp_path: Path) -> None:
    path = tmp_path / "jm.csv"
    path.write_text(JINGMAI, encoding="utf-8")

    imported = read_jingmai_chats([path])
    rows = imported.tables["messages"]

    assert imported.rows_in == imported.rows_out + imported.refused.height == 4
    assert rows["sender"].to_list()[:2] == ["buyer", "agent"]
    assert "no time" in imported.refused["_reason"].to_list()[-1]
    assert imported.tables["agents"]["agent_id"].to_list() == ["店铺小李"]


def test_jingmai_needs_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "jm.csv"
    path.write_text("customer,waiter\na,b\n", encoding="utf-8")

    with pytest.raises(ImporterError, match="has no column created, waiterSend, content"):
        read_jingmai_chats([path])


def test_intercom_opening_parts_and_rating(tmp_path: Path) -> None:
    imported = read_intercom([_json(tmp_path, INTERCOM)], timezone="Asia/Shanghai")
    rows = imported.tables["messages"]

    assert imported.rows_in == 6  # and the rating
    assert rows["text"].to_list() == [
        "Is the mug in stock?",
        "Yes, it is.",
        "Great, I take & pay two.",
    ]
    assert rows["sender"].to_list() == ["buyer", "agent", "buyer"]
    assert set(rows["buyer_id"]) == {"ann@example.com"}
    assert rows["sent_at"].to_list()[0] == datetime(2026, 10, 5, 10, 0)
    assert imported.tables["agents"].to_dicts() == [{"agent_id": "9", "name": "Mia"}]
    assert imported.tables["ratings"]["score"].to_list() == [5]
    reasons = imported.refused["_reason"].to_list()
    assert len(reasons) == 2
    assert "assignment without a body" in reasons[0]
    assert "note of the team" in reasons[1]


def test_intercom_needs_the_shops_clock(tmp_path: Path) -> None:
    with pytest.raises(ImporterError, match="--timezone"):
        read_intercom([_json(tmp_path, INTERCOM)])
