"""The command that a failed run calls, such as one that sends a message."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Final

#: A command that takes longer is ended, so that a schedule never hangs on it.
SECONDS: Final = 120


def call_hook(command: str, values: Mapping[str, str], *, seconds: float = SECONDS) -> str:
    """Run `command` in a shell with `values` as environment variables ``CSINSIGHT_…``.

    Values reach the command as variables only and are never part of its text, so that what a
    faulty file holds can't run as a command.

    Parameters
    ----------
    command : str
    values : mapping of str to str
        By name in lower case, such as ``shop``.
    seconds : float

    Returns
    -------
    str
        What went wrong with the command itself; empty where it ended well.
    """
    told = {f"CSINSIGHT_{name.upper()}": value.replace("\0", "") for name, value in values.items()}
    process = subprocess.Popen(  # noqa: S602 - the user's own command, as a crontab's
        command, shell=True, env={**os.environ, **told}, start_new_session=True
    )
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return f"the --on-failure command took over {seconds:.0f} s and was ended: {command}"
    return f"the --on-failure command ended with exit code {code}: {command}" if code else ""
