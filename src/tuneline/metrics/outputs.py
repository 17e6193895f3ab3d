"""What metrics are computed from, and the form in which they give it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tuneline.parameters import Evaluation


@dataclass(frozen=True)
class KeyComparison:
    """The figures and key terms that one answer should have, and those it has.

    Attributes:
        sought: how many figures and terms were looked for.
        missed: those that are not there, as one would write them.
        added: figures of the answer that neither the reference nor the prompt has.
    """

    sought: int
    missed: list[str]
    added: list[str]

    @property
    def share(self) -> float:
        """Found over all that was looked for or added, in percent (Jaccard's index)."""
        everything = self.sought + len(self.added)
        return 100 * (self.sought - len(self.missed)) / everything if everything else 100.0


@dataclass(frozen=True)
class Outputs:
    """What one model wrote, and what it is compared with.

    Attributes:
        rows: answers, one row a prompt.
        who: `base` or `tuned`.
        training: the completions that the adapter was trained on.
        evaluation: sections and language that are asked for.
        keys: figures and key terms of every row, for each model.
        flaws: what makes this model's answers unusable, one list a row.
    """

    rows: list[dict[str, Any]]
    who: str
    training: list[str]
    evaluation: Evaluation
    keys: dict[str, list[KeyComparison]]
    flaws: list[list[str]]

    @property
    def answers(self) -> list[str]:
        """The texts."""
        return [row[f"{self.who}_answer"] for row in self.rows]

    @property
    def references(self) -> list[str | None]:
        """The texts that were hoped for; None for a question that has none."""
        return [row["reference"] for row in self.rows]

    def column(self, name: str) -> np.ndarray:
        """Give a column of numbers; 0 where a row has none."""
        return np.array([row[name] or 0 for row in self.rows], dtype=float)

    def own(self, name: str) -> np.ndarray:
        """Give a column of this model's own numbers; 0 where a row has none."""
        return self.column(f"{self.who}_{name}")

    def measured(self, name: str) -> np.ndarray:
        """Give a column of this model's own numbers; not a number where a row has none."""
        return np.array([row[f"{self.who}_{name}"] for row in self.rows], dtype=float)


def fraction(numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    """Pair (rows,) and (rows,) to (rows, 2)."""
    return np.stack([numerators, denominators], axis=1)


def average(values: list[float | None]) -> np.ndarray:
    """Make fractions whose quotient is the mean of the values that are there."""
    there = np.array([value is not None for value in values], dtype=float)
    return fraction(np.array([value or 0.0 for value in values], dtype=float), there)
