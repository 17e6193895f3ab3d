"""What Spark says in 160 lines is one sentence."""

import sys
from pathlib import Path

import pyarrow as pa
import pytest

from tests.spark_local import LOCAL, needs_spark
from tuneline.datasets import SparkCSVDataset, SparkJSONLinesDataset
from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Data
from tuneline.pipelines.prepare.nodes import clean_rows, split_rows
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


@pytest.fixture
def no_pyspark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pyspark and what came with it be missing, as without the extra."""
    packages = {"pyspark", "py4j"}
    for name in packages | {one for one in sys.modules if one.split(".")[0] in packages}:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("no_pyspark")
def test_without_pyspark_every_node_says_so_first(tmp_path: Path, data: Data):
    raw, table = tmp_path / "rows.jsonl", tmp_path / "clean"
    raw.write_text('{"uid": "1", "titel": "a", "content": "b"}\n', "utf-8")
    table.mkdir()
    (table / "part-00000.csv").write_text("line,uid,title,content\n1,a,A title,Of it\n", "utf-8")
    with pytest.raises(TunelineError, match=r"pyspark is not installed.*tuneline\[spark\]"):
        clean_rows(SparkJSONLinesDataset(filepath=str(raw)).load(), data, tmp_path / "work")
    with pytest.raises(TunelineError, match="pyspark is not installed"):
        split_rows(SparkCSVDataset(filepath=str(table)).load(), data)


@pytest.mark.usefixtures("no_pyspark")
def test_without_pyspark_a_refusal_comes_alone():
    with pytest.raises(TunelineError) as refused, name_failures():
        _refuse(None)
    assert refused.value.__context__ is None


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
