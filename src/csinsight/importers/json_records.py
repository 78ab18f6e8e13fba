"""JSON files to records: a list of objects, or one object a line, with a list inside if told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from csinsight.importers.reading import (
    LINE_SCHEMA,
    NUL_REASON,
    REFUSED_SCHEMA,
    ImporterError,
    Records,
    read_text,
)

#: Deeper nesting is refused: nothing that a shop exports looks like that.
_DEEPEST: Final = 20


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
    """
    text = read_text(path, encoding)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ImporterError(f"{path.name}: is not JSON ({error}); export it again") from error
    parents = data if isinstance(data, list) else [data]
    return _records(path.name, list(enumerate(parents, start=1)), [], records)


def read_jsonl(path: Path, records: str | None, encoding: str | None = None) -> Records:
    """Return the objects of a file with one JSON object a line, as `read_json` does."""
    parents: list[tuple[int, Any]] = []
    bad: list[tuple[str, int, str, str]] = []
    for number, line in enumerate(read_text(path, encoding).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            parents.append((number, json.loads(line)))
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
    frame = pl.DataFrame(rows, schema=schema, orient="row") if rows else pl.DataFrame(schema=schema)
    return Records(
        file, tuple(header), frame, pl.DataFrame(bad, schema=REFUSED_SCHEMA, orient="row")
    )


def _members(parent: Any, inside: str | None) -> Iterator[tuple[Any, str]]:
    """Yield each row of one object, and why it can't be one."""
    if not isinstance(parent, dict):
        yield parent, "the record is not a JSON object"
    elif inside is None:
        yield parent, ""
    elif not isinstance(parent.get(inside), list):
        yield parent, f"the record has no list `{inside}`"
    else:
        shared = {name: value for name, value in parent.items() if name != inside}
        for member in parent[inside]:
            if isinstance(member, dict):
                yield {**shared, **member}, ""
            else:
                yield member, f"a member of `{inside}` is not a JSON object"


def _flat(value: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, str | None]:
    fields: dict[str, str | None] = {}
    for name, inner in value.items():
        if isinstance(inner, dict) and depth < _DEEPEST:
            fields.update(_flat(inner, f"{prefix}{name}.", depth + 1))
        else:
            fields[f"{prefix}{name}"] = _text(inner)
    return fields


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
