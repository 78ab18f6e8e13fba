"""A sheet to be labelled by hand, out and in again: what ``labelling.ipynb`` works with.

The sheet goes to the run's own folder, ``labels/``, which is never published. It shows masked text
and not what the lexicon says; that stands in the key beside it.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import pandas as pd

from csinsight.behaviours import labelling
from csinsight.behaviours.lexicon import Lexicon
from csinsight.coaching.masking import mask_lines
from csinsight.contract.spreadsheet import guarded
from csinsight.contract.write import write_atomically
from csinsight.errors import DataError
from csinsight.views.study import Study

LABEL: Final = "label"
_KEY, _SHEET = "key.parquet", "sheet.csv"
_YES: Final = ("1", "yes", "y", "是", "有", "true", "x")
_NO: Final = ("0", "no", "n", "否", "没有", "无", "false")
_NO_SAMPLE: Final = "`no` is none of the sheet's numbers; take the sheet as it was drawn"


def open_sheet(
    study: Study,
    *,
    markers: str,
    each: int,
    seed: int,
) -> pd.DataFrame:
    """Return the sample of this run, drawn and written as a sheet unless it was before.

    Parameters
    ----------
    study : Study
        Whose rules and lexicon, with the shop's additions, the sample is drawn by.
    markers : str
        Agent-side markers, with commas between.
    each : int
        Messages a marker.
    seed : int

    Returns
    -------
    DataFrame
        Of `csinsight.behaviours.labelling.draw_sample`. A sheet that is there is left as it is,
        whatever the parameters now say: take it away to draw another.
    """
    folder = study.run / "labels"
    if (folder / _KEY).is_file():
        return pd.read_parquet(folder / _KEY)
    names = [name.strip() for name in markers.split(",") if name.strip()]
    context, lexicon = study.context, study.context.lexicon
    sample = labelling.draw_sample(
        study.open(), context.as_of, context.rules, lexicon, markers=names, each=each, seed=seed
    )
    folder.mkdir(parents=True, exist_ok=True)
    meaning = {name: lexicon.markers[name].meaning[study.words.lang] for name in names}
    _write_sheet(folder / _SHEET, sample, meaning)
    with write_atomically(folder / _KEY) as path:
        sample.to_parquet(path, index=False)
    return sample


def sheet_path(study: Study) -> Path:
    """Return where the sheet is: to be filled in with any spreadsheet, and saved as CSV again."""
    return study.run / "labels" / _SHEET


def read_labels(study: Study, sample: pd.DataFrame) -> pd.Series[float]:
    """Read what the analyst wrote in the column ``label``.

    Parameters
    ----------
    study : Study
    sample : DataFrame

    Returns
    -------
    Series
        By ``no``: 1, 0, or NaN where nothing is written yet.

    Raises
    ------
    DataError
        Naming file, row, column, what stands there, and the mend.
    """
    path = sheet_path(study)
    rows = _rows(path)
    known, faults, labels = set(sample[labelling.NO]), [], {}
    for number, row in enumerate(rows, start=2):
        told = str(row.get(LABEL) or "").strip().lower()
        no = str(row.get(labelling.NO) or "").strip()
        if not no.isdecimal() or int(no) not in known:
            faults.append(f"{path.name}, row {number}, column {labelling.NO}: {_NO_SAMPLE}")
        elif told and told not in (*_YES, *_NO):
            faults.append(
                f"{path.name}, row {number}, column {LABEL}: {told!r} is neither 1 nor 0; write 1 "
                "where the message shows it, 0 where not, nothing where you can't tell"
            )
        else:
            labels[int(no)] = float(told in _YES) if told else float("nan")
    if faults:
        raise DataError("\n".join(faults[:20]))
    return pd.Series(labels, dtype=float, name=LABEL).reindex(sample[labelling.NO])


def readings(
    sample: pd.DataFrame, labels: pd.Series[float], lexicon: Lexicon | None = None
) -> pd.DataFrame:
    """Return precision, recall, F1 and kappa of each labelled marker, rounded for reading.

    Parameters
    ----------
    sample, labels
    lexicon : Lexicon or None
        A retuned one; None for the one that the sample was drawn by.
    """
    shown = None if lexicon is None else labelling.shown_by(sample, lexicon)
    return labelling.agreement(sample, labels, shown=shown).round(3)


def disputed(
    sample: pd.DataFrame, labels: pd.Series[float], lexicon: Lexicon | None = None
) -> pd.DataFrame:
    """Return the masked messages on which marker and labeller differ, for retuning."""
    fires = sample[labelling.SHOWN] if lexicon is None else labelling.shown_by(sample, lexicon)
    said = labels.reindex(sample[labelling.NO]).to_numpy(dtype=float)
    rows = sample[(said == said) & (said != fires.to_numpy(dtype=float))]
    label = pd.Series(said, index=sample.index)[rows.index]
    shown = rows[[labelling.NO, labelling.MARKER]].assign(
        label=label, marker_says=fires[rows.index]
    )
    for column in (labelling.BUYER, labelling.TEXT):
        shown[column] = mask_lines(rows[column].tolist())
    ordered: pd.DataFrame = shown.sort_values([labelling.MARKER, labelling.NO], ignore_index=True)
    return ordered


def _write_sheet(path: Path, sample: pd.DataFrame, meaning: dict[str, str]) -> None:
    sheet = pd.DataFrame(
        {
            labelling.NO: sample[labelling.NO],
            LABEL: "",
            labelling.MARKER: sample[labelling.MARKER],
            "question": sample[labelling.MARKER].map(meaning),
            labelling.BUYER: [
                guarded(text) for text in mask_lines(sample[labelling.BUYER].tolist())
            ],
            labelling.TEXT: [guarded(text) for text in mask_lines(sample[labelling.TEXT].tolist())],
        }
    )
    # With a byte-order mark spreadsheets take Chinese for what it is.
    with write_atomically(path) as draft:
        sheet.to_csv(draft, index=False, encoding="utf-8-sig")


def _rows(path: Path) -> list[dict[str, str]]:
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        rows = list(csv.DictReader(text.splitlines(keepends=True)))
        absent = {labelling.NO, LABEL} - set(rows[0] if rows else ())
        if absent:
            raise DataError(
                f"{path.name}: has no column {', '.join(sorted(absent))}; keep the first row as it "
                "was and save with commas between the columns"
            )
        return rows
    raise DataError(f"{path.name}: is no text in UTF-8 or GB18030; save it as CSV UTF-8")
