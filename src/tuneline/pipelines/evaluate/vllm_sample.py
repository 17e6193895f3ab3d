"""Whether vLLM answers as transformers does: both answer a sample of the prompts."""

from typing import Any

from tuneline.examples import MODELS
from tuneline.models.adapter import NAMES
from tuneline.models.generation import Answer
from tuneline.parameters import Evaluation
from tuneline.reporting.pages import count, format_number
from tuneline.statistics.proportions import find_wilson_interval

# Prompts that both answer, of each model: few, as transformers takes its time for them.
SAMPLE = 20


def choose_sample(prompts: int) -> list[int]:
    """Choose the places of the prompts that both answer, evenly among all."""
    size = min(SAMPLE, prompts)
    return [number * prompts // size for number in range(size)]


def add_plain_answers(
    rows: list[dict[str, Any]], who: str, places: list[int], answers: list[Answer]
) -> None:
    """Add what transformers answered to the rows of the sample."""
    for place, answer in zip(places, answers, strict=True):
        rows[place][f"{who}_plain_answer"] = answer.answer


def describe_engine(answers: list[dict[str, Any]], evaluation: Evaluation) -> dict[str, Any] | None:
    """Describe what answered, if it was not transformers, and how many of its answers differ.

    Args:
        answers: one row a prompt; with `engine`, and in the sample `base_plain_answer` and
            `tuned_plain_answer`, if vLLM answered.
        evaluation: confidence.

    Returns:
        The engine's `name` with its version; of both `models` how many answers transformers gave,
        too (`compared`), how many of them `differ`, and the Wilson `interval` of their share; a
        `summary` in words. None where transformers answered.
    """
    if "engine" not in answers[0]:
        return None
    found = {who: _compare(answers, who, evaluation.confidence) for who in MODELS}
    name, both = answers[0]["engine"], found["base"]["compared"]
    parts = " and ".join(
        f"{one['differ']} of the {NAMES[who]} "
        f"({' to '.join(format_number(100 * end, 0) for end in one['interval'])} %)"
        for who, one in found.items()
    )
    summary = (
        f"{name} answered; of its answers to {count(both, 'prompt')} that transformers answered, "
        f"too, {parts} are not the same."
    )
    return {"name": name, "models": found, "summary": summary}


def _compare(answers: list[dict[str, Any]], who: str, confidence: float) -> dict[str, Any]:
    pairs = [
        (row[f"{who}_answer"], row[f"{who}_plain_answer"])
        for row in answers
        if f"{who}_plain_answer" in row
    ]
    differ = sum(one != plain for one, plain in pairs)
    interval = find_wilson_interval(differ / len(pairs), len(pairs), confidence)
    return {"compared": len(pairs), "differ": differ, "interval": list(interval)}
