"""The form of what is advised on a behaviour, whoever wrote it: the library or the shop itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

Line = Annotated[str, Field(min_length=4)]

#: What no advice may hold: ways off the platform, bought praise, absolute promises.
_FORBIDDEN: Final = re.compile(
    r"加(?:我|个)?(?:微信|[vV薇]|qq)|微信号|手机号|私下(?:转账|付款|交易)|好评返现|给个好评|改成?好评|五星好评"
    r"|绝对(?:没|不会|是|能)|百分百|100\s?%|保证(?:不|能|没|是|绝)|一定赔|包您满意|永远不会|最低价|全网最"
    r"|\b(?:my|our) (?:wechat|whatsapp|phone number)|five-star review|good review in return"
    r"|\b(?:absolutely|guaranteed?|always the cheapest|never breaks)\b|https?://|www\.",
    re.IGNORECASE,
)


class Advice(BaseModel):
    """What the library says of one behaviour or rule, in one language.

    Parameters
    ----------
    title : str
        The habit in a few words, as something to do.
    why : str
        How it serves the buyer.
    rests_on : str
        The idea in the handbooks that it rests on.
    phrases : list of str
        Two to four ways to say it.
    drill : str
        Ten minutes of practice.
    watch : str
        The figure to look at next month.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    title: Line
    why: Line
    rests_on: Line
    phrases: Annotated[list[Line], Field(min_length=2, max_length=4)]
    drill: Line
    watch: Line


def breaks_rules(text: str) -> bool:
    """Tell whether a line asks for what platforms forbid, or promises without limit.

    Examples
    --------
    >>> breaks_rules("亲给个五星好评返现"), breaks_rules("您看这款合适吗")
    (True, False)
    """
    return _FORBIDDEN.search(text) is not None


def texts_of(entry: BaseModel) -> Iterator[str]:
    """Yield every line of an entry, such as `Advice`.

    Examples
    --------
    >>> class Entry(BaseModel):
    ...     title: str
    ...     phrases: list[str]
    >>> list(texts_of(Entry(title="先道歉", phrases=["真抱歉让您久等了", "这就为您查"])))
    ['先道歉', '真抱歉让您久等了', '这就为您查']
    """
    for value in entry.model_dump().values():
        yield from value if isinstance(value, list) else [value]
