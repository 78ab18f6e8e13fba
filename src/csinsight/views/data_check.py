"""Notebook 00: what data is there, when it speaks, what can be made of it, what to mind."""

from __future__ import annotations

import math
from typing import Final, Literal

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import narwhals as nw
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import Formatter, Locator, MaxNLocator

from csinsight.contract.check import Check
from csinsight.contract.imports import WORTH_NAMING, broken_lines, standing_imports
from csinsight.contract.join import NAMELESS
from csinsight.contract.messages import Notice
from csinsight.contract.schema import MAIN_TABLES, ORDERS, TABLES, Agents, Messages, Orders
from csinsight.contract.set_aside import asides
from csinsight.engine import collect, ms
from csinsight.features.coverage import daily_rows, holes, join_bias
from csinsight.features.frames import SENT_MS
from csinsight.params import NOTEBOOKS
from csinsight.render import theme
from csinsight.render.blocks import Block, Finding, Items, LeftOut, Note, Prose, Stack, Table, Write
from csinsight.render.figure import Picture
from csinsight.stats.intervals import wilson
from csinsight.views import labels
from csinsight.views.study import WROTE_BEFORE, Study

#: Days of the coverage picture: the look-back of page views and a little more.
DAYS = 120


def summary(study: Study, checked: Check) -> pd.DataFrame:
    """Return one row a contract table: rows, span, and the columns that hold nothing.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> from csinsight.contract.check import check_shop
    >>> summary(study, check_shop(study.data)).columns.tolist()[:3]
    ['table', 'rows', 'first']
    """
    shop = study.open()
    rows = []
    for name, table in TABLES.items():
        if name not in MAIN_TABLES and name not in checked.tables:
            continue
        facts = checked.tables.get(name)
        names = {column.name for column in table.columns}
        empty = sorted(names - shop.filled[name]) if name in shop.tables else []
        rows.append(
            {
                "table": name,
                "rows": facts.rows if facts else 0,
                "first": facts.first if facts else None,
                "last": facts.last if facts else None,
                "empty": empty,
            }
        )
    return pd.DataFrame(rows).astype({"first": "datetime64[us]", "last": "datetime64[us]"})


def finding(study: Study, tables: pd.DataFrame) -> Finding:
    """Return the sentence on top of the page, and keep it for the index.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> from csinsight.contract.check import check_shop
    >>> type(finding(study, summary(study, check_shop(study.data)))).__name__
    'Finding'
    """
    there = tables[tables["rows"] > 0]
    last = there["last"].max()
    made = len(NOTEBOOKS) - len(study.left_out)
    parts = [
        study.word(
            "check.found_all" if len(there) == len(tables) else "check.found",
            tables=len(there),
            all=len(tables),
            rows=study.words.number(there["rows"].sum()),
        ),
        _until(study, last) if pd.notna(last) else "",
        study.word("check.all_made_less" if _with_less(study) else "check.all_made")
        if not study.left_out
        else study.word("check.some_made", made=made, all=len(NOTEBOOKS)),
    ]
    text = study.words.sentences(*parts)
    return study.finding(text)


def _until(study: Study, last: pd.Timestamp) -> str:
    """Return until when the files reach, and that what lies behind the month is not looked at."""
    key = "check.until_later" if last >= study.as_of else "check.until"
    return study.word(key, date=study.words.date(last))


def headline(tables: pd.DataFrame) -> dict[str, int]:
    """Return rows by table, for the recorded results.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> from csinsight.contract.check import check_shop
    >>> sorted(headline(summary(study, check_shop(study.data))))[:3]
    ['agents', 'buyers', 'messages']
    """
    return {
        str(name): int(rows) for name, rows in zip(tables["table"], tables["rows"], strict=True)
    }


def coverage(study: Study) -> Block:
    """Draw the rows a day of each table that has times.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> type(coverage(study)).__name__
    'Picture'
    """
    counts = daily_rows(study.open(), study.as_of, DAYS)
    if counts.empty:
        return Prose(study.word("check.untimed"))
    names = list(dict.fromkeys(counts["table"]))
    figure, rows = plt.subplots(
        len(names), 1, sharex=True, squeeze=False, figsize=(theme.WIDE[0], 0.6 + 0.75 * len(names))
    )
    told = []
    for axes, name in zip(rows[:, 0], names, strict=True):
        own = counts[counts["table"] == name]
        silent = int((own["rows"] == 0).sum())
        _strip(study, axes, own, name)
        if silent:
            table = study.word(f"table.{name}")
            told.append(study.word("check.silent", table=table, days=silent))
    words = study.words
    title = study.word("check.coverage" if told else "check.coverage_whole", days=DAYS)
    text = words.sentences(*told, study.word("check.gap")) if told else ""
    return Picture(
        figure,
        title,
        alt=words.word("text.colon", label=title, text=words.sentences(*told)) if told else title,
        caption=text,
        data=counts,
        name="rows_a_day",
    )


def _strip(study: Study, axes: Axes, own: pd.DataFrame, name: str) -> None:
    axes.fill_between(own["day"], own["rows"], color=theme.BAND, linewidth=0)
    axes.plot(own["day"], own["rows"], color=theme.ACCENT, linewidth=1)
    axes.set_ylabel(
        study.word(f"table.{name}"), rotation=0, ha="right", va="center", fontsize=theme.SMALL
    )
    axes.yaxis.set_major_locator(MaxNLocator(2))
    axes.tick_params(axis="y", labelsize=theme.SMALL, labelcolor=theme.MUTED)
    axes.set_ylim(bottom=0)
    # matplotlib's own annotations lack these two.
    locator: Locator = mdates.MonthLocator()  # type: ignore[no-untyped-call]
    months: Formatter = mdates.DateFormatter("%Y-%m")  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(months)
    axes.grid(visible=False, axis="x")


def tables(study: Study, found: pd.DataFrame) -> Table:
    """Return the six tables of the contract and what each holds.

    Examples
    --------
    >>> from csinsight.contract.check import check_shop
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> len(tables(study, summary(study, check_shop(study.data))).rows)
    6
    """
    shown = found.assign(
        rows=found["rows"].where(found["rows"] > 0),
        table=[
            study.word("text.with_count", value=study.word(f"table.{name}"), n=name)
            for name in found["table"]
        ],
        first=[_day(study, moment) for moment in found["first"]],
        last=[_day(study, moment) for moment in found["last"]],
        empty=[
            (", ".join(empty) or study.word("text.none")) if rows else study.word("check.absent")
            for empty, rows in zip(found["empty"], found["rows"], strict=True)
        ],
    )
    return Table(
        shown,
        study.word("check.tables"),
        caption=study.word("check.tables_caption"),
        labels=labels.headings(study, "check", shown.columns),
        formats={"rows": labels.or_dash(study, study.words.number)},
        name="tables",
    )


def _day(study: Study, moment: pd.Timestamp) -> str:
    return study.words.date(moment) if pd.notna(moment) else study.word("text.not_given")


def orders(study: Study, totals: pd.DataFrame) -> Block:
    """Return what all orders of the month come to, and keep it for the brief.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> type(orders(sample_study(), pd.DataFrame())).__name__
    'Prose'
    """
    if totals.empty:
        return Prose(study.word("check.no_orders"))
    words = study.words
    study.write_facts({"orders": _orders_found(study, totals)})
    formats: dict[str, Write] = {
        "orders": lambda n: "" if pd.isna(n) else words.number(n),
        "share": lambda share: "" if pd.isna(share) else words.percent(share),
        "amount": words.money,
    }
    names = {"kind": "what", "orders": "orders", "share": "share", "amount": "amount"}
    if totals["amount"].isna().all():
        names.pop("amount")
    return Table(
        totals.assign(kind=[study.word(f"check.order_{kind}") for kind in totals["kind"]]),
        study.word("check.orders"),
        caption=study.words.sentences(study.word("check.orders_caption"), all_orders(study)),
        labels={column: study.word(f"check.orders_{name}") for column, name in names.items()},
        formats=formats,
        name="orders",
    )


def _orders_found(study: Study, totals: pd.DataFrame) -> str:
    words, rows = study.words, totals.set_index("kind")
    n = words.number(rows.loc["placed", "orders"])
    if "paid" not in rows.index:
        return study.word("check.orders_found_placed", n=n)
    share = words.percent(rows.loc["paid", "share"], 0)
    parts = [study.word("check.orders_found", n=n, share=share)]
    if "net" in rows.index:
        net = words.money(rows.loc["net", "amount"])
        parts.append(study.word("check.orders_found_net", net=net))
    return words.sentences(*parts)


def possible(study: Study) -> Block:
    """Return which parts of the report this data allows, and why not the others.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> type(possible(study)).__name__
    'Prose'
    """
    left_out, less = study.left_out, _with_less(study)
    if not left_out and not less:
        return Prose(study.word("check.everything"))
    items = [
        study.word(
            "text.colon", label=study.word(f"page.{name}"), text=study.word(f"left_out.{why}")
        )
        for name, why in left_out.items()
    ]
    told = LeftOut(items) if left_out else Prose(study.word("check.with_less"))
    return Stack(told, Items(less)) if less else told


#: Tables without which a page is made, and says less than it could.
_MAY_LACK: Final = ("page_views", "ratings", "agents", "buyers")


def _with_less(study: Study) -> list[str]:
    """Say what each table that is not there takes from pages that are made all the same."""
    shop = study.open()
    return [study.word(f"check.less_{name}") for name in _MAY_LACK if not shop.has(name)]


def notices(study: Study, checked: Check) -> Block:
    """Return what the tables say about each other, in the run's language.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> from csinsight.contract.check import check_shop
    >>> type(notices(study, check_shop(study.data))).__name__
    'Note'
    """
    told = [in_words(study, notice) for notice in checked.notices if notice.kind]
    told = [*trust(study), *hired_late(study), *told]
    return Note(told) if told else Prose(study.word("check.no_notices"))


def in_words(study: Study, notice: Notice) -> str:
    """Return what a notice says, in the run's language.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> told = in_words(sample_study(), Notice("orders", "", "clock_after", {"hours": 8}))
    >>> "8 hours" in told
    True
    """
    values, table = notice.values, study.word(f"table.{notice.file}")
    text = {name: study.words.number(value) for name, value in values.items()}
    if values.get("all"):
        text["share"] = study.words.percent(values.get("found", 0) / values["all"], 0)
    return study.word(f"notice.{notice.kind}", file=table, **text)


#: Doubts by which conversion itself is wrong: they stand beside it.
_OF_CONVERSION: Final = (
    *("clock_before", "clock_after", "unrelated", "waiting", "faded_orders"),
    *("no_buyer_lines", "no_agent_lines", "trifles", "tide_up", "tide_down"),
)


def conversion_doubts(study: Study) -> list[str]:
    """Return why conversion misleads, or can't be told.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> conversion_doubts(sample_study())
    []
    """
    return [in_words(study, told) for told in study.doubts if told.kind in _OF_CONVERSION]


def trust(study: Study) -> list[str]:
    """Return what keeps figures from being trusted: a join that fails, rows that were refused.

    What a broken join or a refusal takes away is named wherever the report rests on it.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> len(trust(study))
    0
    """
    return [
        *join(study),
        *missing_days(study),
        *no_refunds(study),
        *imports(study),
        *import_notes(study),
        *set_aside(study),
    ]


def hired_late(study: Study) -> list[str]:
    """Return the agents who wrote before they are said to have come, and keep them for the cards.

    Either the day is wrong, or the account was somebody else's before: its figures are of both.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> [told.split(":")[0] for told in hired_late(sample_study())]
    ['Agent 小满']
    """
    shop, late = study.open(), {}
    if shop.has("agents", Agents.HIRED_ON) and shop.has("messages", Messages.SENT_AT):
        wrote = (nw.col(Messages.SENDER) == "agent") & ~nw.col(SENT_MS).is_null()
        first = shop["messages"].filter(wrote).group_by(Messages.AGENT_ID)
        for agent, at_ms in collect(first.agg(nw.col(SENT_MS).min())).itertuples(index=False):
            hired = study.agent(agent).get(Agents.HIRED_ON) if pd.notna(agent) else None
            at = pd.Timestamp(at_ms, unit="ms")
            if pd.notna(hired) and at < pd.Timestamp(hired):
                late[str(agent)] = at
    study.write_facts({WROTE_BEFORE: sorted(late)})
    return [
        study.word(
            "check.hired_late",
            agent=study.agent_name(agent),
            hired=study.words.date(pd.Timestamp(study.agent(agent)[Agents.HIRED_ON])),
            first=study.words.date(late[agent]),
        )
        for agent in labels.sorted_names(study, late)
    ]


def set_aside(study: Study, over: float = 0.0) -> list[str]:
    """Return of which files more than a share `over` of rows were set aside at check.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> set_aside(sample_study())
    []
    """
    number = study.words.number
    return [
        study.word(
            "imported.set_aside",
            file=one.file,
            n=number(one.rows),
            all=number(one.of),
            share=study.words.percent(one.share),
        )
        for one in asides(study.data)
        if one.share > over
    ]


def join(study: Study) -> list[str]:
    """Return how many of the chats' buyers are found in orders, and of how many orders the buyer.

    Either where too few are.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> join(study)
    []
    """
    match = study.open().match
    if not match.doubtful:
        return _nameless(study, "orders")
    kind = "broken" if match.broken else "doubtful"
    return [
        study.word(
            f"join.{kind}",
            found=study.words.number(match.found),
            all=study.words.number(match.chats),
            share=study.words.percent(match.share),
            cause=study.word(f"join.{match.cause}"),
        ),
        *_nameless(study, "orders"),
    ]


def _nameless(study: Study, kind: Literal["orders", "short"]) -> list[str]:
    """Say that conversion is a lower bound, where many of the month's orders name no buyer."""
    shop, named = study.open(), study.buyers_named
    if not (shop.joined and shop.match.chats and named.nameless >= NAMELESS):
        return []
    number = study.words.number
    return [
        study.word(
            f"join.nameless_{kind}",
            n=number(named.of_orders - named.orders),
            all=number(named.of_orders),
            share=study.words.percent(named.nameless, 0),
        )
    ]


def missing_days(study: Study) -> list[str]:
    """Return which days of the look-back have no orders or chats, where that is unlikely.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> missing_days(sample_study())
    []
    """
    found = holes(daily_rows(study.open(), study.as_of, DAYS))
    ends = zip(found["first"].dt.date, found["last"].dt.date, strict=True)
    return [
        study.word(
            "check.hole",
            table=study.word(f"table.{table}"),
            first=study.words.date(first),
            last=study.words.date(last),
            days=study.words.number(days),
        )
        for table, days, (first, last) in zip(found["table"], found["days"], ends, strict=True)
    ]


def no_refunds(study: Study) -> list[str]:
    """Return that no paid order has a refund, where so many orders would have some.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> no_refunds(sample_study())
    []
    """
    shop = study.open()
    if not shop.has(ORDERS.name, Orders.PAID_AT):
        return []
    told = shop.has(ORDERS.name, Orders.REFUND_AMOUNT)
    back = nw.col(Orders.REFUND_AMOUNT).fill_null(0.0) if told else nw.lit(0.0)
    paid = shop[ORDERS.name].filter(~nw.col(ms(Orders.PAID_AT)).is_null())
    found = collect(paid.with_columns(back.alias("_back")).select("_back"))["_back"]
    if len(found) < _REFUNDS_OF or found.max() > 0:
        return []
    return [study.word("check.no_refunds", n=study.words.number(len(found)))]


#: Of so many paid orders hardly a shop has none with a refund.
_REFUNDS_OF: Final = 300


def match_note(study: Study) -> str:
    """Return what to know of the join, in a few words beside conversion; empty where all is fine.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> match_note(study)
    ''
    """
    match = study.open().match
    doubted = match.doubtful and not match.broken
    rate = [study.word("join.short", share=study.words.percent(match.share, 0))] if doubted else []
    return " · ".join(rate + _nameless(study, "short"))


def imports(study: Study) -> list[str]:
    """Return the files of which more was refused than is worth passing over.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> imports(study)
    []
    """
    words, told = study.words, []
    for entry in standing_imports(study.data):
        shares = [entry.rows_refused / max(entry.rows_in, 1)]
        # Refused rows whose amounts can't be read are worth more than nothing.
        if entry.money_in and entry.money_refused:
            shares.append(entry.money_refused / entry.money_in)
        if max(shares) <= WORTH_NAMING:
            continue
        reasons = [
            reason for reason in entry.refused if not reason.startswith(("repeat: ", "no data: "))
        ]
        given = {
            "file": entry.file,
            "n": words.number(entry.rows_refused),
            "all": words.number(entry.rows_in),
            "share": words.percent(shares[0]),
            "reason": reasons[0] if reasons else "",
        }
        kind = "imported.refused" if len(shares) == 1 else "imported.refused_money"
        more = {} if len(shares) == 1 else {"money_share": words.percent(shares[1])}
        told.append(study.word(kind, **given, **more))
    if broken := broken_lines(study.data):
        told.append(study.word("imported.broken", n=words.number(len(broken))))
    return told


def import_notes(study: Study) -> list[str]:
    """Return what the imports' record says of files beside their refused rows.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> import_notes(sample_study())
    []
    """
    number = study.words.number
    return [
        study.word(
            f"imported.{note.kind}",
            file=entry.file,
            count=number(note.count),
            rows=number(note.rows),
        )
        for entry in standing_imports(study.data)
        for note in entry.notes
    ]


def all_orders(study: Study) -> str:
    """Return whether the orders shown are all that the shop's files hold.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> all_orders(study)
    'These are all orders of the month that the shop’s files hold.'
    """
    entries = [entry for entry in standing_imports(study.data) if "orders" in entry.tables]
    lost = sum(entry.rows_refused for entry in entries)
    lost += sum(one.rows for one in asides(study.data) if one.file.startswith("orders."))
    if not lost:
        return study.word("imported.whole")
    worth = sum(entry.money_refused or 0.0 for entry in entries)
    n = study.words.number(lost)
    # Neither files without amounts nor amounts that can't be read are money of zero.
    if not worth:
        return study.word("imported.part_unpriced", n=n)
    return study.word("imported.part", n=n, money=study.words.money(worth))


_MONEY = ("order_value",)
#: Shares of buyers that stand with their interval, or as what they are at most.
_BOUGHT = ("ordered", "paid")
_NUMBERS = ("buyers", "messages")


def join_keys(study: Study) -> pd.DataFrame:
    """Return one row a key that joins chats and orders: buyers found by it, orders of theirs.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> join_keys(sample_study()).columns.tolist()[:3]
    ['key', 'buyers', 'share']
    """
    match = study.open().match
    rows = [
        (key.key, key.buyers, key.buyers / max(match.chats, 1), key.orders) for key in match.keys
    ]
    table = pd.DataFrame(rows, columns=["key", "buyers", "share", "orders"])
    return table.astype({"key": "str", "buyers": "int64", "share": float, "orders": "int64"})


def joined(study: Study, found: pd.DataFrame) -> Block:
    """Return the match rate by key and what sets the unmatched apart.

    Where nothing could be joined it says that nothing can be told: that is no zero.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> type(joined(sample_study(), pd.DataFrame())).__name__
    'Prose'
    """
    shop = study.open()
    if not shop.match.chats or "orders" not in shop.tables:
        return Prose(study.word("joined.nothing"))
    if shop.match.broken or not len(found):
        return Prose(study.word("joined.broken"))
    words = study.words
    by_key = Table(
        found.assign(key=[study.word(f"joined.key_{key}") for key in found["key"]]),
        study.word("joined.keys", share=words.percent(shop.match.share, 0)),
        caption=study.word("joined.keys_caption"),
        labels=labels.headings(study, "joined", found.columns),
        formats={"share": words.percent, "buyers": words.number, "orders": words.number},
        name="join_keys",
    )
    return Stack(by_key, _differ(study))


def _differ(study: Study) -> Block:
    table = study.write("join_bias", join_bias(study.open(), study.start, study.as_of))
    words = study.words
    if table.empty or 0 in {*table["n_found"], *table["n_not_found"]}:
        return Prose(study.word("joined.alike"))

    def written(measure: str, value: float, n: int, side: str) -> str:
        if math.isnan(value):
            return study.word("joined.unknown")
        if measure in _BOUGHT and side == "not_found":
            return study.word("joined.at_most", share=words.percent(value, 0))
        if measure in _BOUGHT:
            low, high = wilson(round(value * n), n)
            told = (words.percent(share, 0) for share in (value, low, high))
            return labels.cell(words.with_interval(*told))
        if measure in _MONEY:
            return words.money(value)
        return words.number(value) if measure in _NUMBERS else words.percent(value, 0)

    shown = pd.DataFrame(
        {
            "what": [
                study.word(f"joined.{measure}", agent=study.agent_name(agent))
                for measure, agent in zip(table["measure"], table["agent_id"], strict=True)
            ],
            **{
                side: [
                    written(measure, value, n, side)
                    for measure, value, n in zip(
                        table["measure"], table[side], table[f"n_{side}"], strict=True
                    )
                ]
                for side in ("found", "not_found")
            },
        }
    )
    return Table(
        shown,
        study.word("joined.differ"),
        caption=words.sentences(study.word("joined.differ_caption"), _paid_between(study, table)),
        labels=labels.headings(study, "joined", shown.columns),
        name="join_bias",
    )


def _paid_between(study: Study, table: pd.DataFrame) -> str:
    """Say between what and what the paid share of all lies, whatever the join lost."""
    row = table.set_index("measure").loc["paid"]
    if row[["found", "not_found"]].isna().any():
        return ""
    found, lost = row["n_found"], row["n_not_found"]
    least = row["found"] * found / (found + lost)
    most = least + row["not_found"] * lost / (found + lost)
    low, high = (study.words.percent(value, 0) for value in (least, most))
    return study.word("joined.range", low=low, high=high)
