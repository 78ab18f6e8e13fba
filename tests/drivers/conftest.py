"""The synthetic worlds, for every test of this room."""

from __future__ import annotations

import pytest
from tests.drivers import worlds as made


@pytest.fixture(scope="session")
def worlds():
    """The module of synthetic worlds."""
    return made
