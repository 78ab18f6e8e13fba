"""Text whose letters were lost before it was saved: it is UTF-8, and still says nothing."""

from __future__ import annotations

import re
from typing import Final

#: So much of a text is looked at, in characters.
SAMPLE: Final = 200_000
_CHINESE: Final = r"[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]+"
_UTF7: Final = re.compile(r"\+[A-Za-z0-9/]{3,}-?")


def misread(text: str) -> str:
    r"""Return how a text was decoded wrongly before it was saved, with the mend; "" if it was not.

    Parameters
    ----------
    text : str
        Its first `SAMPLE` characters are looked at.

    Examples
    --------
    >>> misread("æˆ‘è¦ é€€æ¬¾ è°¢è°¢ ä½\xa0å¥½ å¥½çš„")[:47]
    'its letters were read in the wrong encoding and'
    >>> misread("您好,在吗"), misread("déjà vu, café, naïve")
    ('', '')
    """
    sample = text[:SAMPLE]
    foreign = [character for character in sample if not character.isascii()]
    if len(foreign) > 4 and sample.count("\ufffd") > 0.2 * len(foreign):
        return (
            "is full of replacement marks (\ufffd): its letters were lost before it was "
            "saved; export it again"
        )
    if foreign and _twice_encoded(sample):
        return (
            "its letters were read in the wrong encoding and saved so (such as "
            f"{''.join(foreign[:8])!r}); export it again as UTF-8"
        )
    if not foreign:
        runs = _UTF7.findall(sample)
        read = [run.encode().decode("utf-7", errors="ignore") for run in runs[:200]]
        if sum(bool(re.fullmatch(_CHINESE, text)) for text in read) > 2:
            return "looks like UTF-7; save it again as UTF-8"
    return ""


def _twice_encoded(sample: str) -> bool:
    """Tell whether the letters are UTF-8 that was read as cp1252 or Latin-1."""
    words = [word for word in re.split(r"[\x00-\x7f]+", sample) if word][:2000]
    wrong = 0
    for word in words:
        for encoding in ("cp1252", "latin-1"):
            try:
                wrong += len(word.encode(encoding).decode("utf-8")) < len(word)
                break
            except (UnicodeEncodeError, UnicodeDecodeError):
                continue
    return len(words) > 2 and wrong > 0.5 * len(words)
