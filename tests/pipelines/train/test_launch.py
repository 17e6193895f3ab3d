from pathlib import Path

import pytest

from tests.pipelines.train.small_runs import shrink, train
from tuneline.parameters import Hardware, Recipe


def test_two_processes_learn_what_one_learns_and_save_once(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    recipe = shrink(recipe, save_steps=4)
    _, alone, _ = train(recipe, hardware, tmp_path / "one")
    adapter, together, facts = train(
        recipe, hardware.model_copy(update={"processes": 2}), tmp_path / "two"
    )
    assert facts["steps"] == alone["step"].iloc[-1] == 12
    assert together["num_tokens"].iloc[-1] == alone["num_tokens"].iloc[-1]
    losses = [log["eval_loss"].dropna().iloc[-1] for log in (alone, together)]
    assert losses[1] == pytest.approx(losses[0], rel=0.01)
    assert adapter.provenance["hardware"]["processes"] == 2
    (run,) = (tmp_path / "two").iterdir()
    assert sorted(path.name for path in (run / "checkpoint-12").glob("rng_state*")) == [
        "rng_state_0.pth",
        "rng_state_1.pth",
    ]
