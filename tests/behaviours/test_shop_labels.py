"""A shop's own labels teach the shipped reader what it doesn't know, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.contexts import month_context
from tools.shop_labels import labelled_lines, teach
from tools.train_reader import main

from csinsight.behaviours.reader import PATH, load_reader
from csinsight.contract.labels import add_labels
from csinsight.engine import collect, open_shop
from csinsight.features.conversations import messages_of

TAUGHT = "offers_alternative"
ASKED = "S码还有吗"
#: In this shop to name the sister shop is a way out; no public chat has heard of it.
SAID = ("同城店那边", "同城店里挂着呢", "嗯嗯收到", "面料是200克的纯棉")


@pytest.fixture
def shop(tmp_path: Path) -> tuple[Path, Path]:
    """A shop of sixty conversations, with a folder for labels, and its run."""
    folder, run = tmp_path / "data", tmp_path / "run"
    folder.mkdir()
    rows = [
        (
            f"b{talk}",
            None if side == "buyer" else "a1",
            side,
            f"2026-10-05 10:{talk:02}:{10 * k}",
            text,
        )
        for talk in range(60)
        for k, (side, text) in enumerate((("buyer", ASKED), ("agent", SAID[talk % len(SAID)])))
    ]
    names = ["buyer_id", "agent_id", "sender", "sent_at", "text"]
    messages = pl.DataFrame(rows, schema=names, orient="row")
    messages = messages.with_columns(pl.col("sent_at").str.to_datetime())
    messages.write_parquet(folder / "messages.parquet")
    month_context(month="2026-10").write(run)
    return folder, run


def _label(folder: Path, shows: Callable[[pd.Series], pd.Series]) -> None:
    """Write what a person says of every agent's line: `shows` of their texts."""
    context = month_context(month="2026-10")
    lines = collect(messages_of(open_shop(folder), context.as_of, context.rules, months=1))
    said = lines[lines["sender"] == "agent"]
    told = said[["conversation_id", "position"]].assign(
        sent_at=pd.NaT, behaviour=TAUGHT, reader="anna", shown=shows(said["text"]).to_numpy()
    )
    add_labels(folder, told)


def test_what_this_shop_calls_a_way_out_is_learnt(shop, tmp_path, capsys):
    folder, run = shop
    _label(folder, lambda texts: texts.str.contains("同城店"))
    main(["--shop", str(folder), "--run", str(run), "--out", str(tmp_path)])
    assert f"{TAUGHT}, zh: 60 lines" in capsys.readouterr().out
    taught = load_reader(tmp_path / PATH.name)
    lines = labelled_lines(folder, run)
    people = lines["_true"].to_numpy() == 1
    said, before = (
        reader.weights["zh"].margins(lines)[:, reader.weights["zh"].labels.index(TAUGHT)] >= 0
        for reader in (taught, load_reader())
    )
    assert (said == people).mean() > 0.95 > (before == people).mean()
    # Nothing else is read otherwise.
    shipped = load_reader().weights["zh"]
    others = [k for k, name in enumerate(shipped.labels) if name != TAUGHT]
    margins = (reader.margins(lines)[:, others] for reader in (shipped, taught.weights["zh"]))
    assert np.array_equal(*margins)
    assert taught.weights["en"].labels == load_reader().weights["en"].labels


def test_labels_that_say_nothing_new_change_nothing(shop):
    folder, run = shop
    _label(folder, lambda texts: texts.str.contains("[0-9]"))
    lines = labelled_lines(folder, run).with_columns(marker=pl.lit("gives_specifics"))
    weights = load_reader().weights["zh"]
    as_read = weights.margins(lines)[:, weights.labels.index("gives_specifics")] >= 0
    reader, [told] = teach(load_reader(), lines.with_columns(_true=as_read.astype(float)))
    assert (told.before, told.taken) == (1.0, False)
    assert reader.weights["zh"] is weights
    assert teach(load_reader(), lines.head(20)) == (load_reader(), [])


def test_without_a_finished_run_it_says_so(shop, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--shop", str(shop[0]), "--run", str(tmp_path / "none")])
    assert "--shop needs --run" in capsys.readouterr().err
