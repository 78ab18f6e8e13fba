"""What an e-mail quotes of those it answers: other people's words, which its writer did not say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import polars as pl

#: ``On Mon, Oct 5, 2026 at 3:04 PM, Ann <ann@shop.example> wrote:`` as mail programs put it.
_INTRODUCES: Final = re.compile(
    r"^(?:(?:On|Le|El|Am|Il|Em|Op|Den|W dniu|Dnia)\b.{4,250}?"
    r"\b(?:wrote|écrit|escribió|schrieb\b.{0,80}|ha scritto|escreveu|schreef\b.{0,80}|skrev"
    r"\b.{0,80}|napisał(?:\(a\)|a)?)|[于在].{4,120}写道)\s*[:\uff1a]\s*$",
    re.IGNORECASE,
)
_BEGINS: Final = re.compile(r"^(?:On|Le|El|Am|Il|Em|Op|Den|W dniu|Dnia)\b", re.IGNORECASE)
#: From such a line on all is quoted.
_RULE: Final = re.compile(
    r"^(?:-{2,}\s*(?:Original Message|Forwarded message|Ursprüngliche Nachricht|Message d'origine"
    r"|Mensaje original|Messaggio originale|原始邮件|Original)\s*-{2,}"
    r"|##-.{0,80}-##)\s*$",
    re.IGNORECASE,
)
#: The heads of the mail below, as Outlook repeats them.
_FROM: Final = re.compile(r"^\*?(?:From|Von|De|Da|Van|发件人)\s*[:\uff1a]\*?\s*\S", re.IGNORECASE)
_SENT: Final = re.compile(
    r"^\*?(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado|Fecha|Inviato|Verzonden|发送时间|日期)"
    r"\s*[:\uff1a]\*?\s*\S",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"^\s*>+(?:\s|$)")


def without_quotes(text: str) -> str:
    r"""Return what its writer says in an e-mail; the whole where nothing else is in it.

    Parameters
    ----------
    text : str
        Answers between quoted lines stay.

    Examples
    --------
    >>> without_quotes("Yes, in two weeks.\n\nOn Oct 5, 2026, Ann <a@b.example> wrote:\n> When?")
    'Yes, in two weeks.'
    >>> without_quotes("> 100 each")
    '> 100 each'
    """
    if "\n" not in text:
        return text
    lines = text.split("\n")
    kept: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        spans = _introduction(lines, number)
        below = [one for one in lines[number + max(spans, 1) :] if one.strip()]
        dated = any(sign.isdigit() for sign in line)
        if spans and dated and below and not _QUOTED.match(below[0]):
            break
        if _RULE.match(line) or _repeats_heads(lines, number):
            break
        quotes = spans and (not below or _QUOTED.match(below[0]))
        if not quotes and not _QUOTED.match(line):
            kept += lines[number : number + max(spans, 1)]
        number += max(spans, 1)
    return "\n".join(kept).strip() or text


def _introduction(lines: Sequence[str], number: int) -> int:
    """Return how many lines introduce a quote here: one, two where it was broken, or none."""
    line = lines[number].strip()
    if _INTRODUCES.match(line):
        return 1
    if number + 1 < len(lines) and _BEGINS.match(line):
        both = f"{line} {lines[number + 1].strip()}"
        return 2 if _INTRODUCES.match(both) else 0
    return 0


def _repeats_heads(lines: Sequence[str], number: int) -> bool:
    near = lines[number + 1 : number + 4]
    return bool(_FROM.match(lines[number])) and any(_SENT.match(line) for line in near)


def answers_alone(frame: pl.DataFrame, text: str) -> tuple[pl.DataFrame, list[str]]:
    r"""Return `frame` with its column `text` without quotes, and a notice where there were any.

    Examples
    --------
    >>> mails = pl.DataFrame({"text": ["Yes.\n> Is it in stock?", "Hi"]})
    >>> alone, told = answers_alone(mails, "text")
    >>> alone["text"].to_list(), len(told)
    (['Yes.', 'Hi'], 1)
    """
    said = frame[text].map_elements(without_quotes, return_dtype=pl.String)
    quoting = int((said != frame[text]).sum())
    return frame.with_columns(said.alias(text)), quotes_told(quoting)


def quotes_told(quoting: int) -> list[str]:
    """Return the notice on so many messages that quoted others; none where none did.

    Examples
    --------
    >>> quotes_told(0)
    []
    """
    told = f"{quoting} messages quote what they answer: the quotes, said by others, are left out"
    return [told] if quoting else []
