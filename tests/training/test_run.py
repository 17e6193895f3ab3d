import os
import time
from pathlib import Path

import pytest

from tests.conftest import CPU
from tests.training.small_runs import BY_ANSWERS, shrink, train
from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Hardware, Recipe
from tuneline.training.launch import launch

pytestmark = pytest.mark.slow


def fail_in_one_process() -> None:
    if os.environ["RANK"] == "1":
        raise TunelineError(Problem("recipe", "the loss is nan", "it matters", "lower it"))
    time.sleep(60)


def test_what_one_of_several_processes_says_reaches_the_user_and_stops_the_others():
    with pytest.raises(TunelineError, match=r"process 1 stopped: .*the loss is nan"):
        launch(fail_in_one_process, CPU.model_copy(update={"processes": 2}))


def test_two_processes_learn_what_one_learns_and_save_once(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    recipe = shrink(recipe, save_steps=4)
    _, alone, _ = train(recipe, hardware, tmp_path / "one", best_checkpoint=BY_ANSWERS)
    (run,) = (tmp_path / "one").iterdir()
    half_written = tmp_path / "two" / run.name / "checkpoint-4"
    half_written.mkdir(parents=True)
    (half_written / "optimizer.pt").write_bytes(b"half")
    two = hardware.model_copy(update={"processes": 2})
    adapter, together, facts = train(recipe, two, tmp_path / "two", best_checkpoint=BY_ANSWERS)
    assert facts["steps"] == alone["step"].iloc[-1] == 12
    assert together["num_tokens"].iloc[-1] == alone["num_tokens"].iloc[-1]
    losses = [log["eval_loss"].dropna().iloc[-1] for log in (alone, together)]
    assert losses[1] == pytest.approx(losses[0], rel=0.01)
    answers = [log["eval_chrf"].dropna().iloc[-1] for log in (alone, together)]
    assert answers[1] == pytest.approx(answers[0], abs=2)
    assert adapter.provenance["hardware"]["processes"] == 2
    (run,) = (tmp_path / "two").iterdir()
    assert sorted(path.name for path in (run / "checkpoint-12").glob("rng_state*")) == [
        "rng_state_0.pth",
        "rng_state_1.pth",
    ]
