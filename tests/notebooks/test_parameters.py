"""Every parameter of a run reaches every figure that depends on it, and no other."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import nbformat
import pandas as pd
import pytest

from csinsight.context import CONTEXT_FILE, MonthContext, context_of
from csinsight.contract.domain import TIERS
from csinsight.contract.write import sha256
from csinsight.engine import open_shop
from csinsight.errors import ConfigError
from csinsight.params import BUILDS_ON, EXTRA, NOTEBOOKS, RunParams, notebook_params, shipped
from csinsight.segments import support
from csinsight.segments.signatures import signatures_of
from csinsight.simulate import simulate
from csinsight.views.study import STEP_VARIABLE

#: A small shop has verdicts only where little is asked for.
BASE: Final = RunParams(
    shop="small", lang="en", min_inquiries=120, min_agents=3, min_agent_inquiries=30,
    min_opportunities=5, q_threshold=0.9, trend_months=3,
)  # fmt: skip
#: For each parameter a value that has to be seen; of `SAME` the places and words of every page.
OTHER: Final[dict[str, Any]] = {
    "currency": "USD",
    "conversation_gap_hours": 0.2,
    "conversion_window_hours": 0.5,
    "payment_window_hours": 0.02,
    "page_view_days": 20,
    "order_days": 60,
    "driver_months": 1,
    "evidence_months": 1,
    "trend_months": 1,
    "kpi_profile": "jd",
    "outcome": "ordered",
    "type_confidence": 0.99,
    "type_min_pages": 60,
    "vip_share": 0.3,
    "core_share": 0.01,
    "potential_share": 0.01,
    "min_inquiries": 9_000,
    "min_agents": 90,
    "min_agent_inquiries": 9_000,
    "min_opportunities": 9_000,
    "q_threshold": 0.0,
    "max_recommendations": 1,
    "export_buyers": True,
    "pre_chat_hours": 0.05,
    "reader": "rules",
    "seed": 5,
}
SAME: Final = {
    "shop", "title", "month", "lang", "engine", "timezone", "notebook_seconds",
    "kernel_start_seconds", "llm_url", "llm_model", "llm_most_calls", "llm_price_in",
    "llm_price_out", "llm_most_money", "llm_seconds", "llm_minutes",
}  # fmt: skip
#: Where a parameter matters in larger shops only, or shows in later notebooks only.
UNSEEN: Final = {
    ("01_buyer_types", "conversation_gap_hours"): "types of shops without page views",
    ("01_buyer_types", "seed"): "draws resamples, of which this test takes one",
    ("05_coaching", "reader"): "lines of what is advised, and of broken rules",
    ("04_conversion_drivers", "pre_chat_hours"): "page views are counted by notebook 03",
    ("03_agent_kpis", "evidence_months"): "how far back chats are read, in a shop of more months",
    ("04_conversion_drivers", "driver_months"): "what has to agree before a finding is confirmed",
    ("05_coaching", "page_view_days"): "types, by which a larger shop's playbooks are cut",
    ("05_coaching", "pre_chat_hours"): "the design's page views; no behaviour speaks here",
    ("05_coaching", "evidence_months"): "no behaviour speaks in so small a shop",
    ("01_buyer_types", "driver_months"): "three months are read at least, for what came later",
    ("04_conversion_drivers", "q_threshold"): "no behaviour speaks in so small a shop",
    ("05_coaching", "q_threshold"): "so nothing is advised here",
    ("05_coaching", "max_recommendations"): "so nothing is advised here",
    ("05_coaching", "conversation_gap_hours"): "lines of what is advised, and of broken rules",
    ("05_coaching", "conversion_window_hours"): "lines of what is advised, and of broken rules",
    ("02_value_tiers", "seed"): "a sample of more than 100,000 buyers",
    ("05_coaching", "trend_months"): "which conversations' lines can be shown",
    ("05_coaching", "payment_window_hours"): "lines before the order are cut by the other window",
    ("05_coaching", "kpi_profile"): "service hours time rounds, which no line shows",
    ("07_monthly_brief", "kpi_profile"): "names the targets, where the month missed one",
}


class Pages:
    """A small shop's month, its notebooks' cells run in this process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data, self.run = folder / "data", folder / "run"
        self.monkeypatch = monkeypatch
        simulate(self.data, seed=9, buyers=260, agents=6, conversations=1100, months=3)
        self.run.mkdir()
        shop = open_shop(self.data)
        MonthContext.of(BASE, signatures_of(shop)).write(self.run)

    def make(self, notebook: str, params: RunParams, run: Path) -> dict[str, str]:
        """Run a notebook's cells and return what they show, and what it wrote."""
        self.monkeypatch.setenv(STEP_VARIABLE, notebook)
        names: dict[str, Any] = {"data": str(self.data), "run": str(run)}
        names |= notebook_params(params, notebook) | dict.fromkeys(EXTRA.get(notebook, ()), "")
        if notebook == "06_agent_card":
            names["agent_id"] = pd.read_parquet(run / "artifacts/agent_kpis.parquet").agent_id[0]
        before = _files(run)
        cells = nbformat.read(shipped("notebooks", f"{notebook}.ipynb"), as_version=4).cells
        shown = {
            cell["id"]: _shown(cell.source, names)
            for cell in cells
            if cell.cell_type == "code" and cell["id"] != "parameters"
        }
        wrote = {name: digest for name, digest in _files(run).items() if before.get(name) != digest}
        return shown | wrote


def _shown(source: str, names: dict[str, Any]) -> str:
    tree = ast.parse(source.rstrip(";"))
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)  # noqa: S102 - the product's own notebook
    if last is None:
        return ""
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307
    return str(value.plain() if hasattr(value, "plain") else value)


def _files(run: Path) -> dict[str, str]:
    found = [*run.glob("artifacts/*"), *run.glob("exports/*"), *run.glob("facts/*")]
    return {path.name: sha256(path) for path in found}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        # Enough to see whether anything changes.
        quick = {"type_stability": {"resamples": 1}, "type_support": {"counts": (2, 3)}}
        for name, told in quick.items():
            monkeypatch.setattr(support, name, partial(getattr(support, name), **told))
        made = Pages(tmp_path_factory.mktemp("parameters"), monkeypatch)
        for notebook in NOTEBOOKS:
            made.make(notebook, BASE, made.run)
        yield made


def changed(name: str) -> RunParams:
    return BASE.model_copy(update={name: OTHER[name]})


def test_every_parameter_is_tried() -> None:
    assert set(OTHER) | SAME == set(RunParams.model_fields)
    taken = {name for names in NOTEBOOKS.values() for name in names}
    assert set(OTHER) <= taken, "a parameter that no notebook takes changes nothing"


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_what_a_notebook_takes_changes_what_it_shows(
    pages: Pages, notebook: str, tmp_path: Path
) -> None:
    def shown(params: RunParams, name: str) -> Mapping[str, str]:
        run = tmp_path / name
        shutil.copytree(pages.run, run)
        for folder in ("artifacts", "exports", "facts"):
            (run / folder).mkdir(exist_ok=True)
        return pages.make(notebook, params, run)

    base = shown(BASE, "base")
    dull = []
    for name in sorted(set(NOTEBOOKS[notebook]) - SAME):
        try:
            other = shown(changed(name), name)
        except Exception as error:
            raise AssertionError(f"{notebook} with {name} = {OTHER[name]}") from error
        if other == base and (notebook, name) not in UNSEEN:
            dull.append(name)
    assert not dull, f"{notebook} takes {dull}, and shows the same whatever they are"


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_cannot_read_what_it_does_not_take(notebook: str, pages: Pages) -> None:
    context = context_of(pages.run, open_shop(pages.data)).only(NOTEBOOKS[notebook])
    for name in RunParams.model_fields:
        if name in NOTEBOOKS[notebook]:
            assert getattr(context.params, name) == getattr(BASE, name)
        else:
            with pytest.raises(ConfigError, match=f"does not take `{name}`"):
                getattr(context.params, name)


def test_a_notebook_builds_on_earlier_ones_only() -> None:
    order = list(NOTEBOOKS)
    for notebook, upstream in BUILDS_ON.items():
        assert all(order.index(name) < order.index(notebook) for name in upstream)
        # What these build on too: else a change further up would pass by.
        assert {far for near in upstream for far in BUILDS_ON[near]} <= set(upstream) | {
            "01_buyer_types", "02_value_tiers",
        }  # fmt: skip


def test_a_context_comes_back_from_its_file_as_it_was(pages: Pages) -> None:
    shop = open_shop(pages.data)
    context = context_of(pages.run, shop)
    assert context == MonthContext.of(BASE, signatures_of(shop))
    assert json.loads((pages.run / CONTEXT_FILE).read_text(encoding="utf-8"))["params"]["shop"]
    assert context.changed(kpi_profile="jd").profile.name == "jd"
    with pytest.raises(ConfigError, match="q_threshold"):
        context.changed(q_threshold=7)


def test_the_brief_counts_fallen_buyers_by_the_shops_own_shares(
    pages: Pages, tmp_path: Path
) -> None:
    params = BASE.model_copy(update={"vip_share": 0.02, "core_share": 0.10})
    run = tmp_path / "run"
    shutil.copytree(pages.run, run)
    for notebook in ("02_value_tiers", "07_monthly_brief"):
        shown = pages.make(notebook, params, run)
    before = pd.read_parquet(run / "artifacts" / "tiers_by_month.parquet")
    before = before[before["as_of"] == pd.Timestamp("2026-10-01")].set_index("buyer_id")["tier"]
    now = pd.read_parquet(run / "artifacts" / "value_tiers.parquet").set_index("buyer_id")["tier"]
    place = {name: number for number, name in enumerate(TIERS)}
    talks = pd.read_parquet(run / "artifacts" / "conversations.parquet")
    counted = talks["counted_at"]
    asked = set(talks.loc[(counted >= "2026-10-01") & (counted < "2026-11-01"), "buyer_id"])
    good = [b for b in before.index[before.isin(["core", "vip"])] if b in asked]
    fell = sum(place[now[b]] < place[before[b]] for b in good)
    assert 0 < fell < len(good)
    assert before.eq("vip").mean() <= 0.02
    words = f"Of {len(good)} core and VIP buyers who asked this month, {fell} ("
    assert words in shown["changed"]
