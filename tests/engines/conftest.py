"""A Spark session for the whole run, or a skip that says what to install."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from csinsight.engine import EngineError


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """The session that `open_shop(..., "spark")` uses."""
    from csinsight.engine import spark as engine

    try:
        session = engine.session()
    except EngineError as error:
        pytest.skip(str(error))
    yield session
    engine.stop()
