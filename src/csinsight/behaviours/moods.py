"""A buyer's mood when a conversation opens and when it ends, read from their own words."""

from __future__ import annotations

from typing import Final

import narwhals as nw
import pandas as pd

from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.domain import MOODS
from csinsight.contract.schema import Messages
from csinsight.engine import collect
from csinsight.features.frames import BEFORE_OUTCOME, POSITION, TURN_NO, Frame, pick

#: Two runs of the buyer's lines, and the run of answers between them.
_RUNS: Final = 2
_SAID: Final = "_said"
#: More than there are moods, so that a place and a mood fit into one whole number.
_BASE: Final = 10


def moods(marked: Frame) -> pd.DataFrame:
    """Return the buyer's mood at both ends of each conversation in which a buyer wrote.

    Parameters
    ----------
    marked : narwhals.LazyFrame
        Of `csinsight.behaviours.markers.mark`, with ``position``, ``turn_no``, ``before_outcome``.

    Returns
    -------
    pandas.DataFrame
        By conversation id, ``mood_at_start`` and ``mood_at_end``, each one of `MOODS`; calm where
        no mood is shown. At the start the strongest mood of the buyer's first two runs of lines,
        before any order: annoyed before worried before pleased. At the end the latest mood of
        their last two runs, whatever came of it: it tells how a conversation went and must never
        explain that. The last run is no start, nor the first an end, unless there is no other.

    Examples
    --------
    >>> from csinsight.sample import sample_messages
    >>> marked = sample_messages()
    >>> "conversation_id" in moods(marked.lines)
    False
    """
    talk = Messages.CONVERSATION_ID
    said = nw.lit(0)
    for code in (MOODS.index(name) for name in ("pleased", "worried", "annoyed")):
        shown = nw.col(f"sounds_{MOODS[code]}").fill_null(value=False)
        said = nw.when(shown).then(nw.lit(code)).otherwise(said)
    run = nw.col(TURN_NO)
    lines = marked.filter(nw.col(Messages.SENDER) == "buyer").with_columns(
        said.alias(_SAID), run.min().over(talk).alias("_first"), run.max().over(talk).alias("_last")
    )
    first, last = nw.col("_first"), nw.col("_last")
    opening = nw.col(BEFORE_OUTCOME) & (run <= first + _RUNS) & ((run < last) | (run == first))
    ending = (run >= last - _RUNS) & ((run > first) | (run == last)) & (nw.col(_SAID) > 0)
    ends = lines.group_by(talk).agg(
        pick(opening, nw.col(_SAID)).max().fill_null(0).alias(Talk.MOOD_AT_START),
        pick(ending, nw.col(POSITION) * _BASE + nw.col(_SAID))
        .max()
        .fill_null(0)
        .alias(Talk.MOOD_AT_END),
    )
    codes = collect(ends).set_index(talk).astype("int64") % _BASE
    names = dict(enumerate(MOODS))
    return pd.DataFrame({end: codes[end].map(names).astype("str") for end in codes})
