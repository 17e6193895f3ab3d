"""The retention suite: its prompts, and how a model answers them."""

import logging
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from tuneline.models.generation import generate_answers
from tuneline.models.rendering import render_prompt
from tuneline.parameters import Evaluation, Hardware
from tuneline.parameters.evaluation import GENERAL_TOKENS
from tuneline.pipelines.evaluate.retention.scoring import find_counted
from tuneline.utils.caches import Cache

log = logging.getLogger(__name__)

# Greedy, whatever the use case decodes with, and short: every prompt has a short answer.
GENERATION = {"do_sample": False, "max_new_tokens": GENERAL_TOKENS}


def list_suite(evaluation: Evaluation) -> list[dict[str, Any]]:
    """List the prompts; none where `evaluation.retention` is null.

    Args:
        evaluation: states whether they are asked.

    Returns:
        The start of one row each: `id`, `kind`, `prompt`, and the `check` of its answer.
    """
    return [dict(row) for row in _read_suite()] if evaluation.retention else []


def answer_suite(
    rows: list[dict[str, Any]],
    who: str,
    model: Any,
    tokenizer: Any,
    evaluation: Evaluation,
    hardware: Hardware,
    answer_cache: Cache,
    fingerprint: dict[str, Any],
) -> None:
    """Let a model answer the suite, without a system message, and add its answers to the rows.

    The tuned model is not asked what does not count: the kinds that the base model cannot do.

    Args:
        rows: as `list_suite` starts them; each gets `<who>_answer`, None where it is not asked.
        who: base, and then tuned.
        model: the loaded model, its adapter off or on.
        tokenizer: its tokenizer; the chat template is that of the training.
        evaluation: the seed.
        hardware: device and batch.
        answer_cache: answers that are there already; new ones are added.
        fingerprint: of the model, as `describe_generation` gives it.
    """
    if not rows or evaluation.retention is None:
        return
    asked = rows
    for row in rows:
        row[f"{who}_answer"] = None
    if who == "tuned":
        counted = find_counted(rows, evaluation.retention)
        asked = [row for row in rows if row["kind"] in counted]
    if not asked:
        return
    log.info("The %s model answers %s general prompts.", who, len(asked))
    prompts = render_suite(asked, tokenizer)
    short = evaluation.model_copy(update={"generation": GENERATION})
    described = fingerprint | {"generation": GENERATION}
    answers = generate_answers(model, tokenizer, prompts, short, hardware, answer_cache, described)
    for row, answer in zip(asked, answers, strict=True):
        row[f"{who}_answer"] = answer.answer


def render_suite(rows: list[dict[str, Any]], tokenizer: Any) -> list[list[int]]:
    """Render the prompts of rows as `list_suite` starts them, in token ids."""
    return [
        render_prompt(tokenizer, [{"role": "user", "content": row["prompt"]}], row["id"])
        for row in rows
    ]


@cache
def _read_suite() -> tuple[dict[str, Any], ...]:
    here = files("tuneline.pipelines.evaluate.retention")
    kinds = yaml.safe_load(here.joinpath("suite.yml").read_text(encoding="utf-8"))
    return tuple(
        {
            "id": f"{kind} {number}",
            "kind": kind,
            "prompt": one["ask"],
            "check": {name: wanted for name, wanted in one.items() if name != "ask"},
        }
        for kind, several in kinds.items()
        for number, one in enumerate(several, start=1)
    )
