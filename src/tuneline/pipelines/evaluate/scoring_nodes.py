"""Nodes that score the answers."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from tuneline.examples import Example
from tuneline.metrics import METRICS, measure_answers, stack_scores
from tuneline.models.adapter import Adapter
from tuneline.models.start_adapter import describe_unknown
from tuneline.parameters import Evaluation, Hardware
from tuneline.pipelines.evaluate.cross_fitting import describe_cross_fit
from tuneline.pipelines.evaluate.going_on import compare_old
from tuneline.pipelines.evaluate.prompting import compare_prompting
from tuneline.pipelines.evaluate.retention import describe_forgotten
from tuneline.pipelines.evaluate.runs import describe_remote_run, describe_run
from tuneline.pipelines.evaluate.usable_answers import describe_usable
from tuneline.pipelines.evaluate.verdict import conclude
from tuneline.pipelines.evaluate.vllm_sample import describe_engine
from tuneline.statistics.paired_comparison import compare_all
from tuneline.statistics.significance import count_groups, find_groups
from tuneline.utils.progress import Progress

log = logging.getLogger(__name__)

# An answer's row, and its scores.
Scored = tuple[dict[str, Any], dict[str, Any]]


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
    engine = describe_engine(answers, evaluation)
    run = describe_run(answers, adapter, evaluation, hardware)
    held_out = sum(row["reference"] is not None for row in answers)
    folds = describe_cross_fit(adapter, held_out, evaluation)
    unknown = describe_unknown(adapter.provenance.get("start", {}))
    others = [*(one["summary"] for one in (folds, engine) if one), *([unknown] if unknown else [])]
    run = {**run, "engine": engine}
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
