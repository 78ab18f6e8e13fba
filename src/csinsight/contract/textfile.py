"""Text files: bytes to text, by what their encoding turns out to be; and what is no text."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from pathlib import Path
from typing import Final

from csinsight.errors import ImporterError

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


_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    # The mark of UTF-32 begins as that of UTF-16 does.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
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
    b"MIME-Version:": "a web page kept as an archive (MHTML)",
}
#: What an archive is of which a part's name begins so.
_DOCUMENTS: Final = {"Index/": "an Apple Numbers document", "word/": "a Word document"}
_ODS: Final = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"
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
    """Return `data` as text: by its byte order mark, else strict UTF-8, else GB18030 or Big5.

    UTF-16 without its mark shows by the zeros beside digits and line ends.

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
    if wide := _unmarked_utf16(data):
        return _decode_as(data, wide, name, 0)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        if sum(not character.isascii() for character in before) >= _SURELY_UTF8:
            raise ImporterError(_fault(name, data, error.start, "UTF-8")) from error
    double = _double_bytes(data)
    if double == "cp950":
        return _decode_as(data, double, name, 0)
    if double or not looks_chinese(data):
        likely = double or "a Western encoding (Latin-1, cp1252)"
        raise ImporterError(
            f"{name}: is not UTF-8, and what GB18030 makes of it is no Chinese: it is probably in "
            f"{likely}; save it again as UTF-8{_TOLD_BY}"
        )
    return _decode_as(data, "gb18030", name, 0)


#: Formats of orders and mappings take it from the user.
_TOLD_BY: Final = (
    ", or say its encoding (`encoding: cp1252`) in a YAML file given as the mapping, where the "
    "format takes one"
)
#: A letter of two bytes seldom has a Latin one for its second, a Western letter mostly has one
#: behind it.
_MOSTLY_LATIN: Final = 0.4
#: So many letters of two bytes show by their first bytes in which encoding they are.
_ENOUGH: Final = 20


def _unmarked_utf16(data: bytes) -> str:
    """Return which UTF-16 a file without its mark is in; empty for none."""
    sample = data[: 1 << 16]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    # Letters such as 一 have a zero on the other side.
    few = max(even, odd) < 0.05 * len(sample) / 2 or min(even, odd) > 0.1 * max(even, odd)
    if len(data) % 2 or few:
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _double_bytes(data: bytes) -> str:
    """Return what another encoding of two bytes than GB18030 a file is in, in words; or cp950.

    Bytes of Big5, Shift-JIS and Korean files are letters of GB18030 too, but no Chinese: they show
    by where their first bytes lie.
    """
    pairs = re.findall(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]", data[: 1 << 18])
    if not pairs:
        return ""
    leads = [pair[0] for pair in pairs]
    # Marks, and the common characters of GB2312 and of Big5.
    marks = sum(0xA1 <= lead <= 0xA3 for lead in leads)
    common = sum(0xB0 <= pair[0] <= 0xD7 and pair[1] >= 0xA1 for pair in pairs) + marks
    big5 = sum(0xA4 <= lead <= 0xC6 for lead in leads) + marks
    if common < 0.7 * len(pairs) and big5 > 0.9 * len(pairs) and _decodes(data, "cp950"):
        return "cp950"
    kana = re.findall(r"[\u3041-\u30fe]", data[: 1 << 18].decode("cp932", errors="ignore"))
    if len(kana) > 0.2 * len(pairs) and common < 0.7 * len(pairs) and _decodes(data, "cp932"):
        return "Shift-JIS (`shift_jis`)"
    hangul = sum(0xB0 <= lead <= 0xC8 for lead in leads)
    if len(pairs) >= _ENOUGH and hangul + marks == len(pairs) and hangul > 0.9 * len(pairs):
        return "Korean (`cp949`)"
    return ""


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


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
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    # Files that were put together one behind the other have their marks within.
    return text.replace("\n\ufeff", "\n")


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
    return not inside or is_ods(data) or any(name.startswith("xl/") for name in inside)


def is_ods(data: bytes) -> bool:
    """Tell whether a file is a workbook as LibreOffice saves it.

    Examples
    --------
    >>> is_ods(b"order_id,paid_amount")
    False
    """
    return _ODS in data[:200]


def is_archive(path: Path) -> bool:
    r"""Tell whether a file is an archive of files, and none of the kinds that are packed like one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "orders.zip"
    ...     with zipfile.ZipFile(file, "w") as packed:
    ...         packed.writestr("orders.csv", "order_id\n")
    ...     archive = is_archive(file)
    >>> archive
    True
    """
    if not path.is_file() or not path.stat().st_size or read_bytes(path, 4) != b"PK\x03\x04":
        return False
    data = read_bytes(path)
    inside = _inside(data)
    document = any(part.startswith(tuple(_DOCUMENTS)) for part in inside)
    return bool(inside) and not document and not is_workbook(data)


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
    for begins, what in _DOCUMENTS.items():
        if any(part.startswith(begins) for part in inside):
            return f"{name}: is {what}, not a table; export it as CSV"
    if inside:
        some = ", ".join(inside[:3]) + (" …" if len(inside) > 3 else "")
        return f"{name}: is an archive ({some}); unpack it and give the files that are in it"
    packed = named.endswith(" archive")
    mend = "unpack it and give what is in it" if packed else "export it as CSV"
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
    pairs = re.findall(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]", sample)
    latin = sum(pair[1:].isalpha() for pair in pairs)
    if len(within) > 0.5 * len(re.findall(r"[^\x00-\x7f]+", text)) or latin > _MOSTLY_LATIN * len(
        pairs
    ):
        return False
    return bool(foreign) and len(common) >= 0.8 * len(foreign)
