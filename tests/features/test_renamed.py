"""An agent under two accounts: hinted at, and counted as one where the agents table says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from csinsight.contract.check import check_folder, check_shop
from csinsight.engine import collect, open_shop
from csinsight.features.renamed import renamed_agents

START = datetime(2026, 9, 1, 9)


def write(
    folder: Path,
    *,
    names: tuple[str, str] = ("店:小李", "店:李子"),
    gap: int = 2,
    shared: int = 0,
    own: int = 0,
    overlap: int = 0,
) -> Path:
    """Write a shop of three who stay, and one account that ends some days before another begins.

    The older one has `shared` buyers and says `own` sentences that come again with the newer one,
    but for those of the days between.
    """
    old, new = names
    lines = []
    for day in range(60):
        for n, agent in enumerate(("店:甲", "店:乙", "店:丙")):
            lines.append((agent, f"b{n}{day % 25}", day, "亲，这款有现货，今天就能发"))
        turn = old if day < 30 else new
        for place in range(2) if day < 30 + overlap or day >= 30 + gap else ():
            buyer = (
                f"s{place}{day % 30}" if place * 30 + day % 30 < shared else f"{turn}{day}{place}"
            )
            text = f"这句只有这个人才会这样说{day % 30}" if day % 30 < own else "在的亲，您说"
            lines.append((turn, buyer, day, text))
        if overlap and 30 <= day < 30 + overlap:
            lines.append((old, f"o{day}", day, "在的亲，您说"))
    pl.DataFrame(
        {
            "buyer_id": [buyer for _, buyer, _, _ in lines],
            "agent_id": [agent for agent, _, _, _ in lines],
            "sender": "agent",
            "sent_at": [START + timedelta(days=day) for _, _, day, _ in lines],
            "text": [text for *_, text in lines],
        }
    ).write_parquet(folder / "messages.parquet")
    return folder


@pytest.mark.parametrize(
    ("told", "sign"),
    [
        ({"gap": 1}, "nobody else came or went"),
        ({"names": ("店:小李", "店:小李李")}, "their names are alike"),
        ({"shared": 12}, "share 10 buyers"),
        ({"own": 6}, "say 4 sentences that nobody else says"),
    ],
)
def test_an_account_that_ends_where_another_begins_is_named_with_its_sign(
    tmp_path: Path, told: dict[str, object], sign: str
) -> None:
    [notice] = renamed_agents(open_shop(write(tmp_path, **told)))  # type: ignore[arg-type]
    assert notice.values == {"found": 1}
    assert "wrote last on 2026-09-30" in notice.what
    assert f"first on 2026-10-0{1 + told.get('gap', 2)}" in notice.what  # type: ignore[operator]
    assert sign in notice.what
    assert "`same_as`" in notice.what and "make agents.csv" in notice.what


@pytest.mark.parametrize(
    "told",
    [
        # Who hands over to a newcomer is no one person.
        {},
        {"names": ("店:客服01", "店:客服02")},
        # Nor who writes at once with the other, or comes weeks later.
        {"names": ("店:小李", "店:小李李"), "overlap": 5},
        {"names": ("店:小李", "店:小李李"), "gap": 12},
        {"shared": 4},
        {"own": 4},
    ],
)
def test_no_pair_without_a_sign(tmp_path: Path, told: dict[str, object]) -> None:
    assert renamed_agents(open_shop(write(tmp_path, **told))) == []  # type: ignore[arg-type]


def test_of_two_agents_nobody_is_told_by_what_they_share(tmp_path: Path) -> None:
    write(tmp_path, shared=30, own=30)
    path = tmp_path / "messages.parquet"
    two = pl.read_parquet(path).filter(pl.col("agent_id").is_in(["店:小李", "店:李子"]))
    two.write_parquet(path)
    assert renamed_agents(open_shop(tmp_path)) == []


def test_accounts_of_one_agent_count_as_one(tmp_path: Path) -> None:
    shop = write(tmp_path, own=4)
    agents = {
        "agent_id": ["店:李子", "店:小李", "店:甲"],
        "name": ["李子", "小李", "甲"],
        "hired_on": ["2026-10-03", "2025-03-01", ""],
        "same_as": ["", "店:李子", ""],
    }
    pl.DataFrame(agents).write_csv(shop / "agents.csv")
    rated = {"buyer_id": ["b1"], "agent_id": ["店:小李"], "score": [5]}
    pl.DataFrame(rated | {"rated_at": [START]}).write_parquet(shop / "ratings.parquet")
    assert check_folder(shop) == []
    opened = open_shop(shop)
    counts = collect(opened["messages"])["agent_id"].value_counts()
    assert set(counts.index) == {"店:李子", "店:甲", "店:乙", "店:丙"}
    assert counts["店:李子"] == 2 * (30 + 28)
    assert collect(opened["ratings"])["agent_id"].tolist() == ["店:李子"]
    known = collect(opened["agents"]).set_index("agent_id")
    assert set(known.index) == {"店:李子", "店:甲"}
    assert str(known.loc["店:李子", "hired_on"])[:10] == "2025-03-01"
    assert renamed_agents(opened) == []


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("same", ["a9", "a1", "a3"])
def test_same_as_has_to_lead_to_an_account_that_counts(
    tmp_path: Path, suffix: str, same: str
) -> None:
    """Not to nobody, not to itself, and not over a third one."""
    table = pl.DataFrame({"agent_id": ["a1", "a2", "a3"], "same_as": [same, None, "a2"]})
    path = tmp_path / f"agents{suffix}"
    table.write_csv(path) if suffix == ".csv" else table.write_parquet(path)
    [fault] = check_shop(tmp_path).faults
    assert (fault.column, fault.row) == ("same_as", 2 if suffix == ".csv" else 1)
    assert "names no other agent's row" in fault.what
    assert "write the agent_id under which both accounts count" in fault.mend


def _relay(folder: Path, staying: int) -> Path:
    """Write 25 accounts that hand over to one of nearly their name, and some who stay."""
    names = [f"店:{chr(0x4E00 + 7 * n)}{chr(0x5100 + 11 * n)}" for n in range(25)]
    stay = [f"店:{chr(0x6000 + 13 * n)}{chr(0x7100 + 17 * n)}" for n in range(staying)]
    lines = [
        (f"{name}新" if day >= 30 and name in names else name, START + timedelta(days=day))
        for day in range(60)
        for name in [*names, *stay]
    ]
    agents, times = zip(*lines, strict=True)
    table = {"buyer_id": [f"b{n}" for n in range(len(lines))], "agent_id": agents}
    table |= {"sender": "agent", "sent_at": times, "text": "在的亲，您说"}  # type: ignore[dict-item]
    pl.DataFrame(table).write_parquet(folder / "messages.parquet")
    return folder


def test_of_many_pairs_each_counts_and_the_first_are_named(tmp_path: Path) -> None:
    [notice] = renamed_agents(open_shop(_relay(tmp_path, staying=60)))
    assert notice.values == {"found": 25}
    assert notice.what.count("wrote last on") == 20
    assert "and 5 more pairs: where they are one person" in notice.what


def test_where_ids_are_given_anew_no_pair_is_named(tmp_path: Path) -> None:
    [notice] = renamed_agents(open_shop(_relay(tmp_path, staying=0)))
    assert (notice.kind, notice.values) == ("renamed_many", {"found": 25, "all": 50})


def test_who_is_like_two_is_no_pair_and_codes_are_no_names(tmp_path: Path) -> None:
    write(tmp_path, names=("店:小李", "店:小李李"))
    path = tmp_path / "messages.parquet"
    lines = pl.read_parquet(path)
    twin = lines.filter(pl.col("agent_id") == "店:小李李").with_columns(
        agent_id=pl.lit("店:李小李")
    )
    pl.concat([lines, twin]).write_parquet(path)
    assert renamed_agents(open_shop(tmp_path)) == []
    coded = {"店:小李": "9f3ac2e1", "店:小李李": "9f3ac2e7"}
    lines.with_columns(pl.col("agent_id").replace(coded)).write_parquet(path)
    assert renamed_agents(open_shop(tmp_path)) == []
