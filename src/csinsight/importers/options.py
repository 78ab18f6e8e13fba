"""What a mapping file may tell of any format: the shop's clock and its currency."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from csinsight.config import load
from csinsight.importers.one_shop import Told

_STAMP: Final = re.compile(
    r"(?<![0-9])(20[0-9]{2})[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12][0-9]|3[01])"
    r"(?:[-_T. ]?([01][0-9]|2[0-3])[-_.:]?([0-5][0-9])(?:[-_.:]?([0-5][0-9]))?(?![-_.:]?[0-9]))?"
    r"(?![0-9])"
)
_Told = TypeVar("_Told", bound=BaseModel)


def zone_is_known(name: str) -> str:
    """Return the name of a time zone; `ValueError` where there is none of that name.

    Examples
    --------
    >>> zone_is_known("Asia/Shanghai")
    'Asia/Shanghai'
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write one such as Asia/Shanghai") from error
    return name


Zone = Annotated[str, AfterValidator(zone_is_known)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Options(BaseModel):
    """What a mapping file may tell of a format that has a form of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: The shop's clock: times that carry a zone are brought there.
    timezone: Zone | None = None


class ShopOptions(BaseModel):
    """What a mapping file may tell of orders that name their shop, on its clock."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Whether the files are of one shop, whatever they call it.
    one_shop: bool = False
    #: The encoding of text files; found out unless told.
    encoding: str | None = None
    #: The decimal mark of amounts; the other of the two stands between thousands.
    decimal: Literal[".", ","] = "."

    @property
    def marks(self) -> tuple[str, str]:
        """The decimal mark and that between thousands."""
        return self.decimal, "," if self.decimal == "." else "."

    def told(self) -> Told:
        """Return what is told of the shop."""
        return Told(one_shop=self.one_shop)


class ChatOptions(Options):
    """What a mapping file may tell of chats whose agents' nicks name their shop."""

    #: Whether the files are of one shop, whatever their agents call it.
    one_shop: bool = False
    #: The encoding of text files; found out unless told.
    encoding: str | None = None


class OrderOptions(ShopOptions):
    """What a mapping file may tell of orders."""

    #: The shop's clock: times that carry a zone are brought there.
    timezone: Zone | None = None
    #: The currency to take where the files hold several.
    currency: Currency | None = None
    #: What one unit of another currency is worth in it.
    rates: dict[Currency, Annotated[float, Field(gt=0)]] = {}

    def told(self) -> Told:
        """Return what is told of money and of the shop."""
        return Told(self.currency or "", self.rates or None, self.one_shop)


def read_options(mapping: Path | None, model: type[_Told], timezone: str | None = None) -> _Told:
    """Return the options in a mapping file; a time zone of the command line wins.

    Examples
    --------
    >>> read_options(None, OrderOptions, "Europe/Berlin").timezone
    'Europe/Berlin'
    """
    options = load(mapping, model) if mapping else model()
    return options if timezone is None else options.model_copy(update={"timezone": timezone})


def exported_at(name: str) -> datetime | None:
    """Return when a file was exported, by its name; the latest date of several.

    Examples
    --------
    >>> exported_at("ExportOrderList20261101.csv")
    datetime.datetime(2026, 11, 1, 0, 0)
    >>> exported_at("orders_2026-10-01_2026-10-31.csv")
    datetime.datetime(2026, 10, 31, 0, 0)
    >>> exported_at("orders.csv") is None
    True
    """
    found = []
    for match in _STAMP.finditer(name):
        try:
            found.append(datetime(*(int(part or 0) for part in match.groups())))  # type: ignore[arg-type]
        except ValueError:
            continue
    return max(found, default=None)
