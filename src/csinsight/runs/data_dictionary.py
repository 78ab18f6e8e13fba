"""The data dictionary of a run: what each of its tables and columns is, beside the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from csinsight.contract.dictionary import artifacts, data_dictionary
from csinsight.contract.write import write_text
from csinsight.params import Lang
from csinsight.render.words import Words

FILE: Final = "data-dictionary.md"


def label_in(lang: Lang, family: str, member: str) -> str:
    """Return what a type or a behaviour is called.

    Examples
    --------
    >>> label_in("en", "marker", "greets"), label_in("zh", "type", "simple")
    ('Greeting at the start', '简单型')
    """
    return Words(lang).word(f"{'type' if family == 'type' else 'behaviour'}.{member}")


def write_data_dictionary(run: Path, lang: Lang) -> Path:
    """Write the dictionary of the tables that a run holds, in the language of its report.

    Parameters
    ----------
    run : Path
        ``runs/SHOP/MONTH``.
    lang : {"zh", "en"}

    Returns
    -------
    Path
        Where it lies.

    Examples
    --------
    >>> import tempfile
    >>> run = Path(tempfile.mkdtemp())
    >>> (run / "artifacts").mkdir()
    >>> (run / "artifacts" / "value_tiers.parquet").touch()
    >>> [line for line in write_data_dictionary(run, "zh").read_text("utf-8").splitlines()
    ...     if line.startswith("#")]
    ['# 数据字典', '## value_tiers']
    """
    there = {path.stem for path in (run / "artifacts").glob("*.parquet")}
    names = [name for name in artifacts() if name in there]
    text = data_dictionary(lang, names, lambda family, member: label_in(lang, family, member))
    write_text(run / FILE, text)
    return run / FILE
