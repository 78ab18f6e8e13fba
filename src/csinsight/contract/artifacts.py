"""The tables that a run writes and others read: column names for code.

Each class names columns of ``runs/SHOP/MONTH/artifacts/NAME.parquet``. What each of them is, its
type, its unit and what a null means stand in ``declared/*.yml`` (`csinsight.contract.dictionary`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from csinsight.contract.domain import MARKERS, TURN_MARKERS


class BuyerTypes:
    """One row a buyer: ``buyer_types``.

    ``p_<type>`` are six probabilities that sum to one, if the buyer is of a type at all that this
    shop's data can show; ``p_none`` is the probability of being of none.
    """

    NAME = "buyer_types"
    BUYER_ID = "buyer_id"
    TYPE = "type"
    CONFIDENCE = "confidence"
    BECAUSE = "because"
    PROBABILITY_PREFIX = "p_"
    NONE = "p_none"
    BASIS = "basis"
    PAGE_VIEWS = "page_views"
    ADAPTED = "orders_and_chats"


class ValueTiers:
    """One row a buyer: ``value_tiers``. Scores are ranks in [0, 1], money in shop currency."""

    NAME = "value_tiers"
    BUYER_ID = "buyer_id"
    TIER = "tier"
    PAST_SCORE = "past_score"
    PRESENT_SCORE = "present_score"
    EXPECTED_SPEND_90D = "expected_spend_90d"
    NET_SPEND_90D = "net_spend_90d"
    NET_SPEND = "net_spend"


class SegmentsByMonth:
    """One row a buyer and month start: ``types_by_month`` and ``tiers_by_month``.

    Labels as the report of the month that ended at ``as_of`` shows them.
    """

    TYPES = "types_by_month"
    TIERS = "tiers_by_month"
    AS_OF = "as_of"


class Conversations:
    """One row a conversation: ``conversations``, then one column a behaviour.

    A behaviour's column is null where the agent had no opportunity. Behaviours are read from the
    agent's messages before the outcome.
    """

    NAME = "conversations"
    CONVERSATION_ID = "conversation_id"
    BUYER_ID = "buyer_id"
    AGENT_ID = "agent_id"
    STARTED_AT = "started_at"
    ENDED_AT = "ended_at"
    CATEGORY = "category"
    PRODUCT_CATEGORY = "product_category"
    IS_INQUIRY = "is_inquiry"
    ORDERED = "ordered"
    PAID = "paid"
    MATURE = "mature"
    OPENED_BY_BUYER = "opened_by_buyer"
    FIRST_BUYER_AT = "first_buyer_at"
    ORDER_ID = "order_id"
    PLACED_AT = "placed_at"
    PAID_AT = "paid_at"
    NET_AMOUNT = "net_amount"
    BUYER_MESSAGES = "buyer_messages"
    AGENT_MESSAGES = "agent_messages"
    AGENT_TURNS = "agent_turns"
    ROUNDS = "rounds"
    ROUNDS_IN_180S = "rounds_in_180s"
    ROUNDS_UNANSWERED = "rounds_unanswered"
    RESPONSE_SUM_S = "response_sum_s"
    SATISFACTION = "satisfaction"
    VOICES_WORRY = "voices_worry"
    MOOD_AT_START = "mood_at_start"
    MOOD_AT_END = "mood_at_end"
    EARLIER_ORDERS = "earlier_orders"
    PAGES_BEFORE = "pages_before"
    CART_BEFORE = "cart_before"
    PAGES_LOOK_BACK = "pages_look_back"
    EARLIER_INQUIRIES = "earlier_inquiries"
    OPENING_CHARS = "opening_chars"
    OPENING_LINES = "opening_lines"
    OPENING_ASKS = "opening_asks"
    OPENING_DIGITS = "opening_digits"
    OPENING_WORRY = "opening_worry"
    OPEN_TALKS = "open_talks"
    OUTCOME_AT = "outcome_at"
    FIRST_PAID_AT = "first_paid_at"
    COUNTED_AT = "counted_at"
    FIRST_RESPONSE_TALK_S = "first_response_talk_s"
    ROUNDS_OFF_HOURS = "rounds_off_hours"
    BUYER_MESSAGES_BEFORE = "buyer_messages_before"
    AGENT_MESSAGES_BEFORE = "agent_messages_before"
    AGENT_TURNS_BEFORE = "agent_turns_before"
    TURNS_JUDGED = "turns_judged"
    SILENCE_S = "silence_s"
    SILENCE_BROKEN = "silence_broken_by_agent"
    REMINDED_S = "reminded_s"
    ROUNDS_BEFORE = "rounds_before"
    FIRST_RESPONSE_S = "first_response_s"
    MEAN_RESPONSE_S = "mean_response_s"
    SLOW_REPLY_SHARE = "slow_reply_share"
    ANSWER_ASK_RATIO = "answer_ask_ratio"


def turn_column(behaviour: str) -> str:
    """Return the name of the column that holds the agent turn in which it was first shown.

    Examples
    --------
    >>> turn_column("greets")
    'greets_turn'
    """
    return f"{behaviour}_turn"


def text_column(number: str) -> str:
    """Return the column of ``buyer_states`` with one of the numbers that tell what a buyer wrote.

    Examples
    --------
    >>> text_column("1")
    'text_1'
    """
    return f"text_{number}"


def opportunity_column(behaviour: str) -> str:
    """Return the column that holds the agent turn that first gave opportunity for it.

    Examples
    --------
    >>> opportunity_column("greets")
    'greets_opportunity_turn'
    """
    return f"{behaviour}_opportunity_turn"


def own_in(columns: Iterable[Hashable]) -> tuple[str, ...]:
    """Return the shop's own behaviours that a table of conversations holds.

    Examples
    --------
    >>> own_in(["greets", "greets_opportunity_turn", "wraps", "wraps_opportunity_turn"])
    ('wraps',)
    """
    end = opportunity_column("")
    there = (name.removesuffix(end) for name in map(str, columns) if name.endswith(end))
    return tuple(name for name in there if name not in MARKERS)


def turn_markers(columns: Iterable[Hashable]) -> tuple[str, ...]:
    """Return the behaviours that any agent turn may show: built-in ones, and those of the shop.

    Examples
    --------
    >>> turn_markers(["greets", "wraps", "wraps_opportunity_turn"])[-2:]
    ('promises_time', 'wraps')
    """
    return (*TURN_MARKERS, *own_in(columns))


class BuyerStates:
    """One row a conversation and judged agent turn: ``buyer_states``.

    Who wrote that turn, and what the buyer had shown before it, so that the turn can't have caused
    it. Every column but the two keys and the author is a number that turns are compared at equal
    values of; null counts as not known. Columns may be added.
    """

    NAME = "buyer_states"
    CONVERSATION_ID = "conversation_id"
    TURN = "turn"
    AGENT_ID = "agent_id"
    CHARS = "chars"
    LINES = "lines"
    SILENCE_S = "silence_s"
    ASKS = "asks"
    ASKS_PRICE = "asks_price"
    WORRY = "worry"
    PLEASED = "pleased"
    ANNOYED = "annoyed"


class AgentSessions:
    """One row a conversation and agent who wrote in it: ``agent_sessions``.

    The columns of `Conversations`, as far as they are this agent's: a behaviour is that of who
    wrote the lines, the outcome that of the agent to whom the profile's rule gives it; these
    besides.
    """

    NAME = "agent_sessions"
    IN_CHARGE = "in_charge"
    HANDED_OVER = "handed_over"
    CREDITED_ELSEWHERE = "credited_elsewhere"
    RESPONSE_S = "response_s"


class RuleOpportunities:
    """One row an opportunity of a sequence rule: ``rule_opportunities``; positions, never text."""

    NAME = "rule_opportunities"
    RULE = "rule"
    POSITION = "position"
    AGENT_ID = "agent_id"
    LINES = "lines"
    FIRST = "first"
    UNTIL = "until"
    SHOWN_AT = "shown_at"
    BROKEN = "broken"


class Findings:
    """One row an agent and rule that lines of the month seem to break: ``findings``.

    Those that do not stand are for the quality reader to check, and on nobody's card.
    """

    NAME = "findings"
    AGENT_ID = "agent_id"
    BEHAVIOUR = "behaviour"
    CONVERSATIONS = "conversations"
    OPPORTUNITIES = "opportunities"
    CONFIRMED = "confirmed"
    READ = "read"
    RIGHT = "right"
    PRECISION = "precision"
    PRECISION_LOW = "precision_low"
    PRECISION_HIGH = "precision_high"
    LIKELY = "likely"
    STANDS = "stands"
    PEER_RATE = "peer_rate"
    EVIDENCE = "evidence"


class Scorecards:
    """One row a conversation of the month and agent who wrote in it: ``scorecard``."""

    NAME = "scorecard"
    SCORE = "score"
    EARNED = "earned"
    POSSIBLE = "possible"
    RED_LINES = "red_lines"
    LOST = "lost"
    EVIDENCE = "evidence"
    ITEMS = "scorecard_items"
    ITEM = "item"
    POINTS = "points"
    KEPT = "kept"


class AgentKpis:
    """One row an agent: ``agent_kpis``. Rates carry ``_low`` and ``_high`` (Wilson, 95 %)."""

    NAME = "agent_kpis"
    AGENT_ID = "agent_id"
    CONVERSATIONS = "conversations"
    BUYERS = "buyers"
    INQUIRIES = "inquiries"
    INQUIRERS = "inquirers"
    IMMATURE = "immature_inquiries"
    ORDERED_RATE = "ordered_rate"
    PAID_RATE = "paid_rate"
    FIRST_RESPONSE_MEAN = "first_response_mean_s"
    FIRST_RESPONSE_MEDIAN = "first_response_median_s"
    FIRST_RESPONSE_P90 = "first_response_p90_s"
    MEAN_RESPONSE = "mean_response_s"
    RESPONSE_MEDIAN = "response_median_s"
    RESPONSE_P90 = "response_p90_s"
    PROMPT_RATE = "prompt_reply_rate"
    REPLY_RATE = "reply_rate"
    REPLY_RATE_180S = "reply_rate_180s"
    ANSWER_ASK_RATIO = "answer_ask_ratio"
    SAME_DAY_SUFFIX = "_same_day"
    NEXT_DAY_SUFFIX = "_next_day"
    ORDERS = "orders"
    ORDER_AMOUNT = "order_amount"
    PAYING_BUYERS = "paying_buyers"
    BUYER_DAYS = "buyer_days"
    NOT_INQUIRIES = "not_inquiries"
    OUTCOME_UNKNOWN = "inquiries_without_outcome"
    UNTIMED = "conversations_untimed"
    UNANSWERED = "rounds_unanswered"
    OFF_HOURS = "rounds_off_hours"
    NUMERATOR_SUFFIX = "_numerator"
    DENOMINATOR_SUFFIX = "_denominator"
    SALES = "sales"
    SPEND_PER_BUYER = "spend_per_buyer"
    SATISFACTION = "satisfaction_mean"
    RATINGS = "ratings"
    LOW_SUFFIX = "_low"
    HIGH_SUFFIX = "_high"


class Drivers:
    """One row a behaviour, outcome and scope: ``drivers``. Effects are percentage points."""

    NAME = "drivers"
    BEHAVIOUR = "behaviour"
    OUTCOME = "outcome"
    SCOPE = "scope"
    N = "n"
    RAW_PP = "raw_pp"
    EFFECT_PP = "effect_pp"
    LOW_PP = "low_pp"
    HIGH_PP = "high_pp"
    P_VALUE = "p_value"
    #: Degrees of freedom of the interval.
    DF = "df"
    Q_VALUE = "q_value"
    VERDICT = "verdict"
    SCOPE_KIND = "scope_kind"
    UNIT = "unit"
    AGENTS = "agents"
    SHOWN = "shown"
    BETWEEN_PP = "between_pp"
    DETECTABLE_PP = "detectable_pp"
    ROBUSTNESS = "robustness"
    REASON = "reason"
    MOVED_PP = "moved_pp"
    INTENT_TIMES = "intent_times"
    PROXIMAL_PP = "proximal_pp"
    PROXIMAL_P = "proximal_p"
    SYSTEMATIC_PP = "systematic_pp"
    SHRUNK_PP = "shrunk_pp"
    SHRUNK_LOW_PP = "shrunk_low_pp"
    SHRUNK_HIGH_PP = "shrunk_high_pp"
    CORRECTED_PP = "corrected_pp"
    CORRECTED_LOW_PP = "corrected_low_pp"
    CORRECTED_HIGH_PP = "corrected_high_pp"
    CORRECTED_BY = "corrected_by"
    STANDING = "standing"
    TAUGHT = "taught"


class LabelAccuracy:
    """One row a behaviour that a shop has labelled: ``label_accuracy``."""

    NAME = "label_accuracy"
    BEHAVIOUR = "behaviour"
    #: Labelled lines that were found again.
    LABELS = "labels"
    #: What misreading leaves of a difference between conversations (PPV + NPV - 1), and its
    #: standard error.
    KEPT = "share_kept"
    SE = "share_kept_se"


class DriverChecks:
    """One row a check, of one behaviour or of the whole: ``drivers_checks``.

    ``estimate_pp`` is in points of what the check looks at; ``fired`` is the alarm.
    """

    NAME = "drivers_checks"
    CHECK = "check"
    BEHAVIOUR = "behaviour"
    ESTIMATE_PP = "estimate_pp"
    LOW_PP = "low_pp"
    HIGH_PP = "high_pp"
    FIRED = "fired"


class CoachingPlan:
    """One row a recommendation or strength: ``coaching_plan``."""

    NAME = "coaching_plan"
    AGENT_ID = "agent_id"
    RANK = "rank"
    BEHAVIOUR = "behaviour"
    KIND = "kind"
    RATE = "rate"
    PEER_RATE = "peer_rate"
    OPPORTUNITIES = "opportunities"
    EXPECTED_GAIN = "expected_gain_inquiries"
    LOW = "low"
    HIGH = "high"
    EVIDENCE = "evidence"
    TARGET_RATE = "target_rate"
    RATE_LOW = "rate_low"
    RATE_HIGH = "rate_high"
    MONTHLY_OPPORTUNITIES = "monthly_opportunities"
    EFFECT_PP = "effect_pp"
    EFFECT_LOW_PP = "effect_low_pp"
    EFFECT_HIGH_PP = "effect_high_pp"
    HITS = "hits"
    MISSES = "misses"
    PEER_HITS = "peer_hits"
    READ = "read"
    RIGHT = "right"
    LIKELY = "likely"


class FollowUp:
    """One row an earlier plan, later month, behaviour and agent: ``coaching_followup``.

    ``agent_id`` is null on the row over all advised agents; ``others`` is how much agents who were
    not advised have moved, ``change`` how much more the advised have.
    """

    NAME = "coaching_followup"
    ADVISED_IN = "advised_in"
    MONTH = "month"
    BEHAVIOUR = "behaviour"
    AGENT_ID = "agent_id"
    AGENTS = "agents"
    CONTROLS = "controls"
    BEFORE = "before"
    AFTER = "after"
    OTHERS = "others"
    CHANGE = "change"
    LOW = "change_low"
    HIGH = "change_high"
    VERDICT = "verdict"


class Rollouts:
    """One row a roll-out of ``rollout.csv``: ``rollouts``.

    ``status`` is ``planned`` (nobody has started), ``running`` (no effect is read before its end),
    ``read``, or ``not enough data`` with a ``reason``. Effects are points of paid conversion over
    inquiries with an opportunity, shares are points too; each has a 95 % interval by re-drawing the
    lot. ``as_drawn`` tells whether the starts are those that the seed draws.
    """

    NAME = "rollouts"
    BEHAVIOUR = "behaviour"
    SEED = "seed"
    STATUS = "status"
    FIRST_START_AT = "first_start_at"
    ENDS_AT = "ends_at"
    AGENTS = "agents"
    INQUIRIES = "inquiries"
    AS_DRAWN = "as_drawn"
    EFFECT_PP = "effect_pp"
    LOW_PP = "low_pp"
    HIGH_PP = "high_pp"
    P_VALUE = "p_value"
    UPTAKE_PP = "uptake_pp"
    UPTAKE_LOW_PP = "uptake_low_pp"
    UPTAKE_HIGH_PP = "uptake_high_pp"
    OPPORTUNITY_PP = "opportunity_pp"
    OPPORTUNITY_P = "opportunity_p"
    REASON = "reason"
    UNSEEN = "unseen"


class RolloutAgents:
    """One row an agent of a roll-out: ``rollout_agents``; shares are of opportunities."""

    NAME = "rollout_agents"
    BEHAVIOUR = "behaviour"
    SEED = "seed"
    AGENT_ID = "agent_id"
    STARTS_AT = "starts_at"
    OPPORTUNITIES_BEFORE = "opportunities_before"
    SHOWN_BEFORE = "shown_before"
    OPPORTUNITIES_AFTER = "opportunities_after"
    SHOWN_AFTER = "shown_after"


class LostInquiries:
    """One row an inquiry of the month that brought no order: ``lost_inquiries``."""

    NAME = "lost_inquiries"
    CONVERSATION_ID = "conversation_id"
    BUYER_ID = "buyer_id"
    AGENT_ID = "agent_id"
    CATEGORY = "category"
    ENDED_AT = "ended_at"
    #: One of `csinsight.contract.domain.ENDINGS`.
    REASON = "reason"
    #: The agent's last answer was a no, without another way offered.
    NO_WAY_OUT = "no_way_out"
    #: The buyer has placed an order since, later than the window counts.
    BOUGHT_SINCE = "bought_since"
    #: The last lines of some of them, masked, one row a line.
    EXCERPTS = "lost_excerpts"


class TeamHours:
    """One row an hour: ``team_hours``."""

    NAME = "team_hours"
    HOUR_AT = "hour_at"
    #: Conversations that buyers opened.
    OPENED = "opened"
    #: Agents who wrote.
    AGENTS_ON = "agents_on"
    AGENT_MESSAGES = "agent_messages"
    BOT_MESSAGES = "bot_messages"
    #: Conversations opened for each agent who wrote.
    LOAD = "load"


class AnswerBank:
    """One row a question that repeats and way to answer it: ``answer_bank``. Texts are masked."""

    NAME = "answer_bank"
    QUESTION_ID = "question"
    QUESTION = "asked"
    CATEGORY = "category"
    #: Of the question.
    BUYERS = "buyers"
    CONVERSATIONS = "conversations"
    ANSWER = "answer"
    #: Conversations answered so, and their share of the question's.
    ANSWERED = "answered"
    SHARE = "share"
    #: Share of these whose buyer put the question again after the reply.
    AGAIN = "again"
    AGAIN_LOW = "again_low"
    AGAIN_HIGH = "again_high"
    PAID_RATE = "paid_rate"
    PAID_LOW = "paid_rate_low"
    PAID_HIGH = "paid_rate_high"
    #: Beside other answers to the same question, in points.
    DIFFERENCE_PP = "difference_pp"
    LOW_PP = "low_pp"
    HIGH_PP = "high_pp"
    Q_VALUE = "q_value"
