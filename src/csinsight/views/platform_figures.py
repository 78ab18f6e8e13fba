"""The platform's own service figures of the month beside ours, and why the two differ."""

from __future__ import annotations

from typing import Final

import pandas as pd

from csinsight.contract.artifacts import AgentKpis as Kpi
from csinsight.contract.schema import PlatformKpis
from csinsight.engine import Shop, collect
from csinsight.render.blocks import Block, Table
from csinsight.views import labels
from csinsight.views.kpi_figures import label, writers
from csinsight.views.study import Study

#: A platform's figure: ours, the key of the words that say why they differ, and by which counts of
#: the platform the days of a rate are weighed (empty: days are summed).
_SAME: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    **dict.fromkeys(("询单人数",), (Kpi.INQUIRERS, "inquirers", ())),
    **dict.fromkeys(("接待人数", "已接待人数"), (Kpi.BUYER_DAYS, "served", ())),
    **dict.fromkeys(
        ("询单最终付款转化率", "询单转化率"), (Kpi.PAID_RATE, "conversion", ("询单人数",))
    ),
    "询单当日付款转化率": (Kpi.PAID_RATE + Kpi.SAME_DAY_SUFFIX, "same_day", ("询单人数",)),
    **dict.fromkeys(
        (
            "3分钟人工响应率",
            "3分钟人工回复率",
            "三分钟人工回复率",
            "全天3分钟回复率",
            "3分钟回复率",
        ),
        (Kpi.REPLY_RATE_180S, "replies", ("接待人数", "已接待人数", "咨询人数")),
    ),
    **dict.fromkeys(
        (
            "30秒应答率",
            "30s应答率",
            "咚咚30秒应答率",
            "首次30秒应答率",
            "首次30s应答率",
            "咚咚首次30秒应答率",
        ),
        (Kpi.PROMPT_RATE, "first", ("接待人数", "咨询人数", "咨询量")),
    ),
    "旺旺回复率": (Kpi.REPLY_RATE, "replies", ("接待人数", "咨询人数")),
    **dict.fromkeys(
        (
            "平均响应时长",
            "全天平响时长",
            "平均响应时间",
            "平均人工响应时长",
            "咚咚平均响应时长",
        ),
        (Kpi.MEAN_RESPONSE, "response", ("接待人数", "已接待人数")),
    ),
    **dict.fromkeys(
        ("首次响应时长", "全天首响时长"),
        (Kpi.FIRST_RESPONSE_MEAN, "response", ("接待人数", "已接待人数")),
    ),
    "答问比": (Kpi.ANSWER_ASK_RATIO, "lines", ("接待人数",)),
    **dict.fromkeys(("最终付款金额", "客服询单支付额"), (Kpi.SALES, "sales", ())),
}
#: JD's limit, in seconds: only under a profile that has it too are the two the same figure.
_PROMPT_S: Final = 30
_SUMMED: Final = (Kpi.INQUIRERS, Kpi.BUYER_DAYS, Kpi.SALES)


def months_figures(shop: Shop, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Return what the platform's daily figures of a month come to, where we have the same figure.

    Counts and money are summed over the days, and over agents where the platform gives them by
    agent alone. Rates and means are weighed by the day's count where the platform gives one, else
    each day counts the same; by agent alone they are left out where it gives no count.

    Returns
    -------
    pandas.DataFrame
        ``kpi`` (the platform's word), ``source``, ``ours`` (our name), ``reason`` (why the two
        differ, a key of words), ``days`` and ``value``.

    Examples
    --------
    >>> import narwhals as nw
    >>> import polars as pl
    >>> from datetime import date
    >>> days = pl.LazyFrame({"day": [date(2026, 10, 1), date(2026, 10, 2)], "value": [30.0, 34.0]})
    >>> days = days.with_columns(kpi=pl.lit("询单人数"), agent_id=None, source=pl.lit("赤兔"))
    >>> shop = Shop(None, "polars", {"platform_kpis": nw.from_native(days)}, {})
    >>> told = months_figures(shop, pd.Timestamp("2026-10-01"), pd.Timestamp("2026-11-01"))
    >>> told[["ours", "days", "value"]].to_numpy().tolist()
    [['inquirers', 2, 64.0]]
    """
    found = collect(shop["platform_kpis"])
    day = pd.to_datetime(found[PlatformKpis.DAY])
    found = found[(day >= start) & (day < end)].copy()
    found[PlatformKpis.SOURCE] = found[PlatformKpis.SOURCE].fillna("")
    rows = []
    for (source, kpi), part in found.groupby([PlatformKpis.SOURCE, PlatformKpis.KPI], dropna=False):
        if kpi not in _SAME:
            continue
        ours, reason, weights = _SAME[str(kpi)]
        whole = part[part[PlatformKpis.AGENT_ID].isna()]
        value: float | None
        if ours in _SUMMED:
            days = (whole if len(whole) else part).groupby(PlatformKpis.DAY)[PlatformKpis.VALUE]
            value, count = float(days.sum().sum()), days.ngroups
        else:
            # Another report counts other buyers.
            same = found[found[PlatformKpis.SOURCE] == part[PlatformKpis.SOURCE].iloc[0]]
            value = _weighed(part, same, weights, by_agent=not len(whole))
            count = (whole if len(whole) else part)[PlatformKpis.DAY].nunique()
        if value is None:
            continue
        rows.append((str(kpi), source, ours, reason, count, value))
    columns = ["kpi", "source", "ours", "reason", "days", "value"]
    return pd.DataFrame(rows, columns=columns)


def _weighed(
    part: pd.DataFrame, found: pd.DataFrame, weights: tuple[str, ...], *, by_agent: bool
) -> float | None:
    """Return the mean over days, or agents and days, weighed by whom each served.

    Without a count days weigh the same; agents can't be taken together then.
    """
    key = [PlatformKpis.DAY, PlatformKpis.AGENT_ID] if by_agent else [PlatformKpis.DAY]
    if not by_agent:
        part, found = (rows[rows[PlatformKpis.AGENT_ID].isna()] for rows in (part, found))
    values = part.groupby(key)[PlatformKpis.VALUE].mean()
    for name in weights:
        counts = found[found[PlatformKpis.KPI] == name].groupby(key)[PlatformKpis.VALUE].max()
        count = counts.reindex(values.index)
        if count.notna().all() and count.sum() > 0:
            return float((values * count).sum() / count.sum())
    return None if by_agent else float(values.mean())


def _others(shop: Shop, table: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> list[str]:
    """Return the platform's figures of the month that nothing of ours stands beside."""
    found = collect(shop["platform_kpis"])
    day = pd.to_datetime(found[PlatformKpis.DAY])
    names = found.loc[(day >= start) & (day < end), PlatformKpis.KPI].dropna().unique()
    return sorted(set(map(str, names)) - set(table["kpi"]))


def beside(study: Study, figures: pd.DataFrame) -> list[Block]:
    """Return the table of both figures side by side; nothing where the platform's are not there.

    Parameters
    ----------
    study : Study
    figures : pandas.DataFrame
        The shop's row of ``shop_kpis``.

    Examples
    --------
    >>> from csinsight.views.sample import sample_study
    >>> beside(sample_study(), pd.DataFrame())
    []
    """
    shop = study.open()
    if not shop.has("platform_kpis"):
        return []
    start, end = pd.Timestamp(study.start), pd.Timestamp(study.as_of)
    profile = study.context.profile
    table = months_figures(shop, start, end)
    if profile.slow_s != _PROMPT_S:
        table = table[table["ours"] != Kpi.PROMPT_RATE]
    if table.empty:
        return []
    others = _others(shop, table, start, end)
    write, own = writers(study), figures.iloc[0]
    days = (end - start).days
    shown = pd.DataFrame(
        {
            "figure": [label(study, name) for name in table["ours"]],
            "kpi": [
                study.word(
                    "platform.word",
                    kpi=row["kpi"],
                    source=row["source"] if pd.notna(row["source"]) else "",
                    days=row["days"],
                )
                for _, row in table.iterrows()
            ],
            "theirs": [write[row["ours"]](row["value"]) for _, row in table.iterrows()],
            "ours": [
                write[name](own[name]) if pd.notna(own[name]) else study.word("platform.untold")
                for name in table["ours"]
            ],
            "why": [
                study.word(f"platform.why_{row['reason']}")
                + (study.word("platform.part") if row["days"] < days else "")
                for _, row in table.iterrows()
            ],
        }
    )
    return [
        Table(
            shown,
            study.word("platform.table"),
            caption=study.word("platform.caption")
            + (study.word("platform.others", names=study.words.listed(others)) if others else ""),
            labels=labels.headings(study, "platform", shown.columns),
            name="platform_figures",
        )
    ]
