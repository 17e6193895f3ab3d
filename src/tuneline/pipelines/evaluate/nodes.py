"""Nodes that answer and score."""

import logging
import math
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from tuneline.errors import Problem, TunelineError
from tuneline.examples import FEW_SHOT, INSTRUCTED, OLD, Example, list_messages, list_prompts
from tuneline.metrics import METRICS, measure_answers, stack_scores
from tuneline.metrics.likelihood import ReferenceLoss, measure_references
from tuneline.models.adapter import Adapter, attach_second, load_tuned, merge_if_exact
from tuneline.models.fingerprints import (
    describe_generation,
    find_changes,
    find_incompatibilities,
)
from tuneline.models.generation import Answer, generate_answers
from tuneline.models.rendering import render_prompt
from tuneline.models.start_adapter import describe_unknown, find_start
from tuneline.parameters import Evaluation, Hardware, Prompt, Recipe
from tuneline.pipelines.evaluate.cross_fitting import describe_cross_fit
from tuneline.pipelines.evaluate.few_shot import Asked, build_prompts
from tuneline.pipelines.evaluate.going_on import compare_old, find_seen_problem
from tuneline.pipelines.evaluate.prompting import compare_prompting
from tuneline.pipelines.evaluate.retention import answer_suite, describe_forgotten, list_suite
from tuneline.pipelines.evaluate.runs import describe_remote_run, describe_run
from tuneline.pipelines.evaluate.usable_answers import describe_usable
from tuneline.pipelines.evaluate.verdict import conclude
from tuneline.statistics.paired_comparison import compare_all
from tuneline.statistics.significance import count_groups, find_groups
from tuneline.utils.caches import Cache
from tuneline.utils.progress import Progress

log = logging.getLogger(__name__)

HOW = {
    INSTRUCTED: "prompts with an instruction",
    FEW_SHOT: "prompts with training examples",
}
# An answer's row, and its scores.
Scored = tuple[dict[str, Any], dict[str, Any]]


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
        started from an adapter, all of `base` also for that one (`old`). And the rows of
        the retention suite, as `list_suite` starts them, with `base_answer` and `tuned_answer`.

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

    def answer(ids: list[list[int]], who: str) -> list[Answer]:
        return generate_answers(
            model, tokenizer, ids, evaluation, hardware, answer_cache, fingerprints[who]
        )

    def ask(who: str) -> None:
        log.info("The %s model answers %s prompts.", who, len(prompts))
        losses = measure_references(model, tokenizer, test, hardware)
        add_answers(rows, who, losses, answer(prompts, who))

    def ask_all(who: str) -> None:
        ask(who)
        answer_suite(
            *(general, who, model, tokenizer),
            *(evaluation, hardware, answer_cache, fingerprints[who]),
        )

    with model.disable_adapter():
        ask_all("base")
        for name, asked in build_prompts(model, tokenizer, rows, train, evaluation).items():
            log.info("The base model answers %s %s.", len(asked), HOW[name])
            add_prompted(rows, name, asked, answer([one.ids for one in asked], "base"))
    with merge_if_exact(model):
        ask_all("tuned")
    if old is not None:
        attach_second(model, OLD, adapter, old.tensors)
        ask(OLD)
    return rows, general


def score_answers(
    answers: list[dict[str, Any]],
    answer_scores: list[dict[str, Any]],
    adapter: Adapter,
    retention: dict[str, Any],
    evaluation: Evaluation,
    hardware: Hardware,
) -> dict[str, Any]:
    """Compare base and tuned answers, overall and by category and slice, with their uncertainty.

    Args:
        answers: one row a prompt.
        answer_scores: what every metric says of them, as `measure_answers` gives it.
        adapter: its fingerprint goes into the scores, so that they can be told from others.
        retention: what it forgot, as `score_retention` gives it.
        evaluation: how surely.
        hardware: the machine that answered.

    Returns:
        The `run` they belong to, how many `prompts` and `questions`; in how many independent
        `groups` the prompts are, and in how many by each of the `groupings`; the `verdict`,
        `metrics` by name as `compare_all` gives them, `prompting` as `compare_prompting` gives it,
        `old` as `compare_old` gives it, and the metrics of each of the `categories`,
        and in `slices` for each value of each column; `cross_fit`, as `describe_cross_fit` gives
        it.
    """
    run = describe_run(answers, adapter, evaluation, hardware)
    held_out = sum(row["reference"] is not None for row in answers)
    folds = describe_cross_fit(adapter, held_out, evaluation)
    unknown = describe_unknown(adapter.provenance.get("start", {}))
    others = [*([folds["summary"]] if folds else []), *([unknown] if unknown else [])]
    return {
        **_score(answers, answer_scores, evaluation, run, retention, others),
        "cross_fit": folds,
    }


def score_remote_answers(
    remote_answers: list[dict[str, Any]],
    train: list[Example],
    remote_job: dict[str, Any],
    evaluation: Evaluation,
) -> dict[str, Any]:
    """Score what a provider's model answered before and after its tuning.

    Args:
        remote_answers: one row a prompt, without what no provider tells: losses and seconds.
        train: the examples of the training split, to see what was copied from them.
        remote_job: names the models.
        evaluation: what is measured and how surely.

    Returns:
        As `score_answers`; nothing after a dry run.
    """
    if not remote_answers:
        return {}
    run = describe_remote_run(remote_answers, remote_job, evaluation)
    scores = measure_answers(remote_answers, train, evaluation)
    found = _score(remote_answers, scores, evaluation, run)
    log.info("Verdict: %s", found["verdict"]["summary"])
    return found


def _score(
    answers: list[dict[str, Any]],
    answer_scores: list[dict[str, Any]],
    evaluation: Evaluation,
    run: dict[str, Any],
    retention: dict[str, Any] | None = None,
    others: Sequence[str] = (),
) -> dict[str, Any]:
    rows = list(zip(answers, answer_scores, strict=True))

    def compare(rows: list[Scored]) -> dict[str, Any]:
        base, tuned = stack_scores([scores for _, scores in rows])
        groups = find_groups([answer for answer, _ in rows])
        found = compare_all(base, tuned, evaluation, METRICS, groups)
        progress.update()
        return found

    by_category: dict[str, list[Scored]] = {}
    by_slice: dict[str, dict[str, list[Scored]]] = {}
    for row in rows:
        if row[0]["category"] is not None:
            by_category.setdefault(row[0]["category"], []).append(row)
        for column, value in row[0]["slices"].items():
            by_slice.setdefault(column, {}).setdefault(value, []).append(row)
    parts = 1 + len(by_category) + sum(map(len, by_slice.values()))
    with Progress("Comparing base and tuned model", "parts", parts) as progress:
        metrics = compare(rows)
        categories = {name: compare(some) for name, some in sorted(by_category.items())}
        slices = {
            column: {value: compare(some) for value, some in sorted(values.items())}
            for column, values in by_slice.items()
        }
    prompting = compare_prompting(answers, answer_scores, evaluation)
    old = compare_old(answers, answer_scores, evaluation)
    verdict = conclude(
        metrics,
        categories,
        describe_usable(answer_scores, metrics, evaluation.usable),
        [
            *([old["summary"]] if old else []),
            *([prompting["summary"]] if prompting else []),
            *describe_forgotten(retention or {}),
            *others,
        ],
    )
    held_out = np.array([row["reference"] is not None for row in answers])
    groupings = count_groups(find_groups(answers), held_out)
    return {
        "run": run,
        "prompts": int(held_out.sum()),
        "questions": int((~held_out).sum()),
        "groups": min(groupings.values()),
        "groupings": groupings,
        "verdict": verdict,
        "metrics": metrics,
        "prompting": prompting,
        "old": old,
        "categories": categories,
        "slices": slices,
    }


def add_prompted(
    rows: list[dict[str, Any]], name: str, asked: list[Asked], answers: list[Answer]
) -> None:
    """Add what the base model answers to a better prompt to the row of the prompt."""
    for row, prompt, answer in zip(rows, asked, answers, strict=True):
        row |= {f"{name}_{key}": value for key, value in vars(answer).items()}
        row[f"{name}_shots"] = prompt.shots


def add_answers(
    rows: list[dict[str, Any]], who: str, losses: list[Any], answers: list[Any]
) -> None:
    """Add what one of the two models makes of every prompt to its row."""
    for row, answer, loss in zip_longest(rows, answers, losses):
        row["reference_tokens"] = loss and loss.tokens
        row |= {
            **{f"{who}_{name}": value for name, value in vars(answer).items()},
            **_measured(who, loss),
        }
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
