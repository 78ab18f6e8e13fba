#!/bin/sh
# A month on a cluster that is there already, from the machine that holds the driver:
#     deploy/spark/submit.sh run --data /mnt/shops/myshop --shop myshop --month last --out /mnt/out
# SPARK_MASTER is spark://HOST:7077, yarn, or k8s://https://HOST:6443; local[*] unless told. The same
# virtual environment, with csinsight[spark], has to be at the same place on every machine, and the
# folder of the shop's tables has to be mounted there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${PYSPARK_PYTHON:-$(command -v python3)}
PYSPARK_PYTHON=$python PYSPARK_DRIVER_PYTHON=$python exec "$(dirname "$python")/spark-submit" \
    --master "${SPARK_MASTER:-local[*]}" --deploy-mode client --name csinsight \
    --driver-memory "${SPARK_DRIVER_MEMORY:-4g}" \
    --executor-memory "${SPARK_EXECUTOR_MEMORY:-8g}" \
    --conf spark.executor.memoryOverheadFactor=1 \
    --conf spark.sql.session.timeZone=UTC \
    --conf spark.ui.showConsoleProgress=false \
    "$here/csinsight_run.py" "$@" --engine spark
