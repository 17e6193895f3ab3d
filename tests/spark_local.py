"""Spark for real, in local mode: it needs Java and the extra `spark`."""

import importlib.util
import shutil

import pytest

LOCAL = {
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": 2,
}
MISSING = [
    *(["pyspark (the extra `spark`)"] if importlib.util.find_spec("pyspark") is None else []),
    *(["Java"] if shutil.which("java") is None else []),
]
needs_spark = pytest.mark.skipif(
    bool(MISSING), reason=f"Spark is not tested here: {' and '.join(MISSING)} not installed"
)
