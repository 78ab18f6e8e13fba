"""Airflow: every month, one papermill task for each shop of ``shops.yml``.

Airflow has a virtual environment of its own (``requirements/airflow.lock``); the notebooks run in
csinsight's, which registers itself once as a kernel::

    .venv/bin/python -m ipykernel install --user --name csinsight

A task executes ``month.ipynb``, which is one call: csinsight checks, computes, renders and
publishes, so that a reader never sees half a month. A failed task can be retried at will: steps
that are done are not done again. A run's month is the one before its logical date, so that
backfilling makes the months of the past.
"""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from airflow.providers.papermill.operators.papermill import PapermillOperator
from airflow.sdk import DAG

HERE = Path(__file__).resolve().parent
FILE = Path(os.environ.get("CSINSIGHT_SHOPS", HERE.parent / "shops.yml"))
#: Where the executed ``month.ipynb`` of each run is kept, which says what happened.
KEPT = Path(os.environ.get("CSINSIGHT_AIRFLOW_OUT", FILE.parent / "airflow-runs"))
MONTH = "{{ (logical_date.replace(day=1) - macros.timedelta(days=1)).strftime('%Y-%m') }}"

with DAG(
    "csinsight_monthly",
    description="Monthly reports of every shop",
    schedule="0 6 2 * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=30)},
    tags=["csinsight"],
) as dag:
    for entry in yaml.safe_load(FILE.read_text(encoding="utf-8"))["shops"]:
        name = re.sub(r"[^0-9A-Za-z_.-]+", "_", entry["shop"])
        KEPT.mkdir(parents=True, exist_ok=True)
        PapermillOperator(
            task_id=f"report_{name}",
            input_nb=str(HERE / "month.ipynb"),
            output_nb=f"{KEPT}/{name}-{MONTH}.ipynb",
            parameters={"file": str(FILE.resolve()), "shop": entry["shop"], "month": MONTH},
            kernel_name="csinsight",
            language_name="python",
        )
