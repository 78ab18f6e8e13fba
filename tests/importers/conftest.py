"""What every importer's tests ask of its result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from csinsight.contract.schema import MAIN_TABLES
from csinsight.importers import Imported


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Imported], Imported]:
    """Assert that the counts add up and that the contract check takes the tables."""
    from csinsight.contract.check import check_folder

    def check(imported: Imported) -> Imported:
        assert imported.rows_in == imported.rows_out + imported.refused.height
        folder: Path = tmp_path_factory.mktemp("sound")
        for name, table in imported.tables.items():
            assert table.height
            table.write_parquet(folder / f"{name}.parquet")
        if not set(imported.tables) & set(MAIN_TABLES):
            # A folder of tables that stand beside the others has to hold one of those.
            pl.DataFrame({"buyer_id": ["b1"]}).write_parquet(folder / "buyers.parquet")
        if imported.tables:
            assert [str(fault) for fault in check_folder(folder)] == []
        return imported

    return check
