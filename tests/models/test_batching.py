import pytest

from tuneline.models.batching import derive_accumulation, plan_steps
from tuneline.parameters import Hardware, Recipe


@pytest.mark.parametrize("batch", [1, 2, 4, 8, 16])
def test_the_global_batch_is_the_same_whatever_the_device_takes(
    batch: int, recipe: Recipe, hardware: Hardware
):
    machine = hardware.model_copy(update={"per_device_train_batch_size": batch})
    padded = recipe.model_copy(update={"packing": False})
    assert batch * derive_accumulation(padded, machine) == recipe.global_batch_size


def test_a_last_batch_that_is_not_full_counts_as_a_step(recipe: Recipe, hardware: Hardware):
    steps = plan_steps(33, recipe.model_copy(update={"num_train_epochs": 3}), hardware)
    assert (steps["per_epoch"], steps["total"]) == (3, 9)
