"""How many answers can be used, in the words that the verdict begins with."""

from collections import Counter
from typing import Any

from tuneline.metrics.usable import CUT, EMPTY, FOREIGN, LOOPS
from tuneline.reporting.pages import format_number

# A flaw that is none of the others: what the rule says.
RULE = "rule"
# What helps against what is wrong with most of the answers.
REMEDIES = {
    EMPTY: "train for more steps, or take another base model",
    LOOPS: "penalize repetition (evaluation.generation.repetition_penalty), train for more steps, "
    "or take a larger base model",
    CUT: "train for more steps, or raise evaluation.generation.max_new_tokens",
    FOREIGN: "train for more steps, or take a base model that knows the language",
    RULE: "look at the answers that break a rule, and at the rows that teach them",
}
WORDS = {
    EMPTY: "are empty",
    LOOPS: "loop",
    CUT: "are cut at the length limit",
    FOREIGN: "are in another language",
    RULE: "break a rule",
}


def describe_usable(
    answer_scores: list[dict[str, Any]], metrics: dict[str, dict[str, Any]], least: float
) -> str:
    """Say how many of the tuned answers are usable, if they are too few.

    Args:
        answer_scores: as `measure_answers` gives them.
        metrics: comparisons by metric, `usable` among them.
        least: percent from which nothing has to be said.

    Returns:
        A sentence with what is wrong with the others and what helps; empty if enough are usable.
    """
    found = metrics["usable"]
    if found["tuned"] >= least:
        return ""
    # Of each answer the first flaw: one that loops is cut, too.
    first = (flaw for row in answer_scores for flaw in row["tuned"]["flaws"][:1])
    flaws = Counter(flaw if flaw in WORDS else RULE for flaw in first)
    wrong = ", ".join(f"{number} {WORDS[flaw]}" for flaw, number in flaws.most_common())
    remedy = REMEDIES[flaws.most_common(1)[0][0]]
    low, high = found["tuned_interval"] or (None, None)
    sure = "" if low is None else f"{format_number(low, 0)} to {format_number(high, 0)} %; "
    return (
        f"Only {format_number(found['tuned'], 0)} % of the tuned answers are usable ({sure}base "
        f"model {format_number(found['base'], 0)} %): {wrong}; {remedy}."
    )
