"""Several evaluations side by side: versions of an adapter, or recipes."""

from typing import Any

import pandas as pd

from tuneline.adapters import Adapter, hash_adapter
from tuneline.hashing import hash_value
from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.metrics import METRICS

# What a run is compared on, beside its verdict.
COMPARED = [metric for metric in METRICS if metric.counts or metric.name == "loss"]


def describe_run(
    answers: list[dict[str, Any]], adapter: Adapter, evaluation: Evaluation
) -> dict[str, Any]:
    """Describe what was evaluated, so that its scores can be told from others and compared.

    Args:
        answers: one row a prompt.
        adapter: the adapter.
        evaluation: the decoding.

    Returns:
        Fingerprints of the adapter, its training examples and the prompts; base model, recipe,
        machine of the training and decoding.
    """
    provenance = adapter.provenance
    return {
        "adapter": hash_adapter(adapter),
        "base": provenance["base"],
        "recipe": provenance["recipe"]["settings"],
        "trained_on": provenance["examples"]["train"],
        "prompts": _hash_prompts(answers),
        "generation": evaluation.generation,
    }


def describe_remote_run(
    answers: list[dict[str, Any]], job: dict[str, Any], evaluation: Evaluation
) -> dict[str, Any]:
    """Describe what a provider's model was evaluated on.

    Args:
        answers: one row a prompt.
        job: the provider's job, which names the tuned model.
        evaluation: the decoding.

    Returns:
        The tuned model's name, the job, a fingerprint of the prompts, and the decoding.
    """
    return {
        "model": job["model"],
        "job": job["job"],
        "prompts": _hash_prompts(answers),
        "generation": evaluation.generation,
    }


def _hash_prompts(answers: list[dict[str, Any]]) -> str:
    return hash_value([[row["context"], row["prompt"], row["reference"]] for row in answers])


def compare_versions(versions: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Put the scores of all versions into one table.

    Args:
        versions: scores by version, the oldest first.

    Returns:
        One row a version, oldest first: `run` (a number), `version`, `adapter`, `verdict`,
        `prompts` and their independent `groups`, `differs` (what is not the same in all runs),
        `comparable` (whether prompts and decoding are those of the latest run), and for each metric
        `_base`, `_tuned`, and `_low` and `_high`, the ends of the interval of the difference; None
        where they are not known.
    """
    described = {name: _flatten(scores["run"]) for name, scores in versions.items()}
    latest = list(versions.values())[-1]["run"]
    rows = [
        {
            "run": number,
            "version": name,
            "adapter": scores["run"]["adapter"][:12],
            "verdict": scores["verdict"]["shown"],
            "prompts": scores["prompts"],
            "groups": scores.get("groups", scores["prompts"]),
            "differs": _name_differences(described[name], list(described.values())),
            "comparable": all(
                scores["run"][key] == latest[key] for key in ("prompts", "generation")
            ),
            **_pick(scores["metrics"]),
        }
        for number, (name, scores) in enumerate(versions.items(), start=1)
    ]
    return pd.DataFrame(rows)


def _pick(metrics: dict[str, Any]) -> dict[str, float | None]:
    picked: dict[str, float | None] = {}
    for metric in COMPARED:
        if metric.name in metrics:
            found = metrics[metric.name]
            low, high = found["interval"] or (None, None)
            values = {"base": found["base"], "tuned": found["tuned"], "low": low, "high": high}
            picked |= {f"{metric.name}_{key}": value for key, value in values.items()}
    return picked


def _flatten(run: dict[str, Any]) -> dict[str, Any]:
    """Name the settings a run may differ in, a block's keys each for itself."""
    flat = {
        "base": run["base"]["name"],
        "examples": run["trained_on"]["count"],
        "examples' fingerprint": run["trained_on"]["sha256"][:8],
    }
    for key, value in {**run["recipe"], "generation": run["generation"]}.items():
        block = value if isinstance(value, dict) else {"": value}
        flat |= {f"{key}.{inner}".rstrip("."): one for inner, one in block.items()}
    return flat


def _name_differences(run: dict[str, Any], runs: list[dict[str, Any]]) -> str:
    keys = sorted({key for one in runs for key in one})
    differing = [key for key in keys if any(one.get(key) != runs[0].get(key) for one in runs)]
    return ", ".join(f"{key} {run.get(key)}" for key in differing) or "the same settings"
