"""Tables of a run are what is declared of them: names, types, nulls, and the text about them."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tables import complete

from csinsight.contract import artifacts as names
from csinsight.contract.dictionary import artifact, artifacts
from csinsight.contract.domain import BEHAVIOURS, BUYER_TYPES
from csinsight.errors import ArtifactError

STATUS = pd.DataFrame(
    {"agent_id": ["a1", "a2"], "inquiries": [40, 7], "month_inquiries": [9, 0]}
).assign(status="keep it up")


#: Names in the classes that are no columns there: values, parts of names, other tables and counts.
_NO_COLUMNS = {
    "RESPONSE_S",
    "PROBABILITY_PREFIX",
    "PAGE_VIEWS",
    "ADAPTED",
    "NAME",
    "ITEMS",
    "EXCERPTS",
}
HOLDERS = [holder for holder in vars(names).values() if hasattr(holder, "NAME")]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: holder.__name__)
def test_every_name_that_code_uses_is_declared(holder: type) -> None:
    """The classes of names and the declarations are of the same columns."""
    tables = [holder.NAME, *([holder.ITEMS] if hasattr(holder, "ITEMS") else [])]
    known = {column.name for name in tables for column in artifact(name).columns}
    used = {
        value
        for key, value in vars(holder).items()
        if key.isupper() and key not in _NO_COLUMNS and not key.endswith("_SUFFIX")
    }
    assert used <= known


def test_every_table_that_notebooks_and_pages_write_is_declared() -> None:
    root = Path(__file__).resolve().parents[2]
    files = [*root.glob("notebooks/*.ipynb"), *root.glob("src/csinsight/views/*.py")]
    told = (re.findall(r"study\.write\(\\?\"(\w+)", file.read_text("utf-8")) for file in files)
    written = {name for found in told for name in found}
    assert {"conversations", "drivers", "value_tiers", "join_bias"} <= written
    assert written <= artifacts().keys()


def test_families_are_written_out() -> None:
    conversations = {column.name for column in artifact("conversations").columns}
    assert {"greets_turn", "greets_opportunity_turn", *BEHAVIOURS} <= conversations
    types = [column.name for column in artifact("buyer_types").columns]
    assert [f"p_{name}" for name in BUYER_TYPES] == [n for n in types if n[:2] == "p_"][:-1]
    agents = {column.name: column for column in artifact("agent_kpis").columns}
    shop = {column.name for column in artifact("shop_kpis").columns}
    assert {"paid_rate_low", "paid_rate_denominator", "response_p90_s_high"} <= shop & set(agents)
    assert agents["paid_rate_low"].part_of == "paid_rate"


def test_every_column_is_told_in_both_languages() -> None:
    """A person can read what each is, in words that are no longer in braces."""
    for table in artifacts().values():
        for column in table.columns:
            texts = [column.meaning, column.null, column.absent]
            for text in [text for text in texts if text is not None]:
                assert text.en.strip(), column
                assert any("\u4e00" <= character <= "\u9fff" for character in text.zh), column
                if not column.family:
                    assert "{" not in text.en + text.zh, column
        assert len({column.name for column in table.columns}) == len(table.columns)


def test_what_is_written_comes_back_with_the_same_types_and_bytes(tmp_path: Path) -> None:
    for name in artifacts():
        frame = complete(name, pd.DataFrame(index=range(3)))
        one = artifact(name).write(frame, tmp_path / f"{name}.parquet")
        artifact(name).write(one.set_index(pd.Index([4, 5, 6])), tmp_path / "again.parquet")
        back = artifact(name).read(tmp_path / f"{name}.parquet")
        pd.testing.assert_frame_equal(back, one)
        first, second = (tmp_path / f"{n}.parquet" for n in (name, "again"))
        assert first.read_bytes() == second.read_bytes()
        by_itself = pd.read_parquet(first).dtypes.astype(str).to_dict()
        plain = {n: str(t) for n, t in back.dtypes.items() if "list" not in str(t)}
        assert {n: t for n, t in by_itself.items() if n in plain} == plain
        assert pq.read_schema(first).types == [column.arrow for column in artifact(name).columns]


def test_an_empty_table_keeps_its_types(tmp_path: Path) -> None:
    for name in artifacts():
        columns = [column.name for column in artifact(name).columns]
        artifact(name).write(pd.DataFrame(columns=columns), tmp_path / "t.parquet")
        assert pq.read_schema(tmp_path / "t.parquet").types == [
            column.arrow for column in artifact(name).columns
        ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"inquiries": [1.5, 2]}, "column inquiries: holds fractions"),
        ({"inquiries": ["1", "2"]}, "column inquiries: holds string where int is declared"),
        ({"inquiries": [True, False]}, "column inquiries: holds boolean where int is declared"),
        ({"agent_id": [1, 2]}, "column agent_id: holds integer where str is declared"),
        ({"agent_id": ["a", None]}, "column agent_id: holds 1 nulls of 2, and may not"),
    ],
)
def test_wrong_values_are_named(change: dict[str, object], told: str, tmp_path: Path) -> None:
    path = tmp_path / "agent_status.parquet"
    artifact("agent_status").write(STATUS, path)
    before = path.read_bytes()
    with pytest.raises(ArtifactError, match=f"agent_status, {told}"):
        artifact("agent_status").write(STATUS.assign(**change), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_values_that_the_field_does_not_know_are_named() -> None:
    tiers = pd.DataFrame({"as_of": [pd.Timestamp("2026-11-01")], "buyer_id": ["b"]})
    with pytest.raises(ArtifactError, match="column tier: holds 'gold', which is none of ordinary"):
        artifact("tiers_by_month").typed(tiers.assign(tier="gold"))


def test_lists_are_lists_and_not_glued(tmp_path: Path) -> None:
    reasons = [{"feature": "pages", "z": 1.5, "weight": 2.0}]
    frame = complete("buyer_types", pd.DataFrame({"because": [reasons, []]}))
    artifact("buyer_types").write(frame, tmp_path / "t.parquet")
    assert pl.read_parquet(tmp_path / "t.parquet")["because"].to_list() == [reasons, []]
    back = artifact("buyer_types").read(tmp_path / "t.parquet")
    assert back["because"].tolist() == [reasons, []]
    with pytest.raises(ArtifactError, match="column because"):
        artifact("buyer_types").typed(frame.assign(because=['[{"feature": "pages"}]', "[]"]))


def test_a_shops_own_behaviours_are_columns_where_they_are_told(tmp_path: Path) -> None:
    """Without being told a table with them is refused; read back it holds them."""
    own = artifact("conversations").with_own(["offers_wrap"])
    names_of_it = [column.name for column in own.columns][-3:]
    assert sorted(names_of_it) == [
        "offers_wrap",
        "offers_wrap_opportunity_turn",
        "offers_wrap_turn",
    ]
    frame = complete("conversations", pd.DataFrame(index=range(2))).assign(
        offers_wrap=pd.array([True, None], dtype="boolean"),
        offers_wrap_turn=pd.array([2, None], dtype="Int64"),
        offers_wrap_opportunity_turn=pd.array([1, None], dtype="Int64"),
    )
    with pytest.raises(ArtifactError, match="column offers_wrap_turn: is not declared"):
        artifact("conversations").typed(frame)
    written = own.write(frame, tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(artifact("conversations").read(tmp_path / "t.parquet"), written)


def test_another_versions_table_is_told_from_this_ones(tmp_path: Path) -> None:
    old = pa.table({"agent_id": ["a1"], "inquiries": ["40"], "wage": [3]})
    pq.write_table(old, tmp_path / "agent_status.parquet")
    with pytest.raises(ArtifactError, match=r"status is missing; .*wage is not declared.*again"):
        artifact("agent_status").read(tmp_path / "agent_status.parquet")
