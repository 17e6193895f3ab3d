"""The shape of the vocabulary: what a product is and how titles and sentences are laid out."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trait:
    """One choice for a slot of a title, with the sentences that a description owes to it."""

    words: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """A title pattern, with first sentences that speak of nothing the title does not say.

    A pattern names a slot with a capital (``{Size}``) for the title spelling, in lower case
    (``{size}``) for the spelling inside a sentence, and as ``{a_size}`` for the latter with
    its article.
    """

    title: str
    openings: tuple[str, ...]
    briefs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """A product type: its slots, the title layouts that suit it, and what holds for all of it."""

    name: str
    slots: Mapping[str, tuple[Trait, ...]]
    layouts: tuple[Layout, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Category:
    """Product types that are sold together; the remarks hold for each of them."""

    name: str
    products: tuple[Product, ...]
    remarks: tuple[str, ...]
    editions: tuple[str, ...] = ()


def words(text: str) -> tuple[str, ...]:
    """The words of a text: lists of single words are easier to read and edit that way."""
    return tuple(text.split())


def plain(*choices: str) -> tuple[Trait, ...]:
    """Traits that the description repeats but does not explain."""
    return tuple(Trait(choice) for choice in choices)


def explained(notes: Mapping[str, str]) -> tuple[Trait, ...]:
    """Traits with one whole sentence each."""
    return tuple(Trait(choice, (note,)) for choice, note in notes.items())
