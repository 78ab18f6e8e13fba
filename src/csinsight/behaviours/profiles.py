"""KPI profiles: the dated conventions of a platform, or of a shop, as files."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from csinsight.behaviours.official import Official
from csinsight.config import load
from csinsight.contract.files import PROFILE_FILE
from csinsight.contract.imports import read_imports
from csinsight.errors import ConfigError
from csinsight.features.frames import ConversationRules, ResponseFrom
from csinsight.features.rounds import THREE_MINUTES_S
from csinsight.params import AUTO_PROFILE, OWN_PROFILE, shipped

Attribution = Literal["order_first", "payment", "last"]
_FOLDER: Final = ("params", "kpi_profiles")
#: What a shop is counted by of which nothing tells the platform: one that counts in yuan, another.
_USUAL, _YUAN = "taobao", "CNY"
#: The profile of shops of no chat platform.
ELSEWHERE: Final = "textbook"
#: A shop whose median first reply takes this long (seconds) answers as mail does, not as chat.
AS_MAIL_S: Final = 600.0


class KpiProfile(BaseModel):
    """What a platform counts and how: conventions found in public pages, never rules.

    Parameters
    ----------
    name : str
        As the file is called.
    title : dict of str to str
        In ``zh`` and ``en``.
    as_of : datetime.date
        When the conventions were read.
    sources : list of str
        Where they were read.
    formats : list of str
        Imports whose shops are counted so, where a run's ``kpi_profile`` goes by them.
    inquirer : {'buyer_day', 'buyer'}
        One inquirer is a buyer on a day (the platforms' buyer × agent × day) or a buyer.
    attribution : {'order_first', 'payment', 'last'}
        Whose the order is when several agents talked with a buyer (see
        `csinsight.features.agent_sessions.credited_orders`).
    handed_over : {'leave_out', 'count'}
        Whether an inquiry that an agent handed to another before any order stays in the first
        agent's conversion.
    response_from : {'buyer_message', 'hand_over'}
        Which response is the headline where a robot wrote before a person; both are shown.
    version : int
        Raised whenever a convention in the file changes, so that two months can be compared.
    service_start_hour, service_end_hour : int
    round_cap_s, slow_s : float
        Seconds; see `ConversationRules`. The cap lies above three minutes.
    unanswered : {'cap', 'leave_out'}
        Whether a round that nobody answered counts as the cap in times, or in the reply rate alone.
    conversion_window_hours, payment_window_hours : float
        The platform's own windows, for the reader; a run uses its parameters.
    targets : dict of str to float
        Conventional targets by KPI column; a shop sets its own.
    notes : list of str
        What differs from the textbook, shown beside the table.
    official : Official
        Names, pages and numbers of the platform's and the brand's own, to which an agent may lead.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: dict[Literal["zh", "en"], str]
    as_of: date
    sources: Annotated[list[str], Field(min_length=1)]
    formats: list[str] = []
    inquirer: Literal["buyer_day", "buyer"]
    attribution: Attribution
    handed_over: Literal["leave_out", "count"] = "leave_out"
    response_from: ResponseFrom = "buyer_message"
    version: Annotated[int, Field(ge=1)] = 1
    service_start_hour: Annotated[int, Field(ge=0, le=24)]
    service_end_hour: Annotated[int, Field(ge=0, le=24)]
    # A cap below the three minutes would count what came later as within them.
    round_cap_s: Annotated[float, Field(gt=THREE_MINUTES_S)]
    slow_s: Annotated[float, Field(gt=0)]
    unanswered: Literal["cap", "leave_out"] = "cap"
    conversion_window_hours: Annotated[float, Field(gt=0)]
    payment_window_hours: Annotated[float, Field(gt=0)]
    targets: dict[str, float] = {}
    notes: list[str] = []
    official: Official = Official()

    def rules(
        self,
        *,
        gap_hours: float,
        conversion_window_hours: float,
        payment_window_hours: float,
        pre_chat_hours: float,
        look_back_days: int,
    ) -> ConversationRules:
        """Return the conversation rules of a run under this profile's service conventions."""
        return ConversationRules(
            gap_hours=gap_hours,
            conversion_window_hours=conversion_window_hours,
            payment_window_hours=payment_window_hours,
            service_start_hour=self.service_start_hour,
            service_end_hour=self.service_end_hour,
            round_cap_s=self.round_cap_s,
            slow_s=self.slow_s,
            pre_chat_hours=pre_chat_hours,
            look_back_days=look_back_days,
            response_from=self.response_from,
        )


def load_profile(name: str, folder: Path | None = None) -> KpiProfile:
    """Read ``params/kpi_profiles/NAME.yml``.

    Parameters
    ----------
    name : str
        ``taobao``, ``jd``, ``pinduoduo``, ``douyin`` or ``textbook``.
    folder : Path or None
        Where profiles are; None: those that come with csinsight.

    Raises
    ------
    ConfigError
        Where there is no such profile, or naming its file, key and what is wrong.

    Examples
    --------
    >>> load_profile("taobao").name
    'taobao'
    """
    folder = folder or shipped(*_FOLDER)
    path = folder / f"{name}.yml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yml")))
        raise ConfigError(f"no KPI profile `{name}` in {folder.name}/; there are: {known}")
    return load(path, KpiProfile)


def imported_from(shop: Path) -> str | None:
    """Return the profile of what a shop's chats, or else its orders, were imported from.

    Chats come first: they are what is timed. More than half of a table's rows have to be of one
    platform. None where the record of imports doesn't tell.

    Examples
    --------
    >>> import tempfile
    >>> from csinsight.contract.imports import ImportRecord, write_imports
    >>> shop = Path(tempfile.mkdtemp())
    >>> given = {"file": "a", "sha256": "0", "rows_in": 9, "rows_used": 9, "rows_refused": 0}
    >>> orders = ImportRecord(format="shopify_orders", tables=["orders"], **given)
    >>> chats = ImportRecord(format="jd_dongdong", tables=["messages"], **given)
    >>> write_imports(shop, [orders])
    >>> imported_from(shop)
    'textbook'
    >>> write_imports(shop, [orders, chats])
    >>> imported_from(shop)
    'jd'
    """
    names = sorted(file.stem for file in shipped(*_FOLDER).glob("*.yml"))
    of_format = {form: name for name in names for form in load_profile(name).formats}
    for table in ("messages", "orders"):
        rows: Counter[str] = Counter()
        for entry in read_imports(shop):
            if table in entry.tables:
                rows[of_format.get(entry.format, "")] += entry.rows_used
        # A few lines of one platform beside many of nobody knows which tell nothing.
        name, most = max(rows.items(), key=lambda item: item[1], default=("", 0))
        if name and 2 * most > rows.total():
            return name
    return None


def profile_of(
    name: str, shop: Path | None = None, *, imported: str | None = None, currency: str
) -> KpiProfile:
    """Return the profile called `name`; where it is ``own`` or ``auto``, that of the shop.

    Parameters
    ----------
    name : str
        What a run's ``kpi_profile`` says.
    shop : Path or None
        Folder of the shop's tables, in which its own profile is ``kpi_profile.yml``.
    imported : str or None
        What ``auto`` goes by: `imported_from` the shop.
    currency : str
        ISO 4217; of a shop that doesn't count in yuan no platform is supposed.

    Raises
    ------
    ConfigError
        Where there is none of this name, or the shop's own is not there or faulty.

    Examples
    --------
    >>> profile_of("jd", currency="CNY").name
    'jd'
    >>> profile_of("auto", currency="EUR").name
    'textbook'
    >>> profile_of("auto", imported="jd", currency="CNY").name
    'jd'
    """
    if name == AUTO_PROFILE:
        return load_profile(imported or (_USUAL if currency == _YUAN else ELSEWHERE))
    if name != OWN_PROFILE or shop is None:
        return load_profile(name)
    path = shop / PROFILE_FILE
    if not path.is_file():
        raise ConfigError(
            f"{path}: is not there, and `kpi_profile: {OWN_PROFILE}` reads it; `csinsight init` "
            "puts one to change into a new shop's data folder"
        )
    return load(path, KpiProfile)
