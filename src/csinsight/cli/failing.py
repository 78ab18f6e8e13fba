"""How a command fails: an expected error is a clear line, anything else keeps its traceback."""

from __future__ import annotations

from typing import Any

import click

from csinsight.errors import ConfigError


class Failed(click.ClickException):
    """An expected failure: its message without a traceback."""

    exit_code = 1

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - click's own signature
        """Write the message to standard error."""
        click.echo(f"csinsight: {self.format_message()}", err=True)


class Misused(Failed):
    """A command or parameter that can't be meant."""

    exit_code = 2


class MostlyRefused(Failed):
    """An import that took less than half of what it was given."""

    exit_code = 3


class Stopped(Failed):
    """A run that was stopped from outside."""

    exit_code = 130


class Commands(click.Group):
    """Commands whose expected errors end in a clear line; anything else keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see the class."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Stopped(str(error) or "stopped") from error
        except (ValueError, RuntimeError, OSError) as error:
            if not is_expected(error):
                raise
            kind = Misused if isinstance(error, ConfigError) else Failed
            raise kind(str(error)) from error


def is_expected(error: Exception) -> bool:
    """Tell whether an error is one of ours, or one that the machine has, such as a full disk.

    Examples
    --------
    >>> is_expected(ConfigError("a line that the user can mend")), is_expected(KeyError("x"))
    (True, False)
    """
    ours = type(error).__module__.startswith("csinsight.")
    return ours or (isinstance(error, OSError) and not isinstance(error, click.ClickException))
