"""Answers through a real vLLM, next to those of transformers."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import CPU
from tests.models.test_generation import EXAMPLES, PROMPT
from tests.pipelines.evaluate.adapters import make_adapter
from tests.pipelines.evaluate.test_few_shot import TRAIN
from tests.vllm_python import VLLM_PYTHON, needs_vllm
from tuneline.errors import TunelineError
from tuneline.models.adapter import Adapter
from tuneline.parameters import Evaluation, Prompting, Recipe, Retention
from tuneline.pipelines.evaluate.answering_nodes import answer_prompts
from tuneline.utils.caches import Cache

pytestmark = [pytest.mark.slow, needs_vllm]

HARDWARE = CPU.model_copy(update={"vllm_python": str(VLLM_PYTHON), "memory_gb": 3})
EVALUATION = Evaluation(
    title="Pots",
    generation={"do_sample": False, "max_new_tokens": 12},
    prompting=Prompting(shots=1),
    retention=Retention(kind_margin=0.5),
    questions=["Which pot keeps tea warm?"],
)


@pytest.fixture
def ask(recipe: Recipe, tmp_path: Path) -> Callable:
    adapter = make_adapter(recipe, CPU, effect=True, train=TRAIN)

    def ask(hardware=HARDWARE, recipe: Recipe = recipe, adapter: Adapter = adapter, **changes):
        evaluation = EVALUATION.model_copy(update=changes)
        cache = Cache(tmp_path / "cache.jsonl")
        return answer_prompts(EXAMPLES, TRAIN, adapter, cache, recipe, PROMPT, evaluation, hardware)

    return ask


def test_vllm_answers_as_transformers_does_with_and_without_the_adapter(ask: Callable):
    rows, general = ask()
    plain, plain_general = ask(CPU)
    assert "engine" not in plain[0]
    for row, expected in zip(rows, plain, strict=True):
        assert row["engine"].startswith("vLLM ")
        for who in ("base", "tuned"):
            assert row[f"{who}_answer"] == row[f"{who}_plain_answer"] == expected[f"{who}_answer"]
            assert row[f"{who}_tokens"] == expected[f"{who}_tokens"]
            assert row[f"{who}_stopped"] == expected[f"{who}_stopped"]
            assert row[f"{who}_loss"] == pytest.approx(expected[f"{who}_loss"])
        assert row["few_shot_answer"] == expected["few_shot_answer"]
    assert any(row["base_answer"] != row["tuned_answer"] for row in rows)
    assert general == plain_general


def test_drawn_answers_follow_the_seed(ask: Callable):
    drawn = {"do_sample": True, "temperature": 1.5, "top_k": 0, "max_new_tokens": 12}
    changes = {"generation": drawn, "prompting": None, "retention": None}
    once, _ = ask(**changes)
    again, _ = ask(**changes, seed=7)
    answers = [[row["base_answer"] for row in rows] for rows in (once, again)]
    assert answers[0] != answers[1]
    assert len(set(answers[0])) > 1


def test_what_vllm_refuses_is_said_in_a_sentence_and_nothing_is_left_running(ask: Callable):
    small = HARDWARE.model_copy(update={"memory_gb": 0.7602})
    with pytest.raises(TunelineError, match=r"hardware.vllm_python = .* vLLM has stopped and says"):
        ask(small, retention=None, prompting=None)
    assert not [one for one in psutil.process_iter(["cmdline"]) if is_vllm(one)]


def is_vllm(process: psutil.Process) -> bool:
    return "vllm_program.py" in " ".join(process.info["cmdline"] or [])
