"""Planted adapters, whose verdict is known beforehand, on a real model and real prompts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CPU, load_parameters
from tests.pipelines.evaluate.adapters import make_adapter, train_on_shuffled_answers
from tuneline.metrics import measure_answers
from tuneline.pipelines.evaluate.answering_nodes import answer_prompts
from tuneline.pipelines.evaluate.scoring_nodes import score_answers
from tuneline.utils.caches import Cache

pytestmark = pytest.mark.slow

FOLDER = Path("data/test/05_model_input/product_descriptions")


@pytest.fixture
def splits(finished_run: Path, read_lines: Callable) -> tuple[list, list]:
    """Give the training split and everything that was held back from it."""
    train, validation, test = (
        read_lines(finished_run / FOLDER / f"{split}.jsonl")
        for split in ("train", "validation", "test")
    )
    return train, test + validation


def evaluate(adapter, train: list, held_out: list, folder: Path) -> dict:
    use_case = load_parameters()
    answers, _ = answer_prompts(
        held_out,
        train,
        adapter,
        Cache(folder / "cache"),
        use_case.recipe,
        use_case.prompt,
        use_case.evaluation,
        CPU,
    )
    scores = measure_answers(answers, train, use_case.evaluation)
    return score_answers(answers, scores, adapter, {}, use_case.evaluation, CPU)


def test_an_adapter_that_does_nothing_shows_no_difference(splits: tuple, tmp_path: Path):
    train, held_out = splits
    adapter = make_adapter(load_parameters().recipe, CPU, effect=False, train=train)
    scores = evaluate(adapter, train, held_out[:12], tmp_path)
    assert scores["verdict"]["label"] == "no significant difference"
    assert "predicts" not in scores["verdict"]["summary"]
    for name, metric in scores["metrics"].items():
        if name in {"seconds", "tokens_per_second"}:
            assert metric["interval"] is None, name  # measured once
        else:
            assert metric["difference"] == 0, name
            low, high = metric["interval"]
            assert -low == high, name
            assert (metric["wins"], metric["losses"]) == (0, 0), name


def test_an_adapter_trained_on_shuffled_answers_is_worse(splits: tuple, tmp_path: Path):
    train, held_out = splits
    train, held_out = train[:64], [*train[64:], *held_out]  # more prompts to tell it by
    adapter = train_on_shuffled_answers(train, load_parameters().recipe, CPU, steps=16)
    scores = evaluate(adapter, train, held_out, tmp_path)
    assert scores["verdict"]["label"] == "worse"
