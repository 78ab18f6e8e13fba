"""How far long work has come: a bar where somebody watches, lines where nobody does."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path

import pytest
from tests.toys import TABLES

from csinsight.contract.check import check_shop
from csinsight.importers import run_import
from csinsight.runs import log


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[_Screen, io.StringIO])
def stream(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    made: io.StringIO = request.param()
    monkeypatch.setattr(sys, "stderr", made)
    before = list(log.ROOT.handlers)
    log.to_stderr("Asia/Shanghai")
    yield made
    for handler in set(log.ROOT.handlers) - set(before):
        log.ROOT.removeHandler(handler)


def test_checking_says_how_many_tables_it_has_seen(stream: io.StringIO, toy_shop: Path) -> None:
    assert check_shop(toy_shop).ok
    said = stream.getvalue()
    for name in TABLES:
        assert name in said
    if stream.isatty():
        assert "[" in said
        assert said.count("\n") <= 1
    else:
        assert said.count("\n") == len(TABLES)
        assert "\r" not in said


def test_importing_says_how_far_it_has_come(stream: io.StringIO, tmp_path: Path) -> None:
    file = tmp_path / "chats.txt"
    file.write_text(
        "小雨2024-1-5 9:03:07\n在吗\n[茶小铺：阿梅] 2024-01-05 09:03:20\n亲，在的\n", "utf-8"
    )
    run_import("qianniu_chat", [file], tmp_path / "shop")
    said = stream.getvalue()
    assert said.index("reading") < said.index("adding") < said.index("written")
    assert ("2/3 writing" in said) == stream.isatty()


def test_a_line_between_clears_the_bar_and_json_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for json_lines in (False, True):
        screen = _Screen()
        monkeypatch.setattr(sys, "stderr", screen)
        log.to_stderr("UTC", json_lines=json_lines)
        said = logging.getLogger("csinsight.runs.month")
        said.debug("00 done", extra={"done": 1, "of": 3})
        said.error("a card failed")
        said.debug("all done", extra={"done": 3, "of": 3})
        lines = screen.getvalue().splitlines()
        if json_lines:
            assert all(line.startswith("{") for line in lines)
            assert len(lines) == 3
        else:
            assert screen.getvalue().startswith("\r\x1b[K[###")
            assert any(line.endswith("error: a card failed") for line in lines)
            assert lines[-1].endswith("all done")
    log.ROOT.handlers.clear()
