"""What a run does besides notebooks and pages: plans, disputes, dictionary, files to take along."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from csinsight.behaviours.lexicon_form import Own
from csinsight.coaching import follow_up
from csinsight.contract import rollouts as lots
from csinsight.contract.artifacts import CoachingPlan
from csinsight.contract.dictionary import artifact, artifacts, data_dictionary
from csinsight.contract.disputes import disputes_path
from csinsight.contract.files import sha256, sha256_of, write_atomically, write_text
from csinsight.contract.labels import FILE
from csinsight.params import Lang
from csinsight.render.words import Words
from csinsight.runs.state import Places

NOTEBOOK: Final = "05_coaching"
DICTIONARY: Final = "data-dictionary.md"


def plans_of(run: Path) -> Path:
    """Return the store of a shop's plans, from the folder of one of its runs.

    Examples
    --------
    >>> plans_of(Path("runs/myshop/2026-10")).as_posix()
    'runs/myshop/plans'
    """
    return run.parent / follow_up.FOLDER


def also_read(notebook: str, data: Path, places: Places) -> str:
    """Return a hash over what a notebook reads of people's own besides tables and parameters.

    Examples
    --------
    >>> also_read("01_buyer_types", Path("data"), Places(Path("out"), "myshop", "2026-10"))
    ''
    """
    labels = data / FILE
    read = sha256(labels) if labels.is_file() else ""
    if notebook != NOTEBOOK:
        return read if notebook in ("00_data_check", "03_agent_kpis") else ""
    disputes, rollouts = disputes_path(data), data / lots.FILE
    earlier = follow_up.fingerprint(plans_of(places.run), places.month)
    told = sha256(rollouts) if rollouts.is_file() else ""
    return sha256_of(sha256(disputes) if disputes else "", told, earlier, read)


def keep_plan(places: Places) -> None:
    """Add the run's plan to the shop's store, for later months to follow up.

    Examples
    --------
    A run without a plan keeps none.

    >>> keep_plan(Places(Path("nowhere"), "myshop", "2026-10"))
    """
    path = places.run / "artifacts" / f"{CoachingPlan.NAME}.parquet"
    if path.is_file():
        follow_up.keep_plan(
            plans_of(places.run), places.month, artifact(CoachingPlan.NAME).read(path)
        )


def stage_exports(places: Places) -> list[str]:
    """Copy the run's files to take along beside the pages, and return their names.

    Examples
    --------
    >>> stage_exports(Places(Path("nowhere"), "myshop", "2026-10"))
    []
    """
    found = sorted((places.run / "exports").glob("*.*"))
    for path in found:
        with write_atomically(places.staging / path.name) as draft:
            shutil.copyfile(path, draft)
    return [path.name for path in found]


def label_in(lang: Lang, family: str, member: str) -> str:
    """Return what a type or a behaviour is called; a number is called as it is.

    Examples
    --------
    >>> label_in("en", "marker", "greets"), label_in("zh", "type", "simple")
    ('Greeting at the start', '简单型')
    """
    if family == "number":
        return member
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
    write_text(run / DICTIONARY, data_dictionary(lang, tables, label))
    return run / DICTIONARY
