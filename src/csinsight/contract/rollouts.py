"""``rollout.csv``: who starts on a behaviour when, as drawn by lot.

The file is optional and lies beside the six tables. One row is one agent of one roll-out; the rows
of one roll-out share behaviour and seed. It is written by ``csinsight rollout plan`` and read in
the months after; rows are added, never changed, or the reading says that the lot was not kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from csinsight.contract.cells import dtypes
from csinsight.contract.domain import MARKERS, with_own
from csinsight.contract.files import write_atomically
from csinsight.contract.messages import Fault
from csinsight.contract.read import read_table
from csinsight.contract.schema import Column, Table


class Rollout:
    """Column names of ``rollout``."""

    BEHAVIOUR = "behaviour"
    AGENT_ID = "agent_id"
    STARTS_ON = "starts_on"
    SEED = "seed"


ROLLOUT: Final = Table(
    "rollout",
    "one agent's start of one roll-out",
    (
        Column(Rollout.BEHAVIOUR, "str", "the behaviour that is coached", one_of=MARKERS),
        Column(Rollout.AGENT_ID, "str", "who is coached"),
        Column(Rollout.STARTS_ON, "date", "the first day on which this agent is coached"),
        Column(Rollout.SEED, "int", "of the lot; the same for all rows of a roll-out", at_least=0),
    ),
)
FILE: Final = f"{ROLLOUT.name}.csv"
_KEY: Final = [Rollout.BEHAVIOUR, Rollout.SEED]


def read_rollouts(folder: Path) -> tuple[pl.DataFrame, list[Fault]]:
    r"""Return the roll-outs of a shop and what is wrong with them.

    Parameters
    ----------
    folder : Path
        Of the shop's tables.

    Returns
    -------
    frame : polars.DataFrame
        Columns of `ROLLOUT`; without rows where there is no file.
    faults : list of Fault
        An agent twice in a roll-out, and a roll-out in which all start on one day, are faults too.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "rollout.csv"
    ...     _ = file.write_text(
    ...         "behaviour,agent_id,starts_on,seed\n"
    ...         "recommends,a001,2026-11-15,7\n"
    ...         "recommends,a001,2026-11-29,7\n"
    ...     )
    ...     frame, faults = read_rollouts(Path(folder))
    >>> frame.height
    2
    >>> faults[0].column, faults[0].row
    ('agent_id', 3)
    """
    path = folder / FILE
    if not path.is_file():
        return pl.DataFrame(schema=dtypes(ROLLOUT)), []
    checked = read_table(path, with_own(ROLLOUT, Rollout.BEHAVIOUR, folder))
    return checked.frame, [*checked.faults, *_lot_faults(checked.frame)]


def _lot_faults(frame: pl.DataFrame) -> list[Fault]:
    numbered = frame.with_row_index("row", offset=2)
    again = numbered.filter(pl.struct(*_KEY, Rollout.AGENT_ID).is_first_distinct().not_())
    faults = [
        Fault(
            FILE,
            int(row),
            Rollout.AGENT_ID,
            f"{agent!r} starts twice in one roll-out",
            "keep the row that was drawn",
        )
        for row, agent in again.select("row", Rollout.AGENT_ID).iter_rows()
    ]
    days = numbered.group_by(_KEY, maintain_order=True).agg(
        pl.first("row"), pl.n_unique(Rollout.STARTS_ON).alias("days")
    )
    faults += [
        Fault(
            FILE,
            int(row),
            Rollout.STARTS_ON,
            "all agents of this roll-out start on one day, so that nobody can be compared",
            "draw a roll-out with `csinsight rollout plan`",
        )
        for row in days.filter(pl.col("days") < 2)["row"]
    ]
    return faults


def add_rollout(folder: Path, rows: pl.DataFrame) -> Path:
    """Add the rows of a new roll-out to the file of a shop, all or none; return its path.

    Parameters
    ----------
    folder : Path
        Of the shop's tables.
    rows : polars.DataFrame
        Columns of `ROLLOUT`.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> start = {"agent_id": "a1", "starts_on": "2026-11-01", "seed": 7}
    >>> rows = pl.DataFrame([{"behaviour": "greets", **start}])
    >>> add_rollout(folder, rows.with_columns(pl.col("starts_on").str.to_date())).name
    'rollout.csv'
    """
    earlier, _ = read_rollouts(folder)
    path = folder / FILE
    names = [column.name for column in ROLLOUT.columns]
    with write_atomically(path) as draft:
        pl.concat([earlier.select(names), rows.select(names)], how="vertical_relaxed").write_csv(
            draft
        )
    return path
