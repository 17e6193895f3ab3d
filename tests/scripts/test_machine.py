"""The benchmark of a machine, at its smallest, and what is kept of a case that fails."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.benchmarks.figures import list_speeds, make_table
from scripts.benchmarks.machine import Benchmark, parse
from scripts.benchmarks.processes import run_alone
from tests.commands import STARTER, first_process
from tests.conftest import PROJECT

# As on a machine that has what shared/gpu's kit brings.
WITHOUT_POLARS = """
import sys
sys.modules["polars"] = None
from pathlib import Path
from scripts.benchmarks import answering, machine, training
from scripts.benchmarks.cases import Case, load_settings, make_examples
import tuneline.models.generation, tuneline.pipelines.plan.memory_estimate
import tuneline.training.probe, tuneline.training.sft
load_settings(Case("mistral_7b", "colab_free", "team"), Path("models"))
make_examples(2, 1, 256)
"""


def measure(folder: Path, words: str) -> dict[str, Any]:
    """Run the benchmark as its command does, in processes that have the libraries already."""
    out = folder / "machine.json"
    with first_process():
        Benchmark(parse([*words.split(), "--out", str(out)]), STARTER, folder).run()
    return json.loads(out.read_text("utf-8"))


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    words = "--model small --env test --examples 24 --seconds 2 --new-tokens 3"
    return measure(tmp_path_factory.mktemp("machine"), words)


def test_every_way_is_measured(figures: dict[str, Any]):
    ours, team, answers = figures["cases"]
    assert {case["status"] for case in figures["cases"]} == {"done"}, figures
    assert [case["way"] for case in (ours, team, answers)] == ["tuneline", "team", "answers"]
    for trained in (ours, team):
        assert trained["steps"] <= 3
        assert trained["tokens_per_second"] > 0
        assert 0 < trained["longest_batch_gb"] <= trained["peak_gb"]
        assert trained["predicted_gb"] == trained["predicted"]["total"]
    assert [answers[who]["prompts"] for who in ("tuned", "base", "one_by_one")] == [16, 16, 1]
    assert all(answers[who]["tokens_per_second"] > 0 for who in ("tuned", "base", "one_by_one"))


def test_the_machine_is_described(figures: dict[str, Any]):
    import torch

    machine = figures["machine"]
    assert machine["name"]
    assert machine["torch"] == torch.__version__
    assert machine["gpu"] == torch.cuda.is_available()


def test_speeds_can_be_stated_in_yaml(figures: dict[str, Any]):
    ours = figures["cases"][0]
    speed = figures["speeds"][figures["machine"]["name"]]["small"]["float32"]
    assert speed["tokens_per_second"] == ours["tokens_per_second"]
    expected = 6 * ours["parameters"] * ours["tokens_per_second"] / 1e12
    assert speed["teraflops"] == pytest.approx(expected, rel=1e-2)


def test_the_table_has_a_row_for_every_figure(figures: dict[str, Any]):
    rows = make_table(figures).splitlines()[4:]
    ways = [row.split(" | ")[2] for row in rows]
    assert ways[:2] == ["tuneline", "team"]
    assert ways[2:] == [
        "answering, tuned model, 16 at once",
        "answering, base model, 16 at once",
        "answering, tuned model, one by one",
    ]
    assert {row.count("|") for row in rows} == {9}


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="there is a GPU")
def test_an_environment_that_needs_a_gpu_is_left_out_where_there_is_none(tmp_path: Path):
    found = measure(tmp_path, "--model small --env colab_free --way tuneline")
    (case,) = found["cases"]
    assert (case["status"], case["error"]) == ("left out", "colab_free needs a GPU")
    assert "colab_free needs a GPU" in make_table(found)


def test_no_case_begins_without_time_left(tmp_path: Path):
    found = measure(tmp_path, "--model small --env test --way answers --minutes 0.1")
    assert [case["status"] for case in found["cases"]] == ["left out"]
    assert "no time left" in found["cases"][0]["error"]


def test_a_speed_counts_only_if_the_run_did_not_fail():
    case = {"model": "phi_3_mini", "way": "tuneline", "dtype": "float16", "parameters": 10**9}
    cases = [
        {**case, "status": "done", "tokens_per_second": 1000.0},
        {**case, "status": "out of time", "tokens_per_second": 3000.0},
        {**case, "status": "failed", "tokens_per_second": 9000.0},
        {**case, "status": "out of time"},
    ]
    speeds = list_speeds({"machine": {"name": "GPU"}, "cases": cases})
    speed = {"tokens_per_second": 2000.0, "teraflops": 12.0}
    assert speeds == {"GPU": {"microsoft/Phi-3-mini-4k-instruct": {"float16": speed}}}


def emit_and(how: str, emit: Any) -> None:
    emit(tokens_per_second=5)
    if how == "sleep":
        time.sleep(600)
    if how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    raise MemoryError("CUDA out of memory")


@pytest.mark.parametrize(
    ("how", "error"), [("die", "ended by signal 9"), ("raise", "CUDA out of memory")]
)
def test_what_a_failing_case_measured_is_kept(how: str, error: str, tmp_path: Path):
    with first_process():
        found = run_alone(STARTER, emit_and, (how,), tmp_path / "case", 600)
    assert (found["status"], found["tokens_per_second"]) == ("failed", 5)
    assert error in found["error"]


def test_what_a_case_measured_before_its_limit_is_kept(tmp_path: Path):
    found: dict[str, Any] = {}
    for limit in (1, 10, 100):  # on a busy machine it may not have begun after a second
        with first_process():
            found = run_alone(STARTER, emit_and, ("sleep",), tmp_path / f"{limit}", limit)
        assert found["status"] == "out of time"
        if "tokens_per_second" in found:
            break
    assert found["tokens_per_second"] == 5
    assert found["wall_seconds"] < 600


def test_nothing_of_it_needs_polars():
    words = [sys.executable, "-c", WITHOUT_POLARS]
    done = subprocess.run(words, check=False, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
