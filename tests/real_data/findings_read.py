"""Every hit of the rules about people in public chats, read one by one; no chat text here.

The chats: all agents' lines of `jddc_raw`, `jddc_satisfaction` and `ecd_taobao` in the shared data
(only lines that were really sent), and the English messages of the second labelled set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.profiles import load_profile
from csinsight.behaviours.table import mark_table
from csinsight.contract.domain import COMPLIANCE

#: By rule: the conversation (source and its first characters or line), and whether it is right.
READ: Final[dict[str, dict[str, bool]]] = {
    "off_platform": {"jddc_raw/45f781dd": True},
    "over_promises": {
        "jddc_satisfaction/valid_0001": True,
        "jddc_satisfaction/valid_0069": True,
        "ecd_taobao/6": True,
        "ecd_taobao/10": True,
        "ecd_taobao/12": True,
        "ecd_taobao/70": True,
    },
    "rude_or_blaming": {"ecd_taobao/10": True},
    "asks_for_praise": {
        "jddc_raw/4551392d": True,
        "jddc_raw/9527d1ff": True,
        "jddc_raw/98a821f3": True,
        "jddc_raw/a64b9a09": True,
        "ecd_taobao/102": True,
    },
    "trades_for_praise": {"ecd_taobao/12": True},
    "leaks_order_data": {},
}


def _jd_sessions(data: Path) -> Iterator[tuple[str, str, str]]:
    for line in (data / "jddc_raw" / "chat_0.1per.txt").read_text("utf-8").splitlines():
        cells = line.split("\t")
        if len(cells) >= 7:
            sender = "agent" if cells[2] == "1" else "buyer"
            yield f"jddc_raw/{cells[0][:8]}", sender, cells[6]


def _jd_dialogues(data: Path) -> Iterator[tuple[str, str, str]]:
    dialogues = data / "jddc_satisfaction" / "valid_dialogues.jsonl"
    for line in dialogues.read_text("utf-8").splitlines():
        dialogue = json.loads(line)
        name = f"jddc_satisfaction/{dialogue['dialogue_id']}"
        for turn in dialogue["turns"]:
            said = (("buyer", turn["buyer"]), ("agent", turn["agent_reply"]))
            yield from ((name, sender, text) for sender, text in said if text)


def _taobao(data: Path) -> Iterator[tuple[str, str, str]]:
    lines = (data / "ecd_taobao" / "ECD_train.txt").read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        label, *words = line.split("\t")
        said = ["".join(text.split()) for text in words]
        for place, text in enumerate(said):
            # The last line is the agent's reply; before it the two sides take turns.
            sender = "agent" if (len(said) - 1 - place) % 2 == 0 else "buyer"
            if label == "1" and text:
                yield f"ecd_taobao/{number}", sender, text


def hits_of(data: Path) -> tuple[int, int, dict[str, dict[str, int]]]:
    """Return how many conversations and agents' lines there are, and hits by rule and place.

    Each platform's chats are read by its own KPI profile, which says what is official there.
    """
    names = ["conversation_id", "sender", "text"]
    sources = {"jd": [*_jd_sessions(data), *_jd_dialogues(data)], "taobao": [*_taobao(data)]}
    marked = pl.concat(
        mark_table(
            pl.DataFrame(lines, schema=names, orient="row"),
            load_lexicon(official=load_profile(platform).official),
        )
        for platform, lines in sources.items()
    )
    agent = marked.filter(pl.col("sender") == "agent")
    found = {}
    for rule in COMPLIANCE:
        places = agent.filter(pl.col(rule)).group_by("conversation_id").len()
        found[rule] = dict(places.sort("conversation_id").rows())
    return marked["conversation_id"].n_unique(), agent.height, found
