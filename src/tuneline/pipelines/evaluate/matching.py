"""Whether an adapter belongs to the base model and the examples it is to be evaluated with."""

from tuneline.adapters import Adapter
from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.hashing import hash_value
from tuneline.modelling import identify_base
from tuneline.parameters import Recipe
from tuneline.rendering import hash_template


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
    trained_on, here = adapter.provenance["base"], identify_base(recipe)
    if trained_on != here:
        raise TunelineError(
            Problem(
                where="recipe.base_model",
                value=here,
                wrong=f"the adapter was trained on {trained_on}",
                matters="on another base model it means nothing",
                remedy="train again, or evaluate with the --env and the recipe it was trained with",
            )
        )
    if adapter.provenance["examples"]["train"]["sha256"] != hash_value(train):
        raise TunelineError(
            Problem(
                where="train.jsonl",
                wrong="the adapter was trained on other examples",
                matters="what is held out today may have been in its training",
                remedy="run `kedro run --pipeline=plan` and `kedro run --pipeline=train` again",
            )
        )
    if hash_template(adapter.tokenizer) != adapter.provenance["chat_template_sha256"]:
        raise TunelineError(
            Problem(
                where="adapter/chat_template.jinja",
                wrong="it is not the template the adapter was trained with",
                matters="the model would be asked in a form it has not learnt",
                remedy="bring the original file back, or train again",
            )
        )
