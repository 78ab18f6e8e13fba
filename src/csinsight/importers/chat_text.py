"""Pasted Qianniu chats: lines to entries, in the forms that the client copies.

``昵称 2024-1-5 9:03:07`` (the blank may be missing), ``[昵称] 时间`` and ``昵称(时间)``, each with
body lines below, the last with the text on the same line after a colon; ``昵称`` and the time on
two lines; and ``昵称 (9:03:07)`` below a line with the day.

Free text is cut only where the head fits: what stands between two messages and is earlier than
the one before it, as the lines of a parcel's trace are, is text. Such lines are counted and told.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from csinsight.engine.frames import simplify
from csinsight.importers.cells import HALF_WORDS, hour_of_day
from csinsight.importers.reading import NO_DATA, NUL_REASON

_DATE: Final = r"(?P<date>[12][0-9]{3}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?)"
#: A client set to a clock of twelve hours writes which half of the day it is.
_HALF: Final = rf"(?:{HALF_WORDS})"
_CLOCK: Final = rf"(?P<clock>(?:{_HALF}\s*)?[0-9]{{1,2}}[:\uff1a][0-9]{{2}}"
_WEEKDAY: Final = r"(?:\s*(?:星期|周|週).)?"
_SECONDS: Final = r"[:\uff1a][0-9]{2}(?:[.,][0-9]{1,6})?"
_FULL: Final = rf"{_DATE}{_WEEKDAY}[T\s]+{_CLOCK}{_SECONDS}(?:\s*[AP]M)?)"
_LOOSE: Final = rf"{_DATE}{_WEEKDAY}[T\s]+{_CLOCK}(?:{_SECONDS})?(?:\s*[AP]M)?)"
_BRACKETED: Final = re.compile(rf"^[\[【](?P<nick>[^\]】]{{1,80}})[\]】]\s*{_LOOSE}$")
_IN_BRACKETS: Final = re.compile(
    rf"^(?P<nick>.{{1,80}}?)\s*[(\uff08]{_LOOSE}[)\uff09]\s*(?:[:\uff1a]\s*(?P<rest>.*))?$"
)
_AT_END: Final = re.compile(rf"{_FULL}$")
_LONGEST_NICK: Final = 80
#: The time alone, below the line with the nick.
_TIME_LINE: Final = re.compile(rf"^{_LOOSE}$")
#: A day alone, above heads that tell the clock only.
_DAY_LINE: Final = re.compile(rf"^[-—─=\s]*{_DATE}(?:\s*(?:星期|周).)?[-—─=\s]*$")
_CLOCK_HEAD: Final = re.compile(
    rf"^(?P<nick>.{{1,80}}?)\s*(?P<open>[(\uff08])?{_CLOCK}[:\uff1a][0-9]{{2}})"
    r"(?(open)[)\uff09](?:\s*[:\uff1a]\s*(?P<rest>.*))?)$"
)
#: What no nick holds: marks of a sentence.
_SENTENCE: Final = re.compile(r"[，。！？；,!?;]|https?://")
#: Clocks of two sides may differ by so much.
_SLACK: Final = timedelta(seconds=60)
#: Talks that an agent held at once began within a shift of each other.
_BESIDE: Final = timedelta(hours=12)
#: So many times a nick that is none fits no time for each that it does.
_HARDLY: Final = 3
#: Digits and marks of a time that a keyboard of full width writes.
_WIDE: Final = str.maketrans(
    "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff0d\uff0f\uff0e",
    "0123456789-/.",
)
_WIDE_DIGIT: Final = re.compile("[\uff10-\uff19]")
#: A card's line such as ``创建时间: 2024-1-5 9:03:07`` is no head.
_LABEL: Final = re.compile(r"(?:时间|日期|[:\uff1a])$")
_RECEIVER: Final = re.compile(r"\s*-{1,2}>\s*")
_MARKS: Final = frozenset({"已读", "未读", "发送中", "送达", "已送达"})
_LONGEST_MARK: Final = max(map(len, _MARKS))
_SYSTEM: Final = re.compile(
    r"^(?:.{0,80}撤回了一条消息|由.{1,80}转交给.{1,80}|原因[:\uff1a]\s*【.*|当前用户来自.*)$"
)
_SIGN: Final = re.compile("撤回|[转轉]交[给給]|原因|[当當]前用[户戶]")
_PLACEHOLDER: Final = re.compile(
    r"^[\[【(\uff08]?\s*(?:请在客户端查看原始聊天记录.*|.{0,20}网页版(?:暂时)?(?:无法|不支持)(?:展示|显示|查看).*"
    r"|[该此].{0,8}(?:消息|内容).{0,4}(?:无法|不支持)(?:展示|显示|查看).*)$"
)

MARK_REASON: Final = f"{NO_DATA}a read mark, not a message"
PLACEHOLDER_REASON: Final = (
    "the page could not show this message: it is missing, not a reply; copy it from the client"
)
EMPTY_REASON: Final = "the message has no text: a picture or card that the copy does not carry"
BEFORE_REASON: Final = (
    "the line stands before the first message, so nobody is known to have said it"
)
TIME_REASON: Final = "the time of the message does not exist"


@dataclass(slots=True)
class Entry:
    """One message, system line or refused piece of a chat.

    Parameters
    ----------
    file : str
    line : int
        Where it begins, from 1.
    raw : str
        Its lines as they stand there.
    nick : str
        Who wrote it; empty for system lines.
    receiver : str
        To whom, where the head says so.
    sent_at : datetime or None
    clock : str
        A time of day without a date; only in workbooks.
    text : str
    side : str
        ``buyer``, ``agent``, ``bot`` or ``system`` where the source says it, else empty.
    talk : int
        Number of the talk within the import.
    problem : str
        Why it is refused; empty for a message.
    """

    file: str
    line: int
    raw: str
    nick: str = ""
    receiver: str = ""
    sent_at: datetime | None = None
    clock: str = ""
    text: str = ""
    side: str = ""
    talk: int = 0
    problem: str = ""
    buyer: str = field(default="")


@dataclass(slots=True)
class _Head:
    """A place where a message may begin."""

    nick: str
    sent_at: datetime | None
    rest: str = ""
    #: Lines that it takes.
    lines: int = 1


def parse_text(text: str, file: str, told: list[str] | None = None) -> list[Entry]:
    r"""Return the entries of a pasted chat in order; every line with content is in one of them.

    Parameters
    ----------
    text : str
    file : str
    told : list of str or None
        Given a notice where lines that look like heads were read as text.

    Examples
    --------
    >>> entries = parse_text("小雨 2026-10-05 10:00:00\n有货吗\n", "chat.txt")
    >>> [entry.text for entry in entries]
    ['有货吗']
    """
    lines = text.split("\n")
    del text
    heads, doubted = _heads(lines)
    if doubted and told is not None:
        places = ", ".join(str(number + 1) for number in doubted[:10])
        told.append(
            f"{file}: {len(doubted)} lines look like the head of a message but don't fit in time, "
            f"so they are read as text (line {places})"
        )
    entries: list[Entry] = []
    current: Entry | None = None
    number = 0
    while number < len(lines):
        # What is used is let go of: these are hundreds of thousands.
        line, head = lines[number], heads.pop(number, None)
        taken = head.lines if head else 1
        stripped = _bare(line)
        place, number = number + 1, number + taken
        if not stripped:
            continue
        alone = None if head else _alone(line, stripped)
        if head or alone or current is None:
            raw = "\n".join(lines[place - 1 : place - 1 + taken])
            entry = Entry(file, place, raw, problem="" if head or alone else BEFORE_REASON)
            entries.append(entry)
            if head:
                lines[place - 1] = ""
                current = entry
                _fill(entry, head.nick, head.sent_at, head.rest)
            elif alone:
                entry.side, entry.problem = alone
                entry.text = stripped
        else:
            current.raw += f"\n{line}"
            current.text += f"\n{line.strip()}" if current.text else line.strip()
    for entry in entries:
        judge(entry)
    return list(_numbered(entries))


def _bare(line: str) -> str:
    text = line.strip()
    # Nearly every line is done by now: there are hundreds of thousands of them.
    if text and (text[0] in _MARKS_OF_ORDER or text[-1] in _MARKS_OF_ORDER):
        return text.strip(_MARKS_OF_ORDER).strip()
    return text


_MARKS_OF_ORDER: Final = "\ufeff\u200b"
_HALF_OF_DAY: Final = re.compile(_HALF)
_DIGITS: Final = re.compile(r"[0-9]+")
#: A day stands so many lines above its first clock at most.
_DAY_WITHIN: Final = 20


def _heads(lines: list[str]) -> tuple[dict[int, _Head], list[int]]:
    """Return the heads of messages by the index of their line, and what only looks like one.

    In a paste the order of talks need not be that of time: one whose buyer got no answer, or wrote
    last, lies anywhere between two others. So a second look takes a buyer at their word who is read
    elsewhere in the file.
    """
    candidates = _candidates(lines)
    seen = Counter(head.nick for head in candidates.values())
    shops = Counter(h.nick.split(":")[0] for h in candidates.values() if ":" in h.nick)
    sure = {
        place
        for place, head in candidates.items()
        if ":" in head.nick and max(seen[head.nick], shops[head.nick.split(":")[0]]) > 1
    }
    doubted = _doubted(lines, candidates, sure)
    if not doubted:
        return candidates, []
    # A nick that hardly ever fits, as of a parcel's trace, is none where it does by chance.
    misfits = Counter(candidates[place].nick for place in doubted)
    strange = {nick for nick, count in misfits.items() if count > _HARDLY * (seen[nick] - count)}
    strange = {nick for nick in strange if misfits[nick] >= _HARDLY}
    none = [p for p, head in candidates.items() if head.nick in strange and p not in sure]
    known = _of_known_buyers(lines, candidates, doubted)
    for place in none:
        del candidates[place]
    doubted = _doubted(lines, candidates, sure | known)
    for place in doubted:
        del candidates[place]
    return candidates, sorted([*none, *doubted])


def _doubted(lines: list[str], candidates: dict[int, _Head], sure: set[int]) -> list[int]:
    """Return the candidates that neither are sure nor fit in time."""
    places = list(candidates)
    # The next time that an agent's nick vouches for, or where none does, any candidate's.
    agents = [":" in candidates[place].nick for place in places]
    none_agents = not any(agents)
    following: list[datetime | None] = [None] * len(places)
    upcoming: datetime | None = None
    for index in range(len(places) - 1, -1, -1):
        following[index] = upcoming
        moment = candidates[places[index]].sent_at
        if moment is not None and (agents[index] or none_agents):
            upcoming = moment
    doubted: list[int] = []
    before: datetime | None = None
    buyer = ""
    for index, place in enumerate(places):
        head, after = candidates[place], following[index]
        begins = head.nick != buyer and place > 0 and not _bare(lines[place - 1])
        if (
            head.sent_at is None
            or place in sure
            or _fits(head.sent_at, before, after)
            or _beside(head.sent_at, before, after, begins=begins, goes_on=head.nick == buyer)
        ):
            before = head.sent_at or before
            buyer = buyer if ":" in head.nick else head.nick
        else:
            doubted.append(place)
    return doubted


def _of_known_buyers(
    lines: list[str], candidates: dict[int, _Head], doubted: list[int]
) -> set[int]:
    """Return those of the doubted whose nick is a buyer's for sure, elsewhere in the file.

    Of a buyer not many more heads are doubted than fit, and most have a text below, which the lines
    of a parcel's trace have not. What repeats a message that stands elsewhere is a quote of it.
    """
    unfit = set(doubted)
    fit: Counter[str] = Counter()
    worded: Counter[str] = Counter()
    told: set[tuple[str, datetime | None]] = set()
    for place, head in candidates.items():
        bodied = bool(head.rest) or (
            place + head.lines < len(lines)
            and place + head.lines not in candidates
            and bool(_bare(lines[place + head.lines]))
        )
        worded[head.nick] += 1 if bodied else -1
        fit[head.nick] += -1 if place in unfit else _HARDLY
        if place not in unfit:
            told.add((head.nick, head.sent_at))
    return {
        place
        for place in doubted
        if fit[(head := candidates[place]).nick] >= 0
        and worded[head.nick] > 0
        and (head.nick, head.sent_at) not in told
    }


def _fits(moment: datetime, before: datetime | None, after: datetime | None) -> bool:
    """Tell whether a time lies between its neighbours, or begins an earlier talk with the next."""
    if before is None or moment >= before - _SLACK:
        return after is None or moment <= after + _SLACK or (before is not None and after < before)
    return after is not None and moment <= after + _SLACK and after < before


def _beside(
    moment: datetime,
    before: datetime | None,
    after: datetime | None,
    *,
    begins: bool,
    goes_on: bool,
) -> bool:
    """Tell whether a time is one of two talks that were held at once.

    Of two such talks, pasted one below the other, the second begins below an empty line before the
    first has ended, and the first's buyer writes later than the next agent.
    """
    if before is None:
        return False
    late = goes_on and moment >= before
    early = begins and (after is None or moment <= after + _SLACK)
    return (late or early) and abs(moment - before) <= _BESIDE


def _candidates(lines: list[str]) -> dict[int, _Head]:
    """Return every place that has the form of a head."""
    found: dict[int, _Head] = {}
    day = ""
    number = 0
    while number < len(lines):
        line = lines[number]
        stripped = _bare(line)
        timed = ":" in stripped or "\uff1a" in stripped
        head = read_head(stripped) if timed and "\0" not in line else None
        if head:
            # One string for all lines of a writer.
            found[number] = _Head(sys.intern(head[0]), read_time(head[1]), head[2])
        elif (divider := _DAY_LINE.match(_plain(stripped))) and _next_is_clock(lines, number):
            # It tells the day of what is below, and is no text of what is above.
            day, lines[number] = divider["date"], ""
        elif below := _time_below(lines, number, stripped):
            found[number] = below
        elif day and (clock := _CLOCK_HEAD.match(stripped)) and _may_be_nick(clock["nick"]):
            moment = read_time(f"{day} {clock['clock']}")
            found[number] = _Head(clock["nick"].strip(), moment, clock["rest"] or "")
        number += found[number].lines if number in found else 1
    return found


def _next_is_clock(lines: list[str], number: int) -> bool:
    # A slice of all that follows would take minutes in a file of nothing but days.
    below = lines[number + 1 : number + 1 + _DAY_WITHIN]
    after = next((bare for line in below if (bare := _bare(line))), "")
    match = _CLOCK_HEAD.match(after)
    return bool(match and _may_be_nick(match["nick"]))


def _time_below(lines: list[str], number: int, nick: str) -> _Head | None:
    """Return the head whose nick stands on this line and whose time on the next."""
    if number + 1 >= len(lines) or not lines[number + 1].lstrip()[:1].isdigit():
        return None
    if not nick or not _may_be_nick(nick) or simplify(nick) in _MARKS:
        return None
    match = _TIME_LINE.match(_plain(_bare(lines[number + 1])))
    if not match or "\0" in lines[number] + lines[number + 1]:
        return None
    moment = read_time(f"{match['date']} {match['clock']}")
    return _Head(nick.replace("\uff1a", ":"), moment, lines=2)


def _may_be_nick(text: str) -> bool:
    text = text.strip()
    return 0 < len(text) <= 60 and not _LABEL.search(text) and not _SENTENCE.search(text)


def read_head(line: str) -> tuple[str, str, str] | None:
    """Return nick, time text and the text on the same line; None where the line is no head.

    Examples
    --------
    >>> read_head("小雨 2026-10-05 10:00:00")
    ('小雨', '2026-10-05 10:00:00', '')
    >>> read_head("小雨１ ２０２６－１０－０５ １０：００：００")
    ('小雨１', '2026-10-05 10：00：00', '')
    """
    # A character stands for a character, so nick and text are cut from the line as it is written.
    plain = _plain(line)
    # Each form is known by a sign that is quicker to look for, and nearly no line bears two.
    match = _BRACKETED.match(plain) if plain[:1] in ("[", "【") else None
    if match and (head := _told(match, line[slice(*match.span("nick"))], "")):
        return head
    match = _IN_BRACKETS.match(plain) if "(" in plain or "\uff08" in plain else None
    if match:
        rest = "" if match["rest"] is None else line[slice(*match.span("rest"))]
        if head := _told(match, line[slice(*match.span("nick"))], rest):
            return head
    # The nick is what stands before the time: to find that first is quicker.
    if (plain[-1:].isdigit() or plain[-2:] in ("AM", "PM")) and (match := _AT_END.search(plain, 1)):
        nick = line[: match.start()].rstrip()
        return _told(match, nick, "") if 0 < len(nick) <= _LONGEST_NICK else None
    return None


def _told(match: re.Match[str], nick: str, rest: str) -> tuple[str, str, str] | None:
    if _LABEL.search(nick):
        return None
    return nick.strip(), f"{match['date']} {match['clock']}", rest.strip()


def _plain(line: str) -> str:
    return line.translate(_WIDE) if _WIDE_DIGIT.search(line) else line


def read_time(text: str) -> datetime | None:
    """Return the time that digits in ``2024-1-5 9:03:07`` or with slashes or dots name.

    Examples
    --------
    >>> read_time("2026-1-5 9:03:07"), read_time("2026/1/5 下午 3:20")
    (datetime.datetime(2026, 1, 5, 9, 3, 7), datetime.datetime(2026, 1, 5, 15, 20))
    """
    parts = [int(part) for part in _DIGITS.findall(text)[:6]]
    half = _HALF_OF_DAY.search(text)
    if half and len(parts) > 3:
        hour = hour_of_day(parts[3], half[0])
        parts = [] if hour is None else [*parts[:3], hour, *parts[4:]]
    try:
        return datetime(*parts) if len(parts) >= 5 else None  # type: ignore[arg-type]
    except ValueError:
        return None


def judge(entry: Entry) -> None:
    """Set the problem of a message that says nothing or could not be shown.

    Examples
    --------
    >>> entry = Entry("chat.txt", 1, "", nick="小雨")
    >>> judge(entry)
    >>> entry.problem
    'the message has no text: a picture or card that the copy does not carry'
    """
    if entry.problem or entry.side == "system":
        return
    if not entry.text.strip():
        entry.problem = EMPTY_REASON
    elif ("查看" in entry.text or "示" in entry.text) and all(
        _PLACEHOLDER.match(simplify(line)) for line in entry.text.split("\n")
    ):
        entry.problem = PLACEHOLDER_REASON


def is_system(text: str) -> bool:
    """Tell whether a text is a line of the client: a recall, a transfer, an origin.

    Examples
    --------
    >>> is_system("对方撤回了一条消息"), is_system("有货吗")
    (True, False)
    """
    # One of these stands in each form: to look for them is quicker, line by line.
    return bool(_SIGN.search(text)) and bool(_SYSTEM.match(simplify(text)))


def _alone(line: str, stripped: str) -> tuple[str, str] | None:
    """Return side and problem of a line that belongs to no message; None for a body line."""
    if "\0" in line:
        return "", NUL_REASON
    if len(stripped) <= _LONGEST_MARK and simplify(stripped) in _MARKS:
        return "", MARK_REASON
    return ("system", "") if is_system(stripped) else None


def _fill(entry: Entry, nick: str, sent_at: datetime | None, rest: str) -> None:
    nick, receiver = nick.replace("\uff1a", ":"), [""]
    if ">" in nick:
        nick, *receiver = [*_RECEIVER.split(nick, maxsplit=1), ""]
    entry.nick, entry.receiver = sys.intern(nick.strip()), sys.intern(receiver[0].strip())
    entry.text = rest
    entry.sent_at = sent_at
    if entry.sent_at is None:
        entry.problem = TIME_REASON


def _numbered(entries: list[Entry]) -> Iterator[Entry]:
    """Yield the entries with the number of their talk: one ends where time runs backward."""
    latest: datetime | None = None
    talk = 0
    for entry in entries:
        if entry.sent_at is not None:
            if latest is not None and (latest - entry.sent_at).total_seconds() > 60:
                talk += 1
            latest = entry.sent_at
        entry.talk = talk
        yield entry
