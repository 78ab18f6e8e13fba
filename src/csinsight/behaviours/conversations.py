"""The ``conversations`` artifact: what each talk was about, what came of it, what was shown."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import pandas as pd

from csinsight.behaviours.canned import with_canned
from csinsight.behaviours.categories import AFTER_SALES, OTHER, main_categories
from csinsight.behaviours.lexicon import Lexicon, load_lexicon
from csinsight.behaviours.markers import mark
from csinsight.behaviours.mood import moods
from csinsight.behaviours.opportunities import UNPAID, opportunities, opportunity_turns
from csinsight.behaviours.signs import SILENT_S, signs
from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.artifacts import opportunity_column, turn_column
from csinsight.contract.domain import BEHAVIOURS, COMPLIANCE, MARKERS, TIMINGS, TURN_MARKERS
from csinsight.contract.tables import Messages
from csinsight.engine import Shop, collect
from csinsight.engine.keep import hold
from csinsight.features.conversations import conversation_features, messages_of
from csinsight.features.frames import BEFORE_OUTCOME, OUTCOME_MS, POSITION, SENT_MS, TURN_NO
from csinsight.features.rules import ConversationRules

#: What reading the text needs of a message; the marked table is held in memory.
_READ: Final = (
    Messages.CONVERSATION_ID,
    Messages.MESSAGE_NO,
    Messages.SENDER,
    Messages.TEXT,
    SENT_MS,
    TURN_NO,
    POSITION,
    BEFORE_OUTCOME,
    OUTCOME_MS,
)


def build_conversations(
    shop: Shop,
    as_of: datetime,
    rules: ConversationRules,
    *,
    months: int = 12,
    lexicon: Lexicon | None = None,
) -> pd.DataFrame:
    """Return a row for each conversation of the last `months` months.

    Parameters
    ----------
    shop : Shop
        With ``messages``; what needs ``orders`` or times is null where the shop lacks them.
    as_of : datetime
        Only what happened before this moment is used.
    rules : ConversationRules
    months : int
        How many months before `as_of`.
    lexicon : Lexicon or None
        None: the package's own.

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.Conversations`, then one for each of
        `csinsight.contract.domain.BEHAVIOURS`: timings as numbers, the rest nullable booleans,
        null where there was no opportunity. Behaviours are read from messages before the
        outcome; compliance and closing words from the whole talk; address checks and payment
        reminders from what came after the order.
    """
    lexicon = lexicon or load_lexicon()
    talks = conversation_features(shop, as_of, rules, months=months)
    talks = talks.set_index(Talk.CONVERSATION_ID)
    messages = messages_of(shop, as_of, rules, months=months).select(_READ)
    marked = hold(mark(messages, lexicon))
    shown = collect(signs(with_canned(marked, lexicon), lexicon, as_of, rules.slow_s))
    shown = shown.set_index(Talk.CONVERSATION_ID).reindex(talks.index)
    talks[Talk.CATEGORY] = main_categories(marked, lexicon).reindex(talks.index).fillna(OTHER)
    talks[Talk.IS_INQUIRY] = _is_inquiry(talks)
    talks = talks.join(moods(marked))
    turns = _turns(talks, shown)
    clocks = shown[[Talk.SILENCE_S, Talk.REMINDED_S]].astype("Float64").astype(float)
    clocks[Talk.SILENCE_BROKEN] = shown[Talk.SILENCE_BROKEN].astype("Int64").astype("boolean")
    timed = [name for name in shown if str(name).endswith("_turn")] + [*clocks]
    flags = shown.drop(columns=[*timed, Talk.TURNS_JUDGED])
    return _with_behaviours(talks.join([turns, clocks]), flags)


def _is_inquiry(talks: pd.DataFrame) -> pd.Series[bool]:
    opened = talks[Talk.OPENED_BY_BUYER].fillna(value=False)
    return opened & talks[Talk.CATEGORY].ne(AFTER_SALES) & talks[Talk.AGENT_MESSAGES].gt(0)


def _turns(talks: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """Return the turns judged, and when each behaviour was first possible and first shown."""
    counted = [n for n in shown if str(n).endswith("_turn") or n == Talk.TURNS_JUDGED]
    counts = shown[counted].astype("Int64")
    counts[Talk.TURNS_JUDGED] = counts[Talk.TURNS_JUDGED].fillna(0)
    occasions = opportunity_turns(counts.join(talks[Talk.IS_INQUIRY]))
    columns = {Talk.TURNS_JUDGED: counts[Talk.TURNS_JUDGED]}
    for name in TURN_MARKERS:
        columns[turn_column(name)] = counts[turn_column(name)]
        columns[opportunity_column(name)] = occasions[opportunity_column(name)]
    return pd.DataFrame(columns)


def _stayed_unpaid(talks: pd.DataFrame) -> pd.Series[bool]:
    waited = talks[Talk.PAID_AT] - talks[Talk.PLACED_AT] > pd.Timedelta(seconds=SILENT_S)
    unpaid = talks[Talk.PAID_AT].isna() | waited
    return (talks[Talk.ORDERED] & unpaid).where(talks[Talk.PAID].notna())


def _with_behaviours(talks: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """Lay what was shown over who had the occasion."""
    flags = shown.astype("Int64").astype("boolean")
    facts = talks.join(flags.drop(columns=[c for c in flags if c in talks])).assign(
        **{UNPAID: _stayed_unpaid(talks)}
    )
    occasions = opportunities(facts)
    columns = {Talk.VOICES_WORRY: flags[Talk.VOICES_WORRY].fillna(value=False)}
    for name in (*MARKERS, *COMPLIANCE):
        columns[name] = flags[name].fillna(value=False).where(occasions[name])
    table = talks.drop(columns=list(TIMINGS)).assign(
        **{name: talks[name] for name in TIMINGS}, **columns
    )
    order = [name for name in table if name not in BEHAVIOURS]
    return table[[*order, *BEHAVIOURS]].reset_index()
