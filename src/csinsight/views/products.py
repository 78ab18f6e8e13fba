"""Conversion by the category of the goods that inquiries are about, on page 03."""

from __future__ import annotations

import pandas as pd

from csinsight.behaviours.conversations import inquiries_of
from csinsight.behaviours.products import OTHER_PRODUCTS, asked_and_bought, product_levels
from csinsight.contract.artifacts import Conversations
from csinsight.drivers.units import as_float
from csinsight.features.months import in_months
from csinsight.render.blocks import Block
from csinsight.render.table import Table
from csinsight.views import labels
from csinsight.views.study import Study

_C = Conversations


def conversion(conversations: pd.DataFrame) -> pd.DataFrame:
    """Return paid conversion by the category of goods, those that are not known on a row too.

    Parameters
    ----------
    conversations : pandas.DataFrame
        With ``product_category``.

    Returns
    -------
    pandas.DataFrame
        ``goods`` (null where the chat names none), ``inquiries`` (with a known outcome), ``rate``,
        ``low``, ``high`` (Wilson, 95 %), the largest first, then the small and the unknown.

    Examples
    --------
    >>> seen = pd.DataFrame({"product_category": ["shoes"], "is_inquiry": [True], "paid": [True]})
    >>> seen = seen.assign(mature=True).astype({"paid": "boolean", "mature": "boolean"})
    >>> conversion(seen.astype({"is_inquiry": "boolean"})).columns.tolist()
    ['goods', 'inquiries', 'rate', 'low', 'high']
    """
    rows = inquiries_of(conversations)
    rows = rows[(as_float(rows[_C.MATURE]) == 1) & rows[_C.PAID].notna()]
    levels = product_levels(rows[_C.PRODUCT_CATEGORY])
    table = []
    for goods, part in rows.groupby(levels, dropna=False):
        rate, low, high, n = labels.rate(part[_C.PAID])
        name = None if pd.isna(goods) else str(goods)
        last = 2 if name is None else int(name == OTHER_PRODUCTS)
        table.append((last, -n, name, n, rate, low, high))
    columns = ["last", "order", "goods", "inquiries", "rate", "low", "high"]
    found = pd.DataFrame(table, columns=columns).sort_values(columns[:3], ignore_index=True)
    return found.drop(columns=columns[:2])


def beside(study: Study, conversations: pd.DataFrame, months: int) -> list[Block]:
    """Return conversion by category of goods; nothing where no inquiry names any.

    Parameters
    ----------
    study : Study
    conversations : pandas.DataFrame
    months : int
        How many months up to the report's are looked at.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> study = sample_study()
    >>> seen = study.read("conversations")
    >>> beside(study, seen, 3)
    []
    """
    if _C.PRODUCT_CATEGORY not in conversations:
        return []
    recent = in_months(conversations, study.as_of, months)
    table, words = conversion(recent), study.words
    if not table["goods"].notna().any():
        return []
    special = {OTHER_PRODUCTS: study.word("products.other")}
    unknown = study.word("products.unknown")
    shown = table.assign(
        goods=[unknown if pd.isna(g) else special.get(g, g) for g in table["goods"]],
        interval=[
            labels.cell(words.interval(words.percent(low), words.percent(high)))
            for low, high in zip(table["low"], table["high"], strict=True)
        ],
    )
    known = float(table.loc[table["goods"].notna(), "inquiries"].sum() / table["inquiries"].sum())
    caption = [
        study.word(
            "products.caption", months=labels.months_told(study), known=words.percent(known, 0)
        )
    ]
    share, low, high, n = labels.rate(asked_and_bought(study.open(), recent))
    if n:
        told = words.with_interval(*(words.percent(value, 0) for value in (share, low, high)))
        caption.append(study.word("products.agrees", n=words.number(n), share=told))
    columns = ("goods", "inquiries", "rate", "interval")
    return [
        Table(
            shown,
            study.word("products.table"),
            caption=words.sentences(*caption),
            labels=labels.headings(study, "products", columns),
            formats={"rate": words.percent, "inquiries": words.number},
            name="product_categories",
        )
    ]
