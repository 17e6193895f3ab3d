import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from tests.conftest import CPU
from tuneline.checks.sweep_space import find_sweep_problems
from tuneline.parameters import Sweep, UseCase

pytestmark = pytest.mark.slow
NAMES = [f"params:pots.{block}" for block in ("recipe", "sweep", "evaluation")]
PIPELINE = Pipeline([Node(lambda *_: None, NAMES, "planned", name="plan_sweep")])


def find(parameters: UseCase, space: dict[str, list]) -> list[str]:
    values = (parameters.recipe, Sweep(space=space), parameters.evaluation)
    blocks = {name: MemoryDataset(one) for name, one in zip(NAMES, values, strict=True)}
    blocks["pots.earlier_choices"] = MemoryDataset({})
    blocks["params:hardware"] = MemoryDataset(CPU)
    return [str(one) for one in find_sweep_problems(PIPELINE, DataCatalog(blocks))]


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (
            {"lerning_rate": [1e-3]},
            "sweep.space.lerning_rate = [0.001]: the recipe has no such key",
        ),
        ({"lerning_rate": [1e-3]}, "did you mean `learning_rate`"),
        ({"lora.rank": [8]}, "sweep.space.lora.rank = [8]: the recipe has no such key"),
        ({"gradient_checkpointing": [True]}, "it belongs to the machine; every trial"),
        ({"learning_rate": [1e-3, -1]}, "learning_rate = -1: input should be greater than 0"),
        ({"lora.r": [0]}, "pots.sweep.space.lora.r = 0: input should be greater than or equal"),
        ({"weight_decay": [0.01]}, "it holds only what the recipe states already"),
    ],
)
def test_what_no_trial_could_train_is_named_before_anything_runs(
    parameters: UseCase, space: dict, words: str
):
    assert any(words in one for one in find(parameters, space)), find(parameters, space)


def test_a_space_that_can_be_tried_has_no_problem(parameters: UseCase):
    assert find(parameters, {"learning_rate": [1e-3], "lora.r": [4], "weight_decay": [0.1]}) == []
    assert find(parameters, {}) == []
    four_bits = {"load_in_4bit": True}
    assert find(parameters, {"quantization": [None, four_bits]}) == []
