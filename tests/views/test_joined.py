"""The data-check page says by which keys chats and orders are joined, and whom the join loses."""

from __future__ import annotations

from pathlib import Path

import pytest

from csinsight.contract.join import BuyersNamed
from csinsight.features.coverage import join_bias
from csinsight.views import data_check
from csinsight.views.study import Study


def _shop(folder: Path, orders: str, links: str = "") -> Path:
    folder.mkdir()
    lines = ["buyer_id,agent_id,sender,sent_at,text"]
    for number in range(40):
        hour, agent = (20, "A1") if number < 10 else (10, "A2")
        buyer = f"b{number}"
        lines += [
            f"{buyer},,buyer,2026-10-05T{hour}:00:00,在吗",
            f"{buyer},{agent},agent,2026-10-05T{hour}:00:20,在的",
        ]
    (folder / "messages.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    head = "order_id,buyer_id,placed_at,paid_at,list_amount,paid_amount,units\n"
    (folder / "orders.csv").write_text(head + orders, encoding="utf-8")
    if links:
        text = "order_id,buyer_id,key\n" + links
        (folder / "order_buyers.csv").write_text(text, encoding="utf-8")
    return folder


def _order(number: int, buyer: str, amount: int, hour: int = 21) -> str:
    when = f"2026-10-05T{hour}:{number:02}:00"
    return f"o{number},{buyer},{when},{when},{amount},{amount},1\n"


def test_keys_and_the_bias_of_the_unmatched(tmp_path: Path) -> None:
    """Ten of forty wrote their order's number, all in the evening and to one agent."""
    orders = "".join(_order(n, "", 100) for n in range(10))
    orders += "".join(_order(n, "", 50, hour=11) for n in range(10, 30))
    links = "".join(f"o{n},b{n},{'number' if n < 8 else 'list'}\n" for n in range(10))
    # The better of two keys wins, and one key with two buyers is nobody's.
    links += "o0,b39,contact\no20,b20,list\no20,b21,list\n"
    study = Study(_shop(tmp_path / "shop", orders, links), tmp_path / "run", shop="s", lang="en")
    found = data_check.join_keys(study)
    assert found.to_numpy().tolist() == [["number", 8, 0.2, 8], ["list", 2, 0.05, 2]]
    table = join_bias(study.open(), study.start, study.as_of).set_index("measure")
    both = table[["found", "not_found"]]
    assert both.loc["buyers"].tolist() == [10, 30]
    assert both.loc["evening"].tolist() == [1.0, 0.0]
    assert both.loc["agent"].tolist() == [1.0, 0.0]
    assert both.loc["order_value"].tolist() == [100, 50]
    assert both.loc["order_evening"].tolist() == [1.0, 0.0]
    assert both.loc["ordered", "found"] == 1.0
    # Twenty orders of nobody for thirty who are not found: two of three at most.
    assert both.loc["paid"].tolist() == [1.0, pytest.approx(20 / 30)]
    text = data_check.joined(study, found).plain()
    assert "Order number written in a chat" in text
    assert "100%\N{NO-BREAK SPACE}(72%\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}100%)" in text
    assert "67% at most" in text
    assert "between 25% (nobody who is not found bought) and 75%" in text
    assert "25%" in data_check.match_note(study)
    assert study.open().buyers_named() == BuyersNamed(10, 30, 1000.0, 2000.0)
    assert "lower bound: 67% of the month’s orders" in data_check.match_note(study)
    told = " ".join(data_check.join(study))
    assert "so the others may have bought" in told
    assert "20 of the month’s 30 orders (67%) name no buyer" in told
    assert "in no file yet" not in told


def test_a_join_that_fails_is_no_zero(tmp_path: Path) -> None:
    orders = "".join(_order(n, f"b{n}.0".removeprefix("b"), 100) for n in range(40))
    study = Study(_shop(tmp_path / "shop", orders), tmp_path / "run", shop="s", lang="en")
    assert study.open().match.broken
    text = data_check.joined(study, data_check.join_keys(study)).plain()
    assert "can’t be joined" in text
    assert "0%" not in text


def test_a_month_in_which_no_order_was_paid_has_nobody_who_paid(tmp_path: Path) -> None:
    unpaid = "".join(f"o{n},b{n},2026-10-05T21:00:00,,100,100,1\n" for n in range(40))
    study = Study(_shop(tmp_path / "shop", unpaid), tmp_path / "run", shop="s", lang="en")
    table = join_bias(study.open(), study.start, study.as_of).set_index("measure")
    assert table["found"][["ordered", "paid"]].tolist() == [1.0, 0.0]


def test_without_orders_there_is_nothing_to_join(tmp_path: Path) -> None:
    folder = _shop(tmp_path / "shop", "")
    (folder / "orders.csv").unlink()
    study = Study(folder, tmp_path / "run", shop="s", lang="zh")
    assert data_check.join_keys(study).empty
    text = data_check.joined(study, data_check.join_keys(study)).plain()
    assert text == "没有聊天或没有订单，无从关联。"
