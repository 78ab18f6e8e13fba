"""Five thousand chats with people's details in every dress: none of it in anything we show."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta

import pandas as pd
import polars as pl
import pytest
from tests.coaching.planting import EVERYDAY, plain, planted_chats, shows
from tests.contexts import LEXICON, RULES

from csinsight.behaviours.conversations import ChatSource
from csinsight.coaching.excerpts import plan_excerpts
from csinsight.coaching.masking import mask_lines
from csinsight.coaching.plan import COLUMNS
from csinsight.engine import open_shop
from csinsight.views.agent_card import _talk
from csinsight.views.study import Study
from csinsight.views.workbook import _talks_sheet, as_json, workbook


@pytest.mark.slow
def test_nothing_planted_in_five_thousand_chats_is_left():
    """Of each kind over six hundred: each of its dresses after each lead about ten times."""
    left = []
    for nick, said, secrets in planted_chats(5_000):
        text = "\n".join(mask_lines(said, [nick]))
        secret_only = [s for s in secrets if not shows(EVERYDAY, s)]
        left += [(secret, text) for secret in secret_only if shows(text, secret)]
    assert left == []


def test_what_was_planted_was_there():
    for _, said, secrets in planted_chats(800):
        assert any(shows("\n".join(said), secret) for secret in secrets)


def test_masking_leaves_the_words_that_a_coach_needs():
    for _, said, _ in planted_chats(80):
        masked = mask_lines(said, [])
        assert len(masked) == len(said)
        assert masked[0] == said[0]


def test_nothing_planted_reaches_a_page_or_a_file_to_take_along(tmp_path, demo_folder):
    """The planted chats as a shop's own: excerpts, the card's boxes, the workbook and the JSON."""
    planted = planted_chats(240, seed=7)
    shop = _shop_of(planted, tmp_path / "data")
    talks = [f"t{place}" for place in range(len(planted))]
    plan = pd.concat(
        [_findings(f"店:{n}", talks[n::4], rule) for n in range(4) for rule in ("off_platform",)],
        ignore_index=True,
    )
    chats = ChatSource(shop, datetime(2026, 11, 1), 12, RULES, LEXICON)
    lines = plan_excerpts(chats, plan, pd.DataFrame({"conversation_id": talks}))
    # What can't be read once masked has no text, and goes on no card.
    lines = lines[lines["text"].notna()]
    assert len(lines) > 240
    study = Study(demo_folder, tmp_path / "run", shop="demo")
    status = pd.DataFrame({"agent_id": plan["agent_id"].unique(), "inquiries": 9, "status": "keep"})
    study.write("coaching_excerpts", lines)
    groups = lines.groupby(["agent_id", "behaviour", "side", "conversation_id"], sort=False)
    talks = [_talk(study, own, "", "hurts", peer=False, timed=False) for _, own in groups]
    told = "".join(talk.page_html() for talk in talks)
    one_each = plan.drop_duplicates("agent_id")
    made = as_json(study, one_each, status, lines, NOBODY)
    texts = [_sheet_text(study, lines), json.dumps(made, ensure_ascii=False)]
    everything = plain("\n".join([told, *texts]))
    left = {
        secret
        for _, _, secrets in planted
        for secret in secrets
        if not shows(EVERYDAY, secret) and len(plain(secret)) > 4 and plain(secret) in everything
    }
    assert left == set()


NOBODY = pd.DataFrame()


def _sheet_text(study, lines):
    rows = [[str(cell) for cell in row] for row in _talks_sheet(study, lines)[2]]
    made = workbook([("a", list("abcdef"), rows)])
    return pl.read_excel(io.BytesIO(made)).write_csv()


def _shop_of(chats, folder):
    """Write chats as a shop's messages: the last line of every talk leads off the platform."""
    rows = []
    for place, (nick, said, _) in enumerate(chats):
        start = datetime(2026, 10, 1) + timedelta(minutes=20 * place)
        agent = f"店:{place % 4}"
        lines = [*said[:-1], "有货吗", f"加我微信聊吧 {said[1]}"]
        for number, text in enumerate(lines):
            sender = "agent" if number == len(lines) - 1 else "buyer"
            rows.append(
                {
                    "buyer_id": nick,
                    "agent_id": agent if sender == "agent" else None,
                    "sender": sender,
                    "sent_at": start + timedelta(seconds=20 * number),
                    "text": text,
                    "conversation_id": f"t{place}",
                }
            )
    folder.mkdir(parents=True)
    pl.DataFrame(rows).write_parquet(folder / "messages.parquet")
    return open_shop(folder)


def _findings(agent, talks, rule):
    """Return one row a talk, so that every talk is shown."""
    empty = dict.fromkeys(COLUMNS, None)
    rows = [
        empty
        | {"agent_id": agent, "behaviour": rule, "kind": "compliance", "misses": [talk]}
        | {"hits": [], "peer_hits": []}
        for talk in talks
    ]
    return pd.DataFrame(rows)
