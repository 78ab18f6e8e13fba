"""What is remembered of a buyer beside the look-back: the look-back before, and last month's type.

A buyer of six pages says little in one look-back, and two months that share two thirds of it would
still call one buyer in ten another type. Two things known from before steady that:

* the look-back *before* this one shares no event with it, so its evidence counts in full, as far
  as the buyer is still the same: a hidden Markov chain of two steps [1]_ in which habits change
  with chance ``changed``. What one look-back can weigh is thereby bounded.
* *last month's type* was read from mostly the same events. Its probabilities must not be
  multiplied in again; only the label counts, as prior odds of ``hold`` to one: hysteresis, also
  bounded. Evidence stronger than both turns any label.

References
----------
.. [1] Rabiner, L. R. (1989). A tutorial on hidden Markov models and selected applications in speech
   recognition. Proceedings of the IEEE 77(2), 257-286.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from csinsight.contract.artifacts import BuyerTypes
from csinsight.contract.domain import BUYER_TYPES
from csinsight.segments.evidence import NO_EVIDENCE, weigh
from csinsight.segments.model import TypeModel
from csinsight.segments.signatures import MemoryRules

Floats = npt.NDArray[np.float64]

#: Columns of a memory: the six types, and none of them.
COLUMNS = (*BUYER_TYPES, "none")


def remembered(earlier: pd.DataFrame, model: TypeModel, rules: MemoryRules) -> pd.DataFrame:
    """Return what the look-back before this one says of its buyers.

    Parameters
    ----------
    earlier : DataFrame
        `csinsight.features.buyers.buyer_features` of that look-back, which must not overlap with
        the one that `model` was fitted on.
    model : TypeModel
        Of this month: both look-backs are read alike.
    rules : MemoryRules

    Returns
    -------
    DataFrame
        Log-odds by buyer and `COLUMNS`.
    """
    evidence = weigh(earlier, model.scales)
    passing = [name in rules.passing for name in evidence.features]
    noise = np.where(passing, NO_EVIDENCE, evidence.noise)
    odds = model.odds(replace(evidence, noise=noise), rules.changed)
    return _table(odds, earlier["buyer_id"])


def held(last: pd.DataFrame, rules: MemoryRules) -> pd.DataFrame:
    """Return the odds with which last month's types start into this month.

    Parameters
    ----------
    last : DataFrame
        Last month's buyers with the columns of `csinsight.contract.artifacts.BuyerTypes`; who was
        ``mixed`` or ``unclassified`` starts afresh.
    rules : MemoryRules

    Returns
    -------
    DataFrame
        Log-odds by buyer and `COLUMNS`.
    """
    labels = last[BuyerTypes.TYPE].to_numpy(dtype=str)
    odds = (labels[:, None] == np.array(COLUMNS)) * np.log(rules.hold)
    return _table(odds, last[BuyerTypes.BUYER_ID])


def together(*parts: pd.DataFrame) -> pd.DataFrame:
    """Return the sum of several memories; who is in one of them only has that one."""
    return pd.concat(parts).groupby(level=0, sort=False).sum()


def _table(odds: Floats, ids: pd.Series) -> pd.DataFrame:
    index = pd.Index(ids.astype("str"), name=BuyerTypes.BUYER_ID)
    return pd.DataFrame(odds, index=index, columns=list(COLUMNS))
