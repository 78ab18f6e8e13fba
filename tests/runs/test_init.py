"""A new shop's folder: everything in it can be used as it is."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from csinsight.behaviours.profiles import load_profile, profile_of
from csinsight.cli import main
from csinsight.context import MonthContext
from csinsight.contract.files import PROFILE_FILE
from csinsight.errors import ConfigError
from csinsight.importers import run_import
from csinsight.importers.mapping_spec import ColumnRule, Lines, Mapping, load_mapping
from csinsight.params import OWN_PROFILE, RunParams, load_params, shipped
from csinsight.runs.init import make_folder
from csinsight.runs.shops import read_shops
from csinsight.runs.state import Inputs
from csinsight.segments.signatures import load_signatures


def test_a_new_folder_works_as_it_is_and_nothing_of_the_users_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "小店"
    result = CliRunner().invoke(main, ["init", str(folder)])
    assert result.exit_code == 0, result.output
    assert load_params(folder / "params.yml", shop="s") == RunParams(shop="s")
    for mapping in sorted((folder / "mappings").glob("*.yml")):
        load_mapping(mapping)
    assert profile_of(OWN_PROFILE, folder / "data", currency="CNY") == load_profile("taobao")
    ((job, _),) = read_shops(folder / "shops.yml")
    assert job.data == folder / "data"
    (folder / "params.yml").write_text("lang: en\n", encoding="utf-8")
    assert make_folder(folder) == []
    assert (folder / "params.yml").read_text(encoding="utf-8") == "lang: en\n"
    made = tmp_path / "file"
    made.touch()
    assert CliRunner().invoke(main, ["init", str(made)]).exit_code == 2


def test_a_shop_has_hours_and_targets_of_its_own(tmp_path: Path) -> None:
    params, shipped_one = RunParams(kpi_profile=OWN_PROFILE), shipped("params", "kpi_profiles")
    with pytest.raises(ConfigError, match=PROFILE_FILE):
        MonthContext.of(params, load_signatures(), tmp_path)
    text = (shipped_one / "jd.yml").read_text(encoding="utf-8")
    text = re.sub("service_start_hour: [0-9]+", "service_start_hour: 18", text)
    text = re.sub("service_end_hour: [0-9]+", "service_end_hour: 4", text)
    (tmp_path / PROFILE_FILE).write_text(text, encoding="utf-8")
    rules = MonthContext.of(params, load_signatures(), tmp_path).rules
    assert (rules.service_start_hour, rules.service_end_hour) == (18, 4)
    # A run is held to it as to every other file of the shop, and `check` names its faults.
    assert PROFILE_FILE in Inputs(tmp_path).hashes
    (tmp_path / PROFILE_FILE).write_text(text + "surprise: 1\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert result.exit_code == 1
    assert re.search(rf"{PROFILE_FILE}.*surprise", result.output)


def test_the_mapping_with_every_key_has_every_key() -> None:
    """A key without an example can't be found; what is commented out is one too."""
    text = shipped("params", "mappings", "every_key.yml").read_text(encoding="utf-8")
    shown = set(re.findall(r"(?m)(?:^|[\s{#])([a-z_]+):", text))
    for model in (Mapping, ColumnRule, Lines):
        keys = {field.alias or name for name, field in model.model_fields.items()}
        assert keys - shown == set(), model.__name__
    # And none that a mapping does not take: each commented one is taken when it stands there.
    spare = set(re.findall(r"(?m)^# ([a-z_]+):", text))
    assert spare == {"sheet", "header_line", "line_pattern", "names", "records"}
    assert spare <= set(Mapping.model_fields)


def test_the_mapping_with_every_key_reads_a_file(tmp_path: Path) -> None:
    make_folder(tmp_path / "shop")
    path = tmp_path / "x.csv"
    path.write_text(
        "订单编号,买家会员名,下单时间,付款时间,实付,原价,件数,用券,订单类型,子订单编号,商品ID,商品名称,"
        "类目,更新时间,币种\n"
        '1,甲,2026/10/05 09:30,2026-10-05 10,"1,200.50",130000,1,用了,普通订单,11,p1,茶,饮,'
        "2026-10-06,CNY\n"
        "1,甲,2026/10/05 09:30,2026-10-05 10,10,1000,2,没用,普通订单,12,p2,杯,具,2026-10-06,USD\n"
        "2,乙,2026/10/05 09:31,未付款,10,1000,1,没用,测试订单,21,p1,茶,饮,2026-10-06,CNY\n",
        encoding="utf-8",
    )
    plan = tmp_path / "shop" / "mappings" / "every_key.yml"
    report = run_import("mapping", [path], tmp_path / "shop" / "data", plan)
    assert report.counts == {"orders": 1, "order_lines": 2}
    assert report.money_out == pytest.approx(1200.5 + 71)
    orders = pl.read_parquet(tmp_path / "shop" / "data" / "orders.parquet")
    assert orders["list_amount"].to_list() == pytest.approx([1300 + 71])
    assert (report.refused, report.repeated) == (1, 1)
