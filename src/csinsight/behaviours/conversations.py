"""From marked messages to a row a conversation: what was shown, what was asked, silence.

The ``conversations`` artifact: what each conversation was about, what came of it, what was shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import narwhals as nw
import numpy as np
import pandas as pd

from csinsight.behaviours.buyer_states import openings
from csinsight.behaviours.categories import (
    AFTER_SALES,
    OTHER,
    main_categories,
    of_orders,
    subjects,
)
from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.markers import TEMPLATE_REPLY, mark, with_template_replies
from csinsight.behaviours.moods import moods
from csinsight.behaviours.opportunities import (
    SILENCE,
    UNPAID,
    WAITED,
    opportunities,
    opportunity_turns,
)
from csinsight.behaviours.products import product_categories
from csinsight.behaviours.scope import (
    CHARS,
    DIGITS,
    JUDGED,
    SINCE_MS,
    first_turns,
    flag,
    placed,
    with_judged,
    with_places,
)
from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.artifacts import opportunity_column, turn_column
from csinsight.contract.domain import COMPLIANCE, TIMINGS
from csinsight.contract.schema import Messages
from csinsight.engine import Shop, collect
from csinsight.engine.frames import among, hold
from csinsight.features.agent_sessions import credited_orders
from csinsight.features.conversations import CutMessages, conversation_features, cut_messages
from csinsight.features.frames import (
    BEFORE_OUTCOME,
    FIRST_BUYER_MS,
    OUTCOME_MS,
    POSITION,
    SECOND_MS,
    SENT_MS,
    TURN_NO,
    ConversationRules,
    Frame,
    hours_ms,
    moment_ms,
    pick,
)
from csinsight.features.outcomes import LAST_ORDER_MS

#: A buyer who writes nothing for this long after an agent's line fell silent. Ours.
SILENT_S: Final = 600
#: Judged over the whole conversation: compliance whatever its effect, and the closing words.
_WHOLE_CONVERSATION: Final = (*COMPLIANCE, "closes_warmly")
#: Judged on what came after the order.
_REMINDS: Final = "reminds_payment"
AFTER_ORDER: Final = ("checks_address", _REMINDS)
FOLLOWS: Final = "follows_up"
_ORDER: Final = (SENT_MS, Messages.MESSAGE_NO)


@dataclass(frozen=True)
class MarkedMessages:
    """A shop's messages, cut into conversations and marked once for all that is made of them.

    Parameters
    ----------
    cut : CutMessages
    months : int
        How many months before ``cut.as_of`` the lines go back.
    lexicon : Lexicon
    lines : narwhals.LazyFrame
        Of `messages_of`, `mark` and `with_template_replies`, held.
    sides : narwhals.LazyFrame
        Of the same lines those of buyers and human agents, with where each marker counts, held.
    """

    cut: CutMessages
    months: int
    lexicon: Lexicon
    lines: Frame
    sides: Frame

    @cached_property
    def orders(self) -> pd.DataFrame:
        """The orders of these months and whose each is: sessions and the month's KPIs share them.

        As of `csinsight.features.agent_sessions.credited_orders`.
        """
        return credited_orders(self.cut, self.months)


@dataclass(frozen=True)
class ChatSource:
    """Which of a shop's chats are read, and how: made from a month's context.

    Parameters
    ----------
    shop : Shop
    as_of : datetime
        Nothing at or after it is used.
    months : int
        How many months before it.
    rules : ConversationRules
        By which messages become conversations.
    lexicon : Lexicon
        By which each line is marked.
    """

    shop: Shop
    as_of: datetime
    months: int
    rules: ConversationRules
    lexicon: Lexicon


def mark_messages(chats: ChatSource) -> MarkedMessages:
    """Cut a shop's messages into conversations, and mark what each line shows.

    Parameters
    ----------
    chats : ChatSource
        Of a shop with ``messages``; what needs ``orders`` or times is null where it lacks them.

    Returns
    -------
    MarkedMessages

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> marked = mark_messages(sample_context().chats(sample_shop(), months=1))
    >>> marked.months
    1
    """
    lexicon = chats.lexicon
    cut = cut_messages(chats.shop, chats.as_of, chats.rules)
    marked = mark(cut.with_text(chats.months).select(_READ), lexicon)
    lines = hold(with_template_replies(marked, lexicon))
    read = lines.filter(~nw.col(TURN_NO).is_null()).with_columns(
        nw.col(Messages.TEXT).str.len_chars().cast(nw.Int32).alias(CHARS),
        nw.col(Messages.TEXT).str.contains("[0-9]").cast(nw.Int8).alias(DIGITS),
    )
    sides = with_judged(_timed(read, chats.as_of), chats.rules.slow_s)
    sides = with_places(sides.drop(Messages.TEXT), lexicon, (BEFORE_OUTCOME, JUDGED))
    return MarkedMessages(cut, chats.months, lexicon, lines, hold(sides))


def aggregate_conversations(marked: MarkedMessages) -> Frame:
    """Gather marked messages into one row a conversation.

    Parameters
    ----------
    marked : MarkedMessages

    Returns
    -------
    narwhals.LazyFrame
        ``conversation_id``, and as integers 0, 1 or null: a column a marker of either side (the
        agent's in the part of the conversation that `Marker.where` and the outcome leave to it, the
        buyer's before the outcome), ``follows_up``, ``fell_silent``, ``waited_long``, and the
        columns of `csinsight.behaviours.scope.first_turns`.

    Examples
    --------
    >>> from csinsight.sample import sample_messages
    >>> marked = sample_messages()
    >>> "greets" in aggregate_conversations(marked).collect_schema().names()
    True
    """
    lexicon = marked.lexicon
    agent = nw.col(Messages.SENDER) == "agent"
    before = nw.col(BEFORE_OUTCOME)
    columns = [_seen(before, name) for name in lexicon.ids("buyer")]
    columns += [_seen(agent & counts_for(name, lexicon), name) for name in agent_markers(lexicon)]
    columns += [
        pick(agent & before, nw.col(name)).max().alias(name) for name in (FOLLOWS, SILENCE, WAITED)
    ]
    columns += first_turns(lexicon)
    columns += _clocks()
    return marked.sides.group_by(Messages.CONVERSATION_ID).agg(columns)


def agent_markers(lexicon: Lexicon) -> list[str]:
    """Return the agent-side markers that a line itself shows, template replies among them.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lexicon = load_lexicon()
    >>> "greets" in agent_markers(lexicon)
    True
    """
    return [name for name in (*lexicon.ids("agent"), TEMPLATE_REPLY) if name != FOLLOWS]


def counts_for(name: str, lexicon: Lexicon) -> nw.Expr:
    """Tell of an agent's line whether marker `name` counts there: its part, and its place.

    Examples
    --------
    What helps a sale counts before the order, what serves the order after it:

    >>> import polars as pl
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lexicon = load_lexicon(reader="rules")
    >>> lines = nw.from_native(pl.DataFrame({"before_outcome": [True, False], "turn_no": [2, 4]}))
    >>> told = lines.select(**{n: counts_for(n, lexicon) for n in ("recommends", "checks_address")})
    >>> told.to_native().to_dict(as_series=False)
    {'recommends': [True, False], 'checks_address': [False, True]}
    """
    before = nw.col(BEFORE_OUTCOME)
    part = ~before if name in AFTER_ORDER else before
    if name in _WHOLE_CONVERSATION:
        part = ~before.is_null()
    return part & placed(name, lexicon, BEFORE_OUTCOME)


def _clocks() -> list[nw.Expr]:
    """Return the aggregates that time what agents do after a silence, or after an order."""
    agent = nw.col(Messages.SENDER) == "agent"
    first = agent & nw.col(BEFORE_OUTCOME) & nw.col("_first_silence")
    reminder = agent & ~nw.col(BEFORE_OUTCOME) & (flag(_REMINDS) == 1)
    since_order = (nw.col(SENT_MS) - nw.col(OUTCOME_MS)) // SECOND_MS
    return [
        pick(first, nw.col("_silent_ms") // SECOND_MS).min().alias(Talk.SILENCE_S),
        pick(first, nw.col("_broken")).max().alias(Talk.SILENCE_BROKEN),
        pick(reminder, since_order).min().alias(Talk.REMINDED_S),
    ]


def _seen(condition: nw.Expr, name: str) -> nw.Expr:
    return pick(condition, flag(name)).max().alias(name)


def _timed(sides: Frame, as_of: datetime) -> Frame:
    """Add ``fell_silent`` and ``follows_up`` to each line; null on lines without a time.

    After an agent's line the buyer is silent until the next line of either side, the order, or
    the end of what is known. An agent follows up who writes again after such a silence, or comes
    back in so many words after one that the buyer's own line began.
    """
    sent, talk = nw.col(SENT_MS), Messages.CONVERSATION_ID
    silent = SILENT_S * SECOND_MS
    sides = sides.with_columns(
        sent.shift(1).over(talk, order_by=_ORDER).alias("_previous"),
        sent.shift(-1).over(talk, order_by=_ORDER).alias("_next"),
        nw.col(TURN_NO).shift(1).over(talk, order_by=_ORDER).alias("_previous_turn"),
        nw.col(TURN_NO).shift(-1).over(talk, order_by=_ORDER).alias("_next_turn"),
    )
    until = nw.col("_next").fill_null(moment_ms(as_of))
    ordered = nw.col(OUTCOME_MS).fill_null(moment_ms(as_of))
    until = nw.when(ordered < until).then(ordered).otherwise(until)
    same_side = nw.col("_previous_turn") == nw.col(TURN_NO)
    again = (same_side | nw.col(FOLLOWS)) & (sent - nw.col("_previous") >= silent)
    fell = until - sent >= silent
    own = (nw.col("_next_turn") == nw.col(TURN_NO)) & (nw.col("_next") <= ordered)
    here = pick((nw.col(Messages.SENDER) == "agent") & fell, nw.col(POSITION))
    return sides.with_columns(
        pick(~sent.is_null(), fell.cast(nw.Int8)).alias(SILENCE),
        pick(~sent.is_null(), again.fill_null(value=False).cast(nw.Int8)).alias(FOLLOWS),
        (nw.col(POSITION) == here.min().over(talk)).fill_null(value=False).alias("_first_silence"),
        (until - sent).alias("_silent_ms"),
        (sent - nw.col("_previous")).alias(SINCE_MS),
        own.fill_null(value=False).cast(nw.Int8).alias("_broken"),
    ).drop("_previous", "_next", "_previous_turn", "_next_turn")


#: What reading the text needs of a message; the marked table is held in memory.
_READ: Final = (
    Messages.CONVERSATION_ID,
    Messages.MESSAGE_NO,
    Messages.SENDER,
    Messages.AGENT_ID,
    Messages.TEXT,
    SENT_MS,
    TURN_NO,
    POSITION,
    BEFORE_OUTCOME,
    OUTCOME_MS,
)


#: Within so many days of an order its invoice, its return and its repair are asked about.
_LATELY_DAYS: Final = 15
#: Within so many its parcel is asked about: platforms have it sent within two.
_JUST_DAYS: Final = 3


def build_conversations(marked: MarkedMessages) -> pd.DataFrame:
    """Return a row for each conversation of the months that were marked.

    Parameters
    ----------
    marked : MarkedMessages

    Returns
    -------
    pandas.DataFrame
        Columns of `csinsight.contract.artifacts.Conversations`, then one for each of
        `csinsight.contract.domain.BEHAVIOURS` and of the shop's own: timings as numbers, the rest
        nullable booleans, null where there was no opportunity. Behaviours are read from messages
        before the outcome; compliance and closing words from the whole conversation; address checks
        and payment reminders from what came after the order.

    Examples
    --------
    >>> from csinsight.sample import sample_messages
    >>> marked = sample_messages()
    >>> build_conversations(marked)["conversation_id"].is_unique
    True
    """
    cut, lexicon, months = marked.cut, marked.lexicon, marked.months
    talks = conversation_features(cut.shop, cut.as_of, cut.rules, months=months, cut=cut)
    talks = talks.set_index(Talk.CONVERSATION_ID)
    shown = collect(aggregate_conversations(marked))
    shown = shown.set_index(Talk.CONVERSATION_ID).reindex(talks.index)
    lately, just = (_ordered_within(cut, days) for days in (_LATELY_DAYS, _JUST_DAYS))
    ruled = main_categories(marked.lines, lexicon, lately, just)
    about = subjects(marked.lines, lexicon, ruled)
    talks[Talk.CATEGORY] = about.reindex(talks.index).fillna(OTHER).astype("str")
    goods = product_categories(cut.shop, marked.lines)
    if goods is not None:
        talks[Talk.PRODUCT_CATEGORY] = goods.reindex(talks.index)
    opened = talks[Talk.OPENED_BY_BUYER].fillna(value=False)
    answered = talks[Talk.AGENT_MESSAGES].gt(0)
    # Who may still buy: not who, by the rules, speaks of a case or of an order placed before.
    case = ruled.reindex(talks.index).eq(AFTER_SALES) | among(talks.index, of_orders(marked.lines))
    talks[Talk.IS_INQUIRY] = opened & ~case & answered
    talks = talks.join([moods(marked.lines), openings(marked.sides)])
    talks[Talk.EARLIER_INQUIRIES] = _earlier_inquiries(talks, cut.rules.look_back_days)
    turns = _turns(talks, shown, lexicon)
    clocks = shown[[Talk.SILENCE_S, Talk.REMINDED_S]].astype("Float64").astype(float)
    clocks[Talk.SILENCE_BROKEN] = shown[Talk.SILENCE_BROKEN].astype("Int64").astype("boolean")
    timed = [name for name in shown if str(name).endswith("_turn")] + [*clocks]
    flags = shown.drop(columns=[*timed, Talk.TURNS_JUDGED])
    return _with_behaviours(talks.join([turns, clocks]), flags, lexicon)


def _ordered_within(cut: CutMessages, days: int) -> list[str]:
    """Return the conversations whose buyer had placed an order so few days before writing."""
    since = nw.col(FIRST_BUYER_MS) - nw.col(LAST_ORDER_MS)
    lately = cut.outcomes.filter(since <= hours_ms(24 * days))
    talks = collect(lately.select(Messages.CONVERSATION_ID))[Messages.CONVERSATION_ID]
    return [str(talk) for talk in talks.to_list()]


def _earlier_inquiries(talks: pd.DataFrame, days: int) -> pd.Series[int]:
    """Count the inquiries that each buyer began in the look-back before; null without times."""
    started = talks[Talk.STARTED_AT]
    known = started.notna() & talks[Talk.BUYER_ID].notna()
    rows = talks[known].sort_values([Talk.BUYER_ID, Talk.STARTED_AT], kind="stable")
    buyer = pd.factorize(rows[Talk.BUYER_ID])[0].astype("int64")
    # One line of time for all: each buyer's stretch lies apart from the next one's.
    seconds = rows[Talk.STARTED_AT].to_numpy().astype("datetime64[s]").astype("int64")
    seconds = seconds - (seconds.min() if len(seconds) else 0)
    reach = days * 86_400
    line = buyer * (int(seconds.max(initial=0)) + reach + 1) + seconds
    asked = line[rows[Talk.IS_INQUIRY].to_numpy(dtype=bool)]
    before = np.searchsorted(asked, line) - np.searchsorted(asked, line - reach)
    return pd.Series(before, index=rows.index, dtype="Int64").reindex(talks.index)


def inquiries_of(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are inquiries; a row that can't tell is none.

    Parameters
    ----------
    conversations : pandas.DataFrame
        With ``is_inquiry``: a row a conversation, or a row a conversation and agent.

    Examples
    --------
    >>> import pandas as pd
    >>> talks = pd.DataFrame({"conversation_id": ["c1", "c2", "c3"]})
    >>> talks["is_inquiry"] = pd.array([True, False, None], dtype="boolean")
    >>> inquiries_of(talks)["conversation_id"].tolist()
    ['c1']
    """
    asked = conversations[Talk.IS_INQUIRY].astype("boolean").fillna(value=False).astype(bool)
    rows: pd.DataFrame = conversations[asked]
    return rows


def _turns(talks: pd.DataFrame, shown: pd.DataFrame, lexicon: Lexicon) -> pd.DataFrame:
    """Return the turns judged, and when each behaviour was first possible and first shown."""
    counted = [n for n in shown if str(n).endswith("_turn") or n == Talk.TURNS_JUDGED]
    counts = shown[counted].astype("Int64")
    counts[Talk.TURNS_JUDGED] = counts[Talk.TURNS_JUDGED].fillna(0)
    occasions = opportunity_turns(counts.join(talks[Talk.IS_INQUIRY]), lexicon.own)
    columns = {Talk.TURNS_JUDGED: counts[Talk.TURNS_JUDGED]}
    for name in lexicon.turn_markers:
        columns[turn_column(name)] = counts[turn_column(name)]
        columns[opportunity_column(name)] = occasions[opportunity_column(name)]
    return pd.DataFrame(columns)


def _with_behaviours(talks: pd.DataFrame, shown: pd.DataFrame, lexicon: Lexicon) -> pd.DataFrame:
    """Lay what was shown over who had the opportunity."""
    flags = shown.astype("Int64").astype("boolean")
    waited = talks[Talk.PAID_AT] - talks[Talk.PLACED_AT] > pd.Timedelta(seconds=SILENT_S)
    unpaid = talks[Talk.PAID_AT].isna() | waited
    facts = talks.join(flags.drop(columns=[c for c in flags if c in talks])).assign(
        **{UNPAID: (talks[Talk.ORDERED] & unpaid).where(talks[Talk.PAID].notna())}
    )
    occasions = opportunities(facts, lexicon.own)
    columns = {Talk.VOICES_WORRY: flags[Talk.VOICES_WORRY].fillna(value=False)}
    for name in lexicon.behaviours:
        columns[name] = flags[name].fillna(value=False).where(occasions[name])
    table = talks.drop(columns=list(TIMINGS)).assign(
        **{name: talks[name] for name in TIMINGS}, **columns
    )
    behaviours = (*TIMINGS, *lexicon.behaviours)
    order = [name for name in table if name not in behaviours]
    return table[[*order, *behaviours]].reset_index()
