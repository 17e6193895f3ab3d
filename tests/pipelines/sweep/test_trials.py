import json
import signal
from pathlib import Path

import pytest
import yaml

from tests.commands import fork
from tests.pipelines.sweep import small_sweeps
from tests.pipelines.sweep.small_sweeps import EVALUATION, MOMENTS, make_plan
from tests.training.small_runs import make_examples
from tuneline.checks.merged_settings import Setting
from tuneline.errors import TunelineError
from tuneline.models.architecture import build_empty
from tuneline.models.loading import load_model_config
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.memory_estimate import measure_model, predict_memory
from tuneline.pipelines.sweep.nodes import compare_trials, plot_trials, write_sweep_page

pytestmark = pytest.mark.slow
SETTINGS = [Setting("pots.recipe.seed", "8", "conf/base/pots/parameters.yml")]


def test_a_sweep_that_was_killed_ends_like_one_that_was_not(tmp_path: Path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    for moment in MOMENTS:
        run = fork(small_sweeps.sweep, killed, moment)
        assert run.returncode == -signal.SIGKILL, run.stderr[-2000:]
    done = [fork(small_sweeps.sweep, folder, "never") for folder in (killed, whole)]
    assert [run.returncode for run in done] == [0, 0], done[0].stderr[-2000:]
    results = [json.loads((folder / "results.json").read_text()) for folder in (killed, whole)]
    assert results[0] == results[1]
    first, *others = results[0]
    assert first["name"] == "as it is"
    assert first["through"]
    assert [one["step"] for one in first["rungs"]] == [2, 6]
    assert sum(one["through"] for one in others) in (
        0,
        1,
    )  # the best third, and the recipe as it is
    assert all(len(one["rungs"]) == 1 + one["through"] for one in results[0])
    assert "Going on after step 2 of 6" in done[1].stdout + done[1].stderr
    assert not list(whole.rglob("checkpoint-*"))
    again = fork(small_sweeps.sweep, whole, "never")
    assert "One step on the longest batch" not in again.stdout + again.stderr


def make_results(winner: list[float]) -> list[dict]:
    def trial(name: str, scores: list[float], loss: float, through: bool = True) -> dict:
        share = 1.0 if through else 1 / 3
        rung = {"share": share, "step": 6 if through else 2, "chrf": scores, "loss": loss}
        values = {} if name == "as it is" else {"learning_rate": 0.01, "lora.r": 4}
        return {"name": name, "values": values, "rungs": [rung], "through": through}

    low = [20.0, 30.0, 25.0, 28.0, 31.0, 27.0] * 2
    broken = trial("<b>broken</b>", low, 9.0, through=False)
    broken["rungs"][0] = {"share": 1 / 3, "step": 2, "failed": "recipe.learning_rate: <nan>."}
    return [
        trial("as it is", low, 2.0),
        trial("learning_rate 0.01", winner, 1.5),
        trial("dropped", [90.0] * 12, 1.0, through=False),
        broken,
    ]


def make_small_plan(results: list[dict]) -> dict:
    settings = {"global_batch_size": 4, "num_train_epochs": 2.0, "learning_rate": 0.01}
    trials = [{"name": one["name"], "steps": {"total": 6}, "settings": settings} for one in results]
    unfit = {"verdict": {"summary": "It needs 99 GB."}, "name": "large", "steps": {"total": 6}}
    return {"trials": [*trials, unfit], "summary": "Sweep: 4 trials."}


@pytest.mark.parametrize(
    ("lead", "words", "shown"),
    [
        ([30, 31, 29, 32, 30, 28], "Copy its values, and train.", True),
        (
            [60, -15, 1, 0, 5, -20],
            "No significant difference: the recipe as it is may be kept.",
            False,
        ),
        ([-1, -1, -1, -1, -1, -1], "The recipe as it is wins", False),
    ],
)
def test_the_winner_comes_with_its_lead_and_what_to_copy(
    lead: list[float], words: str, shown: bool
):
    low = make_results([])[0]["rungs"][0]["chrf"]
    results = make_results([one + more for one, more in zip(low, 2 * lead, strict=True)])
    plan = make_small_plan(results)
    table, record = compare_trials(results, plan, make_examples(12), EVALUATION, SETTINGS)
    assert words in record["summary"]
    assert record["shown"] is shown
    # With what `auto` would derive anew from the winner's values.
    recipe = {"global_batch_size": 4, "num_train_epochs": 2.0, "learning_rate": 0.01}
    copied = {"pots": {"recipe": {**recipe, "lora": {"r": 4}}}}
    assert yaml.safe_load(record["yaml"]) == (copied if lead[0] > 0 else None)
    assert table["end"].tolist()[2:] == [
        "dropped after 33%",
        "failed: recipe.learning_rate: <nan>.",
        "not tried: It needs 99 GB.",
    ]
    if record["lead"]:  # three comparisons share the error
        assert record["lead"]["confidence"] == pytest.approx(1 - 0.05 / 3)
    page = write_sweep_page(record, plan, plot_trials(results))
    assert "<b>broken" not in page
    assert "&lt;nan&gt;" in page


def test_a_sweep_is_priced_before_it_starts(recipe: Recipe, hardware: Hardware, tmp_path: Path):
    priced = hardware.model_copy(update={"price_per_hour": 36.0})
    plan = make_plan(recipe, priced, tmp_path)
    assert plan["rungs"] == [pytest.approx(1 / 3), 1.0]
    one = plan["trials"][0]["seconds"]
    # Three to a third, then two to the end, and five times the answers.
    assert plan["time"]["seconds"] == pytest.approx(one * (1 + 2 * 2 / 3) + 5 * 2.0, abs=0.2)
    assert plan["time"]["cost"] == pytest.approx(plan["time"]["seconds"] / 100, abs=0.01)
    assert "Sweep: 3 trials, compared after 33%, 100% of their steps" in plan["summary"]
    assert [one["settings"]["seed"] for one in plan["trials"]] == [recipe.seed] * 3


def test_what_never_fits_is_refused_and_what_does_not_fit_is_left_out(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    config = load_model_config(recipe)
    size = measure_model(config, recipe, build_empty(config))
    needed = predict_memory(size, recipe.max_length, recipe, hardware)["worst_case"]
    tight = hardware.model_copy(update={"memory_gb": needed + 0.05})
    space = {"lora.r": [4, 2048]}
    plan = make_plan(recipe, tight, tmp_path, space=space)
    labels = [one["verdict"]["label"] == "does not fit" for one in plan["trials"]]
    assert labels == [False, False, True]
    assert "Not tried, because it does not fit: lora.r 2048." in plan["summary"]
    with pytest.raises(TunelineError, match=r"sweep\.space = .*none of its 1 trials fits next to"):
        make_plan(recipe, tight, tmp_path, space={"lora.r": [2048]})
    small = hardware.model_copy(update={"memory_gb": 0.1})
    with pytest.raises(
        TunelineError, match=r"sweep\.space: the recipe as it is does not fit: hard"
    ):
        make_plan(recipe, small, tmp_path, space=space)
