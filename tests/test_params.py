"""Parameters of a run: defaults, files, and clear words for what can't be meant."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import yaml

import csinsight
from csinsight.errors import ConfigError
from csinsight.params import (
    NOTEBOOKS,
    RunParams,
    add_months,
    load_params,
    month_end,
    notebook_params,
    shipped,
)


def test_monthly_file_shows_every_parameter_with_its_default():
    told = yaml.safe_load((shipped("params") / "monthly.yml").read_text(encoding="utf-8"))
    assert told == RunParams().model_dump(exclude={"shop", "month"})


def test_command_line_wins_over_the_file(tmp_path):
    file = tmp_path / "shop.yml"
    file.write_text("lang: en\nseed: 7\n", encoding="utf-8")
    params = load_params(file, lang="zh", month="2026-02", shop=None)
    assert (params.lang, params.seed, params.month, params.shop) == ("zh", 7, "2026-02", "demo")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mnth: 2026-10", ["mnth", "did you mean `month`"]),
        ('driver_months: "3"', ["driver_months", "valid integer", "'3' (str)"]),
        ("vip_share: 0.6\ncore_share: 0.5", ["potential_share", "1.3 together", "at most 1"]),
        ("q_threshold: 2", ["q_threshold", "less than or equal to 1"]),
        ("month: 2026-13", ["month", "YYYY-MM"]),
        ("lang: fr", ["lang", "'zh' or 'en'"]),
        ("timezone: Asia/Shanghi", ["timezone", "Asia/Shanghai"]),
        ("kpi_profile: taoba", ["kpi_profile", "douyin, jd, pinduoduo, taobao, textbook"]),
        ("shop: a/b", ["shop", "folder"]),
        ("currency: RMB", ["currency", "did you mean CNY"]),
        ("currency: cny", ["currency", "did you mean CNY"]),
        ("currency: ¥¥¥", ["currency", "ISO 4217"]),
        ("just words", ["name: value"]),
        ("a: [1", ["not YAML"]),
    ],
)
def test_a_parameter_that_cannot_be_meant_is_named(tmp_path, text, words):
    file = tmp_path / "shop.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_params(file)
    message = str(caught.value)
    assert str(file) in message
    assert all(word in message for word in words), message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="can't be read"):
        load_params(tmp_path / "none.yml")


def test_every_notebook_takes_only_parameters_of_the_run():
    params = RunParams()
    for name, wanted in NOTEBOOKS.items():
        values = notebook_params(params, name)
        assert tuple(values) == wanted
        assert all(isinstance(value, str | int | float | bool) for value in values.values())


def test_months_follow_the_calendar():
    assert month_end("2026-12") == datetime(2027, 1, 1)
    assert add_months(datetime(2026, 3, 31), -1) == datetime(2026, 2, 1)
    assert add_months(datetime(2026, 1, 1), -13) == datetime(2024, 12, 1)


#: Not a run's: the demo shop's own lot, a page without a run, how a table is opened by hand.
OWN = {
    ("shop.py", "seed"), ("theme.py", "lang"), ("theme.py", "currency"), ("fonts.py", "lang"),
    ("words.py", "currency"), ("shop.py", "engine"), ("shops.py", "month"),
}  # fmt: skip


def _defaults(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield what functions take unless told, by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            names = [*node.args.posonlyargs, *node.args.args]
            given = node.args.defaults
            yield from zip((n.arg for n in names[len(names) - len(given) :]), given, strict=True)
            pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            yield from ((n.arg, value) for n, value in pairs if value is not None)


def test_no_function_has_a_default_of_its_own_for_what_is_a_runs_parameter():
    """Else a figure may hang on it, whatever the shop has told."""
    files = [p for p in Path(csinsight.__file__).parent.rglob("*.py") if p.name != "params.py"]
    assert len(files) > 100
    found = {
        (path.name, name)
        for path in files
        for name, value in _defaults(ast.parse(path.read_text(encoding="utf-8")))
        if name in RunParams.model_fields
        if ast.unparse(value) not in ("None", "DEFAULT_READER")
    }
    assert found == OWN
