"""What a run makes of what a shop has, and what it tells each notebook."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from csinsight.errors import PlanError
from csinsight.params import BUILDS_ON, NOTEBOOKS, RunParams
from csinsight.runs.execute import _Queue
from csinsight.runs.plan import Step, card_steps, check_names, check_parameters, supply, wanted

PARAMS = RunParams()
KPIS = {
    "03_agent_kpis",
    "04_conversion_drivers",
    "05_coaching",
    "06_agent_card",
    "08_team_and_hours",
    "09_lost_inquiries",
    "10_answer_bank",
}


def _rewrite(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_a_whole_shop_leaves_nothing_out(toy_shop: Path) -> None:
    have = supply(toy_shop, PARAMS)
    assert have.left_out == {}
    assert str(have.covers) == "2026-10-04"


def test_each_table_that_is_missing_leaves_out_what_needs_it(toy_shop: Path) -> None:
    (toy_shop / "page_views.csv").unlink()
    assert supply(toy_shop, PARAMS).left_out == {}  # types by the adaptation
    (toy_shop / "orders.csv").unlink()
    left_out = supply(toy_shop, PARAMS).left_out
    assert left_out["01_buyer_types"] == "needs_page_views"
    assert left_out["02_value_tiers"] == "needs_orders"
    assert left_out["04_conversion_drivers"] == "needs_outcome"


def test_no_chats_leave_out_everything_about_agents(toy_shop: Path) -> None:
    (toy_shop / "messages.csv").unlink()
    assert set(supply(toy_shop, PARAMS).left_out) == KPIS


def test_a_month_without_chats_is_told_from_a_shop_without(toy_shop: Path) -> None:
    _rewrite(toy_shop / "messages.csv", "2026-10-0", "2026-09-0")
    assert supply(toy_shop, PARAMS).left_out["03_agent_kpis"] == "needs_month_messages"


def test_untimed_chats_belong_to_the_month(toy_shop: Path) -> None:
    lines = "buyer_id,sender,sent_at,text,conversation_id\nb1,buyer,,在吗,c1\nb1,agent,,您好,c1\n"
    (toy_shop / "messages.csv").write_text(lines, encoding="utf-8")
    assert supply(toy_shop, RunParams(month="2020-01")).left_out.get("03_agent_kpis") is None


def test_chats_without_agents_make_no_coaching_and_no_cards(toy_shop: Path) -> None:
    text = (toy_shop / "messages.csv").read_text(encoding="utf-8")
    (toy_shop / "messages.csv").write_text(
        text.replace("b1,a1", "b1,").replace("b2,A1", "b2,"), encoding="utf-8"
    )
    left_out = supply(toy_shop, PARAMS).left_out
    assert left_out == {"05_coaching": "needs_agents", "06_agent_card": "needs_agents"}


def test_orders_without_buyers_or_amounts_make_no_tiers(toy_shop: Path) -> None:
    _rewrite(toy_shop / "orders.csv", ",100,90,1", ",,,1")
    assert supply(toy_shop, PARAMS).left_out == {"02_value_tiers": "needs_order_amounts"}
    _rewrite(toy_shop / "orders.csv", "o1,b1", "o1,")
    left_out = supply(toy_shop, PARAMS).left_out
    assert left_out["02_value_tiers"] == "needs_order_buyers"
    assert left_out["04_conversion_drivers"] == "needs_outcome"


def test_tiers_need_the_buyers_of_the_orders_that_they_count(toy_shop: Path) -> None:
    """Orders of years ago that name their buyers don't make up for those of now."""
    _rewrite(toy_shop / "orders.csv", "o1,b1", "o1,")
    header, first = (toy_shop / "orders.csv").read_text(encoding="utf-8").splitlines()[:2]
    assert first.startswith("o1,,")
    old = first.replace("2026-", "2020-").removeprefix("o1,,")
    lines = [header, first, f"o8,b1,{old}", f"o9,b2,{old}"]
    (toy_shop / "orders.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert supply(toy_shop, PARAMS).left_out["02_value_tiers"] == "needs_order_buyers"


def test_satisfaction_as_outcome_needs_ratings(toy_shop: Path) -> None:
    left_out = supply(toy_shop, RunParams(outcome="satisfaction")).left_out
    assert left_out == {"04_conversion_drivers": "needs_ratings"}


def test_an_empty_month_says_which_months_there_are(toy_shop: Path) -> None:
    with pytest.raises(PlanError, match=r"nothing happened in 2026-12.*2026-10-03 to 2026-10-04"):
        supply(toy_shop, RunParams(month="2026-12"))


def test_only_takes_what_a_notebook_builds_on_but_no_cards() -> None:
    assert wanted((), ()) == list(NOTEBOOKS)
    assert wanted(("02_value_tiers",), ()) == ["00_data_check", "02_value_tiers"]
    assert "06_agent_card" not in wanted(("07_monthly_brief",), ())
    assert "01_buyer_types" not in wanted((), ("01_buyer_types",))


def test_notebooks_can_be_named_by_number_and_a_typo_is_named() -> None:
    assert check_names(["03", "02_value_tiers.ipynb"]) == ("03_agent_kpis", "02_value_tiers")
    with pytest.raises(PlanError, match="did you mean `05_coaching`"):
        check_names(["05_coachin"])


def test_agents_that_differ_in_case_or_signs_get_pages_of_their_own() -> None:
    agents = ["a:1", "a/1", "A1", "a1", "店铺:小二", "../x"]
    names = [step.name.lower() for step in card_steps(agents)]
    assert len(set(names)) == len(agents)
    assert not [name for name in names if set(name) & set('/\\:*?"<>|.')]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("currency", "curency", "did you mean `currency`"),
        ("month: str", "month: int", "has `month: int`, but the run tells it a str"),
    ],
)
def test_a_parameters_cell_that_does_not_fit_is_named(
    toy_notebooks: object, old: str, new: str, message: str
) -> None:
    path = toy_notebooks() / "02_value_tiers.ipynb"  # type: ignore[operator]
    check_parameters(path, PARAMS)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source = notebook.cells[1].source.replace(old, new)
    nbformat.write(notebook, path)
    with pytest.raises(PlanError, match=f"02_value_tiers.ipynb: parameters cell .*{message}"):
        check_parameters(path, PARAMS)


def test_first_comes_what_the_longest_chain_waits_for_and_nothing_before_its_turn() -> None:
    queue, order = _Queue(list(NOTEBOOKS)), []
    while queue.goes_on():
        for name in queue.ready():
            queue.add(name, card_steps(["a1", "a2"]) if "card" in name else [Step(name, name)])
        step = queue.todo.pop(0)
        order.append(step.name)
        queue.end(step)
    place = {name[:2]: number for number, name in reversed(list(enumerate(order)))}
    assert len(order) == len(NOTEBOOKS) + 1
    for notebook, upstream in BUILDS_ON.items():
        assert all(place[name[:2]] < place[notebook[:2]] for name in upstream)
    # Cards and the brief come after these, the rest may wait.
    assert {name[:2] for name in order[:5]} == {"00", "01", "02", "03", "04"}
    assert all(place["05"] < place[name] for name in ("08", "09", "10"))


def test_a_notebook_without_steps_holds_nobody_up() -> None:
    queue = _Queue(["03_agent_kpis", "10_answer_bank"])
    assert queue.ready() == ("03_agent_kpis",)
    queue.add("03_agent_kpis", [])
    assert queue.ready() == ("10_answer_bank",)
    queue.add("10_answer_bank", [])
    assert not queue.goes_on()


def test_coaching_and_cards_begin_once_what_they_read_is_written() -> None:
    queue = _Queue(list(NOTEBOOKS))
    first = queue.ready()
    for name in first:
        queue.add(name, [Step(name, name)])
        queue.end(Step(name, name))
    drivers = Step("04_conversion_drivers", "04_conversion_drivers")
    assert set(queue.ready()) >= {drivers.name}
    queue.add(drivers.name, [drivers])
    assert not queue.ready()
    queue.written(drivers.name)
    queue.written(drivers.name)  # told twice it is there all the same
    assert queue.ready() == ("05_coaching",)
    queue.add("05_coaching", [Step("05_coaching", "05_coaching")])
    queue.written("05_coaching")
    assert not queue.ready()  # cards read what is beside the drivers
    queue.end(drivers)
    assert "06_agent_card" in queue.ready()
    assert "07_monthly_brief" not in queue.ready()
    queue.end(Step("05_coaching", "05_coaching"))
    for name in ("06_agent_card", "08_team_and_hours", "09_lost_inquiries", "10_answer_bank"):
        queue.add(name, [])
    assert queue.ready() == ("07_monthly_brief",)
