"""People's details in two thousand chats of a whole run: none is in any page, file or notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import fastexcel
import polars as pl
import pytest
from tests.coaching.planting import EVERYDAY, plain, planted_chats, shows
from tests.coaching.private import private

from csinsight.coaching.rarity import BUYERS
from csinsight.params import load_params
from csinsight.runs.month import run_month
from csinsight.simulate import simulate
from csinsight.views import labelling
from csinsight.views.study import Study

CHATS = 2_000
_UNSEEN = re.compile(r"<(style|script|svg)\b.*?</\1>|<[^>]*>", re.DOTALL)


def _plant(folder: Path) -> set[str]:
    """Put a planted talk into each of many chats, name the buyers, and return the secrets."""
    messages = pl.read_parquet(folder / "messages.parquet")
    asked = messages.filter(pl.col("sender") == "agent").sample(CHATS, seed=5).rows(named=True)
    talks = planted_chats(CHATS, seed=61)
    # A buyer goes by the name of the first of the talks; a name is one buyer's.
    first = {row["buyer_id"]: nick for row, (nick, *_) in zip(asked, talks, strict=True)}
    owners = {nick: buyer for buyer, nick in first.items()}
    nicks = {buyer: nick for nick, buyer in owners.items()}
    typed = _typed(asked)
    rows = [
        row | {"sender": side, "sent_at": row["sent_at"] + timedelta(seconds=n), "text": own(text)}
        for row, (nick, said, _) in zip(asked, talks, strict=True)
        for own in (_by_own_name(nick, nicks.get(row["buyer_id"], row["buyer_id"])),)
        for n, text in enumerate(said, start=1)
        for side in ("agent" if n % 2 else "buyer",)
    ]
    planted = pl.DataFrame([*rows, *typed], schema=messages.schema)
    pl.concat([messages, planted]).sort("buyer_id", "sent_at", maintain_order=True).with_columns(
        agent_id=pl.when(pl.col("sender") == "agent").then("agent_id")
    ).write_parquet(folder / "messages.parquet")
    for path in folder.glob("*.parquet"):
        table = pl.read_parquet(path)
        if "buyer_id" in table.columns:
            table.with_columns(pl.col("buyer_id").replace(nicks)).write_parquet(path)
    found = {*nicks.values(), *(s for _, _, secrets in talks for s in secrets[:-1])}
    return _telling(found)


def _telling(secrets: Iterable[str]) -> set[str]:
    """Return what tells of somebody wherever it stands: four digits alone are a price somewhere."""
    bare = {s for s in map(plain, secrets) if len(s) > 7 or not s.isascii()}
    return {s for s in bare if len(s) > 2 and not shows(EVERYDAY, s)}


def _typed(asked: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return what buyers type of themselves, said by four each right before an agent's line."""
    told = [one for one in private() for _ in range(BUYERS - 1)]
    return [
        row
        | {"sender": "buyer", "text": text}
        | {"sent_at": row["sent_at"] - timedelta(milliseconds=10 * (place // len(asked)) + 9 - n)}
        for place, one in enumerate(told)
        for row in (asked[place % len(asked)],)
        for n, text in enumerate(one.lines)
    ]


def _by_own_name(nick: str, name: str) -> Callable[[str], str]:
    """Return how a line is said to a buyer who goes by another name than it was planted with."""
    return lambda text: text.replace(nick, name).replace(nick.upper(), name.upper())


def _shown(out: Path) -> Iterator[tuple[str, str]]:
    """Yield what each file of a report and each executed notebook lets somebody read."""
    plain_files = ("html", "csv", "jsonl", "log", "txt", "svg", "md")
    for path in sorted(p for end in plain_files for p in out.rglob(f"*.{end}")):
        yield path.name, _UNSEEN.sub(" ", path.read_text(encoding="utf-8"))
    for path in sorted([*out.rglob("*.ipynb"), *out.rglob("*.json")]):
        told = json.loads(path.read_text(encoding="utf-8"))
        yield path.name, _UNSEEN.sub(" ", "\n".join(_texts(told)))
    for path in sorted(out.rglob("*.xlsx")):
        book = fastexcel.read_excel(path)
        for sheet in book.sheet_names:
            yield path.name, book.load_sheet(sheet, dtypes="string").to_polars().write_csv()


def _texts(told: object) -> Iterator[str]:
    if isinstance(told, dict):
        told = [value for key, value in told.items() if key != "image/svg+xml"]
    if isinstance(told, list):
        for inner in told:
            yield from _texts(inner)
    elif isinstance(told, str):
        yield told


@pytest.mark.slow
def test_nothing_planted_is_left_in_a_whole_run(tmp_path: Path) -> None:
    folder, out = tmp_path / "data", tmp_path / "out"
    simulate(folder, seed=61, buyers=500, agents=4, conversations=1200, months=1)
    secrets = _plant(folder)
    assert len(secrets) > CHATS / 2
    made = run_month(folder, load_params(None, shop="s", month="2026-10"), out)
    assert made.report is not None
    study = Study(folder, made.run, shop="s")
    told = {"who": "me", "behaviours": "greets, apologizes", "each": 400, "seed": 1}
    session = labelling.open_session(study, **told)
    items = [text for talk in session._talks.values() for text in talk["masked"]]
    assert len(items) > 400
    (out / "labelling.txt").write_text("\n".join(items), encoding="utf-8")
    read = {f"{place} {name}": plain(text) for place, (name, text) in enumerate(_shown(out))}
    assert {name.rsplit(".", 1)[-1] for name in read} >= {"html", "ipynb", "xlsx", "json"}
    left = {(name, secret) for name, text in read.items() for secret in secrets if secret in text}
    assert left == set()
    typed = _telling(secret for told in private() for secret in told.secrets)
    left = {(name, secret) for name, text in read.items() for secret in typed if secret in text}
    assert len({secret for _, secret in left}) <= 0.02 * len(typed), left


@pytest.mark.parametrize("secret", ["13812345678", "小鱼123爱吃草"])
def test_what_is_shown_is_read(tmp_path: Path, secret: str) -> None:
    (tmp_path / "a.html").write_text(f"<svg>1</svg><p>{secret}</p>", encoding="utf-8")
    assert all(shows(text, secret) for _, text in _shown(tmp_path))
