"""Problem categories: what a conversation is about, by the buyer's own messages."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl

from csinsight.behaviours.hits import find_all
from csinsight.behaviours.lexicon import Lexicon
from csinsight.behaviours.markers import lowered
from csinsight.behaviours.opportunities import ABOUT
from csinsight.behaviours.reader import RUN, SENDER, TEXT
from csinsight.contract.artifacts import Conversations as Talk
from csinsight.contract.domain import CATEGORIES
from csinsight.contract.schema import Messages
from csinsight.engine import collect, simplified
from csinsight.engine.frames import joined_lines
from csinsight.features.frames import BEFORE_OUTCOME, POSITION, TURN_NO, Frame, pick

OTHER: Final = "other"
AFTER_SALES: Final = "after_sales"
_NAMED: Final = tuple(name for name in CATEGORIES if name != OTHER)
_ABOUT_OTHER: Final = f"{ABOUT}other"
_OWN_ORDER: Final = f"{ABOUT}own_order"
_TERMS: Final = f"{ABOUT}return_terms"
_PAPERS: Final = f"{ABOUT}papers"
_SHIPPING: Final = f"{ABOUT}shipping"
#: What nobody asks of what they have bought.
_BEFORE_BUYING: Final = (
    *(f"{ABOUT}{name}" for name in ("quality", "size", "bargaining")),
    *("asks_stock", "asks_to_recommend"),
)
#: Goods that a buyer shows are those that the question is about.
_GOODS: Final = r"https?://|\[商品|商品(链接|卡片|详情)"
#: When a parcel is sent or comes, not in how many days or where to; and an order yet to come.
_WHEN_SENT: Final = re.compile(
    r"(什么时候|啥时候|何时|几时|几号|哪天|今天|明天)[^,。?]{0,4}"
    r"(发|寄|出库|送?到([货啊呀呢吗了,。?!~ ]|$))"
    r"|发(货|出|走)?(了(吗|没|么)|没)|(发|寄)的(什么|啥|哪)|快[点些]发"
    r"|when .*(ship|sent|dispatch|arrive)|(shipped|sent) yet",
    re.IGNORECASE,
)
_TO_COME: Final = re.compile(
    r"(现在|今天|明天|马上|这会|几点前?|如果|要是)[^,。?]{0,3}(拍|下单|买|付)|拍了|下单后"
)
_SHOPS: Final = "shops"
_LATELY: Final = "ordered_lately"
_JUST: Final = "ordered_just_now"
_WANTS: Final = "wants"
#: An earlier purchase named with nothing wrong, and what such a buyer may want beside it.
_PURCHASE: Final = "names_purchase"
_FOR_MORE: Final = (
    *("asks_for_more", "asks_stock", "asks_to_recommend"),
    *(f"{ABOUT}{name}" for name in ("size", "bargaining")),
)
#: A fault of a buyer's own thing, and the question what its mending costs or whether it is done;
#: what is stated to be wrong, as those do who have had something; what became of things arranged.
_OWN_FAULT: Final = "own_fault"
_MENDING: Final = "asks_mending"
_WRONG: Final = "states_trouble"
_CASE: Final = "tells_of_case"
#: What there is to buy for something that is wrong; and what was bought of somebody else.
_SEEKS: Final = "seeks_goods"
_ELSEWHERE: Final = "bought_elsewhere"
#: They tell whether there is a case, and nothing of what it is about.
OF_CASES: Final = (_OWN_FAULT, _MENDING, _WRONG, _CASE, _SEEKS, _ELSEWHERE)
_TOLD: Final = "tells_after_sales"
#: An agent's word on an order that there is, and a buyer's that one was placed just now.
_TOLD_OF_ORDER: Final = "tells_of_order"
_ORDERED_NOW: Final = "announces_order"
_SOON: Final = "handled_soon"
#: Runs of lines, of either side, from which an opening is read: three of the buyer's.
_OPENING_RUNS: Final = 6
#: An agent's markers that tell what the buyer came for.
_SAID_OF_CASES: Final = (_TOLD, _TOLD_OF_ORDER, "says_no")


def main_categories(
    marked: Frame,
    lexicon: Lexicon,
    lately_ordered: Collection[str] = (),
    just_ordered: Collection[str] = (),
) -> pd.Series[str]:
    """Return the main category of each conversation that has one.

    The first of the buyer's messages to name a category decides; within that message the words
    that come first. After-sales wins wherever that message has it, and where the buyer speaks of
    an order placed before (``about_own_order``), whatever the shop's orders say: parcels are also
    bought by another account, or before the first order known.
    A question about terms of returning is asked before and after buying alike: it is after-sales
    where the buyer, or the agent, goes on to speak of a case in the same opening. So it is, and
    a question about invoices, receipts, repairs and exchanges, of a buyer who ordered lately and
    asks nothing in the opening that is asked before buying. A question about shipping is so where
    the order's parcel is hardly on its way: "when do you send it" is then about that one.

    Parameters
    ----------
    marked : narwhals.LazyFrame
        Of `csinsight.behaviours.markers.mark`, with ``position``, ``turn_no``, ``before_outcome``.
    lexicon : Lexicon
    lately_ordered : collection of str
        Conversations whose buyer had placed an order not long before.
    just_ordered : collection of str
        Those whose buyer's order can only just have been sent.

    Returns
    -------
    pandas.Series
        Category by conversation id; conversations without any are left out (`OTHER`).

    Examples
    --------
    >>> from csinsight.sample import sample_messages
    >>> marked = sample_messages()
    >>> main_categories(marked.lines, marked.lexicon).index.name
    'conversation_id'
    """
    # The first message of each conversation that names a category.
    flags = [*(f"{ABOUT}{name}" for name in _NAMED), _ABOUT_OTHER, _OWN_ORDER, _TERMS, _PAPERS]
    talk = Messages.CONVERSATION_ID
    named = nw.any_horizontal(*(nw.col(flag) for flag in flags), ignore_nulls=True)
    opening = nw.col(BEFORE_OUTCOME) & (nw.col(TURN_NO) <= _OPENING_RUNS)
    case = nw.any_horizontal(
        nw.col(f"{ABOUT}{AFTER_SALES}"), nw.col(_OWN_ORDER), nw.col(_TOLD), ignore_nulls=True
    )
    first = (
        _weighed(marked)
        .with_columns(
            _first=pick(named, nw.col(POSITION)).min().over(talk),
            _case=(opening & case).fill_null(value=False).cast(nw.Int64).max().over(talk),
            _shops=(opening & _shopping()).fill_null(value=False).cast(nw.Int64).max().over(talk),
            _wants=(opening & _wanting()).fill_null(value=False).cast(nw.Int64).max().over(talk),
        )
        .filter(named & (nw.col(POSITION) == nw.col("_first")))
    )
    soon = (nw.col("_case") == 1).alias(_SOON)
    shopping = (nw.col("_shops") == 1).alias(_SHOPS)
    wanting = (nw.col("_wants") == 1).alias(_WANTS)
    openings = collect(first.select(talk, Messages.TEXT, soon, shopping, wanting, *flags))
    openings[_LATELY] = openings[talk].isin(lately_ordered)
    openings[_JUST] = openings[talk].isin(just_ordered)
    chosen = _chosen(openings, lexicon)
    return pd.Series(chosen, index=openings[talk], name=Talk.CATEGORY, dtype="str")


def of_orders(marked: Frame) -> list[str]:
    """Return the conversations in whose opening either side speaks of an order placed before.

    The first message to name a category need not: a symptom, a picture or "is anybody there" comes
    first, then the number of the order, or the agent who looked it up says what it is about. An
    order announced as placed just now is the outcome of an inquiry, and none before it.

    Parameters
    ----------
    marked : narwhals.LazyFrame
        As for `main_categories`.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> from csinsight.behaviours.markers import mark
    >>> lexicon = load_lexicon(reader="rules")
    >>> lines = {"conversation_id": ["c1", "c1", "c2"], "sender": ["buyer", "agent", "buyer"]}
    >>> lines |= {"text": ["在吗", "您的包裹已经到中转站了", "多大的"], "turn_no": [1, 2, 1]}
    >>> lines |= {"position": [1, 2, 1], "before_outcome": True}
    >>> of_orders(mark(nw.from_native(pl.LazyFrame(lines)), lexicon))
    ['c1']
    """
    opening = nw.col(BEFORE_OUTCOME) & (nw.col(TURN_NO) <= _OPENING_RUNS)
    buyer = (nw.col(_OWN_ORDER) | nw.col(_CASE)) & ~nw.col(_ORDERED_NOW)
    told = nw.any_horizontal(buyer, nw.col(_TOLD_OF_ORDER), ignore_nulls=True)
    talks = _weighed(marked).filter(opening & told).select(Messages.CONVERSATION_ID).unique()
    return list(collect(talks)[Messages.CONVERSATION_ID])


def _weighed(marked: Frame) -> Frame:
    """Weigh what a line says of a case against what else the buyer's opening lines ask.

    An earlier purchase is no case where its buyer has come for more, nor is a thing of one's own
    that is broken where it is asked what mending costs, whether the shop does it, or what there is
    to buy. Something stated to be wrong is a case where nothing in the opening is asked that is
    asked before buying; it is none, nor what became of something, where somebody else sold it.
    A line that tells of a fault, a parcel or a change keeps its case: it names no mere purchase.
    """
    asks = nw.any_horizontal(*(nw.col(name) for name in _FOR_MORE), ignore_nulls=True)
    found = {
        "_more": asks & ~nw.col(_PAPERS),
        "_bought": nw.col(_PURCHASE),
        "_fault": nw.col(_OWN_FAULT),
        "_mends": nw.col(_MENDING),
        "_seeks": nw.col(_SEEKS),
        "_elsewhere": nw.col(_ELSEWHERE),
    }
    opening = nw.col(BEFORE_OUTCOME) & (nw.col(TURN_NO) <= _OPENING_RUNS)
    talk = Messages.CONVERSATION_ID
    marked = marked.with_columns(
        ((opening & line).fill_null(value=False).cast(nw.Int8).max().over(talk) == 1).alias(name)
        for name, line in found.items()
    )
    more, bought, fault, mends, seeks, elsewhere = (nw.col(name) for name in found)
    own = nw.col(_OWN_FAULT) | (nw.col(_MENDING) & ~(nw.col(_OWN_ORDER) | nw.col(_CASE)))
    no_case = (nw.col(_PURCHASE) & (more | seeks)) | (own & fault & (mends | seeks) & ~bought)
    no_case = no_case | (nw.col(_ELSEWHERE) & ~bought)
    wrong = nw.col(_WRONG) & ~(more | mends | seeks)
    order = (nw.col(_CASE) & ~(seeks & fault & ~bought) | wrong) & ~elsewhere
    cases = {name: nw.col(name) for name in (f"{ABOUT}{AFTER_SALES}", _OWN_ORDER)} | {_CASE: order}
    return marked.with_columns((case & ~no_case).alias(name) for name, case in cases.items())


def _shopping() -> nw.Expr:
    """Tell of a line whether it asks what is asked before buying, shipping among it."""
    terms = nw.col(_TERMS) | nw.col(_PAPERS)
    return _wanting() | (nw.col(_SHIPPING) & ~terms)


def _wanting() -> nw.Expr:
    """Tell of a line whether it asks about goods that one has not bought."""
    named = nw.any_horizontal(*(nw.col(name) for name in _BEFORE_BUYING), ignore_nulls=True)
    shown = nw.col(Messages.TEXT).str.contains(_GOODS)
    # A size or colour to have instead of another is no question before buying.
    other = nw.col(_ABOUT_OTHER) & ~nw.col(_TERMS)
    return shown | ((named | other) & ~nw.col(_PAPERS))


def subjects(marked: Frame, lexicon: Lexicon, ruled: pd.Series[str]) -> pd.Series[str]:
    """Return what each conversation is about, as the reader that learns has it.

    Parameters
    ----------
    marked : narwhals.LazyFrame
        As for `main_categories`.
    lexicon : Lexicon
        Without a reader `ruled` is returned.
    ruled : pandas.Series
        Of `main_categories`; it is weighed with the words of the opening.

    Returns
    -------
    pandas.Series
        Category by conversation id, of every conversation whose opening has a buyer's line.

    Examples
    --------
    The reader has its own word on every conversation in whose opening a buyer wrote:

    >>> from csinsight.sample import sample_messages
    >>> marked = sample_messages()
    >>> told = subjects(marked.lines, marked.lexicon, main_categories(marked.lines, marked.lexicon))
    >>> wrote = marked.lines.filter(nw.col("sender") == "buyer", nw.col("before_outcome"))
    >>> set(told.index) <= set(collect(wrote)["conversation_id"])
    True
    """
    if lexicon.reader is None:
        return ruled
    rows = subject_rows(marked, lexicon, ruled)
    told = lexicon.reader.subject(rows)
    return pd.Series(told, index=rows[Messages.CONVERSATION_ID].to_list(), dtype="str")


def subject_marks(lexicon: Lexicon) -> list[str]:
    """Return the columns of marks that `subject_rows` has.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> marks = subject_marks(load_lexicon(reader="rules"))
    >>> "asks_question" in marks, "_ruled_shipping" in marks, "greets" in marks
    (True, True, False)
    """
    return [*_subject_markers(lexicon), *(f"_ruled_{name}" for name in CATEGORIES)]


def _subject_markers(lexicon: Lexicon) -> list[str]:
    return [*(name for name in lexicon.ids("buyer") if name not in OF_CASES), *_SAID_OF_CASES]


def subject_rows(marked: Frame, lexicon: Lexicon, ruled: pd.Series[str]) -> pl.DataFrame:
    """Return the opening of each conversation in which a buyer wrote, as `Reader.subject` reads it.

    Parameters
    ----------
    marked, lexicon, ruled
        As for `subjects`.

    Returns
    -------
    polars.DataFrame
        ``conversation_id``; the agent's lines and the buyer's; and `subject_marks`.

    Examples
    --------
    >>> from csinsight.behaviours.lexicon import load_lexicon
    >>> from csinsight.behaviours.markers import mark
    >>> lexicon = load_lexicon(reader="rules")
    >>> lines = {"conversation_id": "c1", "sender": ["buyer", "agent"], "text": ["几号发", "今天"]}
    >>> lines |= {"turn_no": [1, 2], "position": [1, 2], "before_outcome": True}
    >>> marked = mark(nw.from_native(pl.LazyFrame(lines)), lexicon)
    >>> subject_rows(marked, lexicon, pd.Series({"c1": "shipping"}))[RUN, TEXT].rows()
    [('几号发', '今天')]
    """
    talk = Messages.CONVERSATION_ID
    opening = marked.filter(nw.col(BEFORE_OUTCOME) & (nw.col(TURN_NO) <= _OPENING_RUNS))
    opening = simplified(opening.with_columns(lowered().alias(TEXT)), TEXT)
    side = nw.col(Messages.SENDER)
    heard = joined_lines(opening.filter(side == "buyer"), [talk], TEXT, RUN)
    said = joined_lines(opening.filter(side == "agent"), [talk], TEXT, TEXT)
    names = _subject_markers(lexicon)
    marks = opening.group_by(talk).agg(nw.col(n).cast(nw.Int8).max().alias(n) for n in names)
    table = heard.join(said, on=talk, how="left").join(marks, on=talk, how="left")
    rows: pl.DataFrame = table.collect(backend="polars").to_native()
    rows = rows.with_columns(pl.col(pl.Categorical).cast(pl.String)).sort(talk)
    by_rules = ruled.reindex(rows[talk].to_list()).fillna(OTHER).to_numpy()
    return rows.with_columns(
        pl.lit("agent").alias(SENDER),
        *((pl.col(name) == 1).alias(name) for name in names),
        *(pl.Series(f"_ruled_{name}", by_rules == name) for name in CATEGORIES),
    )


def _chosen(openings: pd.DataFrame, lexicon: Lexicon) -> npt.NDArray[np.object_]:
    """Return the category of each message that is the first to name one."""
    told = openings.drop(columns=[Messages.CONVERSATION_ID, Messages.TEXT]).astype(bool)
    named = told[[f"{ABOUT}{name}" for name in CATEGORIES]].to_numpy()
    case = told[f"{ABOUT}{AFTER_SALES}"] | told[_OWN_ORDER]
    case |= (told[_TERMS] | told[_PAPERS]) & told[_LATELY] & ~told[_SHOPS]
    asked = told[_SHIPPING] & told[_JUST] & ~told[_WANTS] & ~case
    texts = openings.loc[asked, Messages.TEXT]
    case[asked] = np.fromiter(map(_when_sent, texts), dtype=bool, count=len(texts))
    case |= told[_TERMS] & told[_SOON]
    # A message of no other category speaks of what only the rules above know.
    first = np.where(named.any(axis=1), named.argmax(axis=1), CATEGORIES.index(OTHER))
    many = (named.sum(axis=1) > 1) & ~(case | told[_TERMS]).to_numpy()
    first[many] = _named_first(openings.loc[many, Messages.TEXT], named[many], lexicon)
    chosen = np.array(CATEGORIES, dtype=object)[first]
    return np.where(case, AFTER_SALES, np.where(told[_TERMS], "shipping", chosen))


def _named_first(
    texts: pd.Series[str], named: npt.NDArray[np.bool_], lexicon: Lexicon
) -> npt.NDArray[np.int64]:
    """Return which of the categories that a text names (texts, categories) it names first."""
    starts = np.full((*named.shape, 2), np.iinfo(np.int64).max)
    for place, name in enumerate(CATEGORIES):
        # Each text once, since chats repeat themselves.
        code, once = pd.factorize(texts[named[:, place]])
        hits = find_all(once.to_list(), f"{ABOUT}{name}", lexicon)
        found = np.array([some[0] for some in hits], dtype=np.int64).reshape(-1, 2)
        starts[named[:, place], place] = found[code]
    # Of two that begin at the same place the shorter, then the one that stands first.
    earliest = starts[:, :, 0] == starts[:, :, 0].min(axis=1, keepdims=True)
    ends = np.where(earliest, starts[:, :, 1], np.iinfo(np.int64).max)
    return np.asarray(ends.argmin(axis=1))


def _when_sent(text: str) -> bool:
    """Tell of a text whether it asks when what was ordered is sent."""
    return _WHEN_SENT.search(text) is not None and _TO_COME.search(text) is None
