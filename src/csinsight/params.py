"""Parameters of a run and of each notebook; unknown names and wrong types are errors.

A run is described by one `RunParams`. Each notebook takes the places where it works
(`PLACES`) and a named subset of the run's parameters (`NOTEBOOKS`), so that papermill never
passes a name that the notebook does not know.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from csinsight.config import explain, nearest, read_yaml
from csinsight.errors import ConfigError

Lang = Literal["zh", "en"]
LANGS: Final[tuple[Lang, ...]] = ("zh", "en")
ReaderName = Literal["rules", "built_in", "llm"]
EngineName = Literal["polars", "spark"]
Outcome = Literal["paid", "ordered", "satisfaction"]
DEFAULT_READER: Final[ReaderName] = "built_in"
JsonValue = str | int | float | bool

Seconds = Annotated[float, Field(gt=0)]
Hours = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


def shipped(*parts: str) -> Path:
    """Return the path of a file that comes with csinsight, such as ``shipped("params", "x.yml")``.

    A wheel carries ``params/`` and ``notebooks/`` inside the package; a clone has them at its top.

    Raises
    ------
    FileNotFoundError
        Where the file is in neither place.

    Examples
    --------
    >>> shipped("params", "scorecard.yml").name
    'scorecard.yml'
    """
    package = Path(__file__).resolve().parent
    for root in (package / "_share", package.parents[1]):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"{'/'.join(parts)}: is not part of this csinsight; install it again")


#: The ``kpi_profile`` of a shop that has one of its own beside its tables.
OWN_PROFILE: Final = "own"
#: The ``kpi_profile`` that goes by where the shop's chats and orders were imported from.
AUTO_PROFILE: Final = "auto"


class RunParams(BaseModel):
    """Everything that a run can be told, with the defaults of a monthly report."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    shop: Annotated[str, Field(min_length=1, max_length=80)] = "demo"
    title: Annotated[str, Field(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    month: str = "2026-10"
    lang: Lang = "zh"
    engine: EngineName = "polars"
    timezone: str = "Asia/Shanghai"
    currency: str = "CNY"
    conversation_gap_hours: Hours = 12.0
    conversion_window_hours: Hours = 24.0
    payment_window_hours: Hours = 72.0
    page_view_days: Count = 90
    pre_chat_hours: Hours = 24.0
    order_days: Count = 365
    driver_months: Count = 3
    evidence_months: Count = 12
    trend_months: Count = 12
    kpi_profile: str = AUTO_PROFILE
    reader: ReaderName = DEFAULT_READER
    #: With ``reader: llm``: where a model of the shop's own choosing is asked (up to ``/v1``), its
    #: name, and what one run may take: questions, money by the prices of a million tokens, seconds
    #: for an answer and minutes for all.
    llm_url: Annotated[str, Field(validate_default=True)] = ""
    llm_model: Annotated[str, Field(validate_default=True, max_length=200)] = ""
    llm_most_calls: Count = 20_000
    llm_price_in: Annotated[float, Field(ge=0)] = 0.0
    llm_price_out: Annotated[float, Field(ge=0)] = 0.0
    llm_most_money: Annotated[float, Field(ge=0, validate_default=True)] = 0.0
    llm_seconds: Seconds = 60.0
    llm_minutes: Annotated[float, Field(gt=0)] = 60.0
    outcome: Outcome = "paid"
    type_confidence: Share = 0.5
    type_min_pages: Count = 5
    vip_share: Share = 0.05
    core_share: Share = 0.20
    potential_share: Annotated[Share, Field(validate_default=True)] = 0.20
    min_inquiries: Count = 300
    min_agents: Count = 5
    min_agent_inquiries: Count = 50
    min_opportunities: Count = 20
    q_threshold: Share = 0.10
    max_recommendations: Count = 3
    #: Whether lists of single buyers are written with their ids in full, beside the pages.
    export_buyers: bool = False
    seed: Annotated[int, Field(ge=0)] = 20261031
    #: Up to what share of a table's rows that break the contract a run goes on without them.
    set_aside: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    kernel_start_seconds: Seconds = 120.0
    notebook_seconds: Seconds = 3600.0

    @field_validator("month")
    @classmethod
    def _month_is_a_month(cls, value: str) -> str:
        if not is_month(value):
            raise ValueError("a month is written YYYY-MM, for example 2026-10")
        return value

    @field_validator("currency")
    @classmethod
    def _currency_is_in_use(cls, value: str) -> str:
        from babel import Locale

        if value not in Locale("en").currencies:
            spoken = {"RMB": "CNY", "CNH": "CNY", "NTD": "TWD", "YEN": "JPY"}.get(
                value.strip().upper()
            )
            known = Locale("en").currencies
            near = spoken or nearest(value, known)
            mend = f"; did you mean {near}?" if near else ""
            raise ValueError(f"a currency is written by its ISO 4217 code, such as CNY{mend}")
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone_is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("is no time zone's name, such as Asia/Shanghai") from error
        return value

    @field_validator("kpi_profile")
    @classmethod
    def _profile_is_there(cls, value: str) -> str:
        known = sorted(path.stem for path in shipped("params", "kpi_profiles").glob("*.yml"))
        if value not in (*known, AUTO_PROFILE, OWN_PROFILE):
            raise ValueError(
                f"there is no such profile; there are {', '.join(known)}, `{AUTO_PROFILE}` (by "
                f"what was imported), and `{OWN_PROFILE}`: the file kpi_profile.yml beside the "
                "shop's tables"
            )
        return value

    @field_validator("potential_share")
    @classmethod
    def _tiers_share_all_buyers_at_most(cls, value: float, told: ValidationInfo) -> float:
        shares = [told.data[name] for name in ("vip_share", "core_share") if name in told.data]
        if sum(shares) + value > 1 + 1e-9:
            raise ValueError(
                f"vip_share, core_share and potential_share are {sum(shares) + value:g} together, "
                "and a buyer is in one tier: make them at most 1"
            )
        return value

    @field_validator("llm_url", "llm_model")
    @classmethod
    def _model_is_named(cls, value: str, told: ValidationInfo) -> str:
        if told.data.get("reader") == "llm" and not value.strip():
            raise ValueError(
                "`reader: llm` asks a model of your own choosing: write its address into llm_url "
                "(such as http://localhost:11434/v1) and its name into llm_model"
            )
        return value.strip()

    @field_validator("llm_most_money")
    @classmethod
    def _money_is_bounded(cls, value: float, told: ValidationInfo) -> float:
        if not value and (told.data.get("llm_price_in") or told.data.get("llm_price_out")):
            raise ValueError("with a price, say the most that a run may spend")
        return value

    @field_validator("shop")
    @classmethod
    def _shop_is_a_folder_name(cls, value: str) -> str:
        if re.search(r'[/\\:*?"<>|\x00-\x1f]', value) or value.startswith("."):
            raise ValueError(
                "a shop's name becomes a folder: leave out / \\ : * ? \" < > | and a leading dot"
            )
        return value


#: Where a notebook reads and writes; every notebook has these, as plain strings.
PLACES: Final = ("data", "run")
_COMMON: Final = ("shop", "month", "lang", "engine")
_CONVERSATIONS: Final = (
    "conversation_gap_hours",
    "conversion_window_hours",
    "payment_window_hours",
    "kpi_profile",
    "trend_months",
    "driver_months",
    "evidence_months",
    "page_view_days",
    "pre_chat_hours",
    "reader",
)

#: The notebooks in the order in which they are made, and which of the run's parameters each takes
#: besides `PLACES`: all that
#: its figures depend on, and no other. What an earlier notebook has made of a parameter reaches
#: the later ones through `BUILDS_ON`.
NOTEBOOKS: Final[dict[str, tuple[str, ...]]] = {
    "00_data_check": (*_COMMON, "currency", "conversation_gap_hours"),
    "01_buyer_types": (
        *_COMMON,
        "page_view_days",
        "order_days",
        "conversation_gap_hours",
        "type_confidence",
        "type_min_pages",
        "driver_months",
        "seed",
    ),
    "02_value_tiers": (
        *_COMMON,
        "currency",
        "order_days",
        "vip_share",
        "core_share",
        "potential_share",
        "driver_months",
        "export_buyers",
        "seed",
    ),
    "03_agent_kpis": (
        *_COMMON,
        *_CONVERSATIONS,
        "currency",
    ),
    "04_conversion_drivers": (
        *_COMMON,
        "outcome",
        "driver_months",
        "evidence_months",
        "min_inquiries",
        "min_agents",
        "q_threshold",
    ),
    "05_coaching": (
        *_COMMON,
        *_CONVERSATIONS,
        "min_agent_inquiries",
        "min_opportunities",
        "q_threshold",
        "max_recommendations",
        "seed",
    ),
    "08_team_and_hours": (*_COMMON, "kpi_profile", "driver_months"),
    "09_lost_inquiries": (*_COMMON, "reader", "min_agent_inquiries", "export_buyers", "seed"),
    "10_answer_bank": (*_COMMON, "driver_months", "q_threshold", "seed"),
    "06_agent_card": (*_COMMON, "trend_months"),
    "07_monthly_brief": (*_COMMON, "currency", "kpi_profile"),
}
#: Whose tables and facts each notebook reads: it is made anew when one of them is.
BUILDS_ON: Final[dict[str, tuple[str, ...]]] = {
    "00_data_check": (),
    "01_buyer_types": (),
    "02_value_tiers": (),
    "03_agent_kpis": (),
    "04_conversion_drivers": ("01_buyer_types", "02_value_tiers", "03_agent_kpis"),
    "05_coaching": (
        "00_data_check",
        "01_buyer_types",
        "02_value_tiers",
        "03_agent_kpis",
        "04_conversion_drivers",
    ),
    "08_team_and_hours": ("03_agent_kpis",),
    "09_lost_inquiries": ("02_value_tiers", "03_agent_kpis"),
    "10_answer_bank": ("03_agent_kpis",),
    "06_agent_card": (
        "00_data_check",
        "03_agent_kpis",
        "04_conversion_drivers",
        "05_coaching",
    ),
    "07_monthly_brief": (
        "00_data_check",
        "01_buyer_types",
        "02_value_tiers",
        "03_agent_kpis",
        "04_conversion_drivers",
        "05_coaching",
        "08_team_and_hours",
        "09_lost_inquiries",
        "10_answer_bank",
    ),
}
#: The table with which all is written that a notebook reads of one that it builds on, at the end of
#: the cell that writes it: it waits for no more, while the other still checks and draws.
ENOUGH: Final[dict[tuple[str, str], str]] = {
    ("05_coaching", "04_conversion_drivers"): "drivers",
    ("06_agent_card", "05_coaching"): "coaching_followup",
}
#: Parameters of a notebook that are no parameter of the run.
EXTRA: Final[dict[str, tuple[str, ...]]] = {"06_agent_card": ("agent_id",)}


def is_month(text: str) -> bool:
    """Tell whether `text` is a month that a report can be of: ``YYYY-MM``, from 2000 to 2199.

    Examples
    --------
    >>> [is_month(text) for text in ("2026-10", "2026-13", "0000-01", "9999-12", "")]
    [True, False, False, False, False]
    """
    return re.fullmatch(r"2[01][0-9]{2}-(0[1-9]|1[0-2])", text) is not None


def month_start(month: str) -> datetime:
    """Return the first moment of `month` (``YYYY-MM``), local and without zone.

    Examples
    --------
    >>> month_start("2026-10")
    datetime.datetime(2026, 10, 1, 0, 0)
    """
    return datetime.strptime(month, "%Y-%m")


def month_end(month: str) -> datetime:
    """Return the first moment after `month`: the run's ``as_of``.

    Examples
    --------
    >>> month_end("2026-12")
    datetime.datetime(2027, 1, 1, 0, 0)
    """
    return add_months(month_start(month), 1)


def add_months(moment: datetime, months: int) -> datetime:
    """Return the start of the month that lies `months` after that of `moment`.

    Examples
    --------
    >>> add_months(datetime(2026, 10, 17), -10)
    datetime.datetime(2025, 12, 1, 0, 0)
    """
    year, index = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return datetime(year, index + 1, 1)


def notebook_params(params: RunParams, notebook: str) -> dict[str, JsonValue]:
    """Return the run's parameters that `notebook` takes, as JSON types, without its places.

    Examples
    --------
    >>> notebook_params(RunParams(shop="mine"), "04_conversion_drivers")["min_inquiries"]
    300
    """
    values = params.model_dump(mode="json")
    return {name: values[name] for name in NOTEBOOKS[notebook]}


def load_params(file: Path | None = None, **given: Any) -> RunParams:
    """Read a parameter file and lay what was told on the command line over it.

    Parameters
    ----------
    file : Path or None
        YAML with names of `RunParams`; None for the defaults.
    **told
        Values that win over the file; None means "not told".

    Raises
    ------
    ConfigError
        Naming file, parameter, what is wrong with it, and the nearest known name.

    Examples
    --------
    >>> load_params(None, month="2026-10", driver_months=6).driver_months
    6
    """
    found = read_yaml(file) if file else None
    values = (found.values if found else None) or {}
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: has to hold lines of the form `name: value`")
    values = values | {name: value for name, value in given.items() if value is not None}
    try:
        return RunParams.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(error, RunParams, found))) from error
