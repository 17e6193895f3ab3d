"""Which examples an adapter has seen, as numbers from which no text can be read back.

An example is two hashes of 64 bits: of the words of its prompt, and of those of prompt and
completion. Whoever has a text can tell whether it was seen; who does not, cannot find it out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tuneline.examples import Example
from tuneline.utils.hashing import seeded_order

COLUMNS = ("prompt", "example")


@dataclass(frozen=True)
class SeenExamples:
    """The examples that an adapter, and those it goes back to, were trained or watched on.

    Attributes:
        hashes: shape (examples, 2), unsigned 64 bits, each row once: prompt, example.
    """

    hashes: Any

    def __or__(self, other: "SeenExamples") -> "SeenExamples":
        """Join what two have seen."""
        return SeenExamples(np.unique(np.concatenate([self.hashes, other.hashes]), axis=0))

    def find(self, examples: list[Example]) -> list[bool]:
        """Find out which examples were seen.

        The same prompt with another answer was seen, too, as the answer may only have been
        corrected; unless several answers to it were seen, because then it asks for no certain one.
        """
        return [
            example in self._examples or prompt in self._prompts
            for prompt, example in hash_each(examples)
        ]

    @cached_property
    def _examples(self) -> set[int]:
        return set(self.hashes[:, 1].tolist())

    @cached_property
    def _prompts(self) -> set[int]:
        prompts, answers = np.unique(self.hashes[:, 0], return_counts=True)
        return set(prompts[answers == 1].tolist())


def record_seen(examples: list[Example]) -> SeenExamples:
    """Record examples as seen."""
    hashes = np.array(list(hash_each(examples)), np.uint64).reshape(-1, len(COLUMNS))
    return SeenExamples(np.unique(hashes, axis=0))


def hash_each(examples: Iterable[Example]) -> Iterator[tuple[int, int]]:
    """Hash prompt and example of each by their words: letter case and punctuation do not count."""
    from tuneline.utils.words import normalize_words

    texts = [
        (_join(one["prompt"]), _join([*one["prompt"], *one["completion"]])) for one in examples
    ]
    forms = [normalize_words([text[column] for text in texts]) for column in (0, 1)]
    for prompt, example in zip(*forms, strict=True):
        yield seeded_order(prompt), seeded_order(example)


def _join(messages: Any) -> str:
    return "\n".join(message["content"] for message in messages)


def write_seen(path: Path, seen: SeenExamples) -> None:
    """Write the hashes as safetensors."""
    from safetensors.numpy import save_file

    columns = {name: seen.hashes[:, place].copy() for place, name in enumerate(COLUMNS)}
    save_file(columns, path)


def read_seen(path: Path) -> SeenExamples:
    """Read the hashes."""
    from safetensors.numpy import load_file

    columns = load_file(path)
    return SeenExamples(np.stack([columns[name] for name in COLUMNS], axis=1))
