from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.sft import derive_arguments


def test_recipe_keys_reach_sftconfig_and_the_machine_decides_precision(
    recipe: Recipe, hardware: Hardware
):
    recipe = recipe.model_copy(update={"packing": False})
    half = hardware.model_copy(update={"device": "cuda", "dtype": "float16"})
    arguments = derive_arguments(recipe, half)
    assert arguments["weight_decay"] == 0.01
    assert (arguments["fp16"], arguments["bf16"], arguments["use_cpu"]) == (True, False, False)
    assert arguments["gradient_accumulation_steps"] * 4 == recipe.global_batch_size


def test_a_step_has_the_global_batch_however_many_processes_share_it(
    recipe: Recipe, hardware: Hardware
):
    for processes in (1, 2, 4):
        arguments = derive_arguments(recipe, hardware.model_copy(update={"processes": processes}))
        assert arguments["gradient_accumulation_steps"] == 1
        assert arguments["per_device_train_batch_size"] * processes == recipe.global_batch_size
