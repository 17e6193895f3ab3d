"""Is the new adapter better than the old one that it was trained further from?"""

from collections.abc import Iterator
from typing import Any

from tuneline.errors import Problem
from tuneline.examples import OLD, Example
from tuneline.metrics import METRICS, pick_counting, stack_scores
from tuneline.models.adapter import Adapter
from tuneline.parameters import Evaluation
from tuneline.reporting.pages import format_interval, format_number
from tuneline.statistics.paired_comparison import compare_all
from tuneline.statistics.significance import find_groups

# What is compared: what decides the verdict, whether answers are usable, and the loss.
COMPARED = [one for one in METRICS if one.decides_verdict or one.name in ("usable", "loss")]
LABELS = {
    (True, False): "better",
    (False, True): "worse",
    (True, True): "mixed",
    (False, False): "no significant difference",
}


def compare_old(
    answers: list[dict[str, Any]], answer_scores: list[dict[str, Any]], evaluation: Evaluation
) -> dict[str, Any] | None:
    """Compare the new adapter with the old one, prompt by prompt, as it is with the base model.

    Args:
        answers: one row a prompt; with `old_answer` where there is an old adapter.
        answer_scores: what every metric says of them.
        evaluation: confidence.

    Returns:
        `label`: better, worse, mixed, no significant difference or not measured, of the metrics
        that decide the verdict; a `summary` in one sentence, with the number and its interval; and
        the `metrics` as `compare_all` gives them, with the old adapter in the place of the base.
        None where there is no old adapter.
    """
    if f"{OLD}_answer" not in answers[0]:
        return None
    before, after = stack_scores(answer_scores, (OLD, "tuned"))
    metrics = compare_all(before, after, evaluation, COMPARED, find_groups(answers))
    counting = pick_counting(metrics).values()
    measured = [one for one in counting if one["difference"] is not None]
    results = {one["result"] for one in counting}
    label = LABELS["better" in results, "worse" in results] if measured else "not measured"
    return {"label": label, "summary": _summarize(label, measured), "metrics": metrics}


def _summarize(label: str, measured: list[dict[str, Any]]) -> str:
    if not measured:
        return "Whether it is better than the adapter it started from could not be measured."
    shown = [one for one in measured if one["result"] in ("better", "worse")] or measured[:1]
    said = {
        "better": "It is better than the adapter it started from",
        "worse": "It is worse than the adapter it started from",
        "mixed": "Next to the adapter it started from it is better in one thing, worse in another",
        "no significant difference": "No significant difference to the adapter it started from",
    }[label]
    return f"{said}: {'; '.join(map(_show, shown))}."


def _show(one: dict[str, Any]) -> str:
    places = one["decimals"]
    return (
        f"{one['label']} {format_number(one['tuned'], places)} against "
        f"{format_number(one['base'], places)} ({format_interval(one, places)})"
    )


def find_seen_problem(old: Adapter | None, test: list[Example]) -> Iterator[Problem]:
    """Find held-out examples that the old adapter has seen: the new one knows them, too."""
    if old is None or old.seen is None or not test:
        return
    if count := sum(old.seen.find(test)):
        yield Problem(
            where="test.jsonl",
            wrong=f"the adapter that training started from has seen {count:,} of its rows",
            matters="what it answers there says nothing about rows that it does not know",
            remedy="run `kedro run --pipeline=prepare` with the `recipe.start_from` of its "
            "training, then `plan` and `train` again",
        )
