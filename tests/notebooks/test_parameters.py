"""Every parameter of a run reaches every figure that depends on it, and no other."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from tests.memory import remember_fits

from csinsight.context import CONTEXT_FILE, MonthContext, context_of
from csinsight.contract.files import sha256
from csinsight.engine import open_shop
from csinsight.errors import ConfigError
from csinsight.features.buyers import buyer_features
from csinsight.params import (
    BUILDS_ON,
    ENOUGH,
    EXTRA,
    NOTEBOOKS,
    RunParams,
    notebook_params,
    shipped,
)
from csinsight.render import figure
from csinsight.segments import support
from csinsight.segments.signatures import signatures_of
from csinsight.simulate import simulate
from csinsight.views.study import STEP_VARIABLE

pytestmark = pytest.mark.xdist_group("parameters")  # its shop is made once

#: A small shop has verdicts only where little is asked for.
BASE: Final = RunParams(
    shop="small", lang="en", min_inquiries=120, min_agents=3, min_agent_inquiries=30,
    min_opportunities=5, trend_months=2, driver_months=2, evidence_months=3,
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
#: Where a notebook reads at least as much as the value above: more.
MORE: Final = {
    ("01_buyer_types", "driver_months"): 4,
    ("04_conversion_drivers", "driver_months"): 3,
}
SAME: Final = {
    "shop", "title", "month", "lang", "engine", "timezone", "notebook_seconds",
    "kernel_start_seconds", "llm_url", "llm_model", "llm_most_calls", "llm_price_in",
    "llm_price_out", "llm_most_money", "llm_seconds", "llm_minutes", "set_aside",
}  # fmt: skip
_WINDOW: Final = "of the rules that chats are cut by, made whole: no line shown depends on it"
_BACK: Final = "how far back chats are read: the plan's lines lie in the drivers' months"
#: Parameters that a notebook takes and that so small a shop can't show.
UNSEEN: Final = {
    (
        "00_data_check",
        "conversation_gap_hours",
    ): "of labels, whose lines test_label_places looks up",
    ("01_buyer_types", "conversation_gap_hours"): "shown below, by a shop without page views",
    ("05_coaching", "conversion_window_hours"): _WINDOW,
    ("05_coaching", "payment_window_hours"): _WINDOW,
    ("05_coaching", "page_view_days"): _WINDOW,
    ("05_coaching", "pre_chat_hours"): _WINDOW,
    ("05_coaching", "kpi_profile"): _WINDOW,
    ("05_coaching", "evidence_months"): _BACK,
    ("05_coaching", "trend_months"): _BACK,
    ("05_coaching", "reader"): "lines that the reader and the rules read differently",
    ("08_team_and_hours", "kpi_profile"): "too few conversations an hour to tell slow ones",
    ("10_answer_bank", "q_threshold"): "no answer is given often enough to be compared",
    ("10_answer_bank", "seed"): "a sample of more than 20,000 conversations",
    ("09_lost_inquiries", "reader"): "ends that the reader and the rules read differently",
}
#: A copy whose currency is changed has the profile that is usual with it.
_PROFILE: Final = {"kpi_profile", "currency"}
_CHATS: Final = _PROFILE | {
    "conversation_gap_hours", "conversion_window_hours", "payment_window_hours",
}  # fmt: skip
_LIMITS: Final = {"driver_months", "min_agent_inquiries", "min_opportunities"}
_SHOWN: Final = _LIMITS | {"conversation_gap_hours", "max_recommendations", "q_threshold"}
#: Which of its notebook's parameters each table and export depends on, by its name or its stem.
DEPENDS: Final[dict[str, set[str]]] = {
    "types_by_month": {
        "driver_months", "order_days", "page_view_days", "type_confidence", "type_min_pages",
    },
    "buyer_types": {"order_days", "page_view_days", "type_confidence", "type_min_pages"},
    "tiers_by_month": {
        "core_share", "driver_months", "order_days", "potential_share", "vip_share",
    },
    "value_tiers": {"core_share", "order_days", "potential_share", "vip_share"},
    "silent_buyers": {"export_buyers"},
    "conversations": _CHATS | {"evidence_months", "page_view_days", "pre_chat_hours", "reader"},
    "buyer_states": {
        "conversation_gap_hours", "conversion_window_hours", "evidence_months", "reader",
    },
    "agent_sessions": _CHATS | {"evidence_months", "reader"},
    "agent_kpis": _CHATS,
    "shop_kpis": _CHATS,
    "rule_opportunities": _PROFILE | {"conversation_gap_hours", "reader"},
    "scorecard_items": (_CHATS | {"evidence_months", "reader"}) - {"payment_window_hours"},
    "scorecard": (_CHATS | {"evidence_months", "reader"}) - {"payment_window_hours"},
    "drivers": {
        "driver_months", "evidence_months", "min_agents", "min_inquiries", "outcome", "q_threshold",
    },
    "drivers_checks": {"evidence_months", "min_agents", "min_inquiries", "outcome"},
    "coaching_plan": _LIMITS | {"max_recommendations", "q_threshold", "seed"},
    "agent_status": _LIMITS | {"q_threshold"},
    "agent_rates": _LIMITS | {"seed"},
    "agent_conversion": {"driver_months"},
    # Which lines are shown depends on how conversations are cut; the exports hold them too.
    # In so small a shop the same habits are advised over one month as over two.
    "coaching_excerpts": _SHOWN - {"driver_months"},
    "coaching_plan.json": _SHOWN | {"seed"},
    "coaching_plan.xlsx": _SHOWN | {"seed"},
    "after_robot": _PROFILE | {"conversation_gap_hours"},
    "team_hours": {"driver_months"},
    "answer_bank": {"driver_months"},
    "call_back": {"export_buyers"},
    "lost_excerpts": {"seed"},
}  # fmt: skip


@dataclass
class Made:
    """What a notebook showed by cell, what it wrote by file, and which cells only show."""

    shown: dict[str, str] = field(default_factory=dict)
    wrote: dict[str, str] = field(default_factory=dict)
    only_show: set[str] = field(default_factory=set)

    def differs(self, base: Made) -> bool:
        """Tell whether a cell shows something else, or a file holds something else."""
        return bool(self.changed_files(base)) or any(
            text != base.shown[name] for name, text in self.shown.items()
        )

    def changed_files(self, base: Made) -> set[str]:
        """Return the files that hold something else."""
        return {name for name, digest in self.wrote.items() if digest != base.wrote.get(name)}


class Pages:
    """A small shop's month, its notebooks' cells run in this process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data, self.folder, self.run = folder / "data", folder, folder / "run"
        self.monkeypatch = monkeypatch
        self.base: dict[str, Made] = {}
        simulate(self.data, seed=9, buyers=260, agents=6, conversations=1100, months=3)
        self.run.mkdir()
        MonthContext.of(BASE, signatures_of(open_shop(self.data))).write(self.run)

    def before(self, notebook: str) -> Path:
        """Return the run as it was before `notebook`."""
        return self.folder / "before" / notebook

    def make_base(self) -> None:
        """Make the whole month, so that a behaviour speaks and somebody is advised."""
        for notebook in NOTEBOOKS:
            if notebook == "04_conversion_drivers":
                self._plant()
            shutil.copytree(self.run, self.before(notebook))
            self.base[notebook] = self.make(notebook, BASE, self.run)

    def _plant(self) -> None:
        """Make two habits go with sales so surely that a small shop shows it."""
        path = self.run / "artifacts" / "conversations.parquet"
        found = pd.read_parquet(path)
        inquiry = (found["is_inquiry"] == True).fillna(value=False)  # noqa: E712 - nullable
        # One in five as it was: a rule without exception has no interval.
        for rest, habit in enumerate(("recommends", "recommends", "asks_needs", "asks_needs")):
            told = inquiry & found[habit].notna() & (found.index % 5 == rest)
            for name in ("paid", "ordered"):
                found[name] = found[name].mask(told, found[habit])
        found.to_parquet(path, index=False)

    def make(self, notebook: str, params: RunParams, run: Path, base: Made | None = None) -> Made:
        """Run a notebook's cells and return what they show, and what it wrote.

        Beside a `base` from which something differs already, cells that only show are passed over.
        """
        self.monkeypatch.setenv(STEP_VARIABLE, notebook)
        names: dict[str, Any] = {"data": str(self.data), "run": str(run)}
        names |= notebook_params(params, notebook) | dict.fromkeys(EXTRA.get(notebook, ()), "")
        if notebook == "06_agent_card":
            names["agent_id"] = pd.read_parquet(run / "artifacts/agent_kpis.parquet").agent_id[0]
        cells = nbformat.read(shipped("notebooks", f"{notebook}.ipynb"), as_version=4).cells
        made = Made()
        for cell in cells:
            if cell.cell_type != "code" or cell["id"] == "parameters":
                continue
            name = cell["id"]
            if base is not None and name in base.only_show and made.differs(base):
                continue
            made.shown[name] = _shown(cell.source, names)
            wrote = [file for file in _tables(run, notebook) if file not in made.wrote]
            made.wrote |= {file: sha256(run / file) for file in wrote}
            if not wrote and isinstance(ast.parse(cell.source).body[0], ast.Expr):
                made.only_show.add(name)
        return made


def _tables(run: Path, notebook: str) -> list[str]:
    path = run / "outputs" / f"{notebook}.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [name for name in dict.fromkeys(lines) if not name.startswith("facts/")]


def _shown(source: str, names: dict[str, Any]) -> str:
    tree = ast.parse(source.rstrip(";"))
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)  # noqa: S102 - the product's own notebook
    if last is None:
        return ""
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307
    return str(value.plain() if hasattr(value, "plain") else value)


def _undrawn(source: Any) -> tuple[str, bytes]:
    """Close a figure instead of drawing it: what is compared is its words and its data."""
    plt.close(getattr(source, "figure", source))
    return '<svg viewBox="0 0 1 1"></svg>', b""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        remember_fits(tmp_path_factory.mktemp("fits"), monkeypatch.setattr)
        # Enough to see whether anything changes.
        quick = {"type_stability": {"resamples": 2}, "type_support": {"counts": (2, 3)}}
        for name, told in quick.items():
            monkeypatch.setattr(support, name, partial(getattr(support, name), **told))
        made = Pages(tmp_path_factory.mktemp("parameters"), monkeypatch)
        made.make_base()
        monkeypatch.setattr(figure, "_draw", _undrawn)
        yield made


def changed(notebook: str, name: str) -> RunParams:
    return BASE.model_copy(update={name: MORE.get((notebook, name), OTHER[name])})


def test_every_parameter_is_tried() -> None:
    assert set(OTHER) | SAME == set(RunParams.model_fields)
    taken = {name for names in NOTEBOOKS.values() for name in names}
    assert set(OTHER) <= taken, "a parameter that no notebook takes changes nothing"


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_what_a_notebook_takes_changes_what_depends_on_it_and_nothing_else(
    pages: Pages, notebook: str, tmp_path: Path
) -> None:
    base, dull = pages.base[notebook], []
    found: dict[str, set[str]] = {name: set() for name in base.wrote}
    unseen = {name for page, name in UNSEEN if page == notebook}
    for name in sorted(set(NOTEBOOKS[notebook]) - SAME - unseen):
        run = tmp_path / name
        shutil.copytree(pages.before(notebook), run)
        try:
            made = pages.make(notebook, changed(notebook, name), run, base)
        except Exception as error:
            raise AssertionError(f"{notebook} with {name} = {OTHER[name]}") from error
        for file in made.changed_files(base):
            found.setdefault(file, set()).add(name)
        if not made.differs(base):
            dull.append(name)
    assert not dull, f"{notebook} takes {dull}, and shows the same whatever they are"
    paths = map(Path, found)
    assert found == {
        str(path): DEPENDS.get(path.name, DEPENDS.get(path.stem, set())) for path in paths
    }


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_cannot_read_what_it_does_not_take(notebook: str, pages: Pages) -> None:
    context = context_of(pages.run, pages.data).only(NOTEBOOKS[notebook])
    for name in RunParams.model_fields:
        if name in NOTEBOOKS[notebook]:
            assert getattr(context.params, name) == getattr(BASE, name)
        else:
            with pytest.raises(ConfigError, match=f"does not take `{name}`"):
                getattr(context.params, name)


@pytest.mark.parametrize(("notebook", "other"), ENOUGH)
def test_what_does_not_wait_for_all_of_another_reads_nothing_that_is_written_later(
    pages: Pages, notebook: str, other: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(pages.before(notebook), run)
    wrote = (run / "outputs" / f"{other}.txt").read_text(encoding="utf-8").splitlines()
    later = wrote[wrote.index(f"artifacts/{ENOUGH[notebook, other]}.parquet") + 1 :]
    assert f"facts/{other}.json" in later
    for name in {*later} - {*wrote[: -len(later)]}:
        (run / name).unlink()
    made = pages.make(notebook, BASE, run)
    assert (made.shown, made.wrote) == (pages.base[notebook].shown, pages.base[notebook].wrote)


def test_without_page_views_types_hang_on_where_a_conversation_ends(
    pages: Pages, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(pages.data, folder, ignore=shutil.ignore_patterns("page_views*"))
    shop = open_shop(folder)
    tables = []
    for params in (BASE, changed("01_buyer_types", "conversation_gap_hours")):
        context = MonthContext.of(params, signatures_of(shop))
        options = context.types
        features = buyer_features(
            shop,
            context.as_of,
            page_view_days=options.page_view_days,
            order_days=options.order_days,
            gap_hours=options.gap_hours,
        )
        tables.append(features.set_index("buyer_id").sort_index())
    before, after = tables
    assert before.index.equals(after.index)
    assert not before.equals(after)


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
    context = context_of(pages.run, pages.data)
    assert context.model_dump() == MonthContext.of(BASE, signatures_of(shop)).model_dump()
    assert json.loads((pages.run / CONTEXT_FILE).read_text(encoding="utf-8"))["params"]["shop"]
    assert context.changed(kpi_profile="jd").profile.name == "jd"
    imported = context.model_copy(update={"imported": "jd"})
    assert imported.changed(kpi_profile="taobao").changed(kpi_profile="auto").profile.name == "jd"
    assert context.changed(kpi_profile="auto", currency="EUR").profile.name == "textbook"
    with pytest.raises(ConfigError, match="q_threshold"):
        context.changed(q_threshold=7)


def test_the_brief_counts_fallen_buyers_by_the_shops_own_shares(
    pages: Pages, tmp_path: Path
) -> None:
    params = BASE.model_copy(update={"vip_share": 0.02, "core_share": 0.10})
    run = tmp_path / "run"
    shutil.copytree(pages.run, run)
    for notebook in ("02_value_tiers", "07_monthly_brief"):
        shown = pages.make(notebook, params, run).shown
    before = pd.read_parquet(run / "artifacts" / "tiers_by_month.parquet")
    before = before[before["as_of"] == pd.Timestamp("2026-10-01")].set_index("buyer_id")["tier"]
    now = pd.read_parquet(run / "artifacts" / "value_tiers.parquet").set_index("buyer_id")["tier"]
    talks = pd.read_parquet(run / "artifacts" / "conversations.parquet")
    counted = talks["counted_at"]
    asked = talks.loc[(counted >= "2026-10-01") & (counted < "2026-11-01"), "buyer_id"]
    good = before.index[before.isin(["core", "vip"])]
    fell, here = ~now[good].isin(["core", "vip"]), good.isin(asked)
    assert 0 < fell[here].sum() < here.sum() < len(good)
    assert before.eq("vip").mean() <= 0.02
    text = " ".join(shown["changed"].split())
    assert f"{len(good)} core and VIP buyers, {fell.sum()} ({fell.mean():.0%}) fell" in text
    n, share = fell[here].sum(), fell[here].mean()
    assert f"the {here.sum()} of them who asked this month, {n} ({share:.0%})" in text
