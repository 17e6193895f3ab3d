"""Choices that chance seems to make, the same on every machine and in every run."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Option = TypeVar("Option")


def draw(*seed: object) -> int:
    """Draw a whole number below 2^64 from a seed of any values."""
    text = "\x00".join(map(str, seed))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def choose(options: Sequence[Option], *seed: object) -> Option:
    """Choose one of some options."""
    return options[draw(*seed) % len(options)]
