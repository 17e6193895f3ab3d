"""What the test split can show: the smallest difference, before anything is trained."""

from typing import Any

import numpy as np

from tuneline.examples import Example
from tuneline.parameters import Evaluation, Prompt
from tuneline.pipelines.plan.earlier_runs import ScoreVersions, read_scores
from tuneline.prompts import list_prompts
from tuneline.statistics.power import count_needed, find_smallest_difference
from tuneline.statistics.significance import count_groups, find_groups

# By metric that decides the verdict its label, and before the first evaluation the spread of the
# difference between base and tuned model from prompt to prompt, in points. On 64 product
# descriptions that of chrF was 19; on 48 that of ROUGE-L was as large as that of chrF, and on 42
# that of numbers and key terms 68 (docs/statistics.md). For the others nothing was measured: one
# answer in five changes from wrong to right or back.
ASSUMED = {
    "chrf": ("chrF", 19.0),
    "rouge_l": ("ROUGE-L", 19.0),
    "key_recall": ("Number and key-term recall", 68.0),
    "sections": ("Sections", 45.0),
    "language": ("Language", 45.0),
    "answer_rules": ("Rules kept", 45.0),
}


def describe_evidence(
    test: list[Example], score_versions: ScoreVersions, prompt: Prompt, evaluation: Evaluation
) -> dict[str, Any]:
    """Work out the smallest difference that the test prompts can show, by metric.

    Returns:
        `prompts` and the `groups` they are in; whether every spread is `measured` in an earlier
        evaluation; by name the `metrics` that decide the verdict, each with its `label`, the
        `spread` of the difference from group to group, whether that is `measured` or assumed, the
        smallest difference (`detectable`) with 80 % power, and how many prompts are `needed` to
        show 2 points. The last two are null where the prompts are too few to show any.
    """
    rows = list_prompts(test, prompt, evaluation)[: len(test)] if test else []
    everyone = np.ones(len(rows), dtype=bool)
    groups = min(count_groups(find_groups(rows), everyone).values()) if rows else 0
    asked = {
        "sections": bool(evaluation.sections),
        "language": evaluation.language is not None,
        "answer_rules": evaluation.rules.are_stated or any(row["rules"] for row in rows),
    }
    spreads = _find_spreads(score_versions, asked)
    # The metrics that decide share the error, as in the evaluation.
    confidence = 1 - (1 - evaluation.confidence) / max(1, len(spreads))
    return {
        "prompts": len(rows),
        "groups": groups,
        "measured": all(one["measured"] for one in spreads.values()),
        "metrics": {
            name: one
            | {
                "detectable": find_smallest_difference(one["spread"], groups, confidence),
                "needed": count_needed(one["spread"], len(rows), groups, confidence),
            }
            for name, one in spreads.items()
        },
    }


def _find_spreads(versions: ScoreVersions, asked: dict[str, bool]) -> dict[str, dict[str, Any]]:
    """Take the spreads of the last evaluation that has any, and assume those that it lacks."""
    measured: dict[str, dict[str, Any]] = next(filter(None, map(_read, read_scores(versions))), {})
    wanted = [name for name in ASSUMED if asked.get(name, not measured)]
    assumed = {
        name: {"label": ASSUMED[name][0], "spread": ASSUMED[name][1], "measured": False}
        for name in wanted
    }
    return {
        name: one
        for name, one in (assumed | measured).items()
        if asked.get(name, True)  # what is asked for no more decides no more
    }


def _read(scores: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = ((name, scores["metrics"].get(name, {})) for name in scores["verdict"]["metrics"])
    return {
        name: {"label": one["label"], "spread": one["spread"], "measured": True}
        for name, one in found
        if one.get("spread")
    }
