"""How often a verdict is wrong when the models do not differ, and how often it finds a difference.

Draws evaluations of known truth and has the project's own comparison judge them: scores of real
texts, normal, skewed and rare differences, prompts on their own, in groups and in two groupings at
once. Prints rows for docs/report.md. The tests draw the same with fewer repetitions.

    PYTHONPATH=. python scripts/benchmarks/verdicts.py --repetitions 1000
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from tuneline.examples import MODELS
from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.metrics import METRICS, measure_answers, stack_scores
from tuneline.statistics.paired_comparison import SampleScores, compare_all

SEED = 3407
WORDS = [
    *("the", "a", "of", "with", "and", "is", "for", "in", "made", "it", "pot", "oak", "cup", "tea"),
    *("lid", "round", "small", "blue", "holds", "pours", "table", "lamp", "warm", "light", "wood"),
    *("glass", "steel", "handle", "easy", "clean", "kitchen", "garden", "bird", "book", "page"),
    *("music", "string", "leather", "shoe", "soft", "wool", "gift", "play", "sea", "map", "bright"),
]
EVALUATION = Evaluation(title="Verdicts", generation={})
COMPARED = tuple(one for one in METRICS if one.name in ("chrf", "rouge_l", "key_recall"))
UNUSED = ("tokens", "seconds", "stopped", "loss", "entropy", "correct")
ALIKE = 0.8  # how much the metrics of one prompt correlate
LEARNED = 0.15  # texts that the tuned model knows by heart: few large gains, many small losses
SPREAD = 19.0  # of the differences in chrF, on 64 real prompts

Pair = tuple[SampleScores, SampleScores]
Groupings = dict[str, np.ndarray] | None
Draw = Callable[[np.random.Generator], Pair]


def list_nulls() -> Iterator[tuple[str, int, Draw, Groupings]]:
    """List evaluations without a difference: what is drawn, how many prompts, how, in what groups.

    Yields:
        A name, the number of prompts, what draws an evaluation, and the groups of its rows.
    """
    for rows in (8, 16, 32, 64, 150, 500):
        yield "real scores, models exchanged at random", rows, exchange_real(rows), None
    for rows in (8, 10, 12, 16, 32, 64):
        yield "real scores, centered", rows, center_real(rows), None
    for rows in (8, 12, 16, 32, 64, 150, 500):
        yield "lognormal", rows, draw_skewed(rows), None
    yield from _list_grouped()


def _list_grouped() -> Iterator[tuple[str, int, Draw, Groupings]]:
    for size, within in ((4, 0.2), (4, 0.5), (10, 0.2), (10, 0.5)):
        for rows in (8, 16, 32, 64, 150, 500):
            name = f"normal, groups of {size}, correlation {within}"
            groups = {"group": np.arange(rows) // size}
            yield name, rows, draw_groups(rows, size, within), groups
    for kind in ("share", "ties"):
        for rows in (16, 64, 150, 500):
            name = f"one metric of {kind}, groups of 4, correlation 0.5"
            groups = {"group": np.arange(rows) // 4}
            yield name, rows, draw_rare(rows, kind), groups
    for one, other in ((12, 8), (20, 10)):
        groups = {"row": np.arange(one * other) // other, "column": np.arange(one * other) % other}
        yield "normal, two groupings that cross", one * other, draw_crossed(one, other), groups


def count_wrong(draw: Draw, groups: Groupings, repetitions: int) -> int:
    """Count verdicts that are not "no significant difference".

    Args:
        draw: draws an evaluation.
        groups: the groups of its rows.
        repetitions: how many are drawn.

    Returns:
        How many call some metric better or worse.
    """
    random = np.random.default_rng(SEED)
    return sum(_is_shown(*draw(random), groups) for _ in range(repetitions))


def _is_shown(base: SampleScores, tuned: SampleScores, groups: Groupings) -> bool:
    found = compare_all(base, tuned, EVALUATION, COMPARED, groups)
    return any(one["result"] in ("better", "worse") for one in found.values())


def pair_differences(differences: np.ndarray) -> Pair:
    """Make fractions of differences: shape (metrics, rows)."""
    ones = np.ones(differences.shape[1])
    return (
        {one.name: np.stack([0 * ones, ones], axis=1) for one in COMPARED},
        {
            one.name: np.stack([row, ones], axis=1)
            for one, row in zip(COMPARED, differences, strict=True)
        },
    )


def _normal(random: np.random.Generator, count: int) -> np.ndarray:
    """Draw (metrics, count) standard normal numbers; the metrics of one column correlate."""
    shared, own = random.normal(size=(1, count)), random.normal(size=(len(COMPARED), count))
    return np.asarray(ALIKE**0.5 * shared + (1 - ALIKE) ** 0.5 * own)


def draw_groups(rows: int, size: int, within: float, difference: float = 0.0) -> Draw:
    """Draw normal differences whose rows correlate within their group."""
    numbers = np.arange(rows) // size

    def draw(random: np.random.Generator) -> Pair:
        shared = _normal(random, numbers.max() + 1)[:, numbers]
        mixed = within**0.5 * shared + (1 - within) ** 0.5 * _normal(random, rows)
        return pair_differences(SPREAD * mixed + difference)

    return draw


def draw_crossed(one: int, other: int, within: float = 0.25) -> Draw:
    """Draw normal differences of a full table, alike within its rows and within its columns."""
    rows, columns = np.divmod(np.arange(one * other), other)

    def draw(random: np.random.Generator) -> Pair:
        shared = _normal(random, one)[:, rows] + _normal(random, other)[:, columns]
        own = (1 - 2 * within) ** 0.5 * _normal(random, one * other)
        return pair_differences(SPREAD * (within**0.5 * shared + own))

    return draw


def draw_skewed(rows: int) -> Draw:
    """Draw lognormal differences whose mean is 0."""

    def draw(random: np.random.Generator) -> Pair:
        return pair_differences(np.exp(_normal(random, rows)) - np.exp(0.5))

    return draw


def draw_rare(rows: int, kind: str) -> Draw:
    """Draw normal differences, but for the last metric: a share, or 90 % ties."""
    numbers = np.arange(rows) // 4

    def draw(random: np.random.Generator) -> Pair:
        base, tuned = draw_groups(rows, 4, 0.5)(random)
        chance = 0.5 if kind == "share" else 0.05
        right = [_draw_alike(random, numbers, chance) for _ in ("base", "tuned")]
        for fractions, values in zip((base, tuned), right, strict=True):
            fractions[COMPARED[-1].name] = np.stack([100.0 * values, np.ones(rows)], axis=1)
        return base, tuned

    return draw


def _draw_alike(random: np.random.Generator, numbers: np.ndarray, chance: float) -> np.ndarray:
    """Draw yes or no; half of the correlation 0.5 is that a row takes its group's draw."""
    shared = (random.random(numbers.max() + 1) < chance)[numbers]
    alike = random.random(len(numbers)) < 0.5**0.5
    return np.where(alike, shared, random.random(len(numbers)) < chance)


@cache
def _score_real() -> Pair:
    """Score 400 texts, cut off and with words of another one, by the real metrics."""
    random = np.random.default_rng(SEED)
    texts = [_write(random) for _ in range(401)]
    rows = []
    for number, words in enumerate(texts[:-1]):
        row = {"id": str(number), "context": [], "prompt": "", "key_terms": []}
        row |= {"reference": " ".join(words), "reference_tokens": None}
        for who in MODELS:
            whole = who == "tuned" and random.random() < LEARNED
            kept = words[: len(words) if whole else int(random.integers(1, len(words) // 2))]
            kept += texts[number + 1][: int(random.integers(0, 20))]
            row |= dict.fromkeys(f"{who}_{name}" for name in UNUSED)
            row[f"{who}_answer"] = " ".join(kept)
        rows.append(row)
    base, tuned = stack_scores(measure_answers(rows, [], EVALUATION))
    names = [one.name for one in COMPARED]
    return {name: base[name] for name in names}, {name: tuned[name] for name in names}


def _write(random: np.random.Generator) -> list[str]:
    """Write 9 to 60 words, as frequent as Zipf's law has them, a few of them figures."""
    ranks = np.minimum(random.zipf(1.3, size=random.integers(9, 60)), len(WORDS))
    return [
        f"{random.integers(2, 90)} cm" if random.random() < 0.08 else WORDS[rank - 1]
        for rank in ranks
    ]


def exchange_real(rows: int) -> Draw:
    """Draw prompts with real scores, and by lot which model has which."""

    def draw(random: np.random.Generator) -> Pair:
        pair = _score_real()
        chosen = random.integers(0, len(pair[0]["chrf"]), size=rows)
        swapped = random.random((rows, 1)) < 0.5
        splits = [{name: one[chosen] for name, one in split.items()} for split in pair]
        base = {name: np.where(swapped, splits[1][name], splits[0][name]) for name in splits[0]}
        tuned = {name: np.where(swapped, splits[0][name], splits[1][name]) for name in splits[0]}
        return base, tuned

    return draw


def center_real(rows: int) -> Draw:
    """Draw prompts with real scores whose differences are skewed, and 0 on average."""

    def draw(random: np.random.Generator) -> Pair:
        base, tuned = _score_real()
        chosen = random.integers(0, len(base["chrf"]), size=rows)
        moved = {}
        for name, one in base.items():
            gain = tuned[name][:, 0] - one[:, 0]
            gain -= one[:, 1] * gain.sum() / one[:, 1].sum()
            moved[name] = np.stack([one[:, 0] + gain, one[:, 1]], axis=1)
        return (
            {name: one[chosen] for name, one in base.items()},
            {name: one[chosen] for name, one in moved.items()},
        )

    return draw


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    repetitions = parser.parse_args().repetitions
    for name, rows, draw, groups in list_nulls():
        share = 100 * count_wrong(draw, groups, repetitions) / repetitions
        _write_out(f"| {name} | {rows} | {share:.1f} |")
    for difference in (2.0, 5.0, 10.0):
        for rows in (16, 32, 64, 150, 500):
            draw = draw_groups(rows, 1, 0.0, difference)
            share = 100 * count_wrong(draw, None, repetitions) / repetitions
            _write_out(f"| +{difference:g} chrF is shown | {rows} | {share:.0f} |")


def _write_out(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
