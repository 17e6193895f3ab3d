"""Spark's session: its settings from YAML, its log in a file, its failures in a sentence."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneline.errors import Problem, TunelineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Next to tuneline.log. Workers of a cluster write logs of their own, where Spark keeps them.
LOG = "spark.log"
SETTINGS = "`spark` in conf/spark/globals.yml"
DEFAULTS = {
    "spark.master": "local[*]",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # A table that is sent to every worker goes through the driver's memory.
    "spark.sql.autoBroadcastJoinThreshold": "-1",
    # Few: what is sorted are keys, and a larger cluster states more.
    "spark.sql.shuffle.partitions": "16",
    # Of texts: what passes to Python at once is bounded in bytes.
    "spark.sql.execution.arrow.maxBytesPerBatch": "16m",
    # A Python process works on one batch; another core has a process of its own.
    "spark.executorEnv.POLARS_MAX_THREADS": "1",
}
# On one machine nothing listens to the network.
HERE = {"spark.driver.host": "localhost", "spark.driver.bindAddress": "127.0.0.1"}
OURS = re.compile(r"tuneline\.errors\.\w+: (.+)")
RAISE = "raise `spark.executor.memory` (on one machine `spark.driver.memory`) in " + SETTINGS
# What Spark's 160 lines of Java say; what that means; what to do.
CAUSES = {
    r"OutOfMemoryError": ("its Java ran out of memory", RAISE),
    r"Python worker exited unexpectedly|ExecutorLostFailure|exited with code 137": (
        "a worker ended unexpectedly, most likely out of memory",
        f"{RAISE}, or give each worker fewer cores",
    ),
    r"No space left on device": (
        "a worker's disk is full",
        f"free space there, or let `spark.local.dir` in {SETTINGS} name another disk",
    ),
    r"All masters are unresponsive|Connection refused|Could not parse Master URL": (
        "the cluster does not answer",
        f"start it, or correct `spark.master` in {SETTINGS}",
    ),
    r"No module named '(\w+)|PYTHON_VERSION_MISMATCH": (
        "a worker has another Python than this machine, or lacks a package",
        "install the same environment on every worker, or let `spark.pyspark.python` in "
        f"{SETTINGS} name it",
    ),
    r"FileNotFoundError.*": (
        "a worker does not see the project's files",
        "let `data` in globals.yml name a folder that all workers and this machine share",
    ),
}


@dataclass(frozen=True)
class Cluster:
    """Where Spark runs, by its own settings (`spark.executor.memory`)."""

    settings: Mapping[str, Any] = field(default_factory=dict)

    def start(self) -> "SparkSession":
        """Start Spark, or take the session that this process has.

        Raises:
            TunelineError: if Spark is not installed or does not start.
        """
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise TunelineError(_no_spark("pyspark is not installed")) from error
        settings = DEFAULTS | {key: str(value) for key, value in self.settings.items()}
        if settings["spark.master"].startswith("local"):
            settings = HERE | settings
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else the first in PATH
        builder = SparkSession.builder.appName("tuneline").config(map=settings)
        with name_failures(), _log_to(Path(LOG)):
            return builder.getOrCreate()


@contextmanager
def _log_to(path: Path) -> Iterator[None]:
    """Let Java, which is started inside the block, write its lines into a file."""
    kept = os.dup(2)
    try:
        with path.open("ab") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def name_failures() -> Iterator[None]:
    """Say in a sentence why Spark failed; its own lines are in its log.

    Raises:
        TunelineError: instead of Spark's error; one that a worker raised comes as it was.
    """
    failures = _list_failures()
    try:
        yield
    except failures as error:
        raise TunelineError(describe_failure(str(error))) from error


def _list_failures() -> tuple[type[Exception], ...]:
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
    except ImportError:
        return ()  # nothing of Spark's can fail before it is missed
    return Py4JError, PySparkException, ConnectionError


def describe_failure(said: str) -> Problem:
    """Say what Spark's error, with the traces of Java and of Python, means."""
    if ours := OURS.search(said):
        where, _, rest = ours[1].partition(": ")
        wrong, matters, remedy = (*rest.rstrip(".").split("; ", 2), "", "")[:3]
        return Problem(where, wrong, matters, remedy)
    if "JAVA_GATEWAY_EXITED" in said:
        return _no_spark("Spark does not start: there is no Java, or it is too old")
    for sign, (wrong, remedy) in CAUSES.items():
        if re.search(sign, said):
            return _failed(wrong, remedy)
    first = next((line.strip() for line in said.splitlines() if line.strip()), "no reason given")
    return _failed(f"it failed ({first})", f"look into {LOG}")


def _failed(wrong: str, remedy: str) -> Problem:
    return Problem(
        where="Spark",
        wrong=wrong,
        matters=f"nothing was written; Spark's own lines are in {LOG}",
        remedy=remedy,
    )


def _no_spark(wrong: str) -> Problem:
    return Problem(
        where="--env=spark",
        wrong=wrong,
        matters="this environment cleans in Spark",
        remedy="pip install 'tuneline[spark]', with Java 17 or newer; or leave --env out",
    )
