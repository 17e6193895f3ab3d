from pathlib import Path

import pytest

from tests.conftest import run
from tuneline.errors import TunelineError
from tuneline.parameters import Hardware
from tuneline.preflight import compare_gpu

T4 = {"device": "cuda", "compute_capability": 7.5, "dtype": "float16", "memory_gb": 15.6}


def test_another_gpu_than_the_one_stated_is_named(hardware: Hardware):
    stated = hardware.model_copy(update=T4)
    assert list(compare_gpu(stated, 7.5, 15.636, 1)) == []
    problems = [str(one) for one in compare_gpu(stated, 8.9, 12.0, 1)]
    assert "hardware.compute_capability = 7.5: the GPU that is here has 8.9" in problems[0]
    assert "hardware.memory_gb = 15.6" in problems[1]
    (few,) = compare_gpu(stated.model_copy(update={"processes": 2}), 7.5, 15.636, 1)
    assert "there are 1 GPUs here" in str(few)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hardware.processes": 3}, "no multiple of hardware.processes = 3"),
        (
            {
                "product_descriptions.recipe.packing": False,
                "hardware.per_device_train_batch_size": 5,
            },
            "no multiple of hardware.processes times hardware.per_device_train_batch_size = 5",
        ),
        (
            {"product_descriptions.recipe.chat_template_path": "nowhere.jinja"},
            "chat_template_path = nowhere.jinja: there is no such file",
        ),
        (
            {"product_descriptions.recipe.lora.init_lora_weights": "loftq"},
            "init_lora_weights = loftq: peft computes it on a GPU only",
        ),
    ],
)
def test_what_cannot_work_is_named_before_anything_runs(project: Path, changes: dict, words: str):
    nested: dict = {}
    for key, value in changes.items():
        *path, last = key.split(".")
        block = nested
        for part in path:
            block = block.setdefault(part, {})
        block[last] = value
    with pytest.raises(TunelineError, match=words):
        run(project, runtime_params=nested)
    assert not (project / "data/test").exists()
