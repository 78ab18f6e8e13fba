"""Notebook 09: what inquiries that brought no order ended on, and whom to call back."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import pandas as pd

from csinsight.behaviours.conversations import inquiries_of
from csinsight.behaviours.endings import (
    LONG_WAIT_S,
    PUBLIC_NAMED,
    PUBLIC_READ,
    UNSEEN_NAMED,
    UNSEEN_READ,
    last_lines,
    long_wait,
    lost_inquiries,
    read_endings,
)
from csinsight.coaching.excerpts import last_words
from csinsight.contract.artifacts import Conversations, LostInquiries, ValueTiers
from csinsight.contract.disputes import reference
from csinsight.contract.domain import CATEGORIES, ENDINGS, TIERS
from csinsight.contract.files import guarded
from csinsight.contract.schema import Orders
from csinsight.engine import Shop, collect, ms
from csinsight.features.conversations import lines_of
from csinsight.features.frames import Frame
from csinsight.render import theme
from csinsight.render.blocks import Anchor, Block, Finding, Folded, Note, Prose, Stack, Table, Talk
from csinsight.render.figure import Picture
from csinsight.stats.intervals import wilson
from csinsight.views import labels, plots
from csinsight.views.study import Study

_L = LostInquiries
_C = Conversations
#: What a shop can do something about when it calls back; the others said no, or nothing.
TO_CALL: Final = ("no_answer", "wait", "stock", "no_way_out", "size", "undecided", "price")
#: What lay with how the shop answered, whoever was on.
OF_ANSWERING: Final = ("no_answer", "wait", "no_way_out")
#: Fewer lost inquiries than this say nothing about how they share out.
MIN_LOST: Final = 20
#: The fact of how many buyers are worth a call.
TO_CALL_BACK: Final = "to_call_back"
CALL_BACK_FILE: Final = "call_back.csv"
_MOST_LISTED: Final = 20


class Lost:
    """The month's lost inquiries, read once for all that the page shows.

    Parameters
    ----------
    study : Study
    conversations : pandas.DataFrame
        The artifact ``conversations``.
    """

    def __init__(self, study: Study, conversations: pd.DataFrame) -> None:
        self.study = study
        self.inquiries = study.of_month(conversations)
        self.shop: Shop = study.open()
        self.talks = lost_inquiries(self.inquiries)
        self.long_wait_s = long_wait(self.inquiries)

    @cached_property
    def lines(self) -> Frame:
        """Their last lines."""
        return last_lines(lines_of(self.shop, self.talks, self.study.as_of))

    @cached_property
    def table(self) -> pd.DataFrame:
        """The artifact ``lost_inquiries``: one row a lost inquiry."""
        kept = [_L.CONVERSATION_ID, _L.BUYER_ID, _L.AGENT_ID, _L.CATEGORY, _L.ENDED_AT]
        lexicon, some = self.study.context.lexicon, len(self.talks) > 0
        found = read_endings(self.lines, lexicon, self.long_wait_s) if some else None
        rows = self.talks[kept].reset_index(drop=True)
        nothing = pd.DataFrame(
            columns=[_L.REASON, _L.NO_WAY_OUT],
            index=pd.Index([], dtype=rows[_L.CONVERSATION_ID].dtype),
        )
        rows = rows.join(nothing if found is None else found, on=_L.CONVERSATION_ID)
        rows[_L.REASON] = rows[_L.REASON].fillna("silent").astype("str")
        rows[_L.NO_WAY_OUT] = rows[_L.NO_WAY_OUT].astype("boolean").fillna(value=False)
        rows[_L.BOUGHT_SINCE] = self._bought(rows)
        return rows

    def _bought(self, rows: pd.DataFrame) -> pd.Series[bool]:
        """Tell whose buyer has placed an order since; null in a source without times."""
        times = [Orders.BUYER_ID, ms(Orders.PLACED_AT)]
        if not self.shop.has("orders", Orders.BUYER_ID, Orders.PLACED_AT):
            return pd.Series(pd.NA, index=rows.index, dtype="boolean")
        orders = collect(self.shop["orders"].select(*times)).dropna()
        placed = pd.to_datetime(orders[times[1]].astype("int64"), unit="ms")
        last = placed[placed < self.study.as_of].groupby(orders[Orders.BUYER_ID]).max()
        ended = pd.to_datetime(rows[_L.ENDED_AT])
        since = rows[_L.BUYER_ID].map(last) > ended
        return since.astype("boolean").where(ended.notna())


def read(study: Study, conversations: pd.DataFrame) -> Lost:
    """Read what the month's lost inquiries ended on, and write it down.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> found = read(study, study.read("conversations"))
    >>> len(found.inquiries) >= len(found.talks)
    True
    """
    found = Lost(study, conversations)
    study.write(_L.NAME, found.table)
    return found


def shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how the reasons share out, the largest first.

    Returns
    -------
    DataFrame
        ``reason``, ``n``, ``share`` with ``low`` and ``high`` (Wilson, 95 %), ``no_way_out``: the
        share of these whose last answer was a no without another way.

    Examples
    --------
    >>> rows = pd.DataFrame({"reason": ["price", "price", "silent"], "no_way_out": False})
    >>> rows.loc[0, "no_way_out"] = True
    >>> found = shares(rows)
    >>> found[["reason", "n", "no_way_out"]].values.tolist()
    [['price', 2, 0.5], ['silent', 1, 0.0]]
    """
    counts = rows[_L.REASON].value_counts()
    table = pd.DataFrame({"n": [int(counts.get(name, 0)) for name in ENDINGS]}, index=ENDINGS)
    table = (
        table.rename_axis("reason")
        .reset_index()
        .sort_values("n", ascending=False, kind="stable", ignore_index=True)
    )
    table["share"] = table["n"] / max(len(rows), 1)
    ends = [wilson(int(n), len(rows)) for n in table["n"]]
    table["low"], table["high"] = zip(*ends, strict=True)
    no_way_out = rows.groupby(_L.REASON)[_L.NO_WAY_OUT].mean()
    table["no_way_out"] = table["reason"].map(no_way_out).astype(float)
    return table[table["n"] > 0].reset_index(drop=True)


def sentence(study: Study, found: Lost) -> str:
    """Return the finding: how many are lost, what most of those that say so ended on.

    Examples
    --------
    >>> from csinsight.views.sample import sample_lost, sample_study
    >>> f"**{len(sample_lost().table)}** inquiries" in sentence(sample_study(), sample_lost())
    True
    """
    words, rows = study.words, found.table
    if not study.open().joined or found.inquiries[_C.ORDERED].isna().all():
        return study.word("lost.no_outcome")
    if len(rows) < MIN_LOST:
        return study.word("lost.few", n=labels.counted(study, "inquiries", len(rows)))
    table = shares(rows)
    # Who thinks it over has given no reason.
    told = table[~table["reason"].isin(("silent", "undecided"))].head(2)
    undecided = int((rows[_L.REASON] == "undecided").sum())
    n, silent = words.number(len(rows)), int((rows[_L.REASON] == "silent").sum())
    share = words.percent(silent / len(rows), 0)
    if told.empty:
        first = words.sentences(
            study.word("lost.found", n=n), study.word("lost.silent", share=share)
        )
    else:
        # No interval here: it would leave out what the rules misread, which is far more.
        shown = [
            study.word(
                "lost.one",
                reason=study.word(f"ending.{row['reason']}"),
                share=words.percent(row["share"], 0),
            )
            for _, row in told.iterrows()
        ]
        checked, right = UNSEEN_NAMED
        kind = "both" if silent and undecided else "silent" if silent else "undecided"
        part = words.percent(undecided / len(rows), 0)
        first = study.word(
            "lost.found_silent" if silent or undecided else "lost.found_most",
            n=n,
            unsaid=study.word(f"lost.unsaid_{kind}", silent=share, undecided=part),
            listed=words.listed(shown),
            read=words.number(checked),
            right=words.number(right),
        )
        first = words.sentences(first, study.word("lost.shares_of", n=n))
    unpaid = _ordered_unpaid(found.inquiries)
    more = study.word("lost.unpaid", n=words.number(unpaid)) if unpaid else ""
    return words.sentences(first, _slow(study, found), more)


def _slow(study: Study, found: Lost) -> str:
    """Say that a whole shop is slow: what everybody waits for is no reason of those who left."""
    if found.long_wait_s <= LONG_WAIT_S:
        return ""
    usual = float(found.inquiries[_C.FIRST_RESPONSE_TALK_S].median())
    minutes = {"usual": usual / 60, "long": found.long_wait_s / 60}
    return study.word("lost.slow", **{k: study.words.number(v) for k, v in minutes.items()})


def _ordered_unpaid(inquiries: pd.DataFrame) -> int:
    """Return how many inquiries of known outcome ordered and didn't pay: sold to nobody either."""
    known = inquiries_of(inquiries)
    known = known[known[_C.MATURE].eq(other=True).fillna(value=False)]
    ordered, paid = (known[name].astype("boolean") for name in (_C.ORDERED, _C.PAID))
    return int((ordered & ~paid).sum())


def _heading(study: Study, reason: str) -> str:
    """Return an ending's name as it begins a line; in a sentence it has no capital."""
    name = study.word(f"ending.{reason}")
    return name[:1].upper() + name[1:]


def finding(study: Study, found: Lost) -> Finding:
    """Return the sentence on top of the page, and keep it for the index.

    Examples
    --------
    >>> from csinsight.views.sample import sample_lost, sample_study
    >>> type(finding(sample_study(), sample_lost())).__name__
    'Finding'
    """
    text = sentence(study, found)
    to_call = callbacks(found.table, study.read_or_none(ValueTiers.NAME))
    return study.finding(text, {TO_CALL_BACK: len(to_call)})


def headline(found: Lost) -> dict[str, int]:
    """Return lost inquiries by reason, for the recorded results.

    Examples
    --------
    >>> from csinsight.views.sample import sample_lost
    >>> sum(headline(sample_lost()).values()) == len(sample_lost().table)
    True
    """
    counts = found.table[_L.REASON].value_counts()
    return {name: int(counts.get(name, 0)) for name in ENDINGS}


def reasons(study: Study, found: Lost) -> Block:
    """Draw what lost inquiries ended on, each reason with its interval.

    Examples
    --------
    >>> from csinsight.views.sample import sample_lost, sample_study
    >>> shown = reasons(sample_study(), sample_lost())
    >>> type(shown).__name__
    'Picture'
    """
    if len(found.table) < MIN_LOST:
        return Prose(sentence(study, found))
    words, table = study.words, shares(found.table)
    rows = table.rename(columns={"share": "rate"})
    rows["name"] = [_heading(study, name) for name in rows["reason"]]
    beside = [
        study.word("text.with_count", value=words.percent(row["rate"], 0), n=words.number(row["n"]))
        for _, row in rows.iterrows()
    ]
    grey = [theme.LINE if name == "silent" else theme.BAND for name in rows["reason"]]
    title = sentence(study, found)
    return Picture(
        plots.rate_bars(rows, beside, colours=grey),
        study.word("lost.reasons", n=words.number(len(found.table))),
        alt=title,
        caption=study.word("lost.reasons_caption"),
        data=table.round(4),
        name="reasons",
    )


def accuracy(study: Study) -> Note:
    """Say how often a named reason was right: one figure, of chats that no rule was mended on.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> accuracy(sample_study()).plain().count("%")
    3
    """
    words, (read_, right) = study.words, UNSEEN_NAMED
    share = labels.share_of(study, right, read_)
    told = {"n": words.number(read_), "right": words.number(right), "share": share}
    return Note([study.word("lost.accuracy", **told), study.word("lost.accuracy_means")])


def checked(study: Study) -> Prose:
    """Say, with the method, all that the reading was held against, and why it flatters.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> "flatter" in checked(sample_study()).plain()
    True
    """
    words = study.words
    told: dict[str, str] = {}
    for name, (read_, right) in (("all", PUBLIC_READ), ("named", PUBLIC_NAMED)):
        told |= {name: labels.share_of(study, right, read_), f"{name}_n": words.number(read_)}
    new = {
        f"{name}{part}": str(count)
        for name, pair in (("all", UNSEEN_READ), ("named", UNSEEN_NAMED))
        for part, count in zip(("_n", ""), pair, strict=True)
    }
    return Prose(
        words.sentences(
            study.word("lost.checked", **told), study.word("lost.checked_unseen", **new)
        )
    )


def by_category(study: Study, found: Lost) -> Block:
    """Return the shares of reasons by what the inquiry was about, of categories with enough.

    Examples
    --------
    >>> from csinsight.views.sample import sample_lost, sample_study
    >>> type(by_category(sample_study(), sample_lost())).__name__
    'Prose'
    """
    rows = found.table
    counts = rows[_L.CATEGORY].value_counts()
    known = [name for name in CATEGORIES if counts.get(name, 0) >= MIN_LOST]
    if not known:
        return Prose(study.word("lost.no_categories", n=study.words.number(MIN_LOST)))
    table = pd.crosstab(rows[_L.REASON], rows[_L.CATEGORY], normalize="columns")
    table = table.reindex(index=list(shares(rows)["reason"]), columns=known, fill_value=0.0)
    shown = table.reset_index()
    shown[_L.REASON] = [_heading(study, name) for name in shown[_L.REASON]]
    heads = {
        name: study.word(
            "text.with_count",
            value=study.word(f"category.{name}"),
            n=study.words.number(int(counts[name])),
        )
        for name in known
    }
    return Table(
        shown,
        study.word("lost.categories"),
        caption=study.word("lost.categories_caption"),
        labels={_L.REASON: study.word("lost.column_reason"), **heads},
        formats=dict.fromkeys(known, lambda value: study.words.percent(value, 0)),
        name="categories",
    )


def by_agent(study: Study, found: Lost) -> Block:
    """Return by agent what share ended on how the shop answered, by name, with intervals.

    Examples
    --------
    >>> from csinsight.views.sample import sample_lost, sample_study
    >>> type(by_agent(sample_study(), sample_lost())).__name__
    'Prose'
    """
    least = study.context.params.min_agent_inquiries
    rows = found.table.dropna(subset=[_L.AGENT_ID])
    counts = rows[_L.AGENT_ID].value_counts()
    known = labels.sorted_names(study, counts.index[counts >= least])
    if not known:
        return Prose(study.word("lost.no_agents", n=study.words.number(least)))
    words = study.words
    ours = rows[_L.REASON][rows[_L.REASON].isin(OF_ANSWERING)]
    # Which endings are meant, as often as each is in the picture of them all.
    counts_ours = ours.value_counts()
    kinds = [
        study.word(
            "text.with_count",
            value=_heading(study, name),
            n=words.number(int(counts_ours.get(name, 0))),
        )
        for name in OF_ANSWERING
    ]
    shown = []
    for agent in known:
        own = rows[rows[_L.AGENT_ID] == agent]
        hits = int(own[_L.REASON].isin(OF_ANSWERING).sum())
        share = labels.cell(labels.share_of(study, hits, len(own)))
        shown.append({"agent": study.agent_name(agent), "n": len(own), "share": share})
    return Table(
        pd.DataFrame(shown),
        study.word("lost.agents", share=words.percent(len(ours) / len(rows), 0)),
        caption=study.word("lost.agents_caption", n=words.number(least), kinds=words.listed(kinds)),
        labels=labels.headings(study, "lost", ("agent", "n", "share")),
        name="agents",
    )


def callbacks(rows: pd.DataFrame, tiers: pd.DataFrame | None) -> pd.DataFrame:
    """Return the lost inquiries worth calling back: one a buyer, the best tier and latest first.

    Those whose buyer has bought since are left out, and those that ended on nothing that a call
    could change.

    Examples
    --------
    >>> rows = pd.DataFrame({"conversation_id": ["c1", "c2"], "buyer_id": ["b1", "b2"]})
    >>> rows["reason"], rows["bought_since"] = ["stock", "stock"], [False, True]
    >>> rows["ended_at"] = pd.Timestamp("2026-10-05")
    >>> callbacks(rows, None)["conversation_id"].tolist()
    ['c1']
    """
    bought = rows[_L.BOUGHT_SINCE].astype("boolean").fillna(value=False).astype(bool)
    found = rows[rows[_L.REASON].isin(TO_CALL) & ~bought & rows[_L.BUYER_ID].notna()].copy()
    tier = (
        pd.Series(dtype="str") if tiers is None else tiers.set_index(_L.BUYER_ID)[ValueTiers.TIER]
    )
    found["tier"] = found[_L.BUYER_ID].map(tier)
    place = found["tier"].map({name: number for number, name in enumerate(TIERS)}).fillna(-1)
    found = found.assign(_place=place).sort_values(
        ["_place", _L.ENDED_AT, _L.CONVERSATION_ID], ascending=[False, False, True]
    )
    return found.drop(columns="_place").drop_duplicates(_L.BUYER_ID).reset_index(drop=True)


def call_back(study: Study, found: Lost) -> Block:
    """Return whom to call back, masked; with ``export_buyers`` a file with the ids in full.

    Examples
    --------
    >>> from csinsight.views.sample import sample_lost, sample_study
    >>> shown = call_back(sample_study(), sample_lost())
    >>> any(name in shown.plain() for name in sample_lost().table["buyer_id"].dropna())
    False
    """
    export = study.context.params.export_buyers
    rows = callbacks(found.table, study.read_or_none(ValueTiers.NAME))
    if rows.empty:
        return Prose(study.word("lost.nobody"))
    names = ("number", "buyer", "tier", "reason", "category", "ended", "agent")
    listed = pd.DataFrame(
        {
            "number": range(1, len(rows) + 1),  # the same in the file: masked ids may be alike
            "buyer": [str(name) for name in rows[_L.BUYER_ID]],
            "tier": [study.word(f"tier.{t}") if pd.notna(t) else "" for t in rows["tier"]],
            "reason": [_heading(study, name) for name in rows[_L.REASON]],
            "category": [study.word(f"category.{name}") for name in rows[_L.CATEGORY]],
            "ended": [
                labels.cell(study.words.day(t)) if pd.notna(t) else "" for t in rows[_L.ENDED_AT]
            ],
            "agent": [study.agent_name(name) for name in rows[_L.AGENT_ID]],
        }
    )
    heads = labels.headings(study, "lost", names)
    if export:
        whole = listed.assign(buyer=[guarded(name) for name in listed["buyer"]]).rename(
            columns=heads
        )
        content = whole.to_csv(index=False, lineterminator="\n")
        study.write_export(CALL_BACK_FILE, ("\ufeff" + content).encode("utf-8"))
    shown = listed.head(_MOST_LISTED)
    shown = shown.assign(buyer=[labels.masked_id(name) for name in shown["buyer"]])
    return Table(
        shown,
        study.word("lost.call_back", n=study.words.number(len(rows))),
        caption=study.word("lost.call_back_file" if export else "lost.call_back_none",
                           file=CALL_BACK_FILE),
        labels=heads,
        name="call-back",
    )  # fmt: skip


def behind(study: Study, found: Lost) -> Block:
    """Return, by reason, up to ten conversations with their last masked lines; write them down.

    Examples
    --------
    >>> from csinsight.views.sample import sample_lost, sample_study
    >>> type(behind(sample_study(), sample_lost())).__name__
    'Stack'
    """
    if found.table.empty:
        return Prose(study.word("lost.nothing_to_read"))
    kinds = found.table.set_index(_L.CONVERSATION_ID)[_L.REASON]
    lines = last_words(found.shop, found.lines, kinds, study.as_of, seed=study.context.params.seed)
    study.write(_L.EXCERPTS, lines)
    boxes = []
    for name in shares(found.table)["reason"]:
        own = lines[lines[_L.REASON] == name]
        n = labels.counted(study, "conversations", own[_L.CONVERSATION_ID].nunique())
        title = study.word("text.with_count", value=_heading(study, str(name)), n=n)
        talks = [
            _talk(study, str(talk), said)
            for talk, said in own.groupby(_L.CONVERSATION_ID, sort=False)
        ]
        boxes.append(Folded(title, Anchor(f"ended-{name}"), *talks))
    return Stack(Prose(study.word("lost.behind")), *boxes)


def _talk(study: Study, name: str, lines: pd.DataFrame) -> Talk:
    said, asked = [], None
    for sender, moment, text in zip(lines["sender"], lines["sent_at"], lines["text"], strict=True):
        who = study.word("block.buyer" if sender == "buyer" else "block.agent")
        if sender == "buyer":
            asked = moment if asked is None else asked
        elif asked is not None:
            waited, asked = (moment - asked).total_seconds(), None
            if waited > LONG_WAIT_S:  # the wait is what the reader can't see otherwise
                minutes = study.words.number(waited / 60)
                who = study.word("lost.after_wait", who=who, minutes=minutes)
        said.append((who, labels.quoted(study, text)))
    return Talk(study.word("card.talk", name=reference(name)), said)
