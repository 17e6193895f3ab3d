"""Whether a training can start from an adapter: same base, same templates, same shapes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, hash_templates
from tuneline.models.adapter import Adapter, make_plain
from tuneline.models.architecture import build_empty, make_lora_config
from tuneline.models.loading import identify_base, load_model_config, load_tokenizer
from tuneline.models.rendering import hash_template
from tuneline.models.start_adapter import read_start
from tuneline.parameters import Prompt, Recipe

# Keys of LoraConfig that say what a weight does, next to the layers that have one.
COMPARED = ("r", "lora_alpha", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "bias")
OTHER = "start from an adapter of this one, or leave start_from out to train a new one"
# What the two halves of an adapted layer are called, before its dot.
HALVES = (".lora_A", ".lora_B")
NAMED = 8


def find_start_from_problems(
    use_case: str, recipe: Recipe, prompt: Prompt, test: list[Example], compares: bool = True
) -> Iterator[Problem]:
    """Find what would stop a training from going on from an adapter.

    Args:
        use_case: its name, for the messages.
        recipe: names the adapter, and the base model.
        prompt: the templates.
        test: the held-out examples that are there already.
        compares: whether the base model's small files can be read.

    Yields:
        All problems: of its files; or that it belongs to another base model, was trained with
        another template or prompt, has other layers, rank or alpha, or has seen test rows.
    """
    where = f"{use_case}.recipe.start_from"
    try:
        start = read_start(str(recipe.start_from))
    except TunelineError as error:
        for one in error.problems:
            yield replace(one, where=where if one.where == "recipe.start_from" else one.where)
        return
    found = [*_find_other_prompt(start, prompt), *_find_seen(start, test)]
    if compares:
        found += [*_find_other_base(start, recipe), *_find_other_template(start, recipe)]
        found += _find_other_shape(start, recipe)
    for words, key in found:
        shown = f"{use_case}.{key}" if key else where
        yield Problem(shown, *words, value=None if key else recipe.start_from)


# What is wrong, why it matters, what to do; and the key where it is not start_from.
Found = tuple[tuple[str, str, str], str]


def _find_other_base(start: Adapter, recipe: Recipe) -> Iterator[Found]:
    trained, here = start.provenance.get("base"), identify_base(recipe)
    name = trained["name"] if trained else start.config.get("base_model_name_or_path")
    if trained:
        differs = (trained.get("sha256") or trained) != (here.get("sha256") or here)
    else:
        differs = name != recipe.base_model
    if not differs:
        return
    remedy = OTHER
    if not trained:
        remedy = (
            "if it is the same model under another name, write this one into its "
            "adapter_config.json as base_model_name_or_path; else take an adapter of this one"
        )
    same = " (the same name, other weights)" if name == recipe.base_model else ""
    yield (
        (
            f"it was trained on {name}{same}, and this run has {recipe.base_model}",
            "on another base model its weights mean nothing",
            remedy,
        ),
        "",
    )


def _find_other_template(start: Adapter, recipe: Recipe) -> Iterator[Found]:
    recorded = start.provenance.get("chat_template_sha256")
    if recorded and recorded != hash_template(load_tokenizer(recipe)):
        yield (
            (
                "it was trained with another chat template",
                "it would be asked in a form that it has not learned",
                "state the recipe.chat_template_path that it was trained with, or take another one",
            ),
            "",
        )


def _find_other_prompt(start: Adapter, prompt: Prompt) -> Iterator[Found]:
    recorded = start.provenance.get("prompt_templates")
    if recorded and recorded != hash_templates(prompt):
        yield (
            (
                "it was trained with another prompt or system message",
                "it would be asked in other words, and what it has seen could not be recognized",
                "state `prompt` as it was, or leave start_from out to train a new one",
            ),
            "",
        )


def _find_seen(start: Adapter, test: list[Example]) -> Iterator[Found]:
    marks = start.seen.find(test) if start.seen and test else []
    if count := sum(marks):
        first = next(one["id"] for one, seen in zip(test, marks, strict=True) if seen)
        yield (
            (
                f"it was trained on {count:,} of today's {len(test):,} test rows (the first is "
                f"{first})",
                "what it answers there says nothing about rows that it does not know",
                "run `kedro run --pipeline=prepare` again with the same start_from: it keeps them "
                "out of the test split",
            ),
            "",
        )


def _find_other_shape(start: Adapter, recipe: Recipe) -> Iterator[Found]:
    """Compare what LoraConfig states, and if that is the same, every weight's name and shape."""
    config, shapes = _build_shapes(recipe)
    differing = False
    for key in COMPARED:
        theirs, ours = start.config.get(key, config[key]), config[key]
        if (theirs or None) != (ours or None):
            differing = True
            yield (
                (
                    f"it is {ours} in the recipe, and {theirs} in the adapter of start_from",
                    "its weights would not fit, or count for more or less than they did",
                    f"state `{key}: {theirs}`",
                ),
                f"recipe.lora.{key}",
            )
    theirs = {name: tuple(tensor.shape) for name, tensor in start.tensors.items()}
    if theirs == shapes:
        return
    mine, others = _list_layers(shapes), _list_layers(theirs)
    if mine != others:
        yield (
            (
                f"the adapter of start_from adapts {_name(others)}, the recipe {_name(mine)}",
                "every weight needs its place in the same layer",
                f"state `target_modules: {sorted(others)}`",
            ),
            "recipe.lora.target_modules",
        )
    elif not differing:
        odd = next(name for name in {**theirs, **shapes} if theirs.get(name) != shapes.get(name))
        yield (
            (
                f"its weights are others than the recipe's, the first of which is {odd}",
                "every weight needs its place in the same layer",
                "state `lora` as it was trained",
            ),
            "",
        )


def _build_shapes(recipe: Recipe) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """Put the recipe's adapter on the empty model: its config in plain values, and its weights."""
    import torch
    from peft import get_peft_model, get_peft_model_state_dict

    model = build_empty(load_model_config(recipe))
    lora = make_lora_config(recipe, model)
    lora.init_lora_weights = True
    with torch.device("meta"):
        adapted = get_peft_model(model, lora)
    state = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    return make_plain(lora.to_dict()), shapes


def _list_layers(shapes: dict[str, Any]) -> set[str]:
    """Name the kinds of layers that have weights, such as `q_proj`."""
    return {
        name.split(half, maxsplit=1)[0].rsplit(".", maxsplit=1)[-1]
        for name in shapes
        for half in HALVES
        if half in name
    }


def _name(layers: set[str]) -> str:
    more = f" and {len(layers) - NAMED} more" if len(layers) > NAMED else ""
    return ", ".join(sorted(layers)[:NAMED]) + more
