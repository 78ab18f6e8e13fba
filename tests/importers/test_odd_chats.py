"""Chats and service figures in the odd forms that clients and platforms give them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from csinsight.errors import ImporterError
from csinsight.importers import Imported
from csinsight.importers.intercom import read_intercom
from csinsight.importers.platform_chats import read_jingmai_chats
from csinsight.importers.platform_kpis import read_platform_kpis
from csinsight.importers.qianniu_chat import read_qianniu_chat
from csinsight.importers.quotes import without_quotes
from csinsight.importers.zendesk import read_zendesk

Sound = Callable[[Imported], Imported]
AT = [datetime(2026, 10, 5, 15, 2, 11), datetime(2026, 10, 5, 15, 2, 40)]


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "小雨 (2026-10-05 下午 3:02:11)\n在吗\n店:小李 (2026-10-05 下午 3:02:40)\n在的\n",
        "小雨 2026/10/5 下午3:02:11\n在吗\n店:小李 2026/10/5 下午3:02:40\n在的\n",
        "小雨 2026-10-05 3:02:11 PM\n在吗\n店:小李 2026-10-05 3:02:40 PM\n在的\n",
        "2026-10-05\n小雨 (15:02:11)：\n在吗\n店:小李 (15:02:40)：在的\n",
        "—— 2026-10-05 ——\n小雨 下午3:02:11\n在吗\n店:小李 下午3:02:40\n在的\n",
        "小雨１ ２０２６－１０－０５ １５：０２：１１\n在吗\n店:小李 2026-10-05 15:02:40\n在的\n",
        "雨１（２０２６／１０／０５ １５：０２：１１）：在吗\n店:小李 2026-10-05 15:02:40\n在的\n",
        "小雨１\n２０２６－１０－０５ １５：０２：１１\n在吗\n店:小李\n2026-10-05 15:02:40\n在的\n",
    ],
)
def test_clocks_of_twelve_hours_and_days_above(tmp_path: Path, sound: Sound, text: str) -> None:
    told = sound(read_qianniu_chat([put(tmp_path, "chat.txt", text)])).tables["messages"]
    assert told["sent_at"].to_list() == AT
    assert told["text"].to_list() == ["在吗", "在的"]


def test_a_dongdong_session_ends_where_it_says(tmp_path: Path) -> None:
    from csinsight.importers.jd_dongdong import read_jd_dongdong

    text = "以下为一通会话\njd_1 2026-10-05 上午10:00:00\n在吗\n店员 2026-10-05 上午10:00:09\n在\n"
    agents = put(tmp_path, "m.yml", "agents: [店员]\n")
    made = read_jd_dongdong([put(tmp_path, "x.txt", f"{text}以上为一通会话\n")], agents)
    assert made.tables["messages"]["text"].to_list() == ["在吗", "在"]


def test_talks_held_at_once_stay_two(tmp_path: Path, sound: Sound) -> None:
    talk = "甲 2026-10-05 20:00:00\n在吗\n店:小李 2026-10-05 20:09:00\n在的\n"
    beside = "乙 2026-10-05 20:05:00\n有货吗\n店:小王 2026-10-05 20:12:00\n有的\n"
    late = "乙 2026-10-05 20:40:00\n拍了\n\n丙 2026-10-05 20:20:00\n包邮吗\n"
    last = "店:小王 2026-10-05 20:21:00\n包的\n"
    messages = sound(
        read_qianniu_chat([put(tmp_path, "a.txt", f"{talk}\n{beside}{late}{last}")])
    ).tables["messages"]
    said = {who: messages.filter(buyer_id=who)["text"].to_list() for who in "甲乙丙"}
    assert said == {
        "甲": ["在吗", "在的"],
        "乙": ["有货吗", "有的", "拍了"],
        "丙": ["包邮吗", "包的"],
    }
    quoted = "甲 2026-10-05 20:30:00\n你看她说的\n乙 2026-10-05 20:05:00\n有货\n"
    answer = "店:小李 2026-10-05 20:31:00\n嗯\n店:小李 2026-10-05 20:32:00\n我看下\n"
    told = read_qianniu_chat([put(tmp_path, "b.txt", f"{talk}{quoted}{answer}")])
    assert set(told.tables["messages"]["buyer_id"]) == {"甲"}


def test_a_day_between_two_messages_is_no_text(tmp_path: Path) -> None:
    text = "2026-10-05\n小雨 (15:02:11)\n在吗\n2026-10-06\n店:小李 (09:00:00)\n在的\n"
    told = read_qianniu_chat([put(tmp_path, "chat.txt", text)]).tables["messages"]
    assert told["text"].to_list() == ["在吗", "在的"]
    assert told["sent_at"].dt.day().to_list() == [5, 6]


@pytest.mark.parametrize(
    ("time", "hour"),
    [("下午 3:20:00", 15), ("上午 12:20:00", 0), ("PM 12:20:00", 12), ("晚上 12:20:00", None)],
)
def test_a_half_of_the_day_in_a_table(tmp_path: Path, time: str, hour: int | None) -> None:
    head = "客户名,消息序号,发送时间,发送内容,发送账号,账号类型\n"
    rows = f"小雨,1,2026/10/5 {time},退货,小雨,客户\n小雨,2,2026/10/5 23:00,好,店:小李,客服\n"
    made = read_qianniu_chat([put(tmp_path, "chat.csv", head + rows)])
    hours = made.tables["messages"]["sent_at"].dt.hour().to_list()
    assert hours == ([23] if hour is None else [hour, 23])


def test_days_that_a_spreadsheet_counts_are_times_of_chats(tmp_path: Path, sound: Sound) -> None:
    # 15:02:11 and 15:02:40 on 5 October 2026.
    first, second = "46300.626516204", "46300.626851852"
    qianniu = (
        "客户名,消息序号,发送时间,发送内容,发送账号,账号类型\n"
        f"小雨,1,{first},在吗,小雨,客户\n小雨,2,{second},在的,店:小李,客服\n"
    )
    jingmai = (
        "customer,waiter,created,waiterSend,content\n"
        f"小雨,店员,{first},0,在吗\n小雨,店员,{second},1,在的\n"
    )
    for read, text in ((read_qianniu_chat, qianniu), (read_jingmai_chats, jingmai)):
        made = sound(read([put(tmp_path, "chat.csv", text)]))
        assert made.tables["messages"]["sent_at"].to_list() == AT
        assert "2 rows have times as days" in " ".join(map(str, made.notices))


@pytest.mark.parametrize(
    ("name", "encoding", "page", "top"),
    [
        ("x.xls", "utf-16", "", ""),
        ("x.csv", "gb18030", "", "聊天记录导出,,,,,\n"),
        ("x.xls", "utf-8", "<table>{}</table>", ""),
    ],
)
def test_a_table_of_messages_by_any_name(
    tmp_path: Path, sound: Sound, name: str, encoding: str, page: str, top: str
) -> None:
    text = (
        "客户名,消息序号,發送時間,发送内容,发送账号,账号类型\n"
        "小雨,1,2026-10-05 10:00:00,在吗,小雨,客户\n小雨,2,2026-10-05 10:00:20,在,店:小李,客服\n"
    )
    if page:
        cells = text.strip().replace(",", "<td>").replace("\n", "<tr><td>")
        text = page.format(f"<tr><td>{cells}")
    (tmp_path / name).write_text(top + text, encoding=encoding)
    told = sound(read_qianniu_chat([tmp_path / name])).tables["messages"]
    assert told["sender"].to_list() == ["buyer", "agent"]


TALK = "{who} 2026-10-05 10:0{n}:00\n在吗\n{shop}:小李 2026-10-05 10:0{n}:20\n在\n"


def talks(shop: str, *buyers: str) -> str:
    return "".join(TALK.format(who=who, n=n, shop=shop) for n, who in enumerate(buyers))


def test_the_platforms_own_robot_is_no_buyer(tmp_path: Path) -> None:
    text = (
        talks("店", "甲")
        + "店小蜜 2026-10-05 10:01:00\n欢迎\n爱店小蜜蜂 2026-10-05 11:00:00\n你好\n"
    )
    told = read_qianniu_chat([put(tmp_path, "chat.txt", text)]).tables["messages"]
    assert told["sender"].to_list() == ["buyer", "agent", "bot", "buyer"]
    assert told["buyer_id"].to_list() == ["甲", "甲", "甲", "爱店小蜜蜂"]


def test_two_shops_in_one_file_and_a_guest(tmp_path: Path) -> None:
    both = put(tmp_path, "both.txt", talks("甲店", "a", "b", "c", "d") + talks("乙店", "e", "f"))
    with pytest.raises(ImporterError, match=r"both\.txt: holds chats of two shops, 乙店 and 甲店"):
        read_qianniu_chat([both])
    asks = "别店:采购 2026-10-05 11:00:00\n能批发吗\n甲店:小李 2026-10-05 11:00:20\n可以\n"
    told = read_qianniu_chat([put(tmp_path, "guest.txt", talks("甲店", "a", "b") + asks)])
    last = told.tables["messages"].tail(2)
    assert last["sender"].to_list() == ["buyer", "agent"]
    assert set(last["buyer_id"]) == {"别店:采购"}


JINGMAI = "customer,waiter,created,waiterSend,type,content,sid,{shop}\n"


def test_jingmai_names_its_shop_and_keeps_a_session_whole(tmp_path: Path, sound: Sound) -> None:
    head = JINGMAI.format(shop="shopName")
    rows = (
        "j***a,机器人小京,2026-10-05 10:00:00,true,text,您好,s1,甲店\n"
        "j***a,小李,2026-10-05 10:00:20,true,text,在,s1,甲店\n"
    )
    one = put(tmp_path, "one.csv", head + rows)
    told = sound(read_jingmai_chats([one])).tables["messages"]
    # A robot and a person in one session: one masked buyer.
    assert told["buyer_id"].n_unique() == 1
    two = put(tmp_path, "two.csv", head + rows.replace("甲店", "乙店"))
    with pytest.raises(ImporterError, match=r"two shops: 乙店 in two\.csv, 甲店 in one\.csv"):
        read_jingmai_chats([one, two])
    mixed = put(tmp_path, "mixed.csv", head + rows.replace("甲店", "乙店", 1))
    with pytest.raises(ImporterError, match="two shops"):
        read_jingmai_chats([mixed])
    renamed = put(tmp_path, "one.yml", "one_shop: true\n")
    assert read_jingmai_chats([mixed], renamed).rows_out == 2


def test_jingmai_sessions_of_one_number_are_two_shops(tmp_path: Path) -> None:
    row = "{who},小李,2026-10-05 10:00:00,false,text,在吗,{sid}\n"
    head = JINGMAI.format(shop="").replace(",\n", "\n")
    files = [
        put(tmp_path, f"{name}.csv", head + "".join(row.format(who=w, sid=s) for w, s in pairs))
        for name, pairs in (("x", [("a", 1), ("b", 2)]), ("y", [("c", 1), ("d", 2)]))
    ]
    with pytest.raises(ImporterError, match=r"x\.csv, y\.csv: 2 of the 2 conversations in both"):
        read_jingmai_chats(files)


def test_intercom_says_which_conversations_it_cut(tmp_path: Path) -> None:
    part = {"body": "Hi", "created_at": 1791165600, "author": {"type": "admin", "id": 1}}
    talk = {
        "created_at": 1791165600,
        "source": {"body": "Help", "author": {"type": "user", "id": "u", "email": "a@x.com"}},
        "conversation_parts": {"total_count": 600, "conversation_parts": [part]},
    }
    file = put(tmp_path, "x.json", json.dumps({"conversations": [talk]}))
    assert (
        "1 conversations have more parts" in read_intercom([file], timezone="Asia/Tokyo").notices[0]
    )


def _zendesk(*authors: int, **more: object) -> str:
    said = [
        {"author_id": who, "created_at": f"2026-10-05T10:0{n}:00Z", "body": "x", "public": True}
        for n, who in enumerate(authors)
    ]
    return json.dumps({"id": 1, "requester_id": 7, "comments": said, **more})


def test_a_writer_of_no_known_role_in_anothers_ticket_is_no_agent(tmp_path: Path) -> None:
    """Nobody tells whether 9 was copied in; 8 has the ticket, and 5 writes to two requesters."""
    lines = [
        _zendesk(7, 8, 9, 5, assignee_id=8),
        _zendesk(6, 5, 8, id=2, requester_id=6, assignee_id=8),
    ]
    made = read_zendesk([put(tmp_path, "x.jsonl", "\n".join(lines))], timezone="Asia/Tokyo")
    assert made.tables["agents"]["agent_id"].sort().to_list() == ["5", "8"]
    (why,) = made.refused["_reason"]
    assert why.startswith("nothing tells whether its writer is an agent or was copied in")


@pytest.mark.parametrize(
    "quote",
    [
        "On Mon, Oct 5, 2026 at 3:04 PM, Ann <ann@x.example> wrote:\n> Is it oak?\n>\n> -- \n> Ann",
        "On Monday, October 5, 2026 at 3:04 PM, Ann of long name\n<ann@x.example> wrote:\n> Oak?",
        "Le lun. 5 oct. 2026 à 15:04, Ann <ann@x.example> a écrit :\n\nIs it oak?",
        "El lun, 5 oct 2026 a las 15:04, Ann (<ann@x.example>) escribió:\n> Is it oak?",
        "Am Mo., 5. Okt. 2026 um 15:04 Uhr schrieb Ann <ann@x.example>:\n> Is it oak?",
        "-----Original Message-----\nFrom: Ann\nIs it oak?",
        "From: Ann <ann@x.example>\nSent: Monday, October 5\nTo: us\nSubject: Oak\n\nIs it oak?",
        "在 2026年10月5日，Ann 写道：\n> 是橡木吗",
        "##- Please type your reply above this line -##\nIs it oak?",
    ],
)
def test_what_a_mail_quotes_is_not_said_by_its_writer(quote: str) -> None:
    assert without_quotes(f"Yes, solid.\n\nLuis\n\n{quote}") == "Yes, solid.\n\nLuis"
    # Nothing else is in it: the whole stays.
    assert without_quotes(f"\n{quote}") == f"\n{quote}"


def test_answers_between_quoted_lines_and_words_like_a_quotes_stay() -> None:
    mail = "On Mon, Oct 5, Ann wrote:\n> Is it oak?\nYes.\n> And the legs?\nBeech."
    assert without_quotes(mail) == "Yes.\nBeech."
    letter = "Hi,\nOn the site you wrote:\ntwo weeks.\n>_< so slow\nFrom: Austin, to: Boston"
    assert without_quotes(letter) == letter


def test_mails_of_zendesk_hold_no_quotes(tmp_path: Path, sound: Sound) -> None:
    said = "Yes.\n\nOn Mon, Oct 5, 2026, Ann <ann@x.example> wrote:\n> Is it oak?"
    asked = {"author_id": 7, "plain_body": "Is it oak?", "created_at": "2026-10-05T10:00:00Z"}
    answer = {"author_id": 9, "plain_body": said, "created_at": "2026-10-05T10:09:00Z"}
    ticket = {"id": 5, "requester_id": 7, "assignee_id": 9, "comments": [asked, answer]}
    file = put(tmp_path, "tickets.json", json.dumps({"tickets": [ticket]}))
    imported = sound(read_zendesk([file], timezone="Europe/Berlin"))
    assert imported.tables["messages"]["text"].to_list() == ["Is it oak?", "Yes."]
    assert any("1 messages quote" in told for told in imported.notices)


def test_a_view_of_zendesk_is_said_to_hold_no_messages(tmp_path: Path) -> None:
    file = put(tmp_path, "view.csv", "Id,Requester,Subject\n1,Ann,Where is it\n")
    with pytest.raises(ImporterError, match=r"view\.csv: is not JSON; a view .* as JSON"):
        read_zendesk([file], timezone="Asia/Tokyo")


def test_units_in_the_names_of_figures(tmp_path: Path, sound: Sound) -> None:
    """0.9 below a name with (%) is 0.9 per cent, and minutes are brought to seconds."""
    head = "统计日期,客服昵称,3分钟人工响应率（%）,平均响应时长(分钟),销售额(元)\n"
    file = put(
        tmp_path,
        "k.csv",
        head + '20261001,小李,98.5,1.5,"1,200.50"\n20261002,小李,0.9,00:00:45,-\n',
    )
    told = sound(read_platform_kpis([file])).tables["platform_kpis"].rows()
    found = {(row[0].day, row[2]): row[3] for row in told}
    assert found == {
        (1, "3分钟人工响应率"): 0.985,
        (1, "平均响应时长"): 90.0,
        (1, "销售额"): 1200.5,
        (2, "3分钟人工响应率"): pytest.approx(0.009),
        (2, "平均响应时长"): 45.0,
    }


def test_hours_units_and_scores_of_service_figures(tmp_path: Path, sound: Sound) -> None:
    """A row of units below the names; satisfaction per cent, and as a score of five."""
    rows = (
        "客服数据,,,,\n统计时间,客服账号,响应,,满意度\n"
        ",,3分钟人工回复率,平均人工响应时长,\n,,(8:00-23:00),（秒）,\n"
    )
    for score, value in (("98", 0.98), ("4.8", 4.8)):
        file = put(tmp_path, "k.csv", f"{rows}2026/10/05,a,0.98,33,{score}\n2026/10/06,a,1,-,1\n")
        told = sound(read_platform_kpis([file])).tables["platform_kpis"].rows()
        first = {row[2]: row[3] for row in told if row[0].day == 5}
        assert first == {"3分钟人工回复率": 0.98, "平均人工响应时长": 33.0, "满意度": value}


def _block(buyer: str, start: datetime, *steps: tuple[str, int]) -> str:
    """Return a talk as pasted: who writes (``b`` or ``a``), so many minutes after its start."""
    nicks = {"b": buyer, "a": "店:小李"}
    return "".join(
        f"{nicks[who]} {start + timedelta(minutes=n):%Y-%m-%d %H:%M:%S}\n第{n}句\n"
        for who, n in steps
    )


@pytest.mark.parametrize("between", ["", "\n"])
@pytest.mark.parametrize("seed", range(4))
def test_blocks_in_any_order_keep_their_heads(
    tmp_path: Path, sound: Sound, between: str, seed: int
) -> None:
    """Talks lie as they were pasted, and some end on the buyer or were never answered."""
    blocks = []
    for n in range(60):
        start = datetime(2026, 10, 1 + n % 20, 9 + n % 9, n % 60)
        steps = [("b", 0), ("b", 1), ("a", 2), ("b", 4 + n % 3)]
        blocks.append(_block(f"tb_{n}", start, *steps))
        if n % 5 == 0:
            blocks.append(_block(f"tb_{n}", start + timedelta(days=6), ("b", 0), ("b", 3)))
    random.Random(seed).shuffle(blocks)  # noqa: S311 - an order, no secret
    made = sound(read_qianniu_chat([put(tmp_path, "c.txt", between.join(blocks))]))
    said = made.tables["messages"]
    buyers = said.filter(sender="buyer")
    assert made.notices == ()
    assert said.height == sum(block.count("句") for block in blocks)
    assert (buyers["buyer_id"].n_unique(), buyers.height) == (60, 60 * 3 + 12 * 2)


def test_traces_and_quotes_in_blocks_of_any_order_are_text(tmp_path: Path, sound: Sound) -> None:
    """What hardly ever fits is no buyer where it does, and a message told twice is a quote."""
    blocks = []
    for n in range(40):
        start = datetime(2026, 10, 28 - n // 2, 9 + n % 9, n)
        trace = "".join(
            f"{what} {start - timedelta(days=days):%Y-%m-%d %H:%M:%S}\n"
            for what, days in (("已揽收", 3), ("派送中", 2), ("已签收", 1))
        )
        talk = _block(f"tb_{n}", start, ("b", 0), ("a", 2))
        quote = f"tb_{n} {start:%Y-%m-%d %H:%M:%S}\n第0句\n"
        blocks.append(talk + trace + _block(f"tb_{n}", start, ("b", 30), ("a", 31)) + quote)
    made = sound(read_qianniu_chat([put(tmp_path, "c.txt", "".join(blocks))]))
    said = made.tables["messages"]
    assert set(said["buyer_id"]) == {f"tb_{n}" for n in range(40)}
    assert said.height == 4 * 40
    assert "160 lines look like the head of a message" in " ".join(made.notices)
