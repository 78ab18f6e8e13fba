"""The one loader of YAML: what it refuses, and that file, line, key and mend are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from csinsight.config import load, nearest, read_yaml
from csinsight.errors import ConfigError


class Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    points: int = 1


class Card(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    title: str = ""
    items: dict[str, str | Rule] = {}
    rows: list[Rule] = []


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 6)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: ok\ntitel: x\n", r"line 2: unknown key `titel`; did you mean `title`"),
        ("rows:\n- points: 1\n- pionts: 2\n", r"line 3: unknown key `rows.1.pionts`; .*`points`"),
        ("items:\n  a:\n    point: 2\n", r"unknown key `items.a.Rule.point`; .*`points`"),
        ("title: 3\n", r"line 1: key `title`: .*got 3 \(int\)"),
        ("title: a\ntitle: b\n", r"line 2: key `title` stands on line 1 already"),
        (f"title: {'9' * 5000}\n", "line 1: a number of 5,000 characters"),
        ("a: 1\nb: 2026-02-30\n", "line 2: '2026-02-30' can't be"),
        ("a: " + "[" * 500 + "]" * 500, "line 1: is nested deeper than 32"),
        (BOMB, "aliases"),
        ("a: !!python/object/apply:os.system ['x']\n", "not YAML|not read"),
        ("a: [1\n", "line 2: is not YAML in UTF-8"),
        ("a: 1\nb: 1:30\n", "line 2: '1:30' is no number"),
        ("a: !!timestamp x\n", "line 1: 'x' is no timestamp"),
        ("a: !!bool maybe\n", "line 1: 'maybe' is no bool"),
        ("- 1\n", "lines of the form `name: value`"),
        ("a: " + "x" * (5 << 20), "bytes; .* are the most"),
    ],
)
def test_what_cant_be_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "card.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        load(file, Card)
    assert str(file) in str(caught.value)


def test_bytes_that_are_not_utf8_and_missing_files_are_named(tmp_path: Path) -> None:
    file = tmp_path / "gbk.yml"
    file.write_bytes("title: ok\nitems: 雨".encode("gb18030"))
    with pytest.raises(ConfigError, match=r"gbk\.yml, line 2: is not YAML in UTF-8"):
        read_yaml(file)
    with pytest.raises(ConfigError, match=r"none\.yml: can't be read"):
        read_yaml(tmp_path / "none.yml")


def test_an_empty_file_gives_the_defaults_and_aliases_work(tmp_path: Path) -> None:
    file = tmp_path / "card.yml"
    file.write_text("", encoding="utf-8")
    assert load(file, Card) == Card()
    file.write_text("title: x\nrows: [&r {points: 3}, *r]\n", encoding="utf-8")
    assert [row.points for row in load(file, Card).rows] == [3, 3]


def test_names_are_near_whatever_their_case_and_blanks() -> None:
    assert nearest("Order-ID", ["buyer_id", "order_id"]) == "order_id"
    assert nearest("whatever", ["buyer_id", "order_id"]) is None
