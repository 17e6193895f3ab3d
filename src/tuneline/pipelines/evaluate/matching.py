"""Whether an adapter can be evaluated with today's base model and examples."""

from collections.abc import Iterator

from tuneline.adapters import Adapter
from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.hashing import hash_value
from tuneline.matching import find_mismatches
from tuneline.parameters import Recipe


def check_adapter(adapter: Adapter, train: list[Example], recipe: Recipe) -> None:
    """Refuse an adapter that the held-out examples say nothing about.

    Args:
        adapter: the adapter.
        train: the training side of today's examples.
        recipe: names the base model.

    Raises:
        TunelineError: if it was trained on another base model, on other examples (some of which
            may be held out today), or with another chat template.
    """
    problems = [*find_mismatches(adapter, recipe), *_find_other_examples(adapter, train)]
    if problems:
        raise TunelineError(*problems)


def _find_other_examples(adapter: Adapter, train: list[Example]) -> Iterator[Problem]:
    if adapter.provenance["examples"]["train"]["sha256"] != hash_value(train):
        yield Problem(
            where="train.jsonl",
            wrong="the adapter was trained on other examples",
            matters="what is held out today may have been in its training",
            remedy="run `kedro run --pipeline=plan` and `kedro run --pipeline=train` again",
        )
