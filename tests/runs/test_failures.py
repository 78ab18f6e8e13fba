"""What can be wrong with a run, each in its own words; the last good report stays as it was.

Everything goes through the command line, with the notebooks that come with csinsight, on a shop
of sixty buyers.
"""

from __future__ import annotations

import html
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner, Result

from csinsight.cli import main
from csinsight.render.words import Words
from csinsight.simulate import simulate

MONTH = "2026-10"
Files = dict[str, bytes]
Break = Callable[[Path], None]


def _run(data: Path, out: Path, *more: object, month: str = MONTH) -> Result:
    told = ("run", "--data", data, "--month", month, "--shop", "s", "--lang", "en", "--out", out)
    return CliRunner().invoke(main, [str(word) for word in (*told, "--quiet", *more)])


def _files(folder: Path) -> Files:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _assert_says(result: Result, code: int, *parts: str) -> None:
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert [part for part in parts if part not in result.output] == [], result.output


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shops") / "tiny"
    simulate(folder, buyers=60, agents=3, conversations=90, months=1, seed=7)
    return folder


@pytest.fixture(scope="module")
def good(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Files]:
    """A folder with a good report of the month, and the report's files."""
    out = tmp_path_factory.mktemp("good")
    _assert_says(_run(tiny, out, "--only", "00"), 0)
    return out, _files(out / "reports")


@pytest.fixture
def shop(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the shop, as CSV."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for path in tiny.glob("*.parquet"):
        pl.read_parquet(path).write_csv(folder / f"{path.stem}.csv")
    return folder


def _gbk(shop: Path) -> None:
    path = shop / "messages.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))


def _half_broken(shop: Path) -> None:
    path = shop / "orders.csv"
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[4] = lines[4].replace(",", "，", 1)
    lines[7] += ",1,2"
    lines[9] = '"' + lines[9]
    path.write_text("\n".join(lines)[:-25], encoding="utf-8")


def _cut_short(shop: Path) -> None:
    path = shop / "orders.csv"
    pl.read_csv(path).write_parquet(shop / "orders.parquet")
    path.unlink()
    whole = (shop / "orders.parquet").read_bytes()
    (shop / "orders.parquet").write_bytes(whole[: len(whole) // 2])


def _not_a_number(shop: Path) -> None:
    path = shop / "orders.csv"
    orders = pl.read_csv(path, infer_schema=False)
    dear = pl.when(pl.int_range(pl.len()) == 2).then(pl.lit("12元5")).otherwise("paid_amount")
    orders.with_columns(dear.alias("paid_amount")).write_csv(path)


def _other_name(shop: Path) -> None:
    path = shop / "orders.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("placed_at", "place_at", 1), encoding="utf-8")


def _nothing(shop: Path) -> None:
    for path in shop.iterdir():
        path.unlink()


def _only_agents(shop: Path) -> None:
    for path in shop.iterdir():
        if path.stem != "agents":
            path.unlink()


FAULTS: dict[Break, tuple[str, ...]] = {
    _gbk: ("messages.csv, row 2: is not UTF-8: it looks like GBK", "iconv -f GB18030"),
    _half_broken: (
        "orders.csv, row 5: has 8 fields, too few for the header's 9",
        "orders.csv, row 8: has 11 fields, too many for the header's 9",
        "orders.csv, row 10: a double quote opens here that is never closed",
        "4 faults",
    ),
    _cut_short: ("orders.parquet: can't be read as Parquet", "cut short"),
    _not_a_number: ("orders.csv, row 4, column paid_amount: '12元5' is not a number",),
    _other_name: (
        "orders.csv, row 1, column placed_at: this required column is missing",
        "rename 'place_at'",
    ),
    _nothing: ("holds none of the tables buyers, page_views, orders", "put at least one"),
    _only_agents: ("holds no page views, orders or messages", "nothing to report on"),
}


@pytest.mark.parametrize("broken", FAULTS, ids=lambda broken: broken.__name__.strip("_"))
def test_faulty_data_is_named_and_the_last_report_stays(
    broken: Break, shop: Path, good: tuple[Path, Files]
) -> None:
    out, before = good
    broken(shop)
    _assert_says(_run(shop, out), 1, *FAULTS[broken])
    assert _files(out / "reports") == before
    _assert_says(CliRunner().invoke(main, ["history", "--out", str(out)]), 0, "failed")
    _assert_says(CliRunner().invoke(main, ["history", "--check", "--out", str(out)]), 1, "failed")


PARAMETERS = {
    "vip_shar: 0.1": ("p.yml", "unknown key `vip_shar`", "did you mean `vip_share`"),
    "vip_share: 5%": ("p.yml", "`vip_share`", "valid number", "got '5%' (str)"),
    "driver_months: 1.5": ("p.yml", "`driver_months`", "got 1.5 (float)"),
    "vip_share: 5": ("p.yml", "`vip_share`", "less than or equal to 1"),
    "kpi_profile: taoba": ("p.yml", "no such profile", "taobao"),
    "- vip_share": ("p.yml", "name: value"),
}


@pytest.mark.parametrize("line", PARAMETERS)
def test_a_wrong_parameter_is_named_and_nothing_starts(
    line: str, tiny: Path, good: tuple[Path, Files], tmp_path: Path
) -> None:
    out, before = good
    file = tmp_path / "p.yml"
    file.write_text(line + "\n", encoding="utf-8")
    runs = _files(out / "runs")
    _assert_says(_run(tiny, out, "--params", file), 2, *PARAMETERS[line])
    assert _files(out / "reports") == before
    assert _files(out / "runs") == runs


@pytest.mark.parametrize(
    ("words", "code", "parts"),
    [
        (("--monht", MONTH), 2, ("No such option '--monht'", "--month")),
        (("--lang", "fr"), 2, ("'fr' is not one of 'zh', 'en'",)),
        (("--engine", "duckdb"), 2, ("'duckdb' is not one of 'polars', 'spark'",)),
        (("--month", "October"), 2, ("parameter `month`: a month is written YYYY-MM",)),
        (("--shop", "a/b"), 2, ("`shop`", "leave out /")),
        (("--only", "01_buyer_typs"), 2, ("did you mean `01_buyer_types`",)),
        (("--data", "nowhere"), 1, ("nowhere: is not a folder",)),
    ],
)
def test_a_slip_on_the_command_line_is_named(
    words: tuple[str, str], code: int, parts: tuple[str, ...], tiny: Path, good: tuple[Path, Files]
) -> None:
    out, before = good
    _assert_says(_run(tiny, out, *words), code, *parts)
    assert _files(out / "reports") == before


def test_an_empty_month_says_which_months_there_are(tiny: Path, good: tuple[Path, Files]) -> None:
    out, before = good
    told = ("nothing happened in 2026-12", "to 2026-10-31", "choose --month within that")
    _assert_says(_run(tiny, out, month="2026-12"), 1, *told)
    assert _files(out / "reports") == before


def test_after_failures_the_good_month_is_what_is_published(
    shop: Path, good: tuple[Path, Files], tmp_path: Path
) -> None:
    out, before = good
    _gbk(shop)
    assert _run(shop, out).exit_code == 1
    told = ["--out", str(out), "--shop", "s", "--month", MONTH, "--to", str(tmp_path / "web")]
    _assert_says(CliRunner().invoke(main, ["publish", *told]), 0, "index.html")
    month = _files(out / "reports" / "s" / MONTH)
    assert month
    assert _files(tmp_path / "web" / "s" / MONTH) == month
    assert before == _files(out / "reports")
    _assert_says(
        CliRunner().invoke(main, ["publish", *told[:-3], "2026-09", *told[-2:]]), 1, "there: 20"
    )


def _without(tiny: Path, tmp_path: Path, *tables: str) -> Path:
    folder = tmp_path / "part"
    shutil.copytree(tiny, folder, ignore=shutil.ignore_patterns("truth"))
    for table in tables:
        (folder / f"{table}.parquet").unlink()
    return folder


def _made(out: Path) -> set[str]:
    return {page.stem[:2] for page in (out / "reports/s" / MONTH).glob("0*.html")}


def _index(out: Path) -> str:
    return html.unescape((out / "reports/s" / MONTH / "index.html").read_text(encoding="utf-8"))


def _reason(why: str) -> str:
    return Words("en").word(f"left_out.{why}")


@pytest.mark.slow
def test_without_orders_buyers_and_ratings_chats_and_clicks_still_speak(
    tiny: Path, tmp_path: Path
) -> None:
    data, out = _without(tiny, tmp_path, "orders", "buyers", "ratings"), tmp_path / "out"
    _assert_says(_run(data, out, "--only", "07"), 0, "left out: 02_value_tiers (needs_orders)")
    assert _made(out) == {"00", "01", "03", "05", "07", "08"}
    assert _reason("needs_orders") in _index(out)
    assert _reason("needs_outcome") in _index(out)
    kpis = pd.read_parquet(out / "runs/s" / MONTH / "artifacts/agent_kpis.parquet")
    assert kpis[["paid_rate", "sales", "satisfaction_mean"]].isna().all(axis=None)
    assert kpis["first_response_median_s"].notna().all()


def test_without_chats_and_page_views_tiers_are_made(tiny: Path, tmp_path: Path) -> None:
    data, out = _without(tiny, tmp_path, "messages", "page_views"), tmp_path / "out"
    _assert_says(_run(data, out, "--only", "07"), 0, "left out: 03_agent_kpis (needs_messages)")
    assert _made(out) == {"00", "02", "07"}
    assert _reason("needs_messages") in _index(out)
    assert _reason("needs_page_views") in _index(out)


@pytest.mark.slow
def test_without_the_agents_table_ids_stand_in_for_names(tiny: Path, tmp_path: Path) -> None:
    data, out = _without(tiny, tmp_path, "agents"), tmp_path / "out"
    _assert_says(_run(data, out, "--only", "03"), 0)
    page = (out / "reports/s" / MONTH / "03_agent_kpis.html").read_text(encoding="utf-8")
    names = pl.read_parquet(tiny / "agents.parquet")
    assert all(agent in page for agent in names["agent_id"])
    assert not any(name in page for name in names["name"])


def test_labels_that_lead_elsewhere_stop_it_and_those_of_other_months_are_told(
    tiny: Path, shop: Path, tmp_path: Path
) -> None:
    head = "conversation_id,behaviour,shown,reader,position"
    # The sample's ids are made of buyer and moment.
    first = pl.read_parquet(tiny / "messages.parquet").sort("sent_at", "buyer_id")[0]
    talk = f"{first['buyer_id'][0]}#{first['sent_at'].dt.epoch('ms')[0]}"
    labels = shop / "labels.csv"
    labels.write_text(f"{head}\n{talk},greets,true,anna,4000\n", encoding="utf-8")
    _assert_says(_run(shop, tmp_path, "--only", "00"), 1, "labels.csv, row 2, column position")
    labels.write_text(f"{head}\nof-may,greets,true,anna,2\n", encoding="utf-8")
    result = _run(shop, tmp_path, "--only", "00")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "reports" / "s" / MONTH / "00_data_check.html").read_text(encoding="utf-8")
    assert Words("en").word("notice.labels_elsewhere", found="1", all="1") in html.unescape(page)
