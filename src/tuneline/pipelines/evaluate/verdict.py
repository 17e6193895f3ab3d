"""The answer to "is it better than before?", in words that follow from the numbers."""

from collections.abc import Iterator, Sequence
from typing import Any

from tuneline.metrics import pick_counting
from tuneline.reporting.pages import count, count_prompts, format_number

# Of 100 points: a smaller difference hardly shows to who reads the answers.
SMALL = 1.0
# Of a summary; what is left over are the first notes.
MOST_SENTENCES = 4
# Categories that a note names; more are counted.
NAMED = 3
Compared = dict[str, dict[str, Any]]


def conclude(
    metrics: Compared,
    categories: dict[str, Compared] | None = None,
    usable: str = "",
    others: Sequence[str] = (),
) -> dict[str, Any]:
    """Conclude from the metrics that count: those that look at what the models write.

    The loss does not count. It falls as soon as the form of an answer is learned, right or wrong:
    an adapter that was trained on shuffled answers lowers it too (docs/log.md).

    Args:
        metrics: comparisons by metric.
        categories: the same of each category.
        usable: a sentence on how few answers are usable; it comes first.
        others: sentences on what else was asked: whether a prompt would have done,
            what was forgotten, and which adapters answered.

    Returns:
        `label`: better, worse, mixed, no significant difference or not measured; `metrics`: those
        it rests on; `summary`: at most four sentences; `notes`: what one has to know to read them.
        Fewer usable answers make an adapter worse, more of them do not make it better: answers
        that are wrong may well end.
    """
    counting = {
        name: one | {"label": _within_sentence(one["label"])}
        for name, one in pick_counting(metrics).items()
    }
    usable_metric = [metrics[name] for name in ("usable",) if name in metrics]
    lost = [one | {"label": "usable answers"} for one in _pick(usable_metric, "worse")]
    shown, words = _decide([*counting.values(), *lost])
    sentences = [part for part in (usable, words, *others) if part]
    return {
        "label": shown,
        "summary": " ".join(sentences[:MOST_SENTENCES]),
        "notes": [
            *sentences[MOST_SENTENCES:],
            *_describe_loss(metrics, shown),
            *_describe_evidence(list(counting.values())),
            *_describe_doubts(list(counting.values())),
            *_describe_few(list(counting.values())),
            *_describe_categories(counting, categories or {}),
            *_describe_unmeasured(metrics),
        ],
        "metrics": list(counting),
    }


def _decide(counting: list[dict[str, Any]]) -> tuple[str, str]:
    found = {
        shown: _pick(counting, shown) for shown in ("better", "worse", "no significant difference")
    }
    better, worse, same = ([one["label"] for one in some] for some in found.values())
    if better and worse:
        return "mixed", f"Mixed: better on {_join(better)}, worse on {_join(worse)}."
    for shown, labels in (("better", better), ("worse", worse)):
        if labels:
            return shown, f"The tuned model is {shown} than the base model on {_join(labels)}."
    if same:
        words = f"No significant difference between tuned and base model on {_join(same)}."
        return "no significant difference", words
    return "not measured", "No metric that the verdict rests on could be measured."


def _describe_loss(metrics: Compared, verdict: str) -> Iterator[str]:
    shown = metrics.get("loss", {}).get("result")
    if shown == verdict:
        yield f"It predicts the references {shown}, too (loss)."
    elif shown in {"better", "worse"}:
        yield (
            f"It predicts the references {shown} (loss), which alone does not make its answers "
            f"{shown}."
        )


def _describe_evidence(counting: list[dict[str, Any]]) -> Iterator[str]:
    """Tell how large the difference is, on how many prompts, and what could have been found."""
    significant = [*_pick(counting, "better")[:1], *_pick(counting, "worse")[:1]]
    measured = [one for one in counting if one["difference"] is not None]
    for one in significant or measured[:1]:
        yield (
            f"{_capitalize(one['label'])} went from {_show(one, 'base')} to {_show(one, 'tuned')} "
            f"({_show(one, 'difference', sign=True)}) over "
            f"{count_prompts(one['rows'], one['groups'])}: the tuned model won {one['wins']}, "
            f"tied {one['ties']} and lost {one['losses']}."
        )
    if not significant and measured and measured[0]["detectable"] is not None:
        yield (
            f"So many prompts find a difference of {_show(measured[0], 'detectable')} or more "
            f"(in {measured[0]['label']}) in four cases of five; a smaller one may go unseen."
        )


def _describe_doubts(counting: list[dict[str, Any]]) -> Iterator[str]:
    """Tell where a difference is not what its name promises."""
    for one in (*_pick(counting, "better"), *_pick(counting, "worse")):
        usual, rare = (one["wins"], one["losses"])[:: 1 if one["result"] == "better" else -1]
        if rare > usual:
            kind = "gains" if one["result"] == "better" else "losses"
            yield (
                f"On {one['label']} it is {one['result']} on average only: won {one['wins']}, "
                f"lost {one['losses']}; few large {kind} outweigh the rest."
            )
        if one["percent"] and abs(one["difference"]) < SMALL:
            yield f"On {one['label']} the difference is small: less than 1 point of 100."


def _describe_few(counting: list[dict[str, Any]]) -> Iterator[str]:
    labels: dict[str, list[str]] = {}
    for one in counting:
        if one["difference"] is not None and one["interval"] is None:
            labels.setdefault(count_prompts(one["rows"], one["groups"]), []).append(one["label"])
    for basis, some in labels.items():
        yield f"Too few to show a difference on {_join(some)}: {basis}."


def _describe_categories(counting: Compared, categories: dict[str, Compared]) -> Iterator[str]:
    """Tell where it is worse, the largest loss first, and where nobody can know."""
    worse, unknown = [], 0
    for name, found in categories.items():
        there = [one | {"metric": key} for key, one in found.items() if key in counting]
        unknown += any(one["interval"] is None for one in there)
        worse += [
            (
                one["difference"],
                f"{name} ({count_prompts(one['rows'], one['groups'])}): "
                f"{counting[one['metric']]['label']} {_show(one, 'difference', sign=True)}",
            )
            for one in _pick(there, "worse")[:1]
        ]
    if worse:
        named = "; ".join(words for _, words in sorted(worse)[:NAMED])
        rest = len(worse) - NAMED
        more = f"; and {count(rest, 'more category').replace('ys', 'ies')}" if rest > 0 else ""
        yield f"It is worse in the category {named}{more}."
    if unknown:
        yield f"Too few prompts to judge {unknown} of {len(categories)} categories by themselves."


def _describe_unmeasured(metrics: Compared) -> Iterator[str]:
    labels: dict[str, list[str]] = {}
    for one in metrics.values():
        if one["result"] == "not measured":
            lost = [
                f"{rows} of {one['rows']} prompts of the {who} model"
                for who, rows in one["unmeasured"].items()
                if rows
            ]
            why = f" (not a number on {_join(lost)})" if lost else ""
            labels.setdefault(why, []).append(_within_sentence(one["label"]))
    for why, some in labels.items():
        yield f"Not measured{why}: {_join(some)}."


def _pick(counting: list[dict[str, Any]], shown: str) -> list[dict[str, Any]]:
    return [one for one in counting if one["result"] == shown]


def _show(one: dict[str, Any], key: str, sign: bool = False) -> str:
    return format_number(one[key], one["decimals"], sign)


def _within_sentence(label: str) -> str:
    """Write a label small, unless it is a name such as chrF or ROUGE-L."""
    return label.lower() if label[1:].islower() else label


def _capitalize(label: str) -> str:
    """Begin a sentence with a label; chrF stays as it is."""
    return label.capitalize() if label.islower() else label


def _join(labels: list[str]) -> str:
    return " and ".join(part for part in (", ".join(labels[:-1]), labels[-1]) if part)
