"""A use case of thirty rows, cross-fitted, killed between two folds, and run again."""

import json
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.commands import kedro, start_kedro
from tests.conftest import MAIN, copy_project, make_once, state_evaluation
from tuneline.utils.hashing import hash_json_lines

pytestmark = pytest.mark.slow

FOLDS, ROWS = 3, 30
SMALL = ",".join(
    f"{MAIN}.{key}"
    for key in ("data.split.sample=30", "data.split.test=28", "data.split.validation=3")
)
RUN = ("run", "--env=test", f"--params={SMALL}")
KEPT = "06_models/product_descriptions.fold_1/checkpoints"
FIRST = "06_models/product_descriptions.fold_1/adapter/*/adapter/adapter_model.safetensors"


@dataclass
class Finished:
    """What both runs have left.

    Attributes:
        data: the folder of all data.
        said: by the second run.
        kept: what the first had finished of fold 1, by file: time and size, before the second.
    """

    data: Path
    said: str
    kept: dict[str, list[int]]

    def read(self, path: str) -> Any:
        return json.loads((self.data / path).read_text("utf-8"))

    def read_lines(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.data / path).read_bytes().splitlines()]

    def read_scores(self) -> dict[str, Any]:
        (path,) = (self.data / "08_reporting" / MAIN / "scores.json").glob("*/scores.json")
        return json.loads(path.read_text("utf-8"))


def list_kept(data: Path) -> dict[str, list[int]]:
    files = (path for path in (data / KEPT).rglob("*") if path.is_file())
    return {
        str(path.relative_to(data)): [path.stat().st_mtime_ns, path.stat().st_size]
        for path in files
        if path.name != "inputs.json"  # written at the start of each run
    }


def run_twice(folder: Path) -> None:
    state_evaluation(copy_project(folder), cross_fit=FOLDS)
    data = folder / "data/test"
    killed = start_kedro(folder, *RUN)
    while not list(data.glob(FIRST)):
        assert killed.process.is_alive(), killed.read()
        time.sleep(0.02)
    killed.send(signal.SIGKILL)
    killed.wait()
    assert not list(data.glob(FIRST.replace("fold_1", "fold_3")))
    kept = list_kept(data)
    again = kedro(folder, *RUN)
    assert again.returncode == 0, again.stdout + again.stderr
    said = {"said": again.stdout + again.stderr, "kept": kept}
    (folder / "said.json").write_text(json.dumps(said))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = make_once(tmp_path_factory, "cross_fitted", run_twice)
    return Finished(folder / "data/test", **json.loads((folder / "said.json").read_text("utf-8")))


def test_a_fold_that_was_finished_is_not_trained_again(finished: Finished):
    assert any(path.endswith("finished.json") for path in finished.kept)
    assert any(path.endswith("adapter_model.safetensors") for path in finished.kept)
    assert list_kept(finished.data) == finished.kept
    before, _, after = finished.said.partition("train.train_fold_1")
    assert after.index("This very run is through already") < after.index("train.train_fold_2")
    assert "This very run is through already" in before  # the released adapter's


def test_every_row_is_answered_once_by_an_adapter_that_has_not_seen_it(finished: Finished):
    answers = finished.read_lines(f"07_model_output/{MAIN}/answers.jsonl")
    rows = finished.read_lines(f"05_model_input/{MAIN}/test.jsonl")
    assert len(rows) == ROWS
    held_out = [row for row in answers if row["reference"] is not None]
    assert [row["line"] for row in held_out] == [row["meta"]["line"] for row in rows]
    assert {row["fold"] for row in answers if row["reference"] is None} == {0}
    assert Counter(row["fold"] for row in held_out) == dict.fromkeys((1, 2, 3), 10)
    for number in range(1, FOLDS + 1):
        examples = finished.data / f"05_model_input/{MAIN}.fold_{number}"
        adapters = finished.data / f"06_models/{MAIN}.fold_{number}/adapter"
        made_of = sorted(adapters.glob("*/adapter/provenance.json"))[-1]
        trained = json.loads(made_of.read_text("utf-8"))["examples"]
        seen = set()
        for split in ("train", "validation"):
            assert trained[split]["sha256"] == hash_json_lines(examples / f"{split}.jsonl")
            lines = finished.read_lines(f"05_model_input/{MAIN}.fold_{number}/{split}.jsonl")
            seen |= {row["meta"]["line"] for row in lines}
        answered = {row["line"] for row in held_out if row["fold"] == number}
        assert len(seen) == 20
        assert not seen & answered


def test_the_base_model_answers_each_prompt_once(finished: Finished):
    cache = finished.read_lines(f"07_model_output/{MAIN}/answer_cache.jsonl")
    assert len(cache) == 2 * (ROWS + 1)  # base and tuned


def test_the_report_says_what_was_measured(finished: Finished):
    scores = finished.read_scores()
    assert scores["prompts"] == ROWS
    assert scores["cross_fit"]["adapters"] == FOLDS
    sentence = (
        "What was measured is the recipe: 3 adapters answered 30 prompts, each those that it had "
        "not seen; the released adapter was trained on all rows (27 to learn from, 3 to watch)."
    )
    assert sentence in scores["verdict"]["summary"]
    report = (finished.data / "08_reporting" / MAIN / "report.html").read_text("utf-8")
    assert sentence in report
    assert "without and with an adapter, on 30 held-out prompts and 1 fixed question." in report
    assert "Each of 3 folds has an adapter of its own; the released one answered the" in report
    assert sentence in finished.said


def test_the_plan_counts_every_adapter(finished: Finished):
    plan = finished.read(f"08_reporting/{MAIN}/plan.json")
    own = [finished.read(f"08_reporting/{MAIN}.fold_{number}/plan.json") for number in (1, 2, 3)]
    assert plan["cross_fit"]["adapters"] == FOLDS
    assert plan["cross_fit"]["steps"] == sum(one["steps"]["total"] for one in own)
    parts = [plan["time"][name]["seconds"] for name in ("training", "cross_fit", "evaluation")]
    assert plan["time"]["seconds"] == pytest.approx(sum(parts), abs=0.2)
    assert "3 more adapters" in finished.said
    assert "of the folds" in finished.said


def test_folds_of_another_number_are_not_taken_for_todays(finished: Finished, tmp_path: Path):
    folder = tmp_path / "project"
    shutil.copytree(finished.data.parents[1], folder, symlinks=True)
    state_evaluation(folder, cross_fit=2)
    done = kedro(folder, *RUN, "--pipeline=evaluate")
    assert done.returncode == 1
    assert "this row is not held out by one fold" in done.stdout + done.stderr
