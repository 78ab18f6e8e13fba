"""Fixtures that every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


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
