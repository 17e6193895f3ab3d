"""What to do next: a short list, each item with its number and the key to change."""

import math
from collections.abc import Iterator
from typing import Any

from tuneline.metrics import METRICS
from tuneline.metrics.usable import LOOPS
from tuneline.parameters import Data, Evaluation, Recipe
from tuneline.pipelines.evaluate.side_by_side import measure_gains
from tuneline.reporting.pages import count, count_prompts, format_number
from tuneline.use_cases import CROSS_FIT

# Of 100 answers, those that may be cut, or copied, before it is worth a word.
SOME = 5.0
MOST_STEPS, MOST_ROWS = 5, 3
# Share of the base model's own answers to begin with, and the most that is suggested.
REPLAY, MOST_REPLAY = 0.1, 0.5
# More test prompts are for nobody to read; what they cannot show is small.
MOST_PROMPTS = 500

# Of fewer rows a test split is too small to tell, or the training split too small to learn from.
FEW_ROWS = 100
# The usual number: four fifths of the rows are left to learn from.
FOLDS = 5

Step = dict[str, Any]


def suggest_next_steps(
    scores: dict[str, Any],
    answers: list[dict[str, Any]],
    answer_scores: list[dict[str, Any]],
    training_record: dict[str, Any],
    plan: dict[str, Any],
    data: Data,
    recipe: Recipe,
    evaluation: Evaluation,
    retention: dict[str, Any] | None = None,
) -> dict[str, list[Step]]:
    """Suggest what follows from the numbers, the most urgent first.

    Args:
        scores: the verdict and what it rests on.
        answers: one row a prompt.
        answer_scores: what every metric says of them.
        training_record: what the losses say.
        plan: steps, and examples that are too long.
        data: how many rows are held out.
        recipe: what was trained and how.
        evaluation: the decoding.
        retention: what it forgot, as `score_retention` gives it.

    Returns:
        `steps`: of each what was `found`, what to `do`, the `key` to change, and its new `value`
        (both None where reading is what helps), and the `rows` of `answers` to look at, by place.
    """
    metrics = scores["metrics"]
    steps = [
        *_check_length(metrics, answers, evaluation),
        *_check_training(training_record),
        *_check_old(scores, recipe),
        *_check_losses(scores, answer_scores),
        *_check_retention(retention or {}, data),
        *_check_loops(answer_scores, evaluation),
        *_check_copies(metrics, recipe),
        *_check_overlong(plan, recipe),
        *_check_prompts(scores, plan, data, evaluation),
        *_check_categories(scores, answers, answer_scores, data),
    ]
    return {"steps": [*steps[:MOST_STEPS], *_say_what_is_good(scores)] or [_ask()]}


def _step(found: str, do: str, key: str | None = None, value: Any = None, **more: Any) -> Step:
    return {"found": found, "do": do, "key": key, "value": value, "rows": [], **more}


def _check_length(
    metrics: dict[str, Any], answers: list[dict[str, Any]], evaluation: Evaluation
) -> Iterator[Step]:
    cut = metrics.get("truncation_rate", {}).get("tuned") or 0.0
    limit = evaluation.generation.get("max_new_tokens")
    if cut <= SOME or limit is None:
        return
    longest = max((row["reference_tokens"] or 0 for row in answers), default=0)
    found = f"{format_number(cut, 0)} % of the tuned answers were cut at {limit:,} tokens"
    if longest > limit:
        yield _step(
            f"{found}, and the longest reference has {longest:,}",
            "Raise the limit.",
            "evaluation.generation.max_new_tokens",
            longest,
        )
    else:
        yield _step(
            f"{found}, although no reference has more than {longest:,}: "
            "the model has not learned to end",
            "Train longer.",
            "recipe.num_train_epochs",
        )


def _check_training(training: dict[str, Any]) -> Iterator[Step]:
    """Hand on what the training's record says of its losses."""
    curve = training.get("curve") or {}
    if curve.get("do"):
        yield _step(curve["found"], f"{curve['do']}.", curve["key"], curve["value"])


def _check_old(scores: dict[str, Any], recipe: Recipe) -> Iterator[Step]:
    """A training that goes on may lose what it began with."""
    old = scores.get("old")
    if old and old["label"] == "worse":
        yield _step(
            old["summary"].rstrip("."),
            "Keep the old adapter, or train with a third of the learning rate.",
            "recipe.learning_rate",
            float(f"{recipe.learning_rate / 3:.2g}"),
        )


def _check_losses(scores: dict[str, Any], answer_scores: list[dict[str, Any]]) -> Iterator[Step]:
    """Lead to the rows that make a metric worse."""
    for metric in METRICS:
        if metric.name not in scores["verdict"]["metrics"]:
            continue
        one = scores["metrics"][metric.name]
        if one["result"] != "worse":
            continue
        better = [
            other.label
            for other in METRICS
            if other.name in scores["verdict"]["metrics"]
            and scores["metrics"][other.name]["result"] == "better"
        ]
        than = f"Better on {', '.join(better)}, worse" if better else "Worse"
        in_prompt = metric.name == "key_recall"
        yield _step(
            f"{than} on {metric.label} ({format_number(one['difference'], one['decimals'], True)})",
            "Look at these rows: what the answers miss must be in the prompt, or in the rows "
            "that are trained on."
            if in_prompt
            else "Look at these rows.",
            "prompt.prompt" if in_prompt else None,
            rows=_find_worst(answer_scores, metric.name),
        )


def _find_worst(answer_scores: list[dict[str, Any]], metric: str) -> list[int]:
    gains = measure_gains(answer_scores, metric)
    losing = [(gain, place) for place, gain in enumerate(gains) if gain is not None and gain < 0]
    return [place for _, place in sorted(losing)[:MOST_ROWS]]


def _check_retention(retention: dict[str, Any], data: Data) -> Iterator[Step]:
    """Offer the base model's own answers in the training where it has lost what it could do."""
    if retention.get("result") != "lost":
        return
    whole = retention["all"]
    kinds = [name for name, found in retention["kinds"].items() if found["result"] == "lost"]
    yield _step(
        f"Of {count(whole['prompts'], 'general prompt')} the base model has {whole['base']} right "
        f"and the tuned model {whole['tuned']}{': lost in ' * bool(kinds)}{', '.join(kinds)}",
        "Train on answers of the base model's own, too.",
        "data.replay",
        min(MOST_REPLAY, 2 * data.replay or REPLAY),
    )


def _check_loops(answer_scores: list[dict[str, Any]], evaluation: Evaluation) -> Iterator[Step]:
    looping = [place for place, row in enumerate(answer_scores) if LOOPS in row["tuned"]["flaws"]]
    if 100 * len(looping) <= SOME * len(answer_scores):
        return
    now = evaluation.generation.get("repetition_penalty", 1.0)
    yield _step(
        f"{count(len(looping), 'tuned answer')} of {len(answer_scores)} "
        f"{'loops' if len(looping) == 1 else 'loop'}",
        "Penalize repetition.",
        "evaluation.generation.repetition_penalty",
        round(now + 0.1, 2),
        rows=looping[:MOST_ROWS],
    )


def _check_copies(metrics: dict[str, Any], recipe: Recipe) -> Iterator[Step]:
    copied = metrics.get("copied_whole", {}).get("tuned") or 0.0
    if copied > SOME:
        yield _step(
            f"{format_number(copied, 0)} % of the tuned answers are an answer of the training, "
            "word for word",
            "Train for fewer epochs, or on more varied rows.",
            "recipe.num_train_epochs",
            _plain(max(1, recipe.num_train_epochs // 2)),
        )


def _check_overlong(plan: dict[str, Any], recipe: Recipe) -> Iterator[Step]:
    overlong, longest = plan["overlong"], plan["tokens"]["longest"]
    if overlong["ids"]:
        done = "cut" if overlong["policy"] == "truncate" else "left out"
        yield _step(
            f"{count(len(overlong['ids']), 'training example')} longer than "
            f"{recipe.max_length:,} tokens {done}; the longest has {longest:,}",
            "Raise the length, if the memory allows it.",
            "recipe.max_length",
            longest,
        )


def _check_prompts(
    scores: dict[str, Any], plan: dict[str, Any], data: Data, evaluation: Evaluation
) -> Iterator[Step]:
    """Ask for more test prompts where no metric that counts shows anything."""
    counting = [scores["metrics"][name] for name in scores["verdict"]["metrics"]]
    open_ones = [one for one in counting if one["difference"] is not None]
    if not open_ones or any(one["result"] in {"better", "worse"} for one in counting):
        return
    one, has = open_ones[0], scores["groups"]
    detectable, difference = one["detectable"], abs(one["difference"])
    basis = count_prompts(one["rows"], one["groups"])
    if detectable is None:
        found, needed = f"{basis}: too few to show any difference", 4 * has
    else:
        # The interval's width shrinks with the root of the number of prompts.
        needed = math.ceil(has * (detectable / max(difference, 1e-9)) ** 2)
        found = (
            f"{basis} show a difference of {format_number(detectable, one['decimals'])} or more "
            f"({one['label']}); measured {format_number(one['difference'], one['decimals'], True)}"
        )
    if needed > MOST_PROMPTS:
        found += f", which would need more than {MOST_PROMPTS} prompts"
    if evaluation.cross_fit:
        yield _step(found, "Every row is held out already: bring more rows.")
        return
    is_pinned = bool(data.split.pinned.test)
    if sum(plan["examples"].values()) < FEW_ROWS and not (is_pinned or data.table):
        yield _step(
            found,
            "Hold out every row once, in conf/base (docs/report.md).",
            CROSS_FIT,
            FOLDS,
        )
        return
    key = "data.split.pinned.test" if is_pinned else "data.split.test"
    wanted = min(max(needed, 2 * has), MOST_PROMPTS)
    yield _step(found, "Hold out more.", key, None if is_pinned or has >= wanted else wanted)


def _check_categories(
    scores: dict[str, Any],
    answers: list[dict[str, Any]],
    answer_scores: list[dict[str, Any]],
    data: Data,
) -> Iterator[Step]:
    counting = scores["verdict"]["metrics"]
    for name, found in scores["categories"].items():
        worse = [found[key] for key in counting if key in found and found[key]["result"] == "worse"]
        if not worse:
            continue
        metric = next(key for key in counting if found.get(key) is worse[0])
        own = {place for place, row in enumerate(answers) if row["category"] == name}
        gains = measure_gains(answer_scores, metric)
        order = sorted((gain, place) for place in own if (gain := gains[place]) is not None)
        yield _step(
            f"Worse in the {data.category or 'category'} {name}: {worse[0]['label']} "
            f"{format_number(worse[0]['difference'], worse[0]['decimals'], True)} over "
            f"{count_prompts(worse[0]['rows'], worse[0]['groups'])}",
            "Look at these rows, and add rows of it to the raw data.",
            rows=[place for gain, place in order[:MOST_ROWS] if gain < 0],
        )


def _say_what_is_good(scores: dict[str, Any]) -> Iterator[Step]:
    if scores["verdict"]["label"] == "better":
        yield _step(
            "It is better than before",
            "Ask it questions of your own, then merge it into one model, or publish it.",
        )


def _ask() -> Step:
    return _step("No number asks for a change", "Read the answers, and ask questions of your own.")


def _plain(number: float) -> float | int:
    return int(number) if number == int(number) else number
