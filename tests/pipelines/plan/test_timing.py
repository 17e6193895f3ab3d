from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.plan.test_nodes import EVALUATION, PROMPT, make_report
from tests.training.small_runs import make_examples
from tuneline.errors import Problem, TunelineError
from tuneline.models.machine import name_processor
from tuneline.models.run_differences import name_run
from tuneline.parameters import Evaluation, Hardware, Prompting, Recipe
from tuneline.pipelines.plan.nodes import make_plan
from tuneline.pipelines.plan.workload import count_validations
from tuneline.training.best_checkpoint import fix_choice

pytestmark = pytest.mark.slow
TRAIN, TEST = make_examples(64), make_examples(8)


def plan(
    recipe: Recipe,
    hardware: Hardware,
    records: list[dict[str, Any]] | None = None,
    scores: dict[str, Callable[[], dict]] | None = None,
    evaluation: Evaluation = EVALUATION,
    checkpoints: Path = Path("data/06_models/checkpoints"),
) -> dict[str, Any]:
    """Plan 64 training examples of 20 tokens, and one test example of 20."""
    report = make_report([20] * 64, recipe)
    return make_plan(
        report,
        TRAIN,
        [],
        TEST,
        checkpoints,
        checkpoints.with_name("adapter"),
        records or [],
        scores or {},
        recipe,
        PROMPT,
        evaluation,
        hardware,
    )


def make_record(recipe: Recipe, hardware: Hardware, rate: float, **inputs: object) -> dict:
    """Make the record of a training of the same kind here, but for some inputs."""
    planned = plan(recipe, hardware.model_copy(update={"memory_gb": 0.1}))
    return {
        "inputs": {**planned["inputs"], **inputs},
        "tokens_per_second": rate,
        "device": name_processor("cpu"),
    }


def make_scores(record: dict, **run: object) -> dict:
    return {
        "run": {
            "base": record["inputs"]["base"],
            "recipe": record["inputs"]["recipe"]["settings"],
            "hardware": record["inputs"]["hardware"],
            "device": record["device"],
            "generation": EVALUATION.generation,
            **run,
        },
        "metrics": {
            "seconds": {"base": 2.0, "tuned": 3.0},
            "chrf": {"label": "chrF", "spread": 10.0},
        },
        "prompts": 8,
        "verdict": {"metrics": ["chrf"]},
    }


@pytest.fixture
def recipe(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"num_train_epochs": 2, "overlong": "drop"})


def test_the_last_runs_of_the_same_kind_give_the_minutes(recipe: Recipe, hardware: Hardware):
    priced = hardware.model_copy(update={"price_per_hour": 3.6})
    record = make_record(recipe, priced, 10.0)
    time = plan(recipe, priced, [record], {"1": lambda: make_scores(record)})["time"]
    assert time["training"]["seconds"] == 64 * 20 * 2 / 10
    assert time["training"]["basis"] == f"as the last one on {name_processor('cpu')}"
    # The suite's 200 prompts have answers of at most 24 tokens, the others of 48.
    assert time["evaluation"]["seconds"] == (len(TEST) + 200 * 24 / 48) * (2 + 3) + 20 / 10
    assert time["seconds"] == 256 + 542
    assert time["cost"] == pytest.approx(0.798)


def test_answers_to_better_prompts_take_their_time(recipe: Recipe, hardware: Hardware):
    """Two columns more as the base model answers, and 8 times 20 tokens to read in each prompt."""
    record = make_record(recipe, hardware, 10.0)
    prompting = Prompting(instruction="Be brief.", shots=8)
    prompted = EVALUATION.model_copy(update={"prompting": prompting, "retention": None})
    time = plan(recipe, hardware, [record], {"1": lambda: make_scores(record)}, prompted)["time"]
    shown = len(TEST) * 8 * 20
    assert time["evaluation"]["seconds"] == len(TEST) * (3 * 2 + 3) + (20 + shown / 2) / 10


def test_the_newest_record_of_the_same_kind_counts(recipe: Recipe, hardware: Hardware):
    record = make_record(recipe, hardware, 10.0)
    older, other = record | {"tokens_per_second": 5.0}, record | {"device": "Tesla T4"}
    longer = make_record(recipe.model_copy(update={"packing": False}), hardware, 7.0)
    scores = {"1": lambda: make_scores(record)}
    found = plan(recipe, hardware, [longer, other, {"old": 1}, record, older], scores)
    assert found["time"]["training"]["tokens_per_second"] == 10.0


def test_a_broken_evaluation_is_passed_over(recipe: Recipe, hardware: Hardware):
    record = make_record(recipe, hardware, 10.0)

    def fail() -> dict:
        raise TunelineError(Problem("scores.json", "it is cut off", "nothing", "delete it"))

    found = plan(recipe, hardware, [record], {"1": lambda: make_scores(record), "2": fail})
    assert found["time"]["evaluation"]["basis"].startswith("as the last one on")
    assert found["evidence"]["metrics"]["chrf"]["spread"] == 10.0
    assert found["evidence"]["measured"]


def test_an_evaluation_with_another_decoding_does_not_count(recipe: Recipe, hardware: Hardware):
    record = make_record(recipe, hardware, 10.0)
    longer = make_scores(record, generation={"max_new_tokens": 999})
    found = plan(recipe, hardware, [record], {"1": lambda: longer})
    assert found["time"]["evaluation"]["basis"] == "measured just now on this machine"
    assert found["time"]["training"]["tokens_per_second"] == 10.0


@pytest.mark.parametrize("packing", [True, False])
def test_without_any_a_few_seconds_are_measured(recipe: Recipe, hardware: Hardware, packing: bool):
    time = plan(recipe.model_copy(update={"packing": packing}), hardware)["time"]
    assert time["training"]["basis"] == "measured just now on this machine"
    assert time["training"]["tokens_per_second"] > 0
    assert time["evaluation"]["at_most"]
    assert time["evaluation"]["seconds"] > 0


def test_a_run_that_does_not_fit_is_not_measured(
    recipe: Recipe, hardware: Hardware, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    time = plan(recipe, hardware.model_copy(update={"memory_gb": 0.1}))["time"]
    assert time["seconds"] is None
    assert "cannot start" in time["training"]["basis"]
    assert "Measuring" not in caplog.text


def test_another_machine_has_a_stated_figure_or_none(recipe: Recipe, hardware: Hardware):
    gpu = hardware.model_copy(
        update={"device": "cuda", "dtype": "bfloat16", "compute_capability": 8.0}
    )
    time = plan(recipe, gpu)["time"]
    assert time["seconds"] is None
    assert "hardware.teraflops states no figure" in time["training"]["basis"]
    found = plan(recipe, gpu.model_copy(update={"teraflops": 10.0}))
    rate = 10e12 / 6 / found["parameters"]["base"]
    assert found["time"]["training"]["tokens_per_second"] == pytest.approx(rate, rel=1e-3)
    assert "a stated figure (hardware.teraflops = 10)" in found["time"]["training"]["basis"]
    assert found["time"]["evaluation"]["at_most"]


@pytest.mark.parametrize(
    ("keys", "times"),
    [
        ({"eval_strategy": "epoch"}, 3),
        ({"eval_strategy": "steps", "eval_steps": 0.2}, 3 + 5),
        ({"eval_strategy": "steps", "eval_steps": 4}, 3 + 2),
    ],
)
def test_validations_are_counted(recipe: Recipe, keys: dict, times: int):
    changed = Recipe.model_validate({**recipe.model_dump(), **keys})
    assert count_validations({"total": 10, "epochs": 2.0}, changed) == times


@pytest.mark.parametrize(
    ("rate", "changes", "metric", "words"),
    [
        (10.0, {}, "chrf", "generating them is predicted to take 4.7% of the training's time"),
        (100.0, {}, "loss", "generating answers is predicted to take 47% of the training's time"),
        (100.0, {"metric_for_best_model": "chrf"}, "chrf", "recipe.metric_for_best_model states"),
        (10.0, {"metric_for_best_model": "loss"}, "loss", "recipe.metric_for_best_model states"),
        (10.0, {"lr_scheduler_type": "reduce_lr_on_plateau"}, "loss", "the learning rate follows"),
    ],
)
def test_answers_choose_the_checkpoint_where_they_cost_less_than_a_tenth(
    rate: float, changes: dict, metric: str, words: str, recipe: Recipe, hardware: Hardware
):
    by_cost = {**recipe.model_dump(), "metric_for_best_model": None, "eval_strategy": "epoch"}
    recipe = Recipe.model_validate({**by_cost, **changes})
    record = make_record(recipe, hardware, rate)
    scores = make_scores(record)
    scores["metrics"]["seconds"]["tuned"] = 0.75  # 6 s for the batch
    found = plan(recipe, hardware, [record], {"1": lambda: scores})
    assert found["best_checkpoint"]["metric"] == metric
    assert words in found["best_checkpoint"]["reason"]
    assert words in found["resolved"]["best checkpoint"]
    trained, answered = 64 * 20 * 2 / rate, 2 * 6.0 if metric == "chrf" else 0.0
    assert found["time"]["training"]["seconds"] == pytest.approx(trained + answered)
    longest = {"max_new_tokens": 10, "do_sample": False}  # as the reference
    assert found["best_checkpoint"]["generation"] == (longest if metric == "chrf" else {})


def test_what_chooses_the_checkpoint_of_a_run_that_has_started_stays_at_another_speed(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    by_cost = {"metric_for_best_model": None, "eval_strategy": "epoch"}
    recipe = Recipe.model_validate({**recipe.model_dump(), **by_cost})
    slow, fast = (make_record(recipe, hardware, rate) for rate in (10.0, 1000.0))
    evaluated = make_scores(slow)
    evaluated["metrics"]["seconds"]["tuned"] = 0.75
    scores = {"1": lambda: evaluated}
    first = plan(recipe, hardware, [slow], scores, checkpoints=tmp_path)
    assert first["best_checkpoint"]["metric"] == "chrf"
    fix_choice(tmp_path / name_run(first["inputs"]), first["best_checkpoint"])
    again = plan(recipe, hardware, [fast], scores, checkpoints=tmp_path)
    for key in ("metric", "reason", "generation"):
        assert again["best_checkpoint"][key] == first["best_checkpoint"][key]
    assert again["resolved"]["best checkpoint"] == first["resolved"]["best checkpoint"]
    # Another run is free.
    other = recipe.model_copy(update={"seed": 5})
    found = plan(other, hardware, [fast], scores, checkpoints=tmp_path)
    assert found["best_checkpoint"]["metric"] == "loss"
