"""What a sweep shows: its trials next to each other, and the winner's lead over the recipe."""

from typing import Any

import numpy as np
import yaml

from tuneline.examples import Example
from tuneline.metrics import METRICS
from tuneline.parameters import Evaluation
from tuneline.pipelines.sweep.trials import average_chrf, rank
from tuneline.reporting.pages import count_prompts, format_interval, format_number
from tuneline.statistics.paired_comparison import compare_all
from tuneline.statistics.significance import find_groups

CHRF = tuple(metric for metric in METRICS if metric.name == "chrf")

# What `auto` derives from each other: with another epoch comes another rate.
FOLLOWING = ("global_batch_size", "num_train_epochs", "learning_rate")


def list_rows(results: list[dict[str, Any]], plan: dict[str, Any]) -> list[dict[str, Any]]:
    """List the trials for a table, the best first.

    Returns:
        Of each `trial`, how far it went (`steps`, of `of`), `chrf` and `loss` there, and `end`:
        to the end, dropped, failed or not tried.
    """
    totals = {one["name"]: int(one["steps"]["total"]) for one in plan["trials"]}
    rows = []
    for trial in sorted(results, key=_order):
        last = trial["rungs"][-1]
        failed = "failed" in last
        rows.append(
            {
                "trial": trial["name"],
                "steps": last["step"],
                "of": totals[trial["name"]],
                "chrf": None if failed else round(average_chrf(last), 2),
                "loss": None if failed else round(last["loss"], 4),
                "end": f"failed: {last['failed']}"
                if failed
                else ("to the end" if trial["through"] else f"dropped after {last['share']:.0%}"),
            }
        )
    measured = {one["name"] for one in results}
    rows += [
        {
            "trial": one["name"],
            "steps": 0,
            "of": totals[one["name"]],
            "chrf": None,
            "loss": None,
            "end": f"not tried: {one['verdict']['summary']}",
        }
        for one in plan["trials"]
        if one["name"] not in measured
    ]
    return rows


def _order(trial: dict[str, Any]) -> tuple[float, float, float]:
    last = trial["rungs"][-1]
    if "failed" in last:
        return (1.0, 0.0, 0.0)
    return (-last["share"], *rank(last))


def describe_sweep(
    results: list[dict[str, Any]],
    rows: list[dict[str, Any]],
    validation: list[Example],
    evaluation: Evaluation,
) -> dict[str, Any]:
    """Describe the winner, and how far it leads.

    Of several trials the best one leads by chance, too: the comparisons with the recipe as it is
    share the error (Bonferroni), so that the interval holds whichever trial wins.

    Returns:
        `summary`; the `winner` by name, its `values` and `shown`, whether its lead is more than
        chance; the `lead` in chrF as `compare_all` gives it, null if the recipe as it is wins; the
        `yaml` to copy; and the `trials` of the table.
    """
    first, through = results[0], [one for one in results if one["through"]]
    winner = min(through, key=lambda one: rank(one["rungs"][-1]))
    lead = None
    if winner is not first:
        shared = 1 - (1 - evaluation.confidence) / (len(results) - 1)
        compared = evaluation.model_copy(update={"confidence": shared})
        before, after = ({"chrf": _stack(one)} for one in (first, winner))
        groups = find_groups([_describe_prompt(one) for one in validation])
        lead = compare_all(before, after, compared, CHRF, groups)["chrf"]
    shown = lead is not None and lead["result"] == "better"
    return {
        "summary": _summarize(first, winner, lead, shown),
        "winner": winner["name"],
        "values": winner["values"],
        "shown": shown,
        "lead": lead,
        "yaml": "",  # `write_yaml` makes it, if there is something to copy
        "trials": rows,
    }


def _stack(trial: dict[str, Any]) -> np.ndarray:
    """Give the scores of a trial as fractions: shape (prompts, 2)."""
    scores = np.array(trial["rungs"][-1]["chrf"], dtype=float)
    return np.stack([scores, np.ones(len(scores))], axis=1)


def _describe_prompt(example: Example) -> dict[str, Any]:
    return {
        "groups": example["meta"].get("groups", {}),
        "context": example["prompt"][:-1],
        "prompt": example["prompt"][-1]["content"],
    }


def _summarize(
    first: dict[str, Any], winner: dict[str, Any], lead: dict[str, Any] | None, shown: bool
) -> str:
    before, after = first["rungs"][-1], winner["rungs"][-1]
    level = f"chrF {average_chrf(before):.1f}, loss {before['loss']:.3f}"
    if lead is None:
        return f"The recipe as it is wins ({level}): no trial answers better. Keep it."
    reached = f"chrF {average_chrf(after):.1f}, loss {after['loss']:.3f}"
    interval = f"{format_number(lead['difference'], 1, True)} chrF ({format_interval(lead, 1)})"
    basis = count_prompts(lead["rows"], lead["groups"], "validation prompt")
    words = (
        f"{winner['name']} wins ({reached}; as it is: {level}): {interval} on {basis}, "
        f"at {lead['confidence']:.1%} confidence."
    )
    if shown:
        return f"{words} Copy its values, and train."
    return f"{words} No significant difference: the recipe as it is may be kept."


def write_yaml(use_case: str, values: dict[str, Any], settings: dict[str, Any]) -> str:
    """Write a trial's values, by dotted key, as a file of one's own states them.

    Values of `FOLLOWING` are written, too: left to `auto`, they would become others.
    """
    block: dict[str, Any] = {key: settings[key] for key in FOLLOWING}
    for key, value in values.items():
        *path, last = key.split(".")
        inner = block
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return str(yaml.safe_dump({use_case: {"recipe": block}}, sort_keys=False))
