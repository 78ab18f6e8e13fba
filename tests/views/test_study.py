"""A notebook's context: checked, whole files only, clear about what is missing."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from tests.tables import complete

from csinsight.errors import ArtifactError, ConfigError, RunError
from csinsight.params import RunParams, notebook_params
from csinsight.views.study import STEP_VARIABLE, Study, open_study


@pytest.fixture
def study(toy_shop: Path, tmp_path: Path) -> Study:
    return open_study(toy_shop, tmp_path / "run", shop="toy", lang="en")


def test_month_and_shop(study: Study) -> None:
    assert study.start == datetime(2026, 10, 1)
    assert study.as_of == datetime(2026, 11, 1)
    assert study.open().has("orders", "paid_amount")
    assert study.word("tier.vip") == "VIP"


def test_tables_come_back_and_have_the_same_bytes_each_time(study: Study) -> None:
    frame = pd.DataFrame({"buyer_id": ["b", "a"], "tier": ["vip", "core"]}, index=[7, 8])
    frame.insert(0, "as_of", pd.Timestamp("2026-11-01"))
    name = "tiers_by_month"
    assert not study.has(name)
    written = study.write(name, frame)
    first = (study.artifacts / f"{name}.parquet").read_bytes()
    study.write(name, frame)
    assert (study.artifacts / f"{name}.parquet").read_bytes() == first
    pd.testing.assert_frame_equal(study.read(name), written)
    pd.testing.assert_frame_equal(
        written, frame.reset_index(drop=True).astype({"as_of": "datetime64[us]"})
    )
    assert [path.name for path in study.artifacts.iterdir()] == [f"{name}.parquet"]


def test_a_table_that_is_not_as_declared_is_not_written(study: Study) -> None:
    frame = pd.DataFrame({"as_of": [pd.Timestamp("2026-11-01")], "buyer_id": ["b"], "teir": [1]})
    with pytest.raises(ArtifactError) as refused:
        study.write("tiers_by_month", frame)
    mend = "see contract/declared/buyers.yml"
    assert str(refused.value).splitlines() == [
        f"tiers_by_month, column tier: is missing; {mend}",
        f"tiers_by_month, column teir: is not declared (did you mean tier?); {mend}",
    ]
    with pytest.raises(ArtifactError, match=r"tiers_by_mnth: no table .* mean tiers_by_month"):
        study.write("tiers_by_mnth", frame)
    assert not study.artifacts.exists()


def test_a_table_that_is_not_there_is_named_with_those_that_are(study: Study) -> None:
    study.write("drivers", complete("drivers", pd.DataFrame({"n": [1]})))
    with pytest.raises(RunError, match=r"makes `kpis` first \(there are: drivers\)"):
        study.read("kpis")


def test_facts_add_up_and_reasons_are_kept_once(
    toy_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STEP_VARIABLE, "03_agent_kpis")
    told = notebook_params(RunParams(shop="toy", lang="en"), "03_agent_kpis")
    study = open_study(toy_shop, tmp_path / "run", told)
    study.write_facts({"finding": "x"})
    study.leave_out("no ratings")
    assert "no ratings" in study.leave_out("no ratings").page_html()
    assert study.facts("03_agent_kpis") == {"finding": "x", "left_out": ["no ratings"]}
    assert study.left_out == {}


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"month": "2026-13"}, "month"),
        ({"lang": "de"}, "lang"),
        ({"engine": "duckdb"}, "engine"),
        ({"data": "nowhere"}, "not a folder"),
    ],
)
def test_wrong_values_are_named(toy_shop: Path, told: dict[str, str], message: str) -> None:
    right = {"data": str(toy_shop), "run": "run", "shop": "toy", "month": "2026-10"}
    with pytest.raises(ConfigError, match=message):
        Study(**(right | told))  # type: ignore[arg-type]
