"""Text files: bytes to text, by what their encoding turns out to be; and what is no text."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from pathlib import Path
from typing import Final

from csinsight.contract.misread import misread
from csinsight.errors import ImporterError

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: What a file is whose first bytes are these, whatever its name says.
_OTHER_FORMATS: Final = {
    b"PK\x03\x04": "an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip archive",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"%PDF": "a PDF document",
}
#: So many characters beyond ASCII before the first fault don't happen to be UTF-8 by chance.
_SURELY_UTF8: Final = 8


def read_bytes(path: Path, most: int = -1) -> bytes:
    """Return the bytes of `path`; `ImporterError` where it can't be read or is empty.

    Parameters
    ----------
    path : Path
    most : int
        So many bytes at most; all where it is below zero.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.txt"
    ...     _ = file.write_text("好", encoding="utf-8")
    ...     data = read_bytes(file)
    >>> len(data)
    3
    """
    try:
        with path.open("rb") as file:
            data = file.read(most)
    except OSError as error:
        raise ImporterError(f"{path}: can't be read ({error.strerror})") from error
    if not data or (most < 0 and not data.strip()):
        raise ImporterError(f"{path.name}: is empty; export it again")
    return data


def decode(data: bytes, name: str) -> str:
    """Return `data` as text: by its byte order mark, else strict UTF-8, else GB18030.

    Raises
    ------
    ImporterError
        Naming the byte where neither encoding goes on.

    Examples
    --------
    >>> decode("好".encode("gb18030"), "a.txt")
    '好'
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decode_as(data[len(mark) :], encoding, name, len(mark))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        if sum(not character.isascii() for character in before) >= _SURELY_UTF8:
            raise ImporterError(_fault(name, data, error.start, "UTF-8")) from error
    if not looks_chinese(data):
        raise ImporterError(
            f"{name}: is not UTF-8, and what GB18030 makes of it is no Chinese: it is probably in "
            "a Western encoding (Latin-1, cp1252) or in Big5; save it again as UTF-8"
        )
    return _decode_as(data, "gb18030", name, 0)


def _decode_as(data: bytes, encoding: str, name: str, offset: int) -> str:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        tried = "UTF-8 nor GB18030" if encoding == "gb18030" else encoding.upper()
        raise ImporterError(_fault(name, data, start, tried, offset)) from error


def _fault(name: str, data: bytes, start: int, tried: str, offset: int = 0) -> str:
    line = data.count(b"\n", 0, start) + 1
    neither = "neither " if " nor " in tried else "not "
    return (
        f"{name}, line {line}: byte {start + offset} is {neither}{tried}; "
        "save the file again as UTF-8, or export it again"
    )


def read_text(path: Path, encoding: str | None = None) -> str:
    r"""Return the text of `path` with every line end as a newline.

    Parameters
    ----------
    path : Path
    encoding : str or None
        Told by a mapping; None to find out as `decode` does.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.txt"
    ...     _ = file.write_text("a\nb", encoding="utf-8")
    ...     text = read_text(file)
    >>> text.splitlines()
    ['a', 'b']
    """
    data = read_bytes(path)
    if named := format_of(data):
        raise ImporterError(_no_text(path.name, data, named))
    text = decode(data, path.name) if encoding is None else _told(data, encoding, path.name)
    if wrong := misread(text):
        raise ImporterError(f"{path.name}: {wrong}")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def format_of(head: bytes) -> str:
    r"""Return what a file is by its first bytes, in words; empty for text.

    Examples
    --------
    >>> format_of(b"PK\x03\x04 ..."), format_of(b"order_id,paid_amount")
    ('an Excel workbook', '')
    """
    return next((name for magic, name in _OTHER_FORMATS.items() if head.startswith(magic)), "")


def is_workbook(data: bytes) -> bool:
    r"""Tell by its bytes whether a file is a workbook: platforms name text and web pages ``.xls``.

    Examples
    --------
    >>> is_workbook("订单编号\t金额".encode("utf-16"))
    False
    """
    if "Excel" not in format_of(data):
        return False
    inside = _inside(data)
    return not inside or any(name.startswith("xl/") for name in inside)


def _inside(data: bytes) -> list[str]:
    """Return what an archive holds; nothing where it is none, or a damaged one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError):
        return []


def _no_text(name: str, data: bytes, named: str) -> str:
    inside = _inside(data)
    if is_workbook(data):
        return f"{name}: is {named}, and this format is text; save the sheet as CSV UTF-8"
    if inside:
        some = ", ".join(inside[:3]) + (" …" if len(inside) > 3 else "")
        return f"{name}: is an archive ({some}); unpack it and give the files that are in it"
    mend = "unpack it and give what is in it" if "archive" in named else "export it as CSV"
    return f"{name}: is {named}, not text; {mend}"


def _told(data: bytes, encoding: str, name: str) -> str:
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise ImporterError(f"encoding {encoding!r} is unknown; use utf-8 or gb18030") from error
    return _decode_as(data, encoding, name, 0)


def looks_chinese(data: bytes) -> bool:
    """Tell whether GB18030 turns the bytes into mostly common Chinese characters and marks.

    UTF-8 with a broken byte would pass that too: it is mostly right as UTF-8.

    Examples
    --------
    >>> looks_chinese("您好，在的".encode("gb18030")), looks_chinese("Größe".encode("latin-1"))
    (True, False)
    """
    sample = data[: 1 << 20]
    as_utf8 = re.sub(r"[\x00-\x7f]", "", sample.decode("utf-8", errors="replace"))
    if as_utf8.count("\ufffd") <= 0.5 * len(as_utf8):
        return False
    text = sample.decode("gb18030", errors="replace")
    foreign = re.sub(r"[\x00-\x7f]", "", text)
    common = re.findall(r"[\u4e00-\u9fa5\u3000-\u303f\uff00-\uffef\u2010-\u2030\u00b7]", foreign)
    # A Western letter within a word makes a character with the one behind it: one, alone.
    within = re.findall(r"[A-Za-z][^\x00-\x7f](?![^\x00-\x7f])", text)
    if len(within) > 0.5 * len(re.findall(r"[^\x00-\x7f]+", text)):
        return False
    return bool(foreign) and len(common) >= 0.8 * len(foreign)
