"""The exported files next to the adapter that was judged: paired scores, and which one to take."""

import logging
from typing import Any

from tuneline.examples import Example
from tuneline.metrics import METRICS, measure_answers, stack_scores
from tuneline.parameters import Evaluation
from tuneline.reporting.pages import count, format_interval, format_number
from tuneline.statistics.paired_comparison import compare_all
from tuneline.statistics.significance import find_groups
from tuneline.utils.disks import format_bytes

log = logging.getLogger(__name__)

# A file counts as the model that was judged if so many of its answers are the adapter's own.
LEAST_EQUAL = 0.8
CONFIDENCE = 0.95
# What is compared; the losses on the references are not asked of llama.cpp, and times are its own.
COMPARED = [
    metric
    for metric in METRICS
    if not metric.timed and (metric.decides_verdict or metric.name == "eos_rate")
]
# What was measured on references and with a clock: not of these answers.
UNMEASURED = ("loss", "entropy", "correct")


def score_file_answers(
    file_answers: list[dict[str, Any]],
    gguf_stats: dict[str, Any],
    answers: list[dict[str, Any]],
    train: list[Example],
    scores: dict[str, Any],
    evaluation: Evaluation,
) -> dict[str, Any]:
    """Compare what each exported file answered with what the adapter answered, prompt by prompt.

    Args:
        file_answers: one row a file and prompt.
        gguf_stats: the files; why they were not asked.
        answers: the evaluation's, of the adapter.
        train: the examples of the training split, to see what was copied from them.
        scores: which adapter that was, and what it gained.
        evaluation: what is measured, and how surely.

    Returns:
        Fingerprint of the `adapter`, how many `prompts`; the `files`, each with `file`, `type`,
        `bytes`, how many tensors are in `larger` types, how many answers are `equal`, their `share`
        with its Wilson `interval`, how many prompts were read as the adapter reads them
        (`same_prompts`), `tokens_per_second`, by name the
        `metrics` as `compare_all` gives them with `adapter` and `file` in the places of base and
        tuned, the labels of those that are `worse`, and a `sentence`; the file to `take`, and a
        `summary`.
    """
    about = {"adapter": scores["run"]["adapter"], "prompts": len(answers)}
    if not file_answers:
        summary = f"The exported files were not asked: {gguf_stats['obstacle']}."
        return {**about, "files": [], "take": None, "summary": summary}
    files = []
    for one in gguf_stats["files"]:
        rows = [row for row in file_answers if row["file"] == one["file"]]
        files.append(_compare_file(one, rows, answers, train, evaluation))
    chosen = choose_file(files)
    take = chosen["file"] if chosen else None
    summary = _summarize(files, chosen)
    log.info("%s", summary)
    return {**about, "files": files, "take": take, "summary": summary}


def _compare_file(
    one: dict[str, Any],
    rows: list[dict[str, Any]],
    answers: list[dict[str, Any]],
    train: list[Example],
    evaluation: Evaluation,
) -> dict[str, Any]:
    pairs = [_pair(answer, row) for answer, row in zip(answers, rows, strict=True)]
    adapter, file = stack_scores(measure_answers(pairs, train, evaluation))
    found = compare_all(adapter, file, evaluation, COMPARED, find_groups(pairs))
    equal = sum(_cut(row["base_answer"]) == _cut(row["tuned_answer"]) for row in pairs)
    same = sum(row["same_prompt"] for row in rows)
    facts = {
        "file": one["file"],
        "type": one["type"],
        "bytes": one["bytes"],
        "larger": one["larger"],
        "equal": equal,
        "share": equal / len(rows),
        "interval": _find_share_interval(equal, len(rows)),
        "same_prompts": same,
        "tokens_per_second": sum(row["tokens"] for row in rows)
        / max(1e-9, sum(row["seconds"] for row in rows)),
        "metrics": {name: _rename(metric) for name, metric in found.items()},
        "worse": [metric["label"] for metric in found.values() if metric["result"] == "worse"],
    }
    return {**facts, "sentence": _describe(facts, len(rows))}


def _pair(answer: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """Put the adapter in the place of the base model, and the file in that of the tuned one."""
    kept = {
        key: value for key, value in answer.items() if not key.startswith(("base_", "tuned_"))
    } | {"reference_tokens": None}
    for who, source in (
        ("base", {key.removeprefix("tuned_"): value for key, value in answer.items()}),
        ("tuned", row),
    ):
        kept |= {f"{who}_{key}": source[key] for key in ("answer", "tokens", "stopped")}
        kept |= dict.fromkeys(f"{who}_{key}" for key in (*UNMEASURED, "seconds"))
    return kept


def _cut(answer: str) -> str:
    """Take off half a character at the length limit, which every library shows in its own way."""
    return answer.rstrip("\N{REPLACEMENT CHARACTER}")


def _rename(found: dict[str, Any]) -> dict[str, Any]:
    names = {
        "base": "adapter",
        "tuned": "file",
        "base_interval": "adapter_interval",
        "tuned_interval": "file_interval",
    }
    return {names.get(key, key): value for key, value in found.items() if key != "unmeasured"}


def _find_share_interval(equal: int, rows: int) -> list[float]:
    from scipy.stats import binomtest

    found = binomtest(equal, rows).proportion_ci(CONFIDENCE, "wilson")
    return [float(found.low), float(found.high)]


def choose_file(files: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Choose the smallest file that is the judged model as far as its answers can tell.

    Where rounding alone changes words (of a small model's long answers, and of an adapter that was
    judged in bfloat16), no file answers as the adapter does: then the nearest to it counts.

    Args:
        files: as `score_file_answers` gives them.

    Returns:
        Of the files that no metric shows to be worse the smallest one that answers enough prompts
        as the adapter does, else the one that answers most of them so; None if all are worse.
    """
    fit = [one for one in files if not one["worse"]]
    like = [one for one in fit if one["share"] >= LEAST_EQUAL]
    if like:
        return min(like, key=lambda one: one["bytes"])
    return max(fit, key=lambda one: (one["equal"], -one["bytes"]), default=None)


def _describe(facts: dict[str, Any], prompts: int) -> str:
    """Say of a file: the same, or by how much worse."""
    low, high = (format_number(100 * end, 0) for end in facts["interval"])
    said = [
        f"{facts['file']} ({format_bytes(facts['bytes'])}) gives {facts['equal']} of "
        f"{count(prompts, 'answer')} word for word as the adapter does ({low} to {high} %)"
    ]
    changed = [
        f"{metric['label']} {format_number(metric['difference'], metric['decimals'], True)} "
        f"({format_interval(metric, metric['decimals'])})"
        for metric in facts["metrics"].values()
        if metric["result"] in ("better", "worse")
    ]
    said.append(
        f"it differs in {', '.join(changed)}" if changed else "no metric shows it to be worse"
    )
    if facts["larger"]:
        said.append(f"{count(facts['larger'], 'tensor')} of it are in larger types: it is narrow")
    if facts["same_prompts"] < prompts:
        other = prompts - facts["same_prompts"]
        said.append(f"llama.cpp reads {count(other, 'prompt')} as other tokens than the adapter")
    return "; ".join(said) + "."


def _summarize(files: list[dict[str, Any]], chosen: dict[str, Any] | None) -> str:
    if chosen is None:
        best = max(files, key=lambda one: one["equal"])
        nearest = f"nearest is {best['file']}. {best['sentence']}"
        return f"All files are worse than the adapter; {nearest}"
    smaller = [one["sentence"] for one in files if one["bytes"] < chosen["bytes"]]
    said = [f"Take {chosen['file']}.", chosen["sentence"], *(["Smaller:"] if smaller else [])]
    return " ".join([*said, *smaller])
