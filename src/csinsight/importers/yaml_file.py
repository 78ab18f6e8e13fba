"""Reading YAML files into strict models, with errors that name the key and the nearest known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from csinsight.errors import ImporterError

Model = TypeVar("Model", bound=BaseModel)


def load_yaml(path: Path, model: type[Model], *nested: type[BaseModel]) -> Model:
    """Return the YAML file at `path` as a `model`.

    Parameters
    ----------
    path : Path
    model : type
        Its keys are the known ones.
    *nested : type
        The models one level down, for the names of keys there.

    Raises
    ------
    ImporterError
        Naming file, key, what is wrong with it and the nearest known key.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ImporterError(f"{path}: can't be read ({error.strerror})") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ImporterError(f"{path.name}: is not YAML in UTF-8: {error}") from error
    if not isinstance(values, dict):
        raise ImporterError(f"{path.name}: has to hold lines of the form `name: value`")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ImporterError(_explain(error, path.name, (model, *nested))) from error


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a mend for an unknown name: the nearest known one, or all of them."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def _explain(error: ValidationError, file: str, models: tuple[type[BaseModel], ...]) -> str:
    lines = []
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            # The model itself on the first level, the rules of one column below it.
            model = models[min(len(fault["loc"]), len(models)) - 1]
            known = [info.alias or name for name, info in model.model_fields.items()]
            mend = nearest(str(fault["loc"][-1]), known)
            lines.append(f"{file}: unknown key `{where}`; {mend}")
        else:
            lines.append(f"{file}: `{where}`: {fault['msg']}")
    return "\n".join(lines)
