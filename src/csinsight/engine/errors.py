"""What the engine says when it can't open a shop."""

from __future__ import annotations

from pathlib import Path

from csinsight.contract.tables import Table


class EngineError(RuntimeError):
    """A table that can't be read, or an engine that is not there; the message has the mend."""


def explain(path: Path, table: Table, error: Exception | None = None) -> EngineError:
    """Return the error for a file that can't be read as `table`, with its first faults."""
    from csinsight.contract.read import read_table

    faults = [str(fault) for fault in read_table(path, table).faults[:5]]
    if not faults:
        faults = [f"{path.name}: can't be read ({error})"]
    lines = "\n".join(faults)
    return EngineError(f"{lines}\nsee every fault with: csinsight check {path.parent}")
