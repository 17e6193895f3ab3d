"""Nodes that let base and tuned model answer."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import MODELS, Example
from tuneline.metrics.likelihood import measure_references
from tuneline.models.adapted_model import (
    ADAPTERS,
    attach_old,
    become,
    load_tuned,
    merge_if_exact,
)
from tuneline.models.adapter import Adapter
from tuneline.models.fingerprints import (
    describe_generation,
    find_changes,
    find_incompatibilities,
)
from tuneline.models.rendering import render_prompt
from tuneline.models.start_adapter import find_start
from tuneline.models.vllm_engine import serve
from tuneline.parameters import Evaluation, Hardware, Prompt, Recipe
from tuneline.pipelines.evaluate.asking import Asking, add_losses
from tuneline.pipelines.evaluate.few_shot import build_prompts
from tuneline.pipelines.evaluate.going_on import find_seen_problem
from tuneline.pipelines.evaluate.retention import list_suite
from tuneline.pipelines.evaluate.vllm_sample import add_plain_answers, choose_sample
from tuneline.prompts import list_messages, list_prompts
from tuneline.utils.caches import Cache

log = logging.getLogger(__name__)


def check_adapter(
    adapter: Adapter,
    train: list[Example],
    recipe: Recipe,
    test: Sequence[Example] = (),
    old: Adapter | None = None,
) -> None:
    """Refuse an adapter that the held-out examples say nothing about.

    Args:
        adapter: the adapter.
        train: the training split of today's examples.
        recipe: names the base model.
        test: the held-out examples.
        old: the adapter that its training started from.

    Raises:
        TunelineError: if it was trained on another base model, on other examples (some of which
            may be held out today), or with another chat template; or if the old one has seen
            what is held out.
    """
    problems = [
        *find_incompatibilities(adapter, recipe),
        *_find_other_examples(adapter, train),
        *find_seen_problem(old, [*test]),
    ]
    if problems:
        raise TunelineError(*problems)


def _find_other_examples(adapter: Adapter, train: list[Example]) -> Iterator[Problem]:
    if find_changes(adapter, train=train):
        yield Problem(
            where="train.jsonl",
            wrong="the adapter was trained on other examples",
            matters="what is held out today may have been in its training",
            remedy="run `kedro run --pipeline=plan` and `kedro run --pipeline=train` again",
        )


def answer_prompts(
    test: list[Example],
    train: list[Example],
    adapter: Adapter,
    answer_cache: Cache,
    recipe: Recipe,
    prompt: Prompt,
    evaluation: Evaluation,
    hardware: Hardware,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Let base and tuned model answer the held-out prompts, fixed questions and general prompts.

    Both are one loaded model, with the adapter switched off and on; prompts, order, batches, seeds
    and decoding are the same.

    Args:
        test: the held-out examples.
        train: the examples of the training split, to make sure that none of `test` was trained.
        adapter: the trained adapter.
        answer_cache: answers that an interrupted run has left; new ones are added to it.
        recipe: names the base model.
        prompt: states the system message of the questions.
        evaluation: questions and decoding.
        hardware: the machine.

    Returns:
        One row a prompt, as `list_prompts` starts it, with `reference_tokens`, and for `base` and
        `tuned` each `_answer`, `_tokens`, `_seconds`, `_stopped`, and on the reference the summed
        `_loss` and `_entropy` (nats) and the `_correct` tokens (None without a reference). With
        `evaluation.prompting` the first four also for `few_shot`, and `instructed` where an
        instruction is stated, and `_shots`, the examples in the prompt. Where the training has
        started from an adapter, all of `base` also for that one (`old`). Where vLLM answers, its
        name in `engine`, and in a sample what transformers answers as `base_plain_answer` and
        `tuned_plain_answer`. And the rows of the retention suite, as `list_suite` starts them, with
        `base_answer` and `tuned_answer`.

    Raises:
        TunelineError: if nothing was held out, or the adapter belongs to another base model, chat
            template or training split.
    """
    rows = list_prompts(test, prompt, evaluation)
    return _ask_both(rows, test, train, adapter, answer_cache, recipe, evaluation, hardware)


def answer_fold(
    test: list[Example],
    train: list[Example],
    adapter: Adapter,
    answer_cache: Cache,
    recipe: Recipe,
    prompt: Prompt,
    evaluation: Evaluation,
    hardware: Hardware,
) -> list[dict[str, Any]]:
    """Let both models answer what a fold holds out, as `answer_prompts` does, and nothing else."""
    asked = evaluation.model_copy(update={"questions": [], "retention": None})
    rows, _ = answer_prompts(test, train, adapter, answer_cache, recipe, prompt, asked, hardware)
    return rows


def answer_questions(
    test: list[Example],
    train: list[Example],
    adapter: Adapter,
    answer_cache: Cache,
    recipe: Recipe,
    prompt: Prompt,
    evaluation: Evaluation,
    hardware: Hardware,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Let base and released adapter answer what is no row: that one has seen all rows.

    Returns:
        As `answer_prompts`, of the fixed questions and the general prompts.
    """
    rows = list_prompts(test, prompt, evaluation)[len(test) :]
    if not rows:
        evaluation = evaluation.model_copy(update={"prompting": None})
    return _ask_both(rows, [], train, adapter, answer_cache, recipe, evaluation, hardware)


def _ask_both(
    rows: list[dict[str, Any]],
    test: list[Example],
    train: list[Example],
    adapter: Adapter,
    answer_cache: Cache,
    recipe: Recipe,
    evaluation: Evaluation,
    hardware: Hardware,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Ask both models; the first of `rows` are those of `test`, whose references are measured."""
    old = find_start(adapter, recipe)
    check_adapter(adapter, train, recipe, test, old)
    fingerprints = describe_generation(adapter, recipe, evaluation, hardware)
    tokenizer = adapter.tokenizer
    prompts = [render_prompt(tokenizer, list_messages(row), row["id"]) for row in rows]
    general = list_suite(evaluation)
    if not (rows or general):
        return [], []
    model = load_tuned(adapter, recipe, hardware)
    if old is not None:
        attach_old(model, adapter, old)
    for who in fingerprints:
        with _become(model, who):
            add_losses(rows, who, measure_references(model, tokenizer, test, hardware))
    asking = Asking(
        rows,
        prompts,
        build_prompts(model, tokenizer, rows, train, evaluation),
        general,
        *(tokenizer, evaluation, hardware, answer_cache, fingerprints),
    )
    if hardware.vllm_python is None:
        asking.ask(partial(_become, model))
    else:
        _ask_through_vllm(asking, model)
    return rows, general


@contextmanager
def _become(model: Any, who: str) -> Iterator[Any]:
    """Have a model answer as one of several, with the adapter in its weights where it can be."""
    with become(model, who), nullcontext() if who == "base" else merge_if_exact(model):
        yield model


def _ask_through_vllm(asking: Asking, model: Any) -> None:
    """Have vLLM answer, after transformers has answered a sample; the model is gone then."""
    places = choose_sample(len(asking.rows))
    for who in MODELS:
        with become(model, who):
            answers = asking.answer(model, who, [asking.prompts[place] for place in places])
        add_plain_answers(asking.rows, who, places, answers)
    called = {ADAPTERS.get(who, who): who for who in asking.fingerprints if who != "base"}
    with serve(model, called, asking.hardware, asking.measure_longest(model)) as engine:
        for row in asking.rows:
            row["engine"] = engine.name
        theirs = {who: one | {"engine": engine.name} for who, one in asking.fingerprints.items()}
        replace(asking, fingerprints=theirs).ask(engine.become)
