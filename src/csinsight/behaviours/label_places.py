"""Where a shop's labels stand: whether each has its line among the messages that are there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import narwhals as nw
import pandas as pd

from csinsight.behaviours.lexicon import Lexicon
from csinsight.contract.csv_tables import read_csv
from csinsight.contract.domain import MARKERS
from csinsight.contract.labels import FILE, Labels, read_labels
from csinsight.contract.messages import NAMED, Fault, Notice, shown
from csinsight.contract.schema import Messages
from csinsight.engine import Shop, collect
from csinsight.features.conversations import cut, with_turns
from csinsight.features.frames import POSITION, SECOND_MS, SENT_MS

_TALK: Final = Messages.CONVERSATION_ID
_ROW: Final = "row"
#: What a notice calls the file.
_TABLE: Final = "labels"
#: An import may have cut off what is below a second.


def label_places(
    shop: Shop, lexicon: Lexicon, gap_hours: float
) -> tuple[list[Fault], list[Notice]]:
    """Return the labels that have no line, and how many are of conversations that aren't there.

    Labels of months that are not in this export are usual, and counted. Where a conversation is
    there, a label that leads to no line of it, to a line of the other side, or to one that was
    sent at another time than the one read, is a fault: it would be of something else.

    Parameters
    ----------
    shop : Shop
    lexicon : Lexicon
        Which side a behaviour is looked for in; labels of what it does not know are left alone.
    gap_hours : float
        The silence that ends a conversation.

    Returns
    -------
    faults : list of Fault
        The first ones by row and column with their mend; the others counted.
    notices : list of Notice

    Examples
    --------
    >>> from csinsight.sample import sample_context, sample_shop
    >>> label_places(sample_shop(), sample_context().lexicon, 12.0)
    ([], [])
    """
    labels, broken = read_labels(shop.folder)
    if broken or labels.empty:
        return [], []
    labels = labels.assign(**{_ROW: read_csv(shop.folder / FILE).rows.to_numpy()})
    lines = _lines(shop, set(labels[Labels.CONVERSATION_ID]), gap_hours)
    here = labels[Labels.CONVERSATION_ID].isin(set(lines[_TALK]))
    talks = dict(iter(lines.groupby(_TALK)))
    faults = [
        fault
        for _, label in labels[here].iterrows()
        if (fault := _fault(label, talks[label[Labels.CONVERSATION_ID]], lexicon))
    ]
    placeless = labels[Labels.POSITION].isna() & labels[Labels.SENT_AT].isna()
    # A rule about people is confirmed or cleared by the conversation.
    placeless &= labels[Labels.BEHAVIOUR].isin({*MARKERS, *lexicon.own})
    counts = len(labels), int((~here).sum()), int(placeless.sum())
    return _named(faults), list(_notices(*counts))


def _lines(shop: Shop, talks: set[str], gap_hours: float) -> pd.DataFrame:
    """Return the lines of some conversations, whichever month they are of."""
    columns = [_TALK, POSITION, SENT_MS, Messages.SENDER]
    if "messages" not in shop.tables:
        return pd.DataFrame(columns=columns)
    messages, buyer = shop["messages"], nw.col(Messages.BUYER_ID)
    given = messages.filter(nw.col(_TALK).is_in(sorted(talks))).select(Messages.BUYER_ID).unique()
    # A conversation without an id of its own is called by its buyer and its first moment.
    whose = {*collect(given)[Messages.BUYER_ID].dropna(), *(t.rsplit("#", 1)[0] for t in talks)}
    near = messages.filter(buyer.is_in(sorted(whose)) | buyer.is_null())
    numbered = with_turns(cut(near, gap_hours)).filter(nw.col(_TALK).is_in(sorted(talks)))
    return collect(numbered.select(*columns)).sort_values([_TALK, POSITION], ignore_index=True)


def _fault(label: pd.Series[Any], lines: pd.DataFrame, lexicon: Lexicon) -> Fault | None:
    """Return what is wrong with the place of one label of a conversation that is there."""
    marker = lexicon.markers.get(label[Labels.BEHAVIOUR])
    place, sent = label[Labels.POSITION], label[Labels.SENT_AT]
    if marker is None or (pd.isna(place) and pd.isna(sent)):
        return None
    then = _sent_at(lines, sent)
    found = then if pd.isna(place) else lines[lines[POSITION] == place]
    right = found[found[Messages.SENDER] == marker.side]
    timed = pd.notna(sent) and lines[SENT_MS].notna().any()
    if len(right) and (not timed or right.index.isin(then.index).any()):
        return None
    meant = then[then[Messages.SENDER] == marker.side]
    mend = "leave the row out, or read the line anew"
    if len(meant) == 1:
        mend = f"the {marker.side}'s line that was sent then is number {meant[POSITION].iloc[0]}"
    column = Labels.SENT_AT if pd.isna(place) else Labels.POSITION
    return Fault(FILE, int(label[_ROW]), column, _what(label, found, lines, marker.side), mend)


def _what(label: pd.Series[Any], found: pd.DataFrame, lines: pd.DataFrame, side: str) -> str:
    place, sent = label[Labels.POSITION], label[Labels.SENT_AT]
    where = f"conversation {shown(label[Labels.CONVERSATION_ID])}"
    which = f"sent at {_time(sent)}" if pd.isna(place) else f"number {int(place)}"
    if found.empty:
        return f"{where} has {len(lines)} lines, and none is {which}"
    sender = found[Messages.SENDER].iloc[0]
    if sender != side:
        return (
            f"the line {which} of {where} is of the {sender}, and {label[Labels.BEHAVIOUR]} is "
            f"read in those of the {side}"
        )
    at = _time(pd.Timestamp(int(found[SENT_MS].iloc[0]), unit="ms"))
    return (
        f"the line {which} of {where} was sent at {at}, and the one that was read at {_time(sent)}"
    )


def _sent_at(lines: pd.DataFrame, sent: datetime | None) -> pd.DataFrame:
    """Return the lines of one second; none where it is not told."""
    if sent is None or pd.isna(sent):
        return lines[:0]
    second = int(pd.Timestamp(sent).timestamp())
    return lines[lines[SENT_MS].astype("Float64") // SECOND_MS == second]


def _time(at: datetime) -> str:
    return pd.Timestamp(at).isoformat(sep=" ", timespec="seconds")


def _named(faults: list[Fault]) -> list[Fault]:
    more = faults[NAMED:]
    if not more:
        return faults
    mend = "mend those above, then check again; where all are wrong, were the chats imported anew?"
    rows = tuple(fault.row for fault in more if fault.row is not None)
    what = f"and {len(more):,} more labels lead to no line or to another"
    return [*faults[:NAMED], Fault(FILE, None, None, what, mend, rows)]


def _notices(all_labels: int, elsewhere: int, placeless: int) -> Iterator[Notice]:
    if elsewhere:
        what = (
            f"{elsewhere:,} of {all_labels:,} labels are of conversations that are not among these "
            "messages (of months that were not exported, say) and count for nothing here"
        )
        if elsewhere == all_labels:
            what += "; are the ids of the conversations those of another import?"
        counts = {"found": elsewhere, "all": all_labels}
        yield Notice(_TABLE, what, "labels_elsewhere", counts)
    if placeless:
        what = "labels name neither `position` nor `sent_at`: nobody knows of which line they are"
        counts = {"found": placeless, "all": all_labels}
        yield Notice(_TABLE, f"{placeless:,} of {all_labels:,} {what}", "labels_placeless", counts)
