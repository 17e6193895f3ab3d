"""A release as a value: what a repository on the hub will hold."""

from dataclasses import dataclass

from tuneline.adapters import Adapter

CARD = "README.md"  # the hub shows this file as the model card


@dataclass(frozen=True)
class Release:
    """An adapter with what belongs to it.

    Attributes:
        adapter: the adapter.
        texts: further files by name, the model card among them.
    """

    adapter: Adapter
    texts: dict[str, str]
