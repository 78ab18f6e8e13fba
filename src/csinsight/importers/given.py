"""The files of one import: each once, what archives hold, and names that tell them apart."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from csinsight.contract.textfile import is_archive
from csinsight.errors import ImporterError

#: No export packs so well, and none has so many parts; an archive beyond is made to fill a disk.
_LARGE: Final = 100 << 20
_PACKED: Final = 100
_MOST_PARTS: Final = 10_000
_CHUNK: Final = 1 << 20
#: What systems put beside the files.
_NO_EXPORTS: Final = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


class NamedFile(type(Path())):  # type: ignore[misc]  # the class is the system's own
    """A file that goes by more than its name, where another one of the import has the same."""

    label: str

    @property
    def name(self) -> str:
        """What messages and records call it."""
        return getattr(self, "label", "") or str(super().name)


def _labelled(path: Path, label: str) -> Path:
    file: Path = NamedFile(path)
    file.label = label  # type: ignore[attr-defined]
    return file


def told_apart(files: Sequence[str | Path], room: Path) -> tuple[list[Path], list[str]]:
    """Return each file once, those of one name under as much of their folders as tells them apart.

    Everything that is said of a row says of which file it is: two months of one name in two
    folders would pass for one file, and like lines of one order in both for two lines.

    Parameters
    ----------
    files : sequence of path
        As they were given; an archive stands for the files in it.
    room : Path
        A folder that archives are unpacked into.

    Raises
    ------
    ImporterError
        Where an archive is locked, damaged, or grows beyond what an export could.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     for month in ("2026-09", "2026-10"):
    ...         file = Path(name) / month / "orders.csv"
    ...         _ = file.parent.mkdir(), file.write_text("id", encoding="utf-8")
    ...     files, _ = told_apart(sorted(Path(name).glob("*/*")), Path(name))
    >>> [file.name for file in files]
    ['2026-09/orders.csv', '2026-10/orders.csv']
    """
    given = [Path(path) for path in files]
    paths = list({path.resolve(): path for path in reversed(given)}.values())[::-1]
    twice = [f"{len(given) - len(paths)} files were given twice"] if len(given) > len(paths) else []
    named: list[Path] = []
    of_name: dict[str, list[Path]] = {}
    for path in paths:
        of_name.setdefault(path.name, []).append(path)
    for path in paths:
        whole = path.resolve().parts
        rivals = [p.resolve().parts for p in of_name[path.name] if p is not path]
        long = 1
        while any(other[-long:] == whole[-long:] for other in rivals):
            long += 1
        one = path if long == 1 else _labelled(path, "/".join(whole[-long:]))
        named += _unpacked(one, room) if is_archive(path) else [one]
    return named, twice


def _unpacked(archive: Path, room: Path) -> list[Path]:
    """Return the files of an archive, each by the names of both."""
    found: list[Path] = []
    left = max(_LARGE, _PACKED * archive.stat().st_size)
    try:
        with zipfile.ZipFile(archive) as packed:
            parts = [part for part in packed.infolist() if _may_be_export(part)]
            if not 0 < len(parts) <= _MOST_PARTS:
                raise ImporterError(
                    f"{archive.name}: holds {len(parts):,} files; unpack it, and give the exports"
                )
            for part in parts:
                name = _name(part)
                if part.flag_bits & 1:
                    raise ImporterError(
                        f"{archive.name}: is locked by a password; unpack it with that, and give "
                        f"the files that are in it ({name})"
                    )
                suffix = Path(name).suffix
                file = room / f"{len(list(room.iterdir()))}{suffix}"
                left -= _copied(packed, part, file, left)
                if left < 0:
                    raise ImporterError(
                        f"{archive.name}: grows to more than {_PACKED} times its size, as no "
                        "export does; it is damaged or made to fill a disk: export it again"
                    )
                found.append(_labelled(file, f"{archive.name}/{name}"))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise ImporterError(f"{archive.name}: can't be unpacked; export it again") from error
    return found


def _copied(packed: zipfile.ZipFile, part: zipfile.ZipInfo, file: Path, most: int) -> int:
    """Unpack a part, up to one piece more than `most` bytes, and return how many."""
    size = 0
    with packed.open(part) as source, file.open("wb") as target:
        while size <= most and (chunk := source.read(_CHUNK)):
            size += target.write(chunk)
    return size


def _may_be_export(part: zipfile.ZipInfo) -> bool:
    name = part.filename
    return not part.is_dir() and not (name.startswith(_NO_EXPORTS) or name.endswith(_NO_EXPORTS))


def _name(part: zipfile.ZipInfo) -> str:
    """Return a part's name; those of Chinese Windows do not say that they are in GBK."""
    if part.flag_bits & 0x800:
        return part.filename
    try:
        return part.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return part.filename
