import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node

from tests.conftest import CPU
from tuneline.parameters import Judge, Rubric, UseCase
from tuneline.preflight import find_run_problems

KEY = "TUNELINE_TEST_JUDGE_KEY"


def find_problems(parameters: UseCase) -> list[str]:
    """Check a run that only evaluates."""
    criteria = [{"name": "accuracy", "description": "Are the figures right?"}]
    judge = Judge(base_url="http://localhost:1/v1", model="m", key=KEY)
    rubric = Rubric(criteria=criteria, judge=judge)
    evaluation = parameters.evaluation.model_copy(update={"rubric": rubric})
    inputs = {
        "params:mine.recipe": parameters.recipe,
        "params:mine.evaluation": evaluation,
        "params:hardware": CPU,
    }
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in inputs.items()})
    pipeline = Pipeline([node(lambda *_: 1, list(inputs), "report", name="mine.judge_answers")])
    return [str(problem) for problem in find_run_problems(pipeline, catalog)]


def test_a_judges_key_that_is_not_set_is_missed_before_the_first_node(
    parameters: UseCase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv(KEY, raising=False)
    (problem,) = find_problems(parameters)
    assert f"mine.evaluation.rubric.judge.key = {KEY}: " in problem
    assert f"export {KEY}" in problem
    monkeypatch.setenv(KEY, "secret")
    assert find_problems(parameters) == []
