"""The identifiers of the field: types, tiers, problem categories, behaviours and a shop's own.

The shop's own stand in ``behaviours.yml`` beside its tables; the file is optional. What it holds is
read by `csinsight.behaviours.own`; here stands what tables need to know of it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from csinsight.config import read_yaml
from csinsight.contract.files import OWN_FILE
from csinsight.contract.schema import Table

BUYER_TYPES: Final = ("simple", "surfing", "newcomer", "bargain", "periodic", "sporty")
MIXED: Final = "mixed"
UNCLASSIFIED: Final = "unclassified"
TYPE_LABELS: Final = (*BUYER_TYPES, MIXED, UNCLASSIFIED)

TIERS: Final = ("ordinary", "potential", "core", "vip")

#: The words that stand where something was that tells of a person.
MASKS: Final = (
    "电话", "证件号", "邮箱", "链接", "账号", "单号", "地址", "姓名", "昵称", "车牌", "略",
)  # fmt: skip

CATEGORIES: Final = ("quality", "size", "bargaining", "shipping", "after_sales", "other")

#: Timing behaviours: a number a conversation, measured in seconds, a share or a ratio.
TIMINGS: Final = ("first_response_s", "mean_response_s", "slow_reply_share", "answer_ask_ratio")
#: Behaviours that an agent's words show: true, false, or null where there was no opportunity.
MARKERS: Final = (
    "greets",
    "polite_words",
    "empathizes",
    "apologizes",
    "asks_needs",
    "leading_question",
    "recommends",
    "gives_specifics",
    "explains_value",
    "offers_alternative",
    "refuses_flatly",
    "curt_reply",
    "repeats_canned",
    "reminds_payment",
    "follows_up",
    "checks_address",
    "closes_warmly",
    "uses_emoji",
    "promises_time",
)
#: Flagged whatever their effect; never judged as drivers.
COMPLIANCE: Final = (
    "off_platform",
    "over_promises",
    "rude_or_blaming",
    "asks_for_praise",
    "trades_for_praise",
    "leaks_order_data",
)
#: Read and told beside the others, but no breach, never a driver, and never held against anybody.
NOTED: Final = ("invites_rating",)
#: Happen after the outcome, so they can't have led to it: negative controls.
CONTROLS: Final = ("checks_address", "closes_warmly")
#: Markers that any agent turn before the outcome may show; the others need a silence or an order.
TURN_MARKERS: Final = tuple(
    name for name in MARKERS if name not in (*CONTROLS, "reminds_payment", "follows_up")
)
#: What tells a buyer's text apart, most of it first; of an opening all, of what follows fewer.
TEXT_NUMBERS: Final = tuple(str(number) for number in range(1, 65))
#: Numbers of all inquiries' texts together that are compared at most, which keeps the work of a
#: large shop bounded.
TEXT_CELLS: Final = 2_000_000
BEHAVIOURS: Final = (*TIMINGS, *MARKERS, *COMPLIANCE)

#: Of a buyer, as their words show it; at an opening a later one outweighs an earlier.
MOODS: Final = ("calm", "pleased", "worried", "annoyed")

#: What the last exchange of an inquiry without an order was about, as the buyer's words and the
#: agent's answer show it; the last two: will think it over, and left without a word on why.
ENDINGS: Final = (
    "price",
    "stock",
    "size",
    "quality",
    "shipping",
    "wait",
    "no_answer",
    "no_way_out",
    "undecided",
    "silent",
)

#: What the textbook teaches to show less of; everything else it teaches to show more of.
TAUGHT_LESS: Final = (
    "first_response_s",
    "mean_response_s",
    "slow_reply_share",
    "leading_question",
    "refuses_flatly",
    "curt_reply",
    "repeats_canned",
)
#: What is taught of a behaviour: to show more of it, less, or (a shop's own) nothing.
TAUGHT: Final = ("more", "less", "nothing")
#: What is said of an estimate. `OWN_INTENT`: as large as a keen buyer's own intent could make it.
OWN_INTENT: Final = "could be the buyer's own intent"
VERDICTS: Final = ("helps", "hurts", OWN_INTENT, "no evidence", "not enough data", "control")
#: Of a named driver: seen once, or agreed by a second, separate quarter.
STANDINGS: Final = ("new", "confirmed")
PLAN_KINDS: Final = ("driver", "compliance", "strength")


def taught_of(behaviour: str, own: Mapping[str, str] | None = None) -> str:
    """Return what is taught of a behaviour, one of `TAUGHT`.

    Parameters
    ----------
    behaviour : str
    own : mapping of str to str, optional
        By id of the shop's own behaviours what the shop teaches.

    Examples
    --------
    >>> taught_of("greets"), taught_of("curt_reply"), taught_of("wraps", {"wraps": "nothing"})
    ('more', 'less', 'nothing')
    """
    return (own or {}).get(behaviour) or ("less" if behaviour in TAUGHT_LESS else "more")


_BEHAVIOURS: Final = "behaviours"


def own_path(folder: Path) -> Path | None:
    """Return the file of a shop's own behaviours, or None where there is none.

    Examples
    --------
    >>> import tempfile
    >>> own_path(Path(tempfile.mkdtemp())) is None
    True
    """
    path = folder / OWN_FILE
    # A folder, or a link to nothing, is a fault of the file: it was meant.
    return path if os.path.lexists(path) else None


def own_ids(folder: Path) -> tuple[str, ...]:
    r"""Return the ids of a shop's own behaviours, in the order of its file.

    Parameters
    ----------
    folder : Path
        Of the shop's tables.

    Raises
    ------
    ConfigError
        Where the file is no YAML.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> own_ids(folder)
    ()
    >>> _ = (folder / OWN_FILE).write_text("behaviours:\n  gift_wrap: {}\n", encoding="utf-8")
    >>> own_ids(folder)
    ('gift_wrap',)
    """
    path = own_path(folder)
    values = read_yaml(path).values if path else None
    told = values.get(_BEHAVIOURS) if isinstance(values, dict) else None
    return tuple(str(name) for name in told) if isinstance(told, dict) else ()


def with_own(table: Table, column: str, folder: Path) -> Table:
    r"""Return `table` whose `column` may also name the shop's own behaviours.

    Parameters
    ----------
    table : Table
    column : str
        One that names behaviours.
    folder : Path
        Of the shop's tables.

    Examples
    --------
    >>> import tempfile
    >>> from csinsight.contract.disputes import DISPUTES
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / OWN_FILE).write_text("behaviours:\n  wraps: {}\n", encoding="utf-8")
    >>> "wraps" in with_own(DISPUTES, "behaviour", folder).column("behaviour").one_of
    True
    """
    own = own_ids(folder)
    return replace(
        table,
        columns=tuple(
            replace(c, one_of=(*(c.one_of or ()), *own)) if c.name == column else c
            for c in table.columns
        ),
    )
