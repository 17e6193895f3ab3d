from pathlib import Path

import pytest
import torch

from tests.conftest import CPU
from tests.pipelines.evaluate.adapters import wrap_model
from tests.training.small_runs import make_examples
from tuneline.examples import Example, check_examples
from tuneline.models.fingerprints import describe_inputs
from tuneline.models.rendering import render_example
from tuneline.models.run_differences import name_run
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Data, Evaluation, Recipe
from tuneline.pipelines.evaluate.retention import list_suite
from tuneline.pipelines.plan.replay import answer_general_prompts, list_general_prompts
from tuneline.pipelines.plan.token_counts import count_tokens
from tuneline.utils.caches import Cache

HELD_OUT = 8


def test_general_prompts_are_many_and_none_is_in_the_suite():
    prompts = list_general_prompts()
    assert len(set(prompts)) == len(prompts) >= 500
    assert prompts == list_general_prompts()
    asked = [
        set(row["prompt"].casefold().split())
        for row in list_suite(Evaluation(title="Pots", generation={}))
    ]
    for prompt in prompts:
        words = set(prompt.casefold().split())
        assert max(len(words & other) / len(words | other) for other in asked) < 0.6


def test_without_a_share_nothing_is_loaded_and_asked(data: Data, recipe: Recipe, tmp_path: Path):
    nowhere = recipe.model_copy(update={"base_model": str(tmp_path / "nowhere")})
    cache = Cache(tmp_path / "cache.jsonl")
    assert answer_general_prompts(make_examples(8), cache, data, nowhere, CPU) == []


@pytest.fixture(scope="module")
def replay(parameters, tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    """Let the tiny base model answer sixteen general prompts."""
    path = tmp_path_factory.mktemp("replay") / "cache.jsonl"
    data = parameters.data.model_copy(update={"replay": 0.5})
    given = make_examples(32), Cache(path), data, parameters.recipe, CPU
    made = answer_general_prompts(*given)
    again = answer_general_prompts(make_examples(32), Cache(path), *given[2:])
    assert again == made
    return made


@pytest.mark.slow
def test_the_base_models_own_answers_are_examples(replay: list[Example], recipe: Recipe):
    assert check_examples(replay) == replay
    assert len(replay) == 16
    assert {one["prompt"][0]["content"] for one in replay} <= set(list_general_prompts())
    report = count_tokens(make_examples(2), make_examples(1), [], recipe, replay)
    assert report["split"].tolist() == ["train"] * 18 + ["validation"]
    assert report["fits"].all()


@pytest.mark.slow
def test_a_run_with_replay_is_another_run_and_its_rows_are_the_same(
    replay: list[Example], recipe: Recipe
):
    train, tokenizer = make_examples(4), load_tokenizer(recipe)
    without = describe_inputs(train, [], tokenizer, recipe, CPU)
    replayed = describe_inputs(train, [], tokenizer, recipe, CPU, replay)
    assert replayed["examples"]["train"] == without["examples"]["train"]
    assert replayed["examples"]["replay"]["count"] == 16
    assert replayed["prompt_templates"] == without["prompt_templates"]
    assert name_run(replayed) != name_run(without)


def measure_loss(model, tokenizer, examples: list[Example]) -> float:
    """Measure the mean loss of an answer's token."""
    nats, tokens = 0.0, 0
    with torch.no_grad():
        for example in examples:
            one = render_example(tokenizer, example)
            labels = torch.tensor([one.labels])
            number = int((labels != -100).sum())
            loss = model(input_ids=torch.tensor([one.ids]), labels=labels).loss
            nats, tokens = nats + number * float(loss), tokens + number
    return nats / tokens


def fit(recipe: Recipe, train: list[Example], steps: int):
    """Train an adapter of the tiny base model, four examples a step."""
    tokenizer, model = load_tokenizer(recipe), wrap_model(recipe, CPU, effect=False).train()
    rendered = [render_example(tokenizer, example) for example in train]
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-3)
    for step in range(steps):
        for index in range(4):
            one = rendered[(4 * step + index) % len(rendered)]
            ids, labels = torch.tensor([one.ids]), torch.tensor([one.labels])
            (model(input_ids=ids, labels=labels).loss / 4).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval(), tokenizer


@pytest.mark.slow
def test_with_replay_the_task_is_learned_and_less_is_forgotten(
    replay: list[Example], recipe: Recipe
):
    task, unseen = make_examples(16), replay[-HELD_OUT:]
    mixed = [one for pair in zip(task, replay * 2, strict=False) for one in pair]
    mixed = [one for one in mixed if one not in unseen]
    losses = {}
    for name, train, steps in (("before", [], 0), ("without", task, 24), ("with", mixed, 36)):
        model, tokenizer = fit(recipe, train, steps)
        losses[name] = [measure_loss(model, tokenizer, some) for some in (task, unseen)]
    (task_before, own_before), (task_without, own_without), (task_with, own_with) = losses.values()
    assert task_without < 0.5 * task_before  # the task is learned
    assert own_without > 1.2 * own_before  # and what the base model says by itself is forgotten
    assert task_with < 0.5 * task_before
    assert own_with < own_before + 0.5 * (own_without - own_before)
