"""A wheel, as `pip install csinsight` unpacks it, holds all that a shop needs and works alone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import hatchling.build
import polars as pl
import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Where the wheel keeps what a clone has at its top.
SHARED = ("notebooks", "params", "deploy")
#: Makes a shop's folder, imports into it, and reads what the package brings for a run.
STEPS = """
import csinsight
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.reader import load_reader
from csinsight.cli import main
from csinsight.params import NOTEBOOKS, shipped
from csinsight.render.words import Words

print(csinsight.__file__)
main(["init", "shop"], standalone_mode=False)
main(["import", "taobao_orders", "orders.csv", "--out", "shop/data"], standalone_mode=False)
assert load_lexicon().behaviours
assert load_reader()
for lang in ("zh", "en"):
    assert Words(lang).word("products.table")
for notebook in NOTEBOOKS:
    assert shipped("notebooks", f"{notebook}.ipynb").is_file()
"""


def _inside(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and ".ipynb_checkpoints" not in path.parts
    }


@pytest.mark.slow
def test_an_installed_wheel_works_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    wheel = tmp_path / hatchling.build.build_wheel(str(tmp_path))
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(installed)
    found = _inside(installed / "csinsight")
    ours = _inside(ROOT / "src" / "csinsight")
    ours |= {f"_share/{top}/{name}" for top in SHARED for name in _inside(ROOT / top)}
    assert ours - found == set()
    assert {Path(name).suffix for name in found} >= {".py", ".yml", ".ipynb", ".j2", ".otf"}
    head = "订单编号,买家会员名,总金额,买家实际支付金额,订单状态,订单创建时间,订单付款时间\n"
    rows = "T1,甲,88.00,88.00,交易成功,2026-10-05 10:00:00,2026-10-05 10:01:00\n"
    (tmp_path / "orders.csv").write_text(head + rows, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", STEPS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(installed / "csinsight" / "__init__.py")
    assert pl.read_parquet(tmp_path / "shop" / "data" / "orders.parquet").height == 1
