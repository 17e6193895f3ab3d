"""What Spark says in 160 lines is one sentence."""

from pathlib import Path

import pyarrow as pa
import pytest

from tests.spark_local import LOCAL, needs_spark
from tuneline.errors import Problem, TunelineError
from tuneline.spark.session import Cluster, describe_failure, name_failures

JAVA = """An error occurred while calling o91.collectToPython.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed
\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)
Caused by: {cause}
\tat java.base/java.io.ByteArrayOutputStream.grow(ByteArrayOutputStream.java:100)
"""


@pytest.mark.parametrize(
    ("cause", "wrong", "remedy"),
    [
        ("java.lang.OutOfMemoryError: Java heap space", "ran out of memory", "spark.executor"),
        ("java.io.IOException: No space left on device", "disk is full", "spark.local.dir"),
        ("org.apache.spark.SparkException: Python worker exited unexpectedly", "ended", "cores"),
        ("All masters are unresponsive! Giving up.", "does not answer", "spark.master"),
        ("ModuleNotFoundError: No module named 'tuneline'", "lacks a package", "same environ"),
        ("java.lang.IllegalStateException: odd", "it failed", "spark.log"),
    ],
)
def test_a_failure_is_a_sentence_with_what_helps(cause: str, wrong: str, remedy: str):
    problem = describe_failure(JAVA.format(cause=cause))
    assert wrong in problem.wrong
    assert remedy in problem.remedy
    assert "\tat" not in str(problem)


def test_without_java_the_sentence_says_so():
    assert "no Java" in describe_failure("[JAVA_GATEWAY_EXITED] Java gateway ended").wrong


def _refuse(batches: object) -> object:
    raise TunelineError(Problem("rows.jsonl.gz", "it is cut off", "rows are lost", "copy it"))


@needs_spark
def test_a_refusal_on_a_worker_comes_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    refused = Cluster(LOCAL).start().range(1).mapInArrow(_refuse, "id long")
    with pytest.raises(TunelineError) as error, name_failures():
        refused.collect()
    assert str(error.value) == "rows.jsonl.gz: it is cut off; rows are lost; copy it."
    assert "java" not in capfd.readouterr().err


@needs_spark
def test_rows_of_a_batch_are_bounded_in_bytes():
    session = Cluster(LOCAL).start()
    assert session.conf.get("spark.sql.execution.arrow.maxBytesPerBatch") == "16m"
    sizes = session.range(40).selectExpr("repeat('x', 4000000) as text").coalesce(1)
    held = sizes.mapInArrow(_measure, "bytes long").collect()
    assert max(row.bytes for row in held) < 32_000_000


def _measure(batches: object) -> object:
    for batch in batches:  # type: ignore[attr-defined]
        yield pa.record_batch({"bytes": pa.array([batch.nbytes])})
