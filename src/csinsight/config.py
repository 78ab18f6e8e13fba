"""Reading what a shop may edit: YAML in UTF-8, or an error of the room that asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read_yaml(path: Path, error: type[Exception]) -> Any:
    """Return what the YAML file at `path` holds.

    Parameters
    ----------
    path : Path
    error : type of Exception
        Raised with the file's name and what is wrong where it can't be read.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise error(f"{path}: can't be read ({cause.strerror})") from cause
    except (UnicodeDecodeError, yaml.YAMLError) as cause:
        raise error(f"{path}: is not YAML in UTF-8: {cause}") from cause
