from pathlib import Path

import pytest

from tests.conftest import CPU
from tests.pipelines.evaluate.adapters import make_adapter
from tests.training.small_runs import make_examples
from tuneline.parameters import Evaluation, Prompt, Recipe, Retention
from tuneline.pipelines.evaluate.answering_nodes import answer_prompts
from tuneline.pipelines.evaluate.retention import score_retention
from tuneline.utils.caches import Cache

pytestmark = pytest.mark.slow

# What the use case decodes with does not count for the suite.
EVALUATION = Evaluation(
    title="Pots",
    generation={"do_sample": True, "temperature": 2.0, "max_new_tokens": 2},
    retention=Retention(kind_margin=0.5),
)
PROMPT = Prompt(prompt="{title}", completion="{content}")


def test_both_models_answer_the_suite_greedily_and_once(recipe: Recipe, tmp_path: Path):
    adapter = make_adapter(recipe, CPU, effect=True)
    path = tmp_path / "cache.jsonl"

    def ask(seed: int, **changes: object) -> list[dict]:
        evaluation = EVALUATION.model_copy(update={"seed": seed, **changes})
        given = make_examples(2), [], adapter, Cache(path), recipe, PROMPT, evaluation, CPU
        _, general = answer_prompts(*given)
        return general

    rows = ask(1)
    kept = path.read_bytes()
    assert len(rows) == 200
    assert {row["tuned_answer"] is None for row in rows} == {True, False}  # what does not count
    asked = [row for row in rows if row["tuned_answer"] is not None]
    assert any(row["base_answer"] != row["tuned_answer"] for row in asked)
    assert any(len(row["base_answer"]) > 20 for row in rows)
    assert ask(1) == rows
    assert path.read_bytes() == kept  # nothing was answered again
    assert ask(2) == rows  # nothing is drawn
    strict = ask(1, retention=Retention())
    assert {row["tuned_answer"] for row in strict} == {None}
    scores = score_retention(strict, EVALUATION.model_copy(update={"retention": Retention()}))
    assert scores["result"] == "cannot be told"  # the tiny base model can do nothing of it
