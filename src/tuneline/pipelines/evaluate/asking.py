"""What base and tuned model are asked, both in the same way."""

import logging
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from tuneline.examples import FEW_SHOT, INSTRUCTED, MODELS
from tuneline.metrics.likelihood import ReferenceLoss
from tuneline.models.generation import Answer, generate_answers
from tuneline.parameters import Evaluation, Hardware
from tuneline.parameters.evaluation import GENERAL_TOKENS
from tuneline.pipelines.evaluate.few_shot import Asked
from tuneline.pipelines.evaluate.retention import answer_suite, render_suite
from tuneline.utils.caches import Cache

log = logging.getLogger(__name__)

HOW = {
    INSTRUCTED: "prompts with an instruction",
    FEW_SHOT: "prompts with training examples",
}
# Has a model answer as one of several, as long as the block lasts.
Take = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Asking:
    """Everything that is asked.

    Attributes:
        rows: one a prompt, as `list_prompts` starts it; they get the answers.
        prompts: token ids of each row's prompt.
        prompted: what the base model is asked besides, as `build_prompts` gives it.
        general: the retention suite, as `list_suite` starts it; it gets the answers.
        tokenizer: the adapter's.
        evaluation: the decoding.
        hardware: the machine.
        cache: answers that are there already; new ones are added.
        fingerprints: of each model that answers, as `describe_generation` gives them.
    """

    rows: list[dict[str, Any]]
    prompts: list[list[int]]
    prompted: dict[str, list[Asked]]
    general: list[dict[str, Any]]
    tokenizer: Any
    evaluation: Evaluation
    hardware: Hardware
    cache: Cache
    fingerprints: dict[str, dict[str, Any]]

    def ask(self, take: Take) -> None:
        """Ask every model everything."""
        for who in self.fingerprints:
            with take(who) as model:
                log.info("The %s model answers %s prompts.", who, len(self.prompts))
                add_answers(self.rows, who, self.answer(model, who, self.prompts))
                if who == "base":
                    self._ask_better(model)
                if who in MODELS:
                    answer_suite(
                        *(self.general, who, model, self.tokenizer, self.evaluation),
                        *(self.hardware, self.cache, self.fingerprints[who]),
                    )

    def _ask_better(self, base: Any) -> None:
        for name, asked in self.prompted.items():
            log.info("The base model answers %s %s.", len(asked), HOW[name])
            answers = self.answer(base, "base", [one.ids for one in asked])
            add_answers(self.rows, name, answers)
            for row, one in zip(self.rows, asked, strict=True):
                row[f"{name}_shots"] = one.shots

    def answer(self, model: Any, who: str, prompts: list[list[int]]) -> list[Answer]:
        """Let a model answer prompts; `who` it is decides which of the kept answers are its."""
        return generate_answers(
            *(model, self.tokenizer, prompts, self.evaluation, self.hardware),
            *(self.cache, self.fingerprints[who]),
        )

    def measure_longest(self, model: Any) -> int:
        """Count the tokens of the longest prompt with its answer."""
        from tuneline.models.generate_method import find_limit, resolve_generation

        config = resolve_generation(self.evaluation.generation, model.generation_config)
        prompts = chain(
            self.prompts,
            (one.ids for asked in self.prompted.values() for one in asked),
            render_suite(self.general, self.tokenizer),
        )
        return max(len(ids) + max(GENERAL_TOKENS, find_limit(config, ids)) for ids in prompts)


def add_answers(rows: list[dict[str, Any]], who: str, answers: list[Answer]) -> None:
    """Add what a model answers to every prompt to its row."""
    for row, answer in zip(rows, answers, strict=True):
        row |= {f"{who}_{name}": value for name, value in vars(answer).items()}


def add_losses(rows: list[dict[str, Any]], who: str, losses: list[ReferenceLoss]) -> None:
    """Add how a model predicts the references to the first rows, and nothing to the others."""
    for row, loss in zip_longest(rows, losses):
        row.update({"reference_tokens": loss and loss.tokens, **_measured(who, loss)})
    lost = sum(bool(row["reference_tokens"]) and row[f"{who}_loss"] is None for row in rows)
    if lost:
        log.warning(
            "The %s model's loss is not a number on %s of %s references: it is not measured.",
            who,
            lost,
            len(losses),
        )


def _measured(who: str, loss: ReferenceLoss | None) -> dict[str, float | int | None]:
    """Name what was measured on a reference; none of it where the model gave no number.

    JSON has no such numbers: saved as they are, they would come back as null, and count as 0.
    """
    if loss is None or not math.isfinite(loss.nats):
        return dict.fromkeys((f"{who}_loss", f"{who}_entropy", f"{who}_correct"))
    return {
        f"{who}_loss": loss.nats,
        f"{who}_entropy": loss.entropy,
        f"{who}_correct": loss.correct,
    }
