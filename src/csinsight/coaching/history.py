"""Earlier months' plans, kept beside a shop's runs so that the next ones can follow them up.

``runs/SHOP/plans/MONTH.NNN.parquet``: a file is never changed. A month that is made anew with
another plan gets the next number, and the last one counts.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import pandas as pd

from csinsight.contract.artifacts import CoachingPlan
from csinsight.contract.write import write_table

FOLDER: Final = "plans"
_P = CoachingPlan
#: What a follow-up needs; talks are left out, since ids can name buyers.
KEPT: Final = (
    _P.AGENT_ID,
    _P.RANK,
    _P.BEHAVIOUR,
    _P.KIND,
    _P.RATE,
    _P.PEER_RATE,
    _P.TARGET_RATE,
    _P.OPPORTUNITIES,
    _P.EFFECT_PP,
    _P.EXPECTED_GAIN,
    _P.LOW,
    _P.HIGH,
)


def keep_plan(store: Path, month: str, plan: pd.DataFrame) -> Path:
    """Add a month's plan to the store, whole or not at all; the same plan is kept once.

    Parameters
    ----------
    store : Path
        ``runs/SHOP/plans``.
    month : str
    plan : DataFrame

    Returns
    -------
    Path
        Where it lies.
    """
    store.mkdir(parents=True, exist_ok=True)
    versions = _versions(store, month)
    draft = write_table(plan[list(KEPT)], store / f".{month}.{os.getpid()}.parquet")
    try:
        if versions and versions[-1].read_bytes() == draft.read_bytes():
            return versions[-1]
        target = store / f"{month}.{len(versions) + 1:03d}.parquet"
        # A link fails where another run was first; nothing is ever written over.
        os.link(draft, target)
        return target
    finally:
        draft.unlink(missing_ok=True)


def earlier_plans(store: Path, month: str, *, most: int = 6) -> dict[str, pd.DataFrame]:
    """Return the plans of the months before `month` by month, the last `most` of them."""
    months = sorted({path.name[:7] for path in _files(store) if path.name[:7] < month})
    return {name: pd.read_parquet(_versions(store, name)[-1]) for name in months[-most:]}


def fingerprint(store: Path, month: str) -> str:
    """Return a hash over all that `earlier_plans` would return."""
    digest = hashlib.sha256()
    for path in _files(store):
        if path.name[:7] < month:
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _files(store: Path) -> list[Path]:
    return sorted(store.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9].[0-9]*.parquet"))


def _versions(store: Path, month: str) -> list[Path]:
    return [path for path in _files(store) if path.name.startswith(f"{month}.")]
