"""Would a good prompt have done? The tuned model next to the base model with a good prompt."""

from typing import Any

from tuneline.examples import FEW_SHOT, INSTRUCTED, PROMPTED
from tuneline.metrics import METRICS, pick_counting, stack_scores
from tuneline.parameters import Evaluation, Prompting
from tuneline.reporting.pages import count, format_interval, format_number
from tuneline.statistics.paired_comparison import compare_all
from tuneline.statistics.significance import find_groups

# What is compared: what decides the verdict, and whether answers are usable.
COMPARED = [one for one in METRICS if one.decides_verdict or one.name == "usable"]
BEATS, DOES_NOT, UNKNOWN = (
    "tuning beats prompting",
    "tuning does not beat prompting",
    "tuning or prompting: cannot be told",
)
Compared = dict[str, dict[str, Any]]


def compare_prompting(
    answers: list[dict[str, Any]], answer_scores: list[dict[str, Any]], evaluation: Evaluation
) -> dict[str, Any] | None:
    """Compare the tuned model with the base model that is prompted well, prompt by prompt.

    Args:
        answers: one row a prompt; with `few_shot_answer`, and `instructed_answer` where an
            instruction is stated.
        answer_scores: what every metric says of them.
        evaluation: confidence, and the gain that counts.

    Returns:
        `label`: whether tuning beats prompting; a `summary` in one sentence; `columns`, by
        the name of the prompting its `shots` (fewest and most examples in a prompt) and `metrics`
        as `compare_all` gives them, with the prompted base model in the place of the base. None
        where the base model was not prompted.
    """
    prompting = evaluation.prompting
    asked = [name for name in PROMPTED if f"{name}_answer" in answers[0]]
    if prompting is None or not asked:
        return None
    groups = find_groups(answers)
    columns: dict[str, dict[str, Any]] = {}
    for name in asked:
        prompted, tuned = stack_scores(answer_scores, (name, "tuned"))
        shots = [row.get(f"{name}_shots", 0) for row in answers]
        columns[name] = {
            "shots": [min(shots), max(shots)],
            "metrics": compare_all(prompted, tuned, evaluation, COMPARED, groups),
        }
    found = {name: _decide(one["metrics"], prompting) for name, one in columns.items()}
    label = next(one for one in (DOES_NOT, UNKNOWN, BEATS) if one in found.values())
    return {"label": label, "summary": _summarize(label, found, columns), "columns": columns}


def _decide(metrics: Compared, prompting: Prompting) -> str:
    """Decide over one prompting: won somewhere and lost nowhere, or surely no gain worth having."""
    counting = pick_counting(metrics).values()
    lost = any(one["result"] == "worse" for one in metrics.values())
    if lost or not any(one["wins"] for one in counting):
        return DOES_NOT
    if any(one["result"] == "better" for one in counting):
        return BEATS
    measured = [one for one in counting if one["interval"] is not None]
    small = all(one["interval"][1] < prompting.margin for one in measured)
    return DOES_NOT if measured and small else UNKNOWN


def _summarize(label: str, found: dict[str, str], columns: dict[str, dict[str, Any]]) -> str:
    """Say it with the number that decided: of several promptings, the one that came nearest."""
    deciding = {name: one for name, one in columns.items() if found[name] == label}
    # All columns are held against the same metric; what decided may be another in each.
    name, column = min(
        deciding.items(), key=lambda one: _choose("", one[1]["metrics"])["difference"] or 0.0
    )
    metric = _choose(label, column["metrics"])
    how = {
        INSTRUCTED: "an instruction alone",
        FEW_SHOT: f"{count(column['shots'][1], 'training example')} in its prompt",
    }[name]
    places = metric["decimals"]
    said = {
        BEATS: "Tuning beats prompting",
        DOES_NOT: "Tuning does not beat prompting",
        UNKNOWN: "Whether tuning beats prompting cannot be told",
    }[label]
    return (
        f"{said}: {metric['label']} {format_number(metric['tuned'], places)} against "
        f"{format_number(metric['base'], places)} of the base model with {how} "
        f"({format_interval(metric, places)})."
    )


def _choose(label: str, metrics: Compared) -> dict[str, Any]:
    """Choose the metric that decided, else the first that was measured."""
    wanted = {DOES_NOT: "worse", BEATS: "better"}.get(label)
    order = [*pick_counting(metrics).values(), *metrics.values()]
    chosen = [one for one in order if one["result"] == wanted]
    measured = [one for one in order if one["difference"] is not None]
    return next(iter([*chosen, *measured, *order]))
