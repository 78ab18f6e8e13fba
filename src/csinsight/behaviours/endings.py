"""What an inquiry that brought no order ended on, read from its last lines.

One reason an inquiry: what the last exchange was about, as a reader of the chat would say. It is
what the conversation ended on, which need not be why the buyer did not buy: most never say.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import narwhals as nw
import numpy as np
import pandas as pd

from csinsight.behaviours.conversations import inquiries_of
from csinsight.behaviours.lexicon import Lexicon, load_file
from csinsight.behaviours.markers import mark
from csinsight.contract.artifacts import Conversations, LostInquiries
from csinsight.contract.schema import Messages
from csinsight.engine import collect
from csinsight.features.frames import POSITION, SECOND_MS, SENT_MS, TURN_NO, Frame

PATH: Final = Path(__file__).with_name("endings.yml")
#: Who waited longer than this for the last answer and never came back, ended on the wait. Ours:
#: well over what every profile calls slow.
LONG_WAIT_S: Final = 300
#: ... and, where a whole shop is slow, than so many times its usual wait: what everybody waits,
#: who buys as well, tells nobody apart. Ours.
_TIMES_USUAL: Final = 2
#: So many runs of lines of either side before the end are read.
_RUNS: Final = 12
#: Endings of public chats that were read one by one (`tests/real_data/endings_read.py`): how many,
#: how many were read alike, and the same of those for which a reason was named. Rules were mended
#: on most of them; `UNSEEN_READ` and `UNSEEN_NAMED` are the last of them, read after all mending,
#: half of them chosen as ones with a named reason; giving up was still thinking it over then.
PUBLIC_READ: Final = (320, 257)
PUBLIC_NAMED: Final = (117, 68)
UNSEEN_READ: Final = (60, 43)
UNSEEN_NAMED: Final = (30, 14)
_C = Conversations
_L = LostInquiries
_TALK: Final = Messages.CONVERSATION_ID
#: What a buyer's last words may say against buying, the weightier first where a run says two.
OBJECTIONS: Final = ("stock", "price", "quality", "size", "shipping")
#: Lines of an agent that follow from the buyer's silence say nothing of what came before it.
_ASIDE: Final = ("closes_warmly", "follows_up")
_HEARD: Final = ("asks_question", "asks_lower_price", "asks_stock")
_ASKS: Final = ("asks_question", "asks_outright")
_SAID: Final = ("says_no", "refuses_flatly", "offers_alternative", *_ASIDE)


@cache
def ending_lexicon() -> Lexicon:
    """Return the markers of ``endings.yml``.

    Examples
    --------
    >>> {"gives_up", "objects_price", "out_of_stock"} <= set(ending_lexicon().markers)
    True
    """
    return load_file(PATH)


def lost_inquiries(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return the inquiries whose outcome is known and that brought no order.

    Parameters
    ----------
    conversations : pandas.DataFrame
        Of the artifact ``conversations``.

    Examples
    --------
    >>> talks = pd.DataFrame({"conversation_id": ["c1", "c2", "c3"], "is_inquiry": True})
    >>> talks["mature"], talks["ordered"] = [True, True, False], [False, True, False]
    >>> lost_inquiries(talks)["conversation_id"].tolist()
    ['c1']
    """
    rows = inquiries_of(conversations)
    known = rows[_C.MATURE].astype("boolean").fillna(value=False).astype(bool)
    ordered = rows[_C.ORDERED].astype("boolean")
    lost: pd.DataFrame = rows[known & ordered.eq(other=False).fillna(value=False).astype(bool)]
    return lost


def long_wait(conversations: pd.DataFrame) -> float:
    """Return the seconds from which on a wait counts as long in this shop.

    Parameters
    ----------
    conversations : pandas.DataFrame
        Of the artifact ``conversations``, whether they brought an order or not.

    Examples
    --------
    >>> long_wait(pd.DataFrame({"first_response_talk_s": [20.0, 40.0, None]}))
    300.0
    >>> long_wait(pd.DataFrame({"first_response_talk_s": [300.0, 600.0, 900.0]}))
    1200.0
    """
    usual = conversations[_C.FIRST_RESPONSE_TALK_S].astype("Float64").median()
    return float(LONG_WAIT_S if pd.isna(usual) else max(LONG_WAIT_S, _TIMES_USUAL * usual))


def last_lines(lines: Frame) -> Frame:
    """Return the last lines of each conversation, of buyers and human agents.

    Parameters
    ----------
    lines : narwhals.LazyFrame
        Of `csinsight.features.conversations.lines_of`.

    Examples
    --------
    >>> import polars as pl
    >>> lines = {"conversation_id": ["c1"] * 3, "sender": ["buyer", "system", "agent"]}
    >>> lines |= {"text": ["太贵了", "已接入", "可以用券"], "turn_no": [1, None, 2]}
    >>> last_lines(nw.from_native(pl.LazyFrame(lines))).collect()["text"].to_list()
    ['太贵了', '可以用券']
    """
    human = nw.col(Messages.SENDER).is_in(["buyer", "agent"])
    last = nw.col(TURN_NO).max().over(_TALK)
    said = lines.filter(human, ~nw.col(Messages.TEXT).is_null()).with_columns(last.alias("_last"))
    return said.filter(nw.col(TURN_NO) > nw.col("_last") - _RUNS).drop("_last")


def read_endings(lines: Frame, lexicon: Lexicon, long_wait_s: float = LONG_WAIT_S) -> pd.DataFrame:
    """Return what each conversation ended on.

    Parameters
    ----------
    lines : narwhals.LazyFrame
        Lines of buyers and human agents: ``conversation_id``, ``sender``, ``text``, ``turn_no``,
        ``position`` and ``sent_at_ms`` (null in a source without times).
    lexicon : Lexicon
        The run's own, with the reader that learns where the run has one.
    long_wait_s : float
        Of `long_wait`, where it is known how long the shop's buyers wait.

    Returns
    -------
    pandas.DataFrame
        By ``conversation_id``: ``reason``, one of `ENDINGS`, and ``no_way_out``: the agent's last
        answer was a no, or that there is none in stock, without another way offered.

    Examples
    --------
    >>> import polars as pl
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> lines = {"conversation_id": ["c1"] * 3, "sender": ["buyer", "agent", "buyer"]}
    >>> lines |= {"text": ["能便宜点吗", "亲，不议价的哦", "太贵了，算了"], "turn_no": [1, 2, 3]}
    >>> table = pl.LazyFrame(lines | {"position": [1, 2, 3], "sent_at_ms": [0, 9000, 20000]})
    >>> read_endings(nw.from_native(table), load_lexicon(reader="rules"))["reason"].to_list()
    ['price']
    """
    marked = mark(mark(lines, lexicon), ending_lexicon())
    names = [*_HEARD, *_SAID, *ending_lexicon().markers]
    keys = [_TALK, Messages.SENDER, TURN_NO, POSITION, SENT_MS]
    table = collect(marked.select(*keys, *names)).sort_values([_TALK, POSITION], kind="stable")
    flags = table[names].astype("boolean").fillna(value=False).astype(bool)
    return _reasons(_runs(table[keys].join(flags), names), long_wait_s)


def _runs(lines: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Gather lines into runs of one side, without what an agent adds after the buyer's silence."""
    before = lines.groupby(_TALK)[[Messages.SENDER, *_ASIDE, *_ASKS]].shift()
    flags = before[[*_ASIDE, *_ASKS]].eq(other=True)
    agent = lines[Messages.SENDER].eq("agent")
    # A line that also wishes well may be all the answer there was: it goes where one stands before,
    # or where nothing was asked.
    answered = before[Messages.SENDER].eq("agent") | ~flags[list(_ASKS)].any(axis="columns")
    aside = lines[list(_ASIDE)].any(axis="columns") & agent & answered
    # What a buyer says to an agent who came back is no new subject, unless it is one.
    new = [*_ASKS, "gives_up", *(f"objects_{name}" for name in OBJECTIONS)]
    polite = flags["follows_up"] & ~agent & ~lines[new].any(axis="columns")
    lines = lines[~aside & ~polite]
    changed = lines[Messages.SENDER].ne(lines.groupby(_TALK)[Messages.SENDER].shift())
    run = changed.groupby(lines[_TALK]).cumsum().astype(float)
    marks = {name: (name, "max") for name in names} | {
        "began": (SENT_MS, "min"),
        "only_settles": ("settles", "min"),
        "ends_waiting": ("puts_off", "last"),
    }
    runs = lines.groupby([_TALK, run.rename("run")]).agg(sender=(Messages.SENDER, "first"), **marks)
    return runs.reset_index()


def _reasons(runs: pd.DataFrame, long_wait_s: float) -> pd.DataFrame:
    talks = pd.Index(runs[_TALK].unique(), name=_TALK)
    flags = [n for n in runs if n not in (_TALK, "run", "sender", "began")]

    def told(rows: pd.DataFrame) -> pd.DataFrame:
        """Return what some runs of each conversation show; nothing where it has none."""
        shown = rows.groupby(_TALK)[flags].max().reindex(talks)
        return shown.astype("boolean").fillna(value=False).astype(bool)

    buyer = runs[runs["sender"].eq("buyer") & ~(runs["only_settles"] & ~runs["calls_for_reply"])]
    place = buyer.groupby(_TALK).cumcount(ascending=False)
    # "OK, thanks" is no new subject: the conversation ended on what the buyer said before it.
    last = buyer[place == 0].set_index(_TALK).reindex(talks)
    heard, earlier = told(buyer[place == 0]), told(buyer[place == 1])
    since = runs["run"] - runs[_TALK].map(last["run"].fillna(0))
    answers = runs[runs["sender"].eq("agent") & (since > 0)]
    answer = told(answers)
    # Who asked to wait and then came back with an answer kept nobody waiting.
    place = answers.groupby(_TALK).cumcount(ascending=False)
    answer["ends_waiting"] = told(answers[place == 0])["ends_waiting"]
    first = answers.groupby(_TALK)["began"].min().reindex(talks).astype("Float64").astype(float)
    waited = (first - last["began"].astype("Float64").astype(float)) / SECOND_MS
    ends = runs.groupby(_TALK)["run"].max()
    away = answers.groupby(_TALK)["run"].min().reindex(ends.index).eq(ends)
    left_waiting = (waited > long_wait_s) & away.reindex(talks, fill_value=False)
    open_end = ~talks.isin(answers[_TALK]) & last["run"].notna()
    told_before = told(runs[runs["sender"].eq("agent") & (since == -1)])
    told_before["ends_waiting"] &= ~told_before.index.isin(answers[_TALK])
    return _judged(heard, earlier, answer, told_before, left_waiting, open_end)


def _judged(
    heard: pd.DataFrame,
    earlier: pd.DataFrame,
    answer: pd.DataFrame,
    answer_before: pd.DataFrame,
    left_waiting: pd.Series[bool],
    open_end: pd.Series[bool],
) -> pd.DataFrame:
    """Return the first reason that holds, from what was said to what was left unsaid."""
    leaves = heard["thinks_it_over"] | heard["gives_up"]
    asks = heard[list(_ASKS)].any(axis="columns")
    haggles = heard["asks_lower_price"] | heard["bargains_on"]
    unanswered = open_end & ~leaves
    # Who only takes note of an answer is still speaking of it.
    answer = answer | answer_before.where(~asks, other=False)
    refused = answer[["cannot", "says_no", "refuses_flatly", "out_of_stock"]].any(axis="columns")
    no_way_out = refused & ~answer["offers_alternative"]
    objects = {name: heard[f"objects_{name}"] for name in OBJECTIONS}
    before = {name: leaves & earlier[f"objects_{name}"] for name in OBJECTIONS}
    rules = [
        (heard["complains_of_wait"], "wait"),
        (heard["calls_for_reply"] & unanswered, "no_answer"),
        *((objects[n] & ~(unanswered & heard["asks_outright"]), n) for n in OBJECTIONS),
        (unanswered & asks, "no_answer"),
        (answer["out_of_stock"] | (heard["asks_stock"] & refused), "stock"),
        (answer["ends_waiting"] & ~refused, "no_answer"),
        (left_waiting & asks & ~leaves, "wait"),
        *((before[name], name) for name in OBJECTIONS),
        (
            haggles | (heard["gives_up"] & (earlier["asks_lower_price"] | earlier["bargains_on"])),
            "price",
        ),
        (no_way_out, "no_way_out"),
        # "Never mind" alone is no reason, and no thinking it over either.
        (heard["thinks_it_over"], "undecided"),
    ]
    reasons = [name for _, name in rules]
    reason = np.select([rule.to_numpy(dtype=bool) for rule, _ in rules], reasons, "silent")
    return pd.DataFrame({_L.REASON: reason, _L.NO_WAY_OUT: no_way_out}, index=heard.index)
