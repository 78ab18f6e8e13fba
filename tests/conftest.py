"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import hypothesis
import pytest

# As a run's own kernels: threads that wait for one another cost more than they bring at these
# sizes, half of all the processor time. It stands before all that imports numpy.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
# jsonschema asks for it to check addresses, which no notebook holds; a second to import. It stands
# before all that imports nbformat, and with it jsonschema.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

from tests.toys import toy_notebooks, toy_shop  # noqa: E402

from csinsight.params import load_params, shipped  # noqa: E402
from csinsight.runs import kernels, month  # noqa: E402
from csinsight.runs.kernels import Limits, Workers  # noqa: E402
from csinsight.runs.month import RunResult, run_month  # noqa: E402

__all__ = ["toy_notebooks", "toy_shop"]
# A session of Spark lives for a minute here: what its compiler would gain later is never had.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
# On a loaded machine an example of milliseconds takes a second: a test's own limit is enough.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("SPARK_CONF_DIR", str(ROOT / "tests/engines"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The public data beside the project, or a skip that says how to get it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the public data is not here: put it into ../shared/data beside the checkout")
    return folder


@pytest.fixture(scope="session")
def demo_folder() -> Path:
    """The committed demo shop."""
    return ROOT / "data" / "demo"


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunResult]:
    """The demo shop's whole report in both languages, made once for all tests of a session.

    Cards of all agents are made in Chinese, of three in English. Both are made by the same kernels,
    which fit nothing twice that is asked in the same words.
    """
    out, card_steps = tmp_path_factory.mktemp("demo_run"), month.card_steps
    params, made = shipped("params") / "demo.yml", {}
    fits = f"import sys; sys.path.append({str(ROOT)!r}); from pathlib import Path"
    fits += "; from tests.memory import remember_fits"
    fits += f"; remember_fits(Path({str(tmp_path_factory.mktemp('fits'))!r}))"
    workers = _Kept(Limits(120, 1200))
    with pytest.MonkeyPatch.context() as patch, ExitStack() as ends:
        ends.callback(Workers.__exit__, workers)
        patch.setattr(month, "Workers", lambda _: workers)
        patch.setattr(kernels, "_PREPARE", f"{kernels._PREPARE}; {fits}")
        patch.setattr(kernels, "worker_count", _worker_count)
        for lang, most in (("zh", None), ("en", 3)):
            patch.setattr(month, "card_steps", lambda a, most=most: card_steps(islice(a, most)))
            made[lang] = run_month(ROOT / "data/demo", load_params(params, lang=lang), out / lang)
    return made


_worker_count = kernels.worker_count


class _Kept(Workers):
    """Kernels that outlive a run."""

    def __exit__(self, *_: object) -> None:
        """Leave them to the next run."""


@pytest.fixture(scope="session", autouse=True)
def kept_kernels() -> Iterator[None]:
    """Give all runs of a session, one after another, the same kernels.

    A kernel takes seconds to start, and a run empties it before each notebook anyway. There is one,
    and more only where the demo shop's report is made. Runs in a process of their own, and the
    tests of kernels themselves, start theirs.
    """
    workers = _Kept(Limits(120, 1200))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "worker_count", lambda: 1)
        patch.setattr(month, "Workers", lambda _: workers)
        yield
    Workers.__exit__(workers)


@pytest.hookimpl(tryfirst=True)  # before the workers read the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep all tests on Spark on one worker: its session takes longer to start than they do.

    Every test has a time limit, in ``pyproject.toml``; whole runs have a longer one.
    """
    for item in items:
        if "demo_run" in getattr(item, "fixturenames", ()):
            # The first of them makes the demo shop's report, twice.
            item.add_marker(pytest.mark.timeout(1800))
        if item.get_closest_marker("spark"):
            item.add_marker(pytest.mark.xdist_group("spark"))
