"""JSON files: objects to the rows of a table, and to the messages of a chat."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl

from csinsight.contract.textfile import read_text
from csinsight.errors import ImporterError
from csinsight.importers.chat_text import Entry, judge, read_time
from csinsight.importers.reading import (
    LINE_SCHEMA,
    NUL_REASON,
    REFUSED_SCHEMA,
    Records,
    refused_rows,
)

#: Deeper nesting is refused: nothing that a shop exports looks like that.
_DEEPEST: Final = 20


#: Why an object is no row whose rows stand in a list that holds none.
EMPTY_LIST: Final = "the record's list holds nothing, so nothing of it is read"


def read_json(path: Path, records: str | None, encoding: str | None = None) -> Records:
    """Return the objects of a JSON file as records; nested objects get dotted names.

    Parameters
    ----------
    path : Path
        A JSON list of objects, or one object.
    records : str or None
        Name of the list inside each object whose members are the rows; each row has the fields
        of its parent too, and its own win.
    encoding : str or None

    Raises
    ------
    ImporterError
        Where the file is no JSON of that form.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.json"
    ...     _ = file.write_text('[{"id": 1, "who": {"name": "a"}}]', encoding="utf-8")
    ...     records = read_json(file, None)
    >>> records.frame.height
    1
    """
    text = read_text(path, encoding)
    try:
        data = load_json(text)
    except (ValueError, RecursionError) as error:
        raise ImporterError(f"{path.name}: is not JSON ({error}); export it again") from error
    parents = data if isinstance(data, list) else [data]
    return _records(path.name, list(enumerate(parents, start=1)), [], records)


def read_jsonl(path: Path, records: str | None, encoding: str | None = None) -> Records:
    r"""Return the objects of a file with one JSON object a line, as `read_json` does.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.jsonl"
    ...     _ = file.write_text('{"id": 1}\n{"id": 2}\n', encoding="utf-8")
    ...     records = read_jsonl(file, None)
    >>> records.frame.height
    2
    """
    parents: list[tuple[int, Any]] = []
    bad: list[tuple[str, int, str, str]] = []
    for number, line in enumerate(read_text(path, encoding).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            parents.append((number, load_json(line)))
        except (ValueError, RecursionError):
            bad.append((path.name, number, line, "the line is not a JSON object"))
    return _records(path.name, parents, bad, records)


def _records(
    file: str,
    parents: list[tuple[int, Any]],
    bad: list[tuple[str, int, str, str]],
    inside: str | None,
) -> Records:
    rows: list[dict[str, str | int | None]] = []
    header: dict[str, None] = {}
    for number, parent in parents:
        for member, reason in _members(parent, inside):
            raw = json.dumps(member, ensure_ascii=False, default=str)
            if reason or "\\u0000" in raw:
                bad.append((file, number, raw, reason or NUL_REASON))
                continue
            fields = {k: v for k, v in _flat(member).items() if k not in REFUSED_SCHEMA}
            header.update(dict.fromkeys(fields))
            rows.append({"_file": file, "_line": number, "_raw": raw, **fields})
    schema = {**LINE_SCHEMA, **dict.fromkeys(header, pl.String())}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return Records(file, tuple(header), frame, refused_rows(bad))


def _members(parent: Any, inside: str | None) -> Iterator[tuple[Any, str]]:
    """Yield each row of one object, and why it can't be one."""
    if not isinstance(parent, dict):
        yield parent, "the record is not a JSON object"
    elif inside is None:
        yield parent, ""
    else:
        steps = [step for step in re.split(r"\.|\[\]\.?", inside) if step]
        yield from _descend(parent, {}, steps, inside)


def _descend(
    parent: dict[str, Any], above: dict[str, Any], steps: Sequence[str], inside: str
) -> Iterator[tuple[Any, str]]:
    """Yield the members of the list that `steps` lead to, each with the fields above it.

    A field of the member wins over one of its parents of the same name; that stays within reach as
    ``parent.NAME``.
    """
    name, rest = steps[0], steps[1:]
    shared = {key: value for key, value in parent.items() if key != name}
    below = parent.get(name)
    if isinstance(below, dict) and rest:
        yield from _descend(below, {**above, **shared, "parent": shared}, rest, inside)
        return
    if not isinstance(below, list):
        yield {**above, **parent}, f"the record has no list `{inside}`"
        return
    if not below:
        yield {**above, **parent}, EMPTY_LIST
    for member in below:
        if not isinstance(member, dict):
            yield member, f"a member of `{inside}` is not a JSON object"
        elif rest:
            yield from _descend(member, {**above, **shared, "parent": shared}, rest, inside)
        else:
            outer = above.get("parent")
            inner = {"parent": {**shared, **({"parent": outer} if outer else {})}}
            yield {**above, **shared, **inner, **member}, ""


def _flat(value: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, str | None]:
    fields: dict[str, str | None] = {}
    for name, inner in value.items():
        if isinstance(inner, dict) and depth < _DEEPEST:
            fields.update(_flat(inner, f"{prefix}{name}.", depth + 1))
        else:
            plain = inner is None or isinstance(inner, str)
            text = inner if plain else json.dumps(inner, ensure_ascii=False, default=str)
            fields[f"{prefix}{name}"] = text
    return fields


def load_json(text: str) -> Any:
    r"""Read JSON; half of a pair of surrogates, which no table can hold, comes as a question mark.

    Raises
    ------
    ValueError, RecursionError
        Where it is no JSON, or too deep.

    Examples
    --------
    >>> load_json('{"body": "ok\\ud83d"}')
    {'body': 'ok?'}
    """
    told = json.loads(text)
    if _HALVES.search(text):
        whole = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
        told = json.loads(whole)
    return told


_HALVES: Final = re.compile(r"\\u[dD][89a-fA-F]")


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
