"""200,000 Chinese messages: csinsight's markers against ConvoKit's Chinese politeness strategies.

Both are whole processes, from a file of messages to every marker with its positions in the text.
ConvoKit (Chang and others 2020) runs as it can at its fastest and without a model from elsewhere:
tokens by jieba, no tags, no dependency parse; its Chinese strategies read only the tokens. It lives
in an environment of its own, ``build/convokit``, by ``requirements/bench.lock``.

Ours in both forms: rules alone, and the full reader, which has the last word unless told otherwise.

The promise: by rules alone 25 times its messages a second of the processor, with positions, and
under a third of its memory; by the full reader 100,000 messages in under 60 s on two cores.
Messages a second are of the processor's time of the whole process, so that other work on the
machine doesn't count. Both sides read the same messages of a simulated shop, at half the size and
at the whole: to start Python and to compile patterns takes ours the same whatever the size, so that
the ratio grows with it. Both sides keep their libraries' byte code, as any installed Python does,
and are started once before they are measured: where none is written, ours compiled its libraries'
sources at each start, half a second of it; pip had compiled ConvoKit's when it installed them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from tests.bench.peak import peak_gb

from csinsight.params import ReaderName

FORMS: dict[ReaderName, str] = {"rules": "rules alone", "built_in": "full reader"}
ROOT = Path(__file__).resolve().parents[2]
MESSAGES = int(os.environ.get("BENCH_MARKED", "200000"))
#: What a simulated conversation has at least, on average.
_EACH = 12
THEIRS = ROOT / "build" / "convokit" / "bin" / "python"


def run() -> Iterator[str]:
    """Make the messages, then measure each side at each size in a process of its own."""
    # A side that is measured starts with this module, and makes no shop.
    from csinsight.simulate import simulate

    with tempfile.TemporaryDirectory() as folder:
        simulate(
            Path(folder),
            buyers=MESSAGES // 30,
            agents=20,
            conversations=MESSAGES // _EACH,
            months=3,
        )
        lines = pl.read_parquet(Path(folder) / "messages.parquet")
        assert len(lines) >= MESSAGES
        lines = lines.select("sender", "text", pl.col("buyer_id").alias("conversation_id"))
        # Nothing is said of this start: it leaves the byte code that the next ones find.
        list(_both(lines.head(_EACH), folder))
        for size in (MESSAGES // 2, MESSAGES):
            yield from _both(lines.head(size), folder)


def _both(lines: pl.DataFrame, folder: str) -> Iterator[str]:
    path = Path(folder) / "messages.json"
    path.write_text(json.dumps(lines.to_dict(as_series=False)), encoding="utf-8")
    distinct = lines["text"].n_unique() / len(lines)
    yield f"{len(lines):,} messages, {distinct:.0%} distinct, load {os.getloadavg()[0]:.1f}"
    own = {}
    for form, title in FORMS.items():
        code = f"from tests.bench.bench_markers import ours; ours({str(path)!r}, {form!r})"
        own[title] = _measured([sys.executable, "-c", code], folder)
        yield _told(f"csinsight, {title}", own[title], len(lines))
    if not THEIRS.is_file():
        yield f"ConvoKit is not installed; `make bench` puts it into {THEIRS.parents[1].name}"
        return
    side = str(ROOT / "tests/bench/convokit_side.py")
    theirs = _measured([str(THEIRS), side, str(path)], folder)
    yield _told("ConvoKit", theirs, len(lines))
    for title, figures in own.items():
        for name in ("processor", "work"):
            ratio = theirs[name] / figures[name]
            yield f"{title}: ratio of messages a second, {name}: {ratio:.1f}"
        yield f"{title}: ratio of memory: {figures['peak'] / theirs['peak']:.2f}"


def ours(path: str, reader: ReaderName) -> None:
    """Mark every message of the file, with where in its text each marker shows."""
    from csinsight.behaviours.hits import find_all
    from csinsight.behaviours.lexicon import load_lexicon
    from csinsight.behaviours.table import SHOWN, mark_table

    began = time.process_time()
    frame = pl.DataFrame(json.loads(Path(path).read_text(encoding="utf-8")))
    lexicon = load_lexicon(reader=reader)
    marked = mark_table(frame, lexicon)
    hits = 0
    lines = marked["text"].str.normalize("NFKC")
    for name in SHOWN:
        if name in lexicon.rules:
            # A text shows its marker at the same places wherever it stands.
            texts = lines.filter(marked[name]).value_counts()
            places = [len(found) for found in find_all(texts["text"].to_list(), name, lexicon)]
            hits += int((texts["count"] * pl.Series(places, dtype=pl.Int64)).sum())
    say(began, hits)


def say(began: float, hits: int) -> None:
    """Write what a side took: seconds of the processor, whole and without starting up; memory."""
    peak = peak_gb() * 1024
    whole = time.process_time()
    figures = {"processor": whole, "work": whole - began, "peak": peak, "hits": hits}
    sys.stdout.write(json.dumps(figures) + "\n")


def _measured(command: list[str], home: str) -> dict[str, float]:
    began = time.perf_counter()
    environment = os.environ | {"HOME": home, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures | {"wall": time.perf_counter() - began}


def _told(name: str, figures: dict[str, float], messages: int) -> str:
    rate = messages / figures["processor"]
    return (
        f"{name}: {rate:,.0f} messages a second of processor (whole {figures['processor']:.1f} s, "
        f"without starting up {figures['work']:.1f} s, clock {figures['wall']:.1f} s), "
        f"{figures['peak']:,.0f} MB, {figures['hits']:,.0f} positions"
    )
