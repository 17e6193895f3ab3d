"""How often a verdict is wrong when the models do not differ, and how often it finds a difference.

Draws evaluations of known truth and has the project's own comparison and verdict judge them: scores
of real texts, normal, skewed and tied differences, proportions, prompts on their own, in groups and
in two groupings at once. Prints the tables of docs/statistics.md. The tests draw some of them with
fewer repetitions.

    PYTHONPATH=. python scripts/benchmarks/verdicts.py --repetitions 1000
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial

import numpy as np

from tuneline.examples import MODELS
from tuneline.metrics import METRICS, measure_answers, stack_scores
from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.verdict import conclude
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

ROWS = (5, 8, 16, 32, 64, 150, 500)
CHANCES = (0.02, 0.5, 0.98)

Pair = tuple[SampleScores, SampleScores]
Groupings = dict[str, np.ndarray] | None
Draw = Callable[[np.random.Generator], Pair]


def list_nulls() -> Iterator[tuple[str, int, Draw, Groupings]]:
    """List evaluations without a difference: what is drawn, how many prompts, how, in what groups.

    Yields:
        A name, the number of prompts, what draws an evaluation, and the groups of its rows.
    """
    for rows in ROWS:
        yield "real scores, models exchanged at random", rows, exchange_real(rows), None
        yield "real scores, centered", rows, center_real(rows), None
        yield "normal", rows, draw_groups(rows, 1, 0.0), None
        yield "lognormal", rows, draw_skewed(rows), None
        yield "normal, 70 % ties", rows, draw_tied(rows, 1, 0.0), None
        for chance in CHANCES:
            yield f"proportions of {chance}", rows, draw_shares(rows, 1, 0.0, chance), None
    yield from _list_grouped()
    for one, other in ((12, 8), (20, 10)):
        groups = {"row": np.arange(one * other) // other, "column": np.arange(one * other) % other}
        yield "normal, two groupings that cross", one * other, draw_crossed(one, other), groups


def _list_grouped() -> Iterator[tuple[str, int, Draw, Groupings]]:
    for size, within in ((4, 0.2), (4, 0.7), (10, 0.2), (10, 0.5), (10, 0.7)):
        for rows in ROWS:
            groups = {"group": np.arange(rows) // size}
            about = f"groups of {size}, correlation {within}"
            yield f"normal, {about}", rows, draw_groups(rows, size, within), groups
            if within == 0.7:
                yield f"lognormal, {about}", rows, draw_skewed(rows, size, within), groups
                yield f"normal, 70 % ties, {about}", rows, draw_tied(rows, size, within), groups
                for chance in CHANCES:
                    draw = draw_shares(rows, size, within, chance)
                    yield f"proportions of {chance}, {about}", rows, draw, groups


def list_differences() -> Iterator[tuple[str, int, Draw, Groupings]]:
    """List evaluations with a difference, as `list_nulls` does."""
    for rows in (16, 32, 64, 150, 500):
        groups = {"group": np.arange(rows) // 4}
        for difference in (2.0, 5.0, 10.0):
            yield f"+{difference:g} chrF", rows, draw_groups(rows, 1, 0.0, difference), None
        grouped = draw_groups(rows, 4, 0.5, 10.0)
        yield "+10 chrF, groups of 4, correlation 0.5", rows, grouped, groups
        yield "proportions of 0.3 and 0.5", rows, draw_shares(rows, 1, 0.0, 0.3, 0.5), None
        yield "proportions of 0.8 and 1", rows, draw_shares(rows, 1, 0.0, 0.8, 1.0), None


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
    found = conclude(compare_all(base, tuned, EVALUATION, COMPARED, groups))
    return found["label"] in ("better", "worse", "mixed")


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


def draw_skewed(rows: int, size: int = 1, within: float = 0.0) -> Draw:
    """Draw lognormal differences whose mean is 0, alike within their group."""
    numbers = np.arange(rows) // size

    def draw(random: np.random.Generator) -> Pair:
        shared = _normal(random, numbers.max() + 1)[:, numbers]
        mixed = within**0.5 * shared + (1 - within) ** 0.5 * _normal(random, rows)
        return pair_differences(np.exp(mixed) - np.exp(0.5))

    return draw


def draw_tied(rows: int, size: int, within: float) -> Draw:
    """Draw normal differences of which 70 % are 0."""

    def draw(random: np.random.Generator) -> Pair:
        base, tuned = draw_groups(rows, size, within)(random)
        there = random.random((rows, 1)) < 0.3
        return base, {name: np.where(there, one, base[name]) for name, one in tuned.items()}

    return draw


def draw_shares(
    rows: int, size: int, within: float, chance: float, tuned: float | None = None
) -> Draw:
    """Draw answers that are right or wrong by every metric, alike within their group."""
    numbers = np.arange(rows) // size
    chances = chance, chance if tuned is None else tuned

    def draw(random: np.random.Generator) -> Pair:
        splits: Pair = ({}, {})
        for split, one in zip(splits, chances, strict=True):
            for metric in COMPARED:
                right = 100.0 * _draw_alike(random, numbers, one, within)
                split[metric.name] = np.stack([right, np.ones(rows)], axis=1)
        return splits

    return draw


def _draw_alike(
    random: np.random.Generator, numbers: np.ndarray, chance: float, within: float
) -> np.ndarray:
    """Draw yes or no; a row takes its group's draw so often that two rows correlate."""
    shared = (random.random(numbers.max() + 1) < chance)[numbers]
    alike = random.random(len(numbers)) < within**0.5
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
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    with ProcessPoolExecutor(given.processes) as pool:
        for title, listed in (("False verdicts", list_nulls), ("Found", list_differences)):
            work = partial(_count_cell, listed, given.repetitions)
            cells = [(name, rows) for name, rows, _, _ in listed()]
            table: dict[str, dict[int, int]] = {}
            for (name, rows), wrong in zip(cells, pool.map(work, range(len(cells))), strict=True):
                table.setdefault(name, {})[rows] = wrong
                sys.stderr.write(f"{name}, {rows}: {wrong}\n")
            sys.stdout.write(_format_table(title, table, given.repetitions))
            sys.stdout.flush()


def _count_cell(listed: Callable[[], Iterator], repetitions: int, place: int) -> int:
    _, _, draw, groups = list(listed())[place]
    return count_wrong(draw, groups, repetitions)


def _format_table(title: str, table: dict[str, dict[int, int]], repetitions: int) -> str:
    """Lay out the shares in %, and the highest with its own 95 % interval (Clopper-Pearson)."""
    from scipy.stats import binomtest

    columns = sorted({rows for cells in table.values() for rows in cells})
    shares = {
        name: {rows: f"{100 * wrong / repetitions:.1f}" for rows, wrong in cells.items()}
        for name, cells in table.items()
    }
    lines = [
        f"| {title}, % | {' | '.join(map(str, columns))} |",
        f"| --- |{' ---: |' * len(columns)}",
        *(
            f"| {name} | {' | '.join(shares[name].get(rows, '') for rows in columns)} |"
            for name in table
        ),
    ]
    counts = [wrong for cells in table.values() for wrong in cells.values()]
    for words, wrong, size in (
        ("all", sum(counts), repetitions * len(counts)),
        ("highest", max(counts), repetitions),
    ):
        ends = binomtest(wrong, size).proportion_ci(0.95)
        lines.append(
            f"{words} of {len(counts)}: {100 * wrong / size:.2f} % "
            f"({100 * ends.low:.2f} to {100 * ends.high:.2f})"
        )
    return "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    main()
