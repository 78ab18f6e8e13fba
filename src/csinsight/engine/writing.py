"""How a shop's chats were written down: upward or downward in time, how exactly, by whom.

Under an agent's account stand lines that no person wrote: a greeting that the client sends within a
second of a buyer's line, a robot that has an account of its own. Only their times tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

import narwhals as nw
import polars as pl

from csinsight.contract.schema import Messages, Orders
from csinsight.engine.frames import beside, collect, ms

_SENT: Final = ms(Messages.SENT_AT)
_MINUTE_MS: Final = 60_000
#: Nobody has read a buyer's line, and written an answer, within this time.
AT_ONCE_MS: Final = 3_000
#: A text is a program's that came at once so many times, and most times that it came at all.
_TIMES: Final = 10
_MOSTLY: Final = 0.5
#: So is an account most of whose replies, of so many, come at once, whatever they say.
_REPLIES: Final = 50
_ROBOT: Final = 0.8
#: Where so much of what agents write would be a program's, the times are not those of people.
_ALL: Final = 0.7
#: Whoever writes again after a month begins another conversation; so many do, so many times of all.
_MONTH_MS: Final = 30 * 24 * 60 * _MINUTE_MS
_AGAIN: Final = 20
_SAME: Final = 0.9
#: Who writes again within so many minutes does not; so many lines, so many of all.
_SOON_MS: Final = 5 * _MINUTE_MS
_LINES_SOON: Final = 100
_OTHER: Final = 0.5
_BUYERS: Final = 2_000
#: Whether what stands for conversations does.
Ids = Literal["kept", "threads", "splinters"]
#: Lines of one buyer that follow each other in the file, and how many of them go back in time.
_PAIRS: Final = 20
_BACK: Final = 0.9
#: A text without its numbers: a greeting may tell how many are waiting.
_FORM: Final = "_form"
#: Such a line begins alike, and goes on with what was ordered.
_OPENING: Final = "_opening"
_LETTERS: Final = 6
#: A line that comes so soon after an order, or its payment, was not typed after it.
_EVENT_S: Final = 1


@dataclass(frozen=True)
class Writing:
    """What the times of a shop's lines tell of how they came about.

    Parameters
    ----------
    backward : bool
        Whether the file's later rows are the earlier lines.
    minutes : float
        Share of the lines that stand at a full minute beyond those that do by chance.
    texts : polars.DataFrame
        ``agent_id`` and ``_form``: what is sent by itself under an agent's account.
    robots : tuple of str
        Accounts that answer by themselves.
    share : float
        Share of the agents' lines that are so.
    events : polars.DataFrame
        ``_opening``: how buyers' lines begin that come in the very second of their order.
    told : float
        Share of the buyers' lines that begin so.
    throughout : bool
        Most of what agents write comes at once: nothing is taken for a program's.
    ids : {"kept", "threads", "splinters"}
        Whether ids of conversations are kept; not those that name buyers, or lines.
    """

    backward: bool = False
    minutes: float = 0.0
    texts: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(
            schema={Messages.AGENT_ID: pl.String, _FORM: pl.String}
        )
    )
    robots: tuple[str, ...] = ()
    share: float = 0.0
    events: pl.DataFrame = field(default_factory=lambda: _nothing(_OPENING))
    told: float = 0.0
    throughout: bool = False
    ids: Ids = "kept"

    def read(self, messages: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the lines with those of programs as a robot's, numbered upward in time."""
        if self.backward:
            messages = messages.with_columns(
                (0 - nw.col(Messages.MESSAGE_NO)).alias(Messages.MESSAGE_NO)
            )
        if self.ids != "kept":
            messages = messages.with_columns(
                nw.lit(None, dtype=nw.String).alias(Messages.CONVERSATION_ID)
            )
        if len(self.events):
            messages = self._without_events(messages)
        if self.throughout or not (len(self.texts) or self.robots):
            return messages
        agent = nw.col(Messages.SENDER) == "agent"
        texts = beside(messages, self.texts.with_columns(_sent=pl.lit(value=True)))
        told = messages.with_columns(_form()).join(texts, on=[Messages.AGENT_ID, _FORM], how="left")
        robot = nw.col(Messages.AGENT_ID).is_in(list(self.robots)).fill_null(value=False)
        by_itself = agent & (nw.col("_sent").fill_null(value=False) | robot)
        return told.with_columns(
            nw.when(by_itself)
            .then(nw.lit("bot"))
            .otherwise(Messages.SENDER)
            .alias(Messages.SENDER),
            nw.when(~by_itself).then(Messages.AGENT_ID).alias(Messages.AGENT_ID),
        ).select(messages.collect_schema().names())

    def _without_events(self, messages: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        events = beside(messages, self.events.with_columns(_told=pl.lit(value=True)))
        told = messages.with_columns(_form())
        told = told.with_columns(nw.col(_FORM).str.slice(0, _LETTERS).alias(_OPENING))
        told = told.join(events, on=_OPENING, how="left")
        by_itself = (nw.col(Messages.SENDER) == "buyer") & nw.col("_told").fill_null(value=False)
        sender = nw.when(by_itself).then(nw.lit("system")).otherwise(Messages.SENDER)
        return told.with_columns(sender.alias(Messages.SENDER)).select(
            messages.collect_schema().names()
        )


def _nothing(*names: str) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(names, pl.String))


def writing(
    lines: pl.DataFrame,
    messages: nw.LazyFrame[Any],
    orders: nw.LazyFrame[Any] | None = None,
    *,
    ids: bool,
) -> Writing:
    """Tell by the times of lines how they were written down.

    Parameters
    ----------
    lines : polars.DataFrame
        Messages in which neighbours are neighbours; stretches of many will do.
    messages : narwhals.LazyFrame
        All, as the engine opens them, with times.
    orders : narwhals.LazyFrame or None
        Likewise, with buyers.
    ids : bool
        Whether some lines carry the id of a conversation.

    Examples
    --------
    >>> rows = pl.DataFrame({"buyer_id": ["b"] * 30, "agent_id": None, "sender": "buyer"})
    >>> later = pl.int_range(30, 0, -1) * 61_000
    >>> rows = rows.with_columns(sent_at_ms=later, text=pl.lit("好")).with_row_index("message_no")
    >>> writing(rows, nw.from_native(rows.lazy()), ids=False).backward
    True
    """
    lines = lines.filter(pl.col(_SENT).is_not_null()).sort(Messages.MESSAGE_NO)
    if not len(lines):
        return Writing()
    backward = _runs_backward(lines)
    order = [Messages.BUYER_ID, _SENT, Messages.MESSAGE_NO]
    lines = lines.sort(order, descending=[False, False, backward])
    full = int((lines[_SENT] % _MINUTE_MS == 0).sum()) / len(lines)
    events, told = _events(lines, orders) if orders is not None else (_nothing(_OPENING), 0.0)
    return Writing(
        backward=backward,
        minutes=max(0.0, (full - 1 / 60) / (1 - 1 / 60)),
        events=events,
        told=told,
        ids=_ids(messages, lines) if ids else "kept",
        **_by_itself(_after_buyers(lines)),
    )


def _by_itself(said: pl.DataFrame) -> dict[str, Any]:
    """Return what of the agents' lines is sent by itself, and how much that is."""
    texts, robots = _texts(said), _robots(said)
    mark = texts.with_columns(_sent=pl.lit(value=True))
    known = said.join(mark, on=[Messages.AGENT_ID, _FORM], how="left")
    sent = pl.col("_sent").fill_null(value=False) | pl.col(Messages.AGENT_ID).is_in(robots)
    share = int(known.select(sent.sum()).item() or 0) / max(len(known), 1)
    found = {"texts": texts, "robots": tuple(robots), "share": share}
    return {**found, "throughout": share >= _ALL}


def _events(lines: pl.DataFrame, orders: nw.LazyFrame[Any]) -> tuple[pl.DataFrame, float]:
    """Return how lines begin that the platform writes as the buyer's when an order comes."""
    buyers = lines.filter(pl.col(Messages.SENDER) == "buyer")
    opening = pl.col(Messages.TEXT).str.replace_all("[0-9]+", "").str.slice(0, _LETTERS)
    said = (
        buyers.filter(pl.col(_SENT) % _MINUTE_MS != 0)
        .select(Messages.BUYER_ID, opening.alias(_OPENING), _second=pl.col(_SENT) // 1000)
        .filter(pl.col(_OPENING).str.len_chars() == _LETTERS)
        .with_columns(pl.int_range(pl.len()).alias("_line"))
    )
    keys, second = [Messages.BUYER_ID, "_second"], pl.col("_second")
    near = pl.concat(said.select(keys[0], second - s, "_line") for s in range(_EVENT_S + 1))
    moments = nw.concat(
        [
            orders.select(Orders.BUYER_ID, (nw.col(ms(time)) // 1000).alias("_second"))
            for time in (Orders.PLACED_AT, Orders.PAID_AT)
        ]
    )
    met = collect(moments.join(beside(moments, near), on=keys, how="inner").select("_line"))
    met_n = pl.col("_line").is_in(set(met["_line"])).sum()
    counts = said.group_by(_OPENING).agg(met_n.alias("n"), pl.len().alias("of"))
    found = counts.filter(pl.col("n") >= _TIMES, pl.col("n") >= _MOSTLY * pl.col("of"))
    return found.select(_OPENING).sort(_OPENING), int(found["of"].sum()) / max(len(buyers), 1)


def _ids(messages: nw.LazyFrame[Any], lines: pl.DataFrame) -> Ids:
    """Tell whether ids of conversations go on over months, or change within minutes.

    By all lines of some buyers: of a stretch of days nobody writes again after a month.
    """
    sent, given, buyer = (nw.col(n) for n in (_SENT, Messages.CONVERSATION_ID, Messages.BUYER_ID))
    some = lines[Messages.BUYER_ID].drop_nulls().unique(maintain_order=True)[:_BUYERS].to_list()
    rows = messages.filter(buyer.is_in(some), ~sent.is_null(), ~given.is_null())
    by_buyer = rows.select(buyer, sent, given).with_columns(
        _since=sent - sent.shift(1).over(Messages.BUYER_ID, order_by=_SENT),
        _same=(given == given.shift(1).over(Messages.BUYER_ID, order_by=_SENT)).cast(nw.Int64),
    )
    since, same = nw.col("_since"), nw.col("_same")
    months, soon = since >= _MONTH_MS, since < _SOON_MS
    row = collect(
        by_buyer.select(
            months.cast(nw.Int64).sum().alias("months"),
            nw.when(months).then(same).sum().alias("same"),
            soon.cast(nw.Int64).sum().alias("soon"),
            nw.when(soon).then(1 - same).sum().alias("other"),
        )
    ).fillna(0)
    n = {name: int(row[name].iloc[0]) for name in row}
    if n["months"] >= _AGAIN and n["same"] >= _SAME * n["months"]:
        return "threads"
    if n["soon"] >= _LINES_SOON and n["other"] >= _OTHER * n["soon"]:
        return "splinters"
    return "kept"


def _form() -> Any:
    return nw.col(Messages.TEXT).str.replace_all("[0-9]+", "").alias(_FORM)


def _runs_backward(lines: pl.DataFrame) -> bool:
    """Tell of lines in the file's order whether a buyer's next line is an earlier one."""
    step = pl.col(_SENT).diff().over(Messages.BUYER_ID)
    back, on = lines.select((step < 0).sum().alias("back"), (step > 0).sum().alias("on")).row(0)
    return bool(back + on >= _PAIRS and back >= _BACK * (back + on))


def _after_buyers(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the agents' lines with whether a buyer's line came just before, and how long before.

    A line at a full minute tells no seconds where minutes were all that was kept.
    """
    sent, buyer = pl.col(_SENT), pl.col(Messages.SENDER) == "buyer"
    asked = pl.when(buyer).then(sent).forward_fill().over(Messages.BUYER_ID)
    timed = sent % _MINUTE_MS != 0
    return (
        lines.with_columns(
            _at_once=((sent - asked <= AT_ONCE_MS) & timed).fill_null(value=False),
            _reply=buyer.shift(1).over(Messages.BUYER_ID).fill_null(value=False),
        )
        .filter(pl.col(Messages.SENDER) == "agent", pl.col(Messages.AGENT_ID).is_not_null())
        .with_columns(pl.col(Messages.TEXT).str.replace_all("[0-9]+", "").alias(_FORM))
    )


def _texts(said: pl.DataFrame) -> pl.DataFrame:
    """Return what is sent by itself, by account: of one account, or whoever's it is."""
    keys = [Messages.AGENT_ID, _FORM]
    at_once = pl.col("_at_once")
    counts = said.filter(pl.col(_FORM) != "").group_by(keys).agg(at_once.sum(), pl.len())
    by_itself = [
        (at_once.sum().over(whose) >= _TIMES)
        & (at_once.sum().over(whose) >= _MOSTLY * pl.col("len").sum().over(whose))
        for whose in (keys, [_FORM])
    ]
    found = counts.filter(pl.any_horizontal(by_itself))
    return found.select(keys).sort(keys)


def _robots(said: pl.DataFrame) -> list[str]:
    replies = (
        said.filter("_reply").group_by(Messages.AGENT_ID).agg(pl.len(), pl.col("_at_once").mean())
    )
    found = replies.filter(pl.col("len") >= _REPLIES, pl.col("_at_once") >= _ROBOT)
    return sorted(found[Messages.AGENT_ID])
