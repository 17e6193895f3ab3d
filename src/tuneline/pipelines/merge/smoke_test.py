"""The smoke test that a merged model must pass before it counts: what two models answer."""

import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneline.errors import Problem
from tuneline.examples import Example
from tuneline.models.adapted_model import attach_adapter, load_tuned
from tuneline.models.adapter import Adapter
from tuneline.models.loading import load_weights
from tuneline.models.rendering import render_prompt
from tuneline.parameters import Evaluation, Hardware, Recipe
from tuneline.pipelines.merge.base_weights import Checkpoint
from tuneline.pipelines.merge.comparison import (
    Asked,
    check_answers,
    check_rounding,
    compare_answers,
    compare_judged,
    compare_rounding,
    format_comparison,
)
from tuneline.pipelines.merge.merge_plan import choose_compute, count_cached, limit_memory
from tuneline.pipelines.merge.partings import answer_greedily, find_partings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SmokeTest:
    """What a merged model is compared with, and on what.

    One model after the other is loaded and let go; their logits and answers are what stays.
    `into_judged`: the adapter is merged into the weights that it was judged with; `hardware` has
    the number format that all models compute in.
    """

    checkpoint: Checkpoint
    dtype: str
    into_judged: bool
    adapter: Adapter
    examples: list[Example]
    recipe: Recipe
    evaluation: Evaluation
    hardware: Hardware

    def run(self, folder: Path) -> dict[str, Any]:
        """Compare the merged model, as its files hold it, with the judged one.

        Returns:
            `summary` for people; `rounding`, `judged` and `answers` as `compare_rounding`,
            `compare_judged` and `compare_answers` give them.

        Raises:
            TunelineError: if the merged model is not the one that was trained or, unless it was
                asked for, not the one that was judged.
        """
        log.info("Comparing answers to %s held-out prompts.", len(self.examples))
        asked = Asked(self.adapter.tokenizer, self.examples)
        merged = _with_model(
            lambda: self._load(str(folder)), lambda model: self._look(model, asked, folder)
        )
        judged = _with_model(
            lambda: load_tuned(self.adapter, self.recipe, self.hardware),
            lambda model: self._judge(model, asked, merged["answers"]),
        )
        unmerged = judged if self.into_judged else self._look_at_original(asked)
        formats = (self.dtype, self.hardware.dtype)
        rounding = compare_rounding(
            unmerged["base"],
            unmerged["logits"],
            merged["logits"],
            formats,
            self.checkpoint.matrices,
        )
        check_rounding(rounding)
        answers = compare_answers(judged["partings"], rounding["relative_rms"])
        if self.into_judged:
            check_answers(answers)
        facts = {"rounding": rounding, "judged": compare_judged(judged, merged), "answers": answers}
        return {"summary": format_comparison(facts, self.into_judged), **facts}

    def _look(self, model: Any, asked: Asked, folder: Path) -> dict[str, Any]:
        """Look at the merged model, asked by way of the tokenizer that its folder holds."""
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        return {
            "logits": asked.compute_logits(model),
            "loss": asked.compute_loss(model),
            "answers": self._answer(model, tokenizer),
        }

    def _judge(self, model: Any, asked: Asked, others: list[list[int]]) -> dict[str, Any]:
        """Look at the judged model, and where the merged one's answers leave its own."""
        prompts = self._list_prompts(self.adapter.tokenizer)
        answers = self._answer(model, self.adapter.tokenizer)
        return {
            **_look_at_adapter(model, asked),
            "loss": asked.compute_loss(model),
            "partings": find_partings(model, prompts, answers, others),
        }

    def _look_at_original(self, asked: Asked) -> dict[str, Any]:
        """Look at the adapter on the original weights, unmerged."""

        def load() -> Any:
            base = self._load(self.checkpoint.source, self.checkpoint.revision)
            return attach_adapter(base, self.adapter)

        found: dict[str, Any] = _with_model(load, lambda model: _look_at_adapter(model, asked))
        return found

    def _list_prompts(self, tokenizer: Any) -> list[list[int]]:
        return [
            render_prompt(tokenizer, example["prompt"], example["id"]) for example in self.examples
        ]

    def _answer(self, model: Any, tokenizer: Any) -> list[list[int]]:
        prompts = self._list_prompts(tokenizer)
        return answer_greedily(model, tokenizer, prompts, self.evaluation, self.hardware)

    def _load(self, source: str, revision: str = "main") -> Any:
        config, place = self.checkpoint.config, {"": self.hardware.device}
        return load_weights(source, revision, self.hardware, config, device_map=place)


def choose_machine(
    checkpoint: Checkpoint,
    adapter: Adapter,
    examples: list[Example],
    recipe: Recipe,
    evaluation: Evaluation,
    hardware: Hardware,
) -> Hardware | str:
    """Choose the number format of the comparison, if there is something to compare and memory.

    A text says why nothing can be compared.
    """
    if not examples:
        return "there are no test examples"
    # Rounded to 16 bits first, weights that are stored in 32 would be quantized to other codes.
    if checkpoint.dtype == "float32":
        trained = adapter.provenance["hardware"]["dtype"]
        hardware = hardware.model_copy(update={"dtype": trained})
    batch = min(len(examples), hardware.per_device_eval_batch_size)
    tokens = recipe.max_length + evaluation.generation.get("max_new_tokens", 0)
    cached = count_cached(checkpoint.config, batch * tokens)
    computed = choose_compute(checkpoint.parameters, cached, hardware)
    if computed is None:
        free = limit_memory(hardware, hardware.device)
        return (
            f"its {checkpoint.parameters / 1e9:.1f} billion parameters in 16 bits do not fit the "
            f"{free:.1f} GB that this machine has free"
        )
    return hardware.model_copy(update={"dtype": computed})


def skip_comparison(why: str) -> dict[str, Any]:
    """Record that nothing was compared, as `SmokeTest.run` gives it: `None` for what is unknown."""
    words = f"The merged model was not compared with the judged model: {why}."
    log.warning("%s", words)
    return {"summary": words, "rounding": None, "judged": None, "answers": None}


def refuse_uncompared(why: str) -> Problem:
    """Refuse to merge into weights that were not judged unless the difference is measured."""
    return Problem(
        where="merge.into",
        value="original",
        wrong=f"the merged model cannot be compared with the judged one here: {why}",
        matters="the adapter was not judged on these weights, and nobody would know what it lost",
        remedy="leave it out to merge into the weights it was judged with, or merge on a larger "
        "machine, with held-out examples",
    )


def _look_at_adapter(model: Any, asked: Asked) -> dict[str, Any]:
    with model.disable_adapter():
        base = asked.compute_logits(model)
    return {"base": base, "logits": asked.compute_logits(model)}


def _with_model(load: Callable[[], Any], compute: Callable[[Any], Any]) -> Any:
    """Load a model, use it, and let its memory go before the next one comes."""
    import torch

    result = compute(load().eval())
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return result
