from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from tests.conftest import run
from tuneline.checks.machines import compare_gpu
from tuneline.checks.preflight import find_run_problems
from tuneline.errors import TunelineError
from tuneline.parameters import Hardware, Rubric, Server, UseCase

pytestmark = pytest.mark.slow

TEMPLATES = {
    "broken.jinja": "{% for m in messages %}{{ m.content }",
    "no_end.jinja": "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}",
    "no_system.jinja": "{% for m in messages %}{% if m.role == 'system' %}"
    "{{ raise_exception('No system here.') }}{% endif %}{{ m.content + '<|end|>' }}{% endfor %}",
}
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
        ({"hardware.vllm_python": "nowhere"}, "vllm_python = nowhere: it is no Python"),
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
        (
            {"product_descriptions.recipe.chat_template_path": "broken.jinja"},
            r"recipe.chat_template_path = broken.jinja: its chat template fails on .*line 1\)",
        ),
        (
            {"product_descriptions.recipe.chat_template_path": "no_end.jinja"},
            "recipe.chat_template_path: .* puts no end token after an answer",
        ),
        (
            {
                "product_descriptions.recipe.chat_template_path": "no_system.jinja",
                "product_descriptions.prompt.system": "You sell pots.",
            },
            r"product_descriptions.prompt.system: .* refuses its system message \(No system here\)",
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
    for name, template in TEMPLATES.items():
        (project / name).write_text(template, encoding="utf-8")
    with pytest.raises(TunelineError, match=words):
        run(project, runtime_params=nested)
    assert not (project / "data/test").exists()


KEY = "TUNELINE_TEST_JUDGE_KEY"


def find_problems(parameters: UseCase, misspelled: bool = False) -> list[str]:
    """Check a run that rates answers."""
    criteria = [{"name": "accuracy", "description": "Are the figures right?"}]
    sampling = {"temperatur": 0} if misspelled else {}
    about = {"base_url": "http://localhost:1/v1", "model": "m", "api_key_variable": KEY}
    judge = Server(**about, sampling=sampling)
    rubric = Rubric(criteria=criteria, judge=judge)
    evaluation = parameters.evaluation.model_copy(update={"rubric": rubric})
    inputs = {"params:mine.evaluation": evaluation}
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in inputs.items()})
    pipeline = Pipeline([Node(lambda *_: 1, list(inputs), "mine.judgments", name="last")])
    return [str(problem) for problem in find_run_problems(pipeline, catalog)]


def test_a_judges_key_that_is_not_set_is_missed_before_the_first_node(
    parameters: UseCase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv(KEY, raising=False)
    (problem,) = find_problems(parameters)
    assert f"mine.evaluation.rubric.judge.api_key_variable = {KEY}: " in problem
    assert f"export {KEY}" in problem
    monkeypatch.setenv(KEY, "secret")
    assert find_problems(parameters) == []
    (problem,) = find_problems(parameters, misspelled=True)
    assert "mine.evaluation.rubric.judge.sampling.temperatur = 0: " in problem
