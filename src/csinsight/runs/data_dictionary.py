"""The data dictionary of a run: what each of its tables and columns is, beside the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from csinsight.behaviours.own import Own
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


def write_data_dictionary(run: Path, lang: Lang, own: Own | None = None) -> Path:
    """Write the dictionary of the tables that a run holds, in the language of its report.

    Parameters
    ----------
    run : Path
        ``runs/SHOP/MONTH``.
    lang : {"zh", "en"}
    own : Own, optional
        The shop's own behaviours.

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
    behaviours = own.behaviours if own else {}
    called = {name: getattr(known.names, lang) for name, known in behaviours.items()}

    def label(family: str, member: str) -> str:
        return called.get(member) or label_in(lang, family, member)

    there = {path.stem for path in (run / "artifacts").glob("*.parquet")}
    tables = [table.with_own(called) for name, table in artifacts().items() if name in there]
    write_text(run / FILE, data_dictionary(lang, tables, label))
    return run / FILE
