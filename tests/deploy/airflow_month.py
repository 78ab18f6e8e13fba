"""Run by ``make airflow-test`` with Airflow's own Python: the DAG parses, and makes one month.

Told: the folder of a shop's tables, and an empty folder to work in.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

DAGS = Path(__file__).resolve().parents[2] / "deploy" / "airflow"


def main(data: Path, work: Path) -> None:
    """Parse the DAG as Airflow does, run November's, and look for October's report."""
    shops = work / "shops.yml"
    shops.write_text(
        f"out: out\nshops:\n  - {{shop: toy, data: {data}, lang: en, title: Toy shop}}\n",
        encoding="utf-8",
    )
    os.environ |= {
        "AIRFLOW_HOME": str(work / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "CSINSIGHT_SHOPS": str(shops),
        "CSINSIGHT_AIRFLOW_OUT": str(work / "kept"),
    }
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    bag = DagBag(DAGS)
    assert bag.import_errors == {}, bag.import_errors
    dag = bag.dags["csinsight_monthly"]
    assert [task.task_id for task in dag.tasks] == ["report_toy"]
    for task in dag.tasks:
        task.retries = 0  # a failure is to be seen now, not in half an hour
    run = dag.test(logical_date=datetime(2026, 11, 2, 6, tzinfo=UTC))
    assert str(run.state) == "success", run.state
    assert (work / "out/reports/toy/2026-10/index.html").is_file()
    assert (work / "kept/toy-2026-10.ipynb").is_file()
    print("Airflow made October's report:", work / "out/reports/toy/2026-10/index.html")  # noqa: T201 - for whoever ran it


main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
