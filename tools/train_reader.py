"""Train the reader that learns, and measure it: ``python -m tools.train_reader --data FOLDER``.

Writes ``reader_weights.npz`` and ``reader_accuracy.yml`` beside `csinsight.behaviours.reader`; the
model is that of `tools.reader_model` and `tools.reader_subject`. A shop teaches the shipped reader
by its own ``labels.csv``,
without the public chats: ``python -m tools.train_reader --shop FOLDER --run RUN``
(`tools.shop_labels`).
"""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

from csinsight.behaviours.accuracy import PATH as ACCURACY
from csinsight.behaviours.categories import subject_marks
from csinsight.behaviours.lexicon import load_lexicon
from csinsight.behaviours.reader import ARRAYS, LANGS, PATH, Reader, load_reader
from csinsight.context import CONTEXT_FILE
from csinsight.contract.domain import CATEGORIES
from csinsight.stats.intervals import wilson
from tools.reader_examples import WORRY, load_examples
from tools.reader_model import LABELS, Design, design, fit, told_apart
from tools.reader_subject import Openings, fit_subject, openings
from tools.shop_labels import labelled_lines, teach

SEED: Final = 1
#: How often conversations are drawn anew for an interval.
DRAWS: Final = 1000
#: Of every part of the file of weights, so that the same weights are the same bytes.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_ABOUT: Final = """version: 1
about: >-
  Counts of labelled messages, each read by a model that saw nothing of its conversation; see
  csinsight.behaviours.accuracy. Written by python -m tools.train_reader.
figures:
"""

_Bools = NDArray[np.bool_]


def figure(
    name: str, lang: str, reader: str, pair: tuple[_Bools, _Bools], talks: NDArray[np.str_]
) -> dict[str, Any]:
    """Return the counts of one marker, and an interval of F1 from conversations drawn anew."""
    shows, said = pair
    talk = np.unique(talks, return_inverse=True)[1]
    both, all_ = (
        np.bincount(talk, weights=weights)
        for weights in ((shows & said).astype(float), shows.astype(float) + said)
    )
    size = len(both)
    drawn = np.random.default_rng(SEED).multinomial(size, np.full(size, 1 / size), size=DRAWS)
    scores = 2 * (drawn @ both) / np.maximum(drawn @ all_, 1)
    low, high = np.quantile(scores, [0.025, 0.975])
    return {
        "marker": name,
        "lang": lang,
        "reader": reader,
        "messages": len(shows),
        "true": int(shows.sum()),
        "marked": int(said.sum()),
        "both": int((shows & said).sum()),
        "f1_low": round(float(low), 3),
        "f1_high": round(float(high), 3),
    }


def measure(data: Design, lang: str) -> list[dict[str, Any]]:
    """Return the figures of every marker in one language, by both readers, and of all together."""
    rows = data.measured
    shows, talks = data.shows[rows], data.talks[rows]
    readers = {"built_in": told_apart(data)[rows], "rules": data.ruled[rows]}
    behaviours = [place for place, name in enumerate(LABELS) if name != WORRY]
    figures = []
    for reader, said in readers.items():
        pairs = {name: (shows[:, k], said[:, k]) for k, name in enumerate(LABELS)}
        pairs["all"] = shows[:, behaviours].ravel(), said[:, behaviours].ravel()
        for name, pair in pairs.items():
            repeated = talks if name != "all" else np.repeat(talks, len(behaviours))
            figures.append(figure(name, lang, reader, pair, repeated))
    return figures


def measure_subject(data: Openings, lang: str, apart: NDArray[np.str_]) -> list[dict[str, Any]]:
    """Return how many openings are said to be about what they are, by both readers."""
    rows = data.measured
    by_rules = data.rows[[f"_ruled_{name}" for name in CATEGORIES]].to_numpy().argmax(axis=1)
    said = {"built_in": apart, "rules": np.array(CATEGORIES)[by_rules]}
    everything = np.ones(int(rows.sum()), dtype=bool)
    figures = []
    for reader, names in said.items():
        right = (names == data.category)[rows]
        told = figure("category", lang, reader, (everything, right), data.talks[rows])
        low, high = wilson(right.sum(), len(right))
        # One of six is always told: precision, recall and F1 are the share that is right.
        told |= {"marked": len(right), "f1_low": round(low, 3), "f1_high": round(high, 3)}
        figures.append(told)
    return figures


def save(reader: Reader, path: Path) -> None:
    """Write weights so that the same weights are the same bytes."""
    arrays: dict[str, Any] = {}
    about: dict[str, Any] = {}
    for kind, by_lang in (("weights", reader.weights), ("subjects", reader.subjects)):
        about[kind] = {}
        for lang, weights in by_lang.items():
            about[kind][lang] = {"labels": weights.labels, "marks": weights.marks}
            for name in ARRAYS:
                value = getattr(weights, name)
                small = np.int16 if name in ("agent", "buyer") else np.int32
                arrays[f"{kind}_{lang}_{name}"] = (
                    value
                    if name.endswith("names")
                    else np.clip(value, np.iinfo(small).min, np.iinfo(small).max).astype(small)
                )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, array in {**arrays, "about": np.array(json.dumps(about))}.items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            file.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), buffer.getvalue())


def teach_by_shop(folder: Path, run: Path, out: Path) -> None:
    """Teach the shipped reader by a shop's labels, tell what came of it, and write the weights."""
    reader, found = teach(load_reader(), labelled_lines(folder, run))
    for one in found:
        verdict = "taken" if one.taken else "left as it was"
        print(
            f"{one.behaviour}, {one.lang}: {one.lines} lines, {one.true} show it; F1 by "
            f"conversations left out {one.before:.2f} before, {one.after:.2f} after: {verdict}"
        )
    if not any(one.taken for one in found):
        print("nothing changed: too few labels, or they say nothing new")
        return
    save(reader, out / PATH.name)
    print(f"{out / PATH.name} written")


def main(argv: Sequence[str] | None = None) -> None:
    """Train on everything, measure by conversations left out, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="the labelled sets and chats")
    source.add_argument("--shop", type=Path, help="a shop's tables and its labels.csv")
    parser.add_argument("--run", type=Path, help="with --shop: a finished run, runs/SHOP/MONTH")
    parser.add_argument("--out", type=Path, default=PATH.parent, help="where to write")
    parser.add_argument("--no-figures", action="store_true", help="only the weights")
    told_to = parser.parse_args(argv)
    if told_to.shop:
        if told_to.run is None or not (told_to.run / CONTEXT_FILE).is_file():
            parser.error("--shop needs --run, a finished run of that shop")
        teach_by_shop(told_to.shop, told_to.run, told_to.out)
        return
    lexicon = load_lexicon(reader="rules")
    marks = subject_marks(lexicon)
    examples = load_examples(told_to.data)
    weights, subjects, figures = {}, {}, []
    for lang in LANGS:
        spoken = [example for example in examples if example.lang == lang]
        data, talks = design(spoken, lexicon), openings(spoken, lexicon)
        weights[lang] = fit(data, np.arange(len(data.examples)))
        subjects[lang], apart = fit_subject(talks, marks)
        if not told_to.no_figures:
            figures += measure(data, lang) + measure_subject(talks, lang, apart)
    save(Reader(weights, subjects), told_to.out / PATH.name)
    if figures:
        lines = [yaml.safe_dump(row, default_flow_style=True, width=999, sort_keys=False)
                 for row in figures]  # fmt: skip
        text = "".join(f"  - {line}" for line in lines)
        (told_to.out / ACCURACY.name).write_text(f"{_ABOUT}{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
