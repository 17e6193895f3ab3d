"""Problems a user can fix, worded so that the next step is clear."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from kedro.io import DatasetError

from tuneline.utils.terminal import shorten, show

# Of a value, in the sentence about it.
SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a file or a parameter.

    Attributes:
        where: the file or the parameter, as the user would name it.
        value: what is there; ``None`` where a value would say nothing.
        wrong: what is wrong.
        matters: why it matters.
        remedy: what to do.
    """

    where: str
    wrong: str
    matters: str
    remedy: str
    value: Any = None

    def __str__(self) -> str:
        """Word the problem in Tuneline's one pattern, as one line that any terminal can show."""
        shown = "" if self.value is None else f" = {shorten(self.value, SHOWN_CHARACTERS)}"
        sentence = f"{self.where}{shown}: {self.wrong}; {self.matters}; {self.remedy}."
        return show(sentence, line_break="\\n")


class TunelineError(DatasetError):
    """One or more problems, all reported at once.

    A ``DatasetError``, so that Kedro hands it on unchanged when a dataset meets it.
    """

    def __init__(self, *problems: Problem) -> None:
        self.problems: Sequence[Problem] = problems
        super().__init__("\n".join(str(problem) for problem in problems))

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes with the problems, not with their words alone."""
        return type(self), tuple(self.problems)


def suggest(name: str, known: Iterable[str]) -> str:
    """Name what the user may have meant, or all there is if that is little: a half-sentence."""
    names = sorted(set(known))
    close = find_near(name, names)
    if close:
        return f"did you mean `{close[0]}`"
    if len(names) <= 12:
        return "choose one of " + ", ".join(f"`{one}`" for one in names)
    return "see docs/parameters.md for the names there are"


def find_near(name: str, known: Iterable[str]) -> list[str]:
    """Find the name that a user may have meant; nothing if none is near."""
    return get_close_matches(name, sorted(set(known)), n=1, cutoff=0.6)
