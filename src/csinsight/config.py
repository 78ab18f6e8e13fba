"""Reading what a shop may edit: one loader for every YAML file, and one "did you mean".

A file is data from outside, also where it lies in the shop's own folder. So it is limited in size,
depth and aliases before anything is built from it, a number or date that does not exist is a fault
of its line, and a key that stands twice is one too (YAML itself would keep the last in silence).
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from csinsight.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)

#: Bytes of a file, nesting, aliases, values, and digits of a number: far above what people write.
MAX_BYTES: Final = 4 << 20
MAX_DEPTH: Final = 32
MAX_ALIASES: Final = 50
MAX_VALUES: Final = 200_000
MAX_DIGITS: Final = 40

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBERS: Final = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_TEXTS: Final = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
_PLAIN: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Yaml:
    """What a YAML file holds, and where.

    Parameters
    ----------
    path : Path
    values : object
    root : yaml.Node or None
        Its nodes, which know their lines; None for an empty file.
    """

    path: Path
    values: Any
    root: yaml.Node | None

    def line(self, place: Iterable[str | int]) -> int | None:
        """Return the line of the deepest part of `place` that the file has."""
        node, line = self.root, None
        for part in place:
            inner = _inside(node, part)
            if inner is None:
                break
            node, line = inner
        return line


def read_yaml(path: Path) -> Yaml:
    r"""Return what the YAML file at `path` holds, with the lines of its parts.

    Raises
    ------
    ConfigError
        Naming file, line and what is wrong: not UTF-8, not YAML, too large, too deep, too many
        aliases, a key that stands twice, a number or date that can't be.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "x.yml"
    >>> _ = file.write_text("months: 3\nseed: 7\n", encoding="utf-8")
    >>> found = read_yaml(file)
    >>> found.values, found.line(["seed"])
    ({'months': 3, 'seed': 7}, 2)
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: can't be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: has {len(data):,} bytes; {MAX_BYTES:,} are the most")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"is not YAML in UTF-8: {error.reason}; save the file as UTF-8"
        raise ConfigError(f"{path}, line {line}: {what}") from error
    try:
        _measure(path, text)
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            if root is not None:
                _check(path, loader, root)
            values = None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ConfigError(_unreadable(path, text, error)) from error
    except ConfigError:
        raise
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ConfigError(f"{path}: is not YAML in UTF-8: {error}") from error
    return Yaml(path, values, root)


def load(path: Path, model: type[Model], *, mend: str = "") -> Model:
    """Return the YAML file at `path` as a `model`.

    Parameters
    ----------
    path : Path
    model : type of pydantic.BaseModel
        Its keys are the known ones; an empty file gives its defaults.
    mend : str
        Said after a fault that has no mend of its own.

    Raises
    ------
    ConfigError
        One line a fault: file, line, key, what is wrong, and the nearest known key.

    Examples
    --------
    >>> import tempfile
    >>> class Stay(BaseModel, extra="forbid"):
    ...     idle_minutes: int = 30
    >>> file = Path(tempfile.mkdtemp()) / "stay.yml"
    >>> _ = file.write_text("idle_minutes: 20", encoding="utf-8")
    >>> load(file, Stay)
    Stay(idle_minutes=20)
    """
    found = read_yaml(path)
    values = {} if found.values is None else found.values
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: has to hold lines of the form `name: value`")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, model, found, mend))) from error


def explain(
    error: ValidationError, model: type[BaseModel], found: Yaml | None = None, mend: str = ""
) -> Iterator[str]:
    """Yield a line for each fault of a model: file, line, key, what is wrong, and the mend.

    Examples
    --------
    >>> class Stay(BaseModel, extra="forbid"):
    ...     idle_minutes: int = 30
    >>> try:
    ...     Stay(idle_minuts=20)
    ... except ValidationError as error:
    ...     print(*explain(error, Stay))
    unknown key `idle_minuts`; did you mean `idle_minutes`?
    """
    for fault in error.errors():
        place = [part for part in fault["loc"] if not str(part).endswith("[key]")]
        key = ".".join(str(part) for part in place)
        line = found.line(place) if found else None
        at = f", line {line}" if line else ""
        head = f"{found.path}{at}: " if found else ""
        if fault["type"] == "extra_forbidden":
            known = _keys_at(model, place[:-1])
            mended = _HALVED if "：" in key else did_you_mean(str(place[-1]), known)
            yield f"{head}unknown key `{key}`; {mended}"
            continue
        what = fault["msg"].removeprefix("Value error, ")
        given = "; add it" if fault["type"] == "missing" else f"; got {_shown(fault['input'])}"
        given += _by_hand(fault["type"], fault["input"])
        where = f"key `{key}`: " if key else ""
        yield f"{head}{where}{what}{given}{f'; {mend}' if mend else ''}"


def nearest(name: str, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the one of `known` that `name` is most likely meant to be, if any.

    Case, blanks, hyphens and underscores don't count.

    Examples
    --------
    >>> nearest("Order ID", ["order_id", "buyer_id"])
    'order_id'
    >>> nearest("colour", ["order_id", "buyer_id"]) is None
    True
    """
    plain = {_folded(candidate): candidate for candidate in known}
    near = difflib.get_close_matches(_folded(name), plain, n=1, cutoff=cutoff)
    return plain[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """Return the mend for an unknown name: the nearest known one, else what is known.

    Parameters
    ----------
    name : str
    known : iterable of str
    otherwise : str or None
        Said where nothing comes near; None lists what is known.

    Examples
    --------
    >>> did_you_mean("buyerid", ["order_id", "buyer_id"])
    'did you mean `buyer_id`?'
    >>> did_you_mean("colour", ["order_id", "buyer_id"])
    'known are order_id, buyer_id'
    """
    known = list(known)
    near = nearest(name, known)
    if near is not None:
        return f"did you mean `{near}`?"
    return f"known are {', '.join(known)}" if otherwise is None else otherwise


_HALVED: Final = "write : , [ ] { } of half width, with a blank after each : and ,"
#: Full width signs where YAML has its own of half width.
_WIDE: Final = re.compile("^[^:#]*：|[［］｛｝]")


def _by_hand(kind: str, given: object) -> str:
    """Return the mend for what people leave out, or write by a Chinese keyboard."""
    if kind == "too_short" and isinstance(given, list) and any("，" in str(one) for one in given):
        return f"; {_HALVED}"
    expects = kind in ("dict_type", "list_type", "model_type", "model_attributes_type")
    return "; write something under it, or leave the key out" if given is None and expects else ""


def _unreadable(path: Path, text: str, error: yaml.YAMLError) -> str:
    """Return file, line, what is wrong, and the mend, of text that is no YAML."""
    mark, context = (getattr(error, name, None) for name in ("problem_mark", "context_mark"))
    place = getattr(error, "position", None)
    line = mark.line if mark else text.count("\n", 0, place) if isinstance(place, int) else 0
    first = context.line if context and line - context.line <= 1 else max(line - 1, 0)
    lines = [*text.split("\n"), "", ""]
    said, near = _said(error).split("\n")[0], range(first, line + 1)
    wide = [number for number in near if _WIDE.search(lines[number])]
    if lines[line].lstrip(" ").startswith("\t"):
        mend = "indent with blanks, not with tabs"
    elif "escape character" in said:
        mend = "put this text in single quotes"
    elif "control characters" in said:
        mend = "take the sign out that can't be seen"
    elif wide:
        line, mend = wide[0], _HALVED
    else:
        mend = (
            "let lines that belong together begin in one column, and put text with any of "
            "[ ] { } : # in single quotes"
        )
    return f"{path}, line {line + 1}: is not YAML in UTF-8: {said}; {mend}"


def _line(part: Any) -> int:
    return int(part.start_mark.line) + 1


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()


def _shown(value: object) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:59] + '…'} ({type(value).__name__})"


def _measure(path: Path, text: str) -> None:
    """Refuse a file that would be dear to build, by its events alone."""
    depth = aliases = 0
    for values, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        for count, most, what in (
            (depth, MAX_DEPTH, "is nested deeper than"),
            (aliases, MAX_ALIASES, "has more aliases (*name) than"),
            (values, MAX_VALUES, "holds more values than"),
        ):
            if count > most:
                raise ConfigError(f"{path}, line {_line(event)}: {what} {most:,}; write it plainly")


def _check(path: Path, loader: Any, root: yaml.Node) -> None:
    """Refuse a key that stands twice, aliases that multiply, and values that can't be."""
    todo, seen = [root], 0
    while todo:
        node = todo.pop()
        seen += 1
        if seen > MAX_VALUES:
            raise ConfigError(f"{path}: its aliases stand for more than {MAX_VALUES:,} values")
        if isinstance(node, yaml.MappingNode):
            _check_keys(path, node)
            todo += [inner for key, value in node.value for inner in (key, value)]
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value
        elif node.tag not in _TEXTS:
            _check_scalar(path, loader, node)


def _check_keys(path: Path, node: yaml.MappingNode) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            continue
        line = key.start_mark.line + 1
        if key.value in seen:
            what = f"key `{key.value}` stands on line {seen[key.value]} already; keep one"
            raise ConfigError(f"{path}, line {line}: {what}")
        seen[key.value] = line


def _check_scalar(path: Path, loader: Any, node: yaml.Node) -> None:
    where = f"{path}, line {node.start_mark.line + 1}"
    text = str(node.value)
    if not node.tag.startswith(_PLAIN):
        raise ConfigError(f"{where}: the tag {node.tag} is not read; write plain values")
    if node.tag in _NUMBERS and len(text) > MAX_DIGITS:
        raise ConfigError(f"{where}: a number of {len(text):,} characters; put text in quotes")
    if node.tag in _NUMBERS and ":" in text:
        # YAML 1.1 counts in sixties: 1:30 would be 90.
        raise ConfigError(f"{where}: {text!r} is no number; write it out, or put text in quotes")
    try:
        loader.construct_object(node)
    except (ValueError, OverflowError, AttributeError, KeyError) as error:
        # Over `!!timestamp x` and `!!bool x` PyYAML itself trips.
        why = (
            f"can't be: {error}"
            if isinstance(error, ValueError)
            else f"is no {node.tag[len(_PLAIN) :]}"
        )
        raise ConfigError(f"{where}: {text[:40]!r} {why}; put text in quotes") from error


def _inside(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if str(key.value) == str(part):
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    return None


def _said(error: yaml.YAMLError) -> str:
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    return ", ".join(part for part in parts if part) or str(error)


def _keys_at(model: Any, place: Iterable[str | int]) -> list[str]:
    """Return the known keys at a place of a model, through dicts, lists and unions."""
    kinds = [model]
    for part in place:
        kinds = [inner for kind in kinds for inner in _step(kind, part)]
    return [
        info.alias or name
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name, info in kind.model_fields.items()
    ]


def _step(kind: Any, part: str | int) -> list[Any]:
    """Return what may stand at `part` of a value of `kind`; a union's member names itself."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {info.alias or name: info.annotation for name, info in kind.model_fields.items()}
        return list(_members(fields[str(part)])) if part in fields else [kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
        return list(_members(arguments[1]))
    if origin in (list, tuple, set, frozenset) and arguments:
        return list(_members(arguments[0]))
    return [kind]


def _members(kind: Any) -> Iterator[Any]:
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        yield from _members(typing.get_args(kind)[0])
    elif origin in (typing.Union, types.UnionType):
        for member in typing.get_args(kind):
            yield from _members(member)
    else:
        yield kind
