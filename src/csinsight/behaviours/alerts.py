"""When a month's figures are to wake somebody: thresholds of ``alerts.yml``, a shop's or ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd
from pydantic import BaseModel, ConfigDict, model_validator

from csinsight.config import did_you_mean, load
from csinsight.contract.artifacts import AgentKpis
from csinsight.contract.files import ALERTS_FILE
from csinsight.params import shipped
from csinsight.stats.intervals import difference

_K = AgentKpis
_ENDS: Final = ("", _K.LOW_SUFFIX, _K.HIGH_SUFFIX)
_DAYS: Final = (_K.SAME_DAY_SUFFIX, _K.NEXT_DAY_SUFFIX)
_Z: Final = 1.96
#: What is counted, and with it varies by chance as counts do (Poisson).
COUNTS: Final = (
    *(_K.CONVERSATIONS, _K.BUYERS, _K.BUYER_DAYS, _K.INQUIRIES, _K.INQUIRERS, _K.NOT_INQUIRIES),
    *(_K.UNANSWERED, _K.OFF_HOURS, _K.ORDERS, _K.PAYING_BUYERS, _K.RATINGS),
)
#: What is summed over a month: it can be set against another month only where both are whole.
TOTALS: Final = (*COUNTS, _K.SALES, _K.ORDER_AMOUNT)
#: What a threshold may be set for.
FIGURES: Final = frozenset(
    value
    for name, value in vars(_K).items()
    if name.isupper() and name not in {"NAME", "AGENT_ID"} and not name.endswith("_SUFFIX")
) | {f"{rate}{end}" for rate in (_K.ORDERED_RATE, _K.PAID_RATE) for end in _DAYS}
COLUMNS: Final = ("figure", "kind", "threshold", "value", "before")


class Alert(BaseModel):
    """One figure and the one threshold that raises an alert.

    Parameters
    ----------
    figure : str
        A column of the artifact ``shop_kpis``.
    below, above : float, optional
        Of the figure itself.
    falls_by, rises_by : float, optional
        Against the month before, in the figure's unit.
    falls_by_share, rises_by_share : float, optional
        Against the month before, as a share of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    figure: str
    below: float | None = None
    above: float | None = None
    falls_by: float | None = None
    rises_by: float | None = None
    falls_by_share: float | None = None
    rises_by_share: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Alert:
        if self.figure not in FIGURES:
            raise ValueError(f"no figure `{self.figure}`; {did_you_mean(self.figure, FIGURES)}")
        if len(self._told()) != 1:
            raise ValueError(f"`{self.figure}` needs exactly one threshold, such as `below: 0.8`")
        return self

    def _told(self) -> dict[str, float]:
        return self.model_dump(exclude={"figure"}, exclude_none=True)

    @property
    def kind(self) -> str:
        """Which threshold is set."""
        return next(iter(self._told()))

    @property
    def threshold(self) -> float:
        """What it is set to."""
        return next(iter(self._told().values()))


class Alerts(BaseModel):
    """The thresholds of an ``alerts.yml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alerts: list[Alert]


def alerts_of(shop: Path | None = None) -> list[Alert]:
    """Return the thresholds of a shop: ``alerts.yml`` beside its tables, or those that ship.

    Parameters
    ----------
    shop : Path, optional
        Folder of the shop's tables. A file there takes the place of ours whole, so that
        ``alerts: []`` raises none.

    Raises
    ------
    ConfigError
        Naming file, line and what is wrong, such as a figure that there is not.

    Examples
    --------
    >>> [(alert.figure, alert.kind) for alert in alerts_of(Path("data/myshop"))][:2]
    [('paid_rate', 'falls_by'), ('reply_rate_180s', 'below')]
    """
    own = shop / ALERTS_FILE if shop else None
    path = own if own and own.is_file() else shipped("params", ALERTS_FILE)
    return load(path, Alerts).alerts


def raised(now: pd.Series, before: pd.Series | None, alerts: Sequence[Alert]) -> pd.DataFrame:
    """Return the alerts that a month raises.

    Parameters
    ----------
    now, before : Series
        Rows of ``shop_kpis``: each figure, and ``_low`` and ``_high`` where it has an interval;
        None where there is no month before.
    alerts : sequence of Alert

    Returns
    -------
    DataFrame
        ``figure``, ``kind``, ``threshold``, ``value``, ``before`` (NaN where not compared).

    Examples
    --------
    A rate is low for sure only where its whole interval is:

    >>> month = pd.Series({"reply_rate_180s": 0.75, "reply_rate_180s_low": 0.7,
    ...                    "reply_rate_180s_high": 0.79})
    >>> rule = Alert(figure="reply_rate_180s", below=0.8)
    >>> raised(month, None, [rule])["kind"].tolist()
    ['below']
    >>> raised(month.replace(0.79, 0.81), None, [rule])["kind"].tolist()
    []
    """
    found = []
    for alert in alerts:
        compared = alert.kind not in {"below", "above"}
        value, was = _figure(now, alert.figure), _figure(before, alert.figure)
        if value is None or (compared and was is None):
            continue
        total = compared and alert.figure in TOTALS
        if total and before is not None and _may_be_chance(alert.figure, now, before):
            continue
        if _is_beyond(alert, value, was):
            earlier = was[0] if compared and was else float("nan")
            found.append((alert.figure, alert.kind, alert.threshold, value[0], earlier))
    return pd.DataFrame(found, columns=list(COLUMNS))


def _figure(row: pd.Series | None, name: str) -> tuple[float, float, float] | None:
    """Return a figure with the ends of its interval: itself, where it has none."""
    if row is None or pd.isna(row.get(name)):
        return None
    ends = [row.get(f"{name}{end}") for end in _ENDS]
    value, low, high = (float(end if pd.notna(end) else row[name]) for end in ends)
    return value, low, high


def _is_beyond(
    alert: Alert, now: tuple[float, float, float], was: tuple[float, float, float] | None
) -> bool:
    _, low, high = now
    if alert.kind == "below":
        return high < alert.threshold
    if alert.kind == "above":
        return low > alert.threshold
    if was is None:
        return False
    limit = alert.threshold * (was[0] if alert.kind.endswith("_share") else 1.0)
    _, change_low, change_high = difference(now, was)
    return change_high < -limit if alert.kind.startswith("falls") else change_low > limit


def _may_be_chance(name: str, now: pd.Series, before: pd.Series) -> bool:
    """Tell whether two months' totals may differ by who happened to come (95 %)."""
    spread = (_variance(name, now) + _variance(name, before)) ** 0.5
    return bool(abs(now[name] - before[name]) <= _Z * spread)


def _variance(name: str, row: pd.Series) -> float:
    """Return the variance of a count (Poisson), or of a sum over as many orders."""
    orders = row.get(_K.ORDERS)
    if name in COUNTS or not orders:
        return float(row[name]) if name in COUNTS else 0.0
    # Amounts of orders are skewed: their spread is taken to be as large as their mean.
    return 2 * float(row[name]) ** 2 / float(orders)
