"""Whether a training can start from an adapter: same base, same templates, same shapes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, hash_templates
from tuneline.models.adapter import Adapter, make_plain
from tuneline.models.architecture import build_empty, make_lora_config
from tuneline.models.loading import identify_base, load_model_config
from tuneline.models.rendering import hash_template
from tuneline.models.start_adapter import read_start
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Prompt, Recipe

# Keys of LoraConfig that say what a weight does, next to the layers that have one.
COMPARED = ("r", "lora_alpha", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "bias")
OTHER_BASE = "on another base model its weights mean nothing"
# What is wrong, why it matters, what to do.
Words = tuple[str, str, str]
# What the two halves of an adapted layer are called, before its dot.
HALVES = (".lora_A", ".lora_B")
NAMED = 8


def find_start_from_problems(
    use_case: str, recipe: Recipe, prompt: Prompt, test: list[Example], compares: bool = True
) -> Iterator[Problem]:
    """Find what would stop a training from going on from an adapter.

    It may belong to another base model, be trained with another template or prompt, have other
    layers, rank or alpha, or have seen rows of `test`.
    """
    where = f"{use_case}.recipe.start_from"
    try:
        start = read_start(str(recipe.start_from))
    except TunelineError as error:
        for one in error.problems:
            yield replace(one, where=where if one.where == "recipe.start_from" else one.where)
        return
    found = [_find_other_prompt(start, prompt), _find_seen(start, test)]
    if compares:
        found += [_find_other_base(start, recipe), _find_other_template(start, recipe)]
    yield from (Problem(where, *words, value=recipe.start_from) for words in found if words)
    if compares:
        yield from _find_other_shape(use_case, start, recipe)


def _find_other_base(start: Adapter, recipe: Recipe) -> Words | None:
    trained, here = start.provenance.get("base"), identify_base(recipe.base_model, recipe.revision)
    name = trained["name"] if trained else start.config.get("base_model_name_or_path")
    same = " (the same name, other weights)" if name == recipe.base_model else ""
    wrong = f"it was trained on {name}{same}, and this run has {recipe.base_model}"
    if trained and (trained.get("sha256") or trained) != (here.get("sha256") or here):
        return (wrong, OTHER_BASE, "start from an adapter of this one, or train a new one")
    if not trained and name != recipe.base_model:
        return (
            wrong,
            OTHER_BASE,
            "if it is the same model under another name, write this one into its "
            "adapter_config.json as base_model_name_or_path; else take an adapter of this one",
        )
    return None


def _find_other_template(start: Adapter, recipe: Recipe) -> Words | None:
    recorded = start.provenance.get("chat_template_sha256")
    if not recorded or recorded == hash_template(load_tokenizer(recipe)):
        return None
    return (
        "it was trained with another chat template",
        "it would be asked in a form that it has not learned",
        "state the recipe.chat_template_path that it was trained with, or take another adapter",
    )


def _find_other_prompt(start: Adapter, prompt: Prompt) -> Words | None:
    recorded = start.provenance.get("prompt_templates")
    if not recorded or recorded == hash_templates(prompt):
        return None
    return (
        "it was trained with another prompt or system message",
        "it would be asked in other words, and what it has seen could not be recognized",
        "state `prompt` as it was, or leave start_from out to train a new one",
    )


def _find_seen(start: Adapter, test: list[Example]) -> Words | None:
    marks = start.seen.find(test) if start.seen and test else []
    if not any(marks):
        return None
    first = next(one["id"] for one, seen in zip(test, marks, strict=True) if seen)
    return (
        f"it was trained on {sum(marks):,} of today's {len(test):,} test rows (the first is "
        f"{first})",
        "what it answers there says nothing about rows that it does not know",
        "run `kedro run --pipeline=prepare` again with the same start_from: it keeps them out of "
        "the test split",
    )


def _find_other_shape(use_case: str, start: Adapter, recipe: Recipe) -> Iterator[Problem]:
    """Compare what LoraConfig states, and the names and shapes of all weights."""
    config, shapes = _build_shapes(recipe)
    keys = [
        key
        for key in COMPARED
        if (start.config.get(key, config[key]) or None) != (config[key] or None)
    ]
    for key in keys:
        yield Problem(
            where=f"{use_case}.recipe.lora.{key}",
            value=config[key],
            wrong=f"the adapter of start_from has {start.config[key]}",
            matters="its weights would not fit, or count for more or less than they did",
            remedy=f"state `{key}: {start.config[key]}`",
        )
    theirs = {name: tuple(tensor.shape) for name, tensor in start.tensors.items()}
    mine, others = _list_layers(shapes), _list_layers(theirs)
    if mine != others:
        yield Problem(
            where=f"{use_case}.recipe.lora.target_modules",
            value=recipe.lora.get("target_modules"),
            wrong=f"the adapter of start_from adapts {_name(others)}, the recipe {_name(mine)}",
            matters="every weight needs its place in the same layer",
            remedy=f"state `target_modules: [{', '.join(sorted(others))}]`",
        )
    elif theirs != shapes and not keys:
        odd = next(name for name in {**theirs, **shapes} if theirs.get(name) != shapes.get(name))
        yield Problem(
            where=f"{use_case}.recipe.start_from",
            value=recipe.start_from,
            wrong=f"its weights are others than the recipe's, the first of which is {odd}",
            matters="every weight needs its place in the same layer",
            remedy="state `lora` as it was trained",
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
