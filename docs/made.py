"""Pages that are read off the project, so that they can't say anything else than it does."""

from __future__ import annotations

import re
import shutil
from functools import partial
from importlib.metadata import metadata, version
from pathlib import Path

import nbformat
from packaging.requirements import Requirement

from csinsight.contract.dictionary import artifacts, data_dictionary
from csinsight.contract.schema import TABLES
from csinsight.params import NOTEBOOKS, shipped
from csinsight.runs.month import label_in

_ROW = "| {name} | {kind} | {needed} | {meaning} |"
LOCK = Path(__file__).resolve().parents[1] / "requirements" / "run.lock"


def write_pages(folder: Path) -> None:
    """Write into `folder` a page for each notebook, one for a shop's tables, one for a run's."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in NOTEBOOKS:
        (folder / f"{name}.md").write_text(_notebook(name), encoding="utf-8")
    (folder / "tables.md").write_text(_tables(), encoding="utf-8")
    told = data_dictionary("en", artifacts().values(), partial(label_in, "en"))
    (folder / "artifacts.md").write_text(told, encoding="utf-8")
    (folder / "licences.md").write_text(licences(LOCK), encoding="utf-8")


def _notebook(name: str) -> str:
    notebook = nbformat.read(shipped("notebooks", f"{name}.ipynb"), as_version=4)
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    title, _, lead = prose[0].partition("\n")
    parts = [title, "", lead.strip(), "", f"![The page of the demo shop](../images/{name}.png)", ""]
    parts += ["The page's own words on its figures:" if name != "07_monthly_brief" else "", ""]
    parts += [f"{text}\n" for text in prose[1:]]
    told = ", ".join(f"`{parameter}`" for parameter in NOTEBOOKS[name])
    parts += ["## Parameters", f"{told}; see [parameters](../reference/parameters.md)."]
    return _without_empty_headings("\n".join(parts)) + "\n"


def _without_empty_headings(text: str) -> str:
    """Leave out headings that only a figure stood under."""
    pieces = re.split(r"(?m)^(?=## )", text)
    head = [piece for piece in pieces if piece.strip().count("\n") or not piece.startswith("## ")]
    bare = [p.strip().removeprefix("## ") for p in pieces if p not in head]
    shown = f"\nAlso on the page: {'; '.join(bare)}.\n\n" if bare else ""
    return "".join(head[:-1]) + shown + head[-1]


def _tables() -> str:
    parts = [
        "# The tables",
        "",
        "A shop is a folder with up to six tables, each `NAME.parquet` (a file, or a folder of "
        "parts as Spark writes them, in the order of their names) or `NAME.csv` (UTF-8, with a "
        "header). All are optional; one that is missing removes exactly what depends on it. "
        "Columns of other names are left alone. `csinsight check FOLDER` names every fault by "
        "file, row, column and mend.",
    ]
    for name, table in TABLES.items():
        parts += ["", f"## {name}", "", "| column | kind | has to be there | holds |"]
        parts.append("|---|---|---|---|")
        for column in table.columns:
            needed = "yes" if column.required else "no"
            if column.required and column.all_or_nothing:
                needed = "yes; may be empty from top to bottom"
            meaning = column.meaning.replace("|", "\\|")
            cells = {"name": f"`{column.name}`", "kind": column.kind, "needed": needed}
            parts.append(_ROW.format(meaning=meaning, **cells))
    return "\n".join(parts) + "\n"


def locked(lock: Path) -> list[Requirement]:
    """Return what a lock names, each with its version and where it is needed."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [Requirement(line.split(" \\")[0]) for line in lines if re.match(r"[A-Za-z0-9]", line)]


def licences(lock: Path) -> str:
    """Write the licence of all that a run needs, as the installed packages tell it.

    Raises
    ------
    ValueError
        Where a package tells no licence.
    """
    parts = [
        "# Licences",
        "",
        "csinsight is under the licence in `LICENSE`. What a run needs, by "
        "`requirements/run.lock`, as each package tells it of itself:",
        "",
        "| package | version | licence |",
        "|---|---|---|",
    ]
    elsewhere = []
    for wanted in locked(lock):
        if wanted.marker is not None and not wanted.marker.evaluate():
            elsewhere.append(f"`{wanted.name}` ({str(wanted.marker).replace('|', ' ')})")
            continue
        parts.append(f"| {wanted.name} | {version(wanted.name)} | {_licence(wanted.name)} |")
    return "\n".join([*parts, "", f"Needed elsewhere only: {', '.join(elsewhere)}."]) + "\n"


def _licence(name: str) -> str:
    told = metadata(name)
    classes = [c for c in told.get_all("Classifier") or [] if c.startswith("License ::")]
    named = [name.rpartition("::")[2].strip() for name in classes]
    for found in (told.get("License-Expression"), ", ".join(named), told.get("License")):
        if found:
            return str(found).partition("\n")[0].replace("|", "/")[:120]
    raise ValueError(f"{name}: tells no licence")
