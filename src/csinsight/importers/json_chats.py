"""Messages that stand as objects in JSON files: what every such chat is read by."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from csinsight.contract.textfile import read_text
from csinsight.errors import ImporterError
from csinsight.importers.chat_text import Entry, judge, read_time
from csinsight.importers.records import load_json

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Beyond this a number of an epoch counts milliseconds.
_MILLISECONDS_FROM: Final = 100_000_000_000
_NO_WRITER: Final = "neither side is named as the writer of this message"


def members(path: Path, inside: str) -> list[Any]:
    """Return the members of a JSON list, of the list `inside` an object, or of JSON lines.

    Raises
    ------
    ImporterError
        Where the file is no JSON, or holds no such list.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "chats.json"
    ...     _ = file.write_text('{"sessions": [{"id": 1}]}', encoding="utf-8")
    ...     members(file, "sessions")
    [{'id': 1}]
    """
    text = read_text(path)
    try:
        whole = load_json(text)
    except (ValueError, RecursionError):
        lines = enumerate(text.split("\n"), start=1)
        return [_line(path.name, number, one) for number, one in lines if one.strip()]
    found = whole.get(inside, [whole]) if isinstance(whole, dict) else whole
    if not isinstance(found, list):
        raise ImporterError(f"{path.name}: holds no list of {inside}; export them as JSON again")
    return found


def _line(file: str, number: int, text: str) -> Any:
    try:
        return load_json(text)
    except (ValueError, RecursionError) as error:
        raise ImporterError(f"{file}, line {number}: is not JSON; export it again") from error


def json_entry(file: str, number: int, part: Any) -> Entry:
    """Return what is to be filled in of a message that is an object of a JSON file.

    Examples
    --------
    >>> json_entry("chats.json", 1, {"msg": "在吗"}).raw
    '{"msg": "在吗"}'
    """
    return Entry(file, number, json.dumps(part, ensure_ascii=False))


def judged(entry: Entry) -> Entry:
    """Return the message with its problem, where it has no writer, no time or no text.

    Examples
    --------
    >>> judged(Entry("chats.json", 1, "", text="在吗")).problem
    'neither side is named as the writer of this message'
    """
    if not entry.problem and not entry.side:
        entry.problem = _NO_WRITER
    if not entry.problem and entry.sent_at is None:
        entry.problem = "the message has no time, or one that can't be read"
    judge(entry)
    return entry


def as_object(value: Any) -> dict[str, Any]:
    """Return an object as it is, and anything else as an empty one.

    Examples
    --------
    >>> as_object({"id": 1}), as_object([1])
    ({'id': 1}, {})
    """
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, and anything else as an empty one.

    Examples
    --------
    >>> as_list([1]), as_list({"id": 1})
    ([1], [])
    """
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return a text or a number as text; empty for nothing, and for a list or an object.

    Examples
    --------
    >>> as_text(21), as_text(None), as_text([1])
    ('21', '', '')
    """
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).strip()


def moment_of(value: Any, zone: str) -> datetime | None:
    """Return a moment on the shop's clock: of a text as it stands, of a number since 1970.

    Examples
    --------
    >>> moment_of(1791165600, "Asia/Shanghai")
    datetime.datetime(2026, 10, 5, 10, 0)
    """
    text = as_text(value)
    if not text.replace(".", "", 1).isdigit():
        try:
            told = datetime.fromisoformat(text)
        except ValueError:
            return read_time(text)
        return told.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if told.tzinfo else told
    number = float(text)
    seconds = number / 1000 if number > _MILLISECONDS_FROM else number
    try:
        found = _EPOCH + timedelta(seconds=seconds)
        return found.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    except OverflowError:
        return None
