"""What a run does for coaching besides notebooks: earlier plans, disputes, files to take along."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from csinsight.coaching import follow_up
from csinsight.contract import rollouts as lots
from csinsight.contract.artifacts import CoachingPlan
from csinsight.contract.dictionary import artifact
from csinsight.contract.disputes import disputes_path
from csinsight.contract.labels import FILE
from csinsight.contract.write import sha256, sha256_of, write_atomically
from csinsight.runs.state import Places

NOTEBOOK: Final = "05_coaching"


def plans_of(run: Path) -> Path:
    """Return the store of a shop's plans, from the folder of one of its runs.

    Examples
    --------
    >>> plans_of(Path("runs/myshop/2026-10")).as_posix()
    'runs/myshop/plans'
    """
    return run.parent / follow_up.FOLDER


def also_read(notebook: str, data: Path, places: Places) -> str:
    """Return a hash over what a notebook reads of people's own besides tables and parameters.

    Examples
    --------
    >>> also_read("01_buyer_types", Path("data"), Places(Path("out"), "myshop", "2026-10"))
    ''
    """
    labels = data / FILE
    read = sha256(labels) if labels.is_file() else ""
    if notebook != NOTEBOOK:
        return read if notebook == "03_agent_kpis" else ""
    disputes, rollouts = disputes_path(data), data / lots.FILE
    earlier = follow_up.fingerprint(plans_of(places.run), places.month)
    told = sha256(rollouts) if rollouts.is_file() else ""
    return sha256_of(sha256(disputes) if disputes else "", told, earlier, read)


def keep_plan(places: Places) -> None:
    """Add the run's plan to the shop's store, for later months to follow up.

    Examples
    --------
    A run without a plan keeps none.

    >>> keep_plan(Places(Path("nowhere"), "myshop", "2026-10"))
    """
    path = places.run / "artifacts" / f"{CoachingPlan.NAME}.parquet"
    if path.is_file():
        follow_up.keep_plan(
            plans_of(places.run), places.month, artifact(CoachingPlan.NAME).read(path)
        )


def stage_exports(places: Places) -> list[str]:
    """Copy the run's files to take along beside the pages, and return their names.

    Examples
    --------
    >>> stage_exports(Places(Path("nowhere"), "myshop", "2026-10"))
    []
    """
    found = sorted((places.run / "exports").glob("*.*"))
    for path in found:
        with write_atomically(places.staging / path.name) as draft:
            shutil.copyfile(path, draft)
    return [path.name for path in found]
