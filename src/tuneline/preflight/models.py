"""What a training, an evaluation or a question needs: valid settings, base model, device."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Message
from tuneline.hub_cache.fetching import find_space_problems
from tuneline.parameters import Evaluation, Hardware, Prompt, Recipe
from tuneline.preflight.bases import find_base_problems
from tuneline.preflight.gpu import find_gpu_problems
from tuneline.questions import start_messages
from tuneline.rendering import render_example, render_prompt
from tuneline.schedule import count_side_by_side


def find_model_problems(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    """Find what would stop a model of a run from being loaded or trained.

    Args:
        pipeline: what is to run.
        catalog: where its parameters are.

    Yields:
        All problems of every use case in it that has a recipe.
    """
    recipes = sorted(name for name in pipeline.inputs() if name.endswith(".recipe"))
    if not recipes:
        return
    from tuneline.upstream import find_problems

    # Kedro makes models only of the blocks that the nodes at hand take; others are still plain.
    hardware = Hardware.model_validate(catalog.load("params:hardware"))
    bases = []
    for name in recipes:
        use_case = name.removeprefix("params:").removesuffix(".recipe")
        recipe = Recipe.model_validate(catalog.load(name))
        evaluation = Evaluation.model_validate(catalog.load(f"params:{use_case}.evaluation"))
        bases.append((f"{use_case}.recipe.base_model", recipe))
        yield from find_problems(use_case, recipe, evaluation)
        yield from _find_batch_problem(use_case, recipe, hardware)
        unusable = list(find_base_problems(use_case, recipe))
        yield from unusable
        if f"{use_case}.judgements" in pipeline.all_outputs():
            yield from _find_judge_problem(use_case, evaluation)
        unreadable = list(_find_template_problem(use_case, recipe))
        yield from unreadable
        if not (unusable or unreadable) and any(
            {"plan", "train"} & node.tags for node in pipeline.nodes
        ):
            prompt = Prompt.model_validate(catalog.load(f"params:{use_case}.prompt"))
            yield from _find_rendering_problems(use_case, recipe, prompt)
        yield from _find_start_problem(use_case, recipe, hardware)
    if any({"train", "evaluate", "ask"} & node.tags for node in pipeline.nodes):
        yield from find_gpu_problems(hardware)
        yield from find_space_problems(bases)


def _find_batch_problem(use_case: str, recipe: Recipe, hardware: Hardware) -> Iterator[Problem]:
    at_once = count_side_by_side(recipe, hardware)
    if recipe.global_batch_size % at_once:
        device = "" if recipe.packing else " times hardware.per_device_train_batch_size"
        yield Problem(
            where=f"{use_case}.recipe.global_batch_size",
            value=recipe.global_batch_size,
            wrong=f"it is no multiple of hardware.processes{device} = {at_once}",
            matters="no accumulation gives exactly this batch",
            remedy="make one a multiple of the other",
        )


def _find_judge_problem(use_case: str, evaluation: Evaluation) -> Iterator[Problem]:
    judge = evaluation.rubric and evaluation.rubric.judge
    if judge and judge.key and not os.environ.get(judge.key):
        yield Problem(
            where=f"{use_case}.evaluation.rubric.judge.key",
            value=judge.key,
            wrong="the environment has no variable of this name",
            matters="the judge's server would refuse every request",
            remedy=f"set it (`export {judge.key}=…`), or leave `key` out for a server without keys",
        )


def _find_template_problem(use_case: str, recipe: Recipe) -> Iterator[Problem]:
    path = recipe.chat_template_path
    if path and not Path(path).is_file():
        yield Problem(
            where=f"{use_case}.recipe.chat_template_path",
            value=path,
            wrong="there is no such file",
            matters="it tells the prompt from the answer",
            remedy="give the path of a Jinja file, seen from the project's folder",
        )


def _find_rendering_problems(use_case: str, recipe: Recipe, prompt: Prompt) -> Iterator[Problem]:
    """Render a question as it is to be asked, where the base model's tokenizer is at hand."""
    from tuneline.modelling import load_tokenizer

    if not (Path(recipe.base_model) / "tokenizer_config.json").is_file():
        return
    where = (
        f"{use_case}.recipe.{'chat_template_path' if recipe.chat_template_path else 'base_model'}"
    )
    try:
        tokenizer = load_tokenizer(recipe)
        messages = start_messages("?", prompt, None)
        answer: Message = {"role": "assistant", "content": "!"}
        render_example(
            tokenizer, {"id": "", "prompt": messages, "completion": [answer], "meta": {}}
        )
        where = f"{use_case}.prompt.system"
        render_prompt(tokenizer, start_messages("?", prompt, prompt.system))
    except TunelineError as error:
        yield from (replace(one, where=where) for one in error.problems)


def _find_start_problem(use_case: str, recipe: Recipe, hardware: Hardware) -> Iterator[Problem]:
    if recipe.lora.get("init_lora_weights") == "loftq" and hardware.device == "cpu":
        yield Problem(
            where=f"{use_case}.recipe.lora.init_lora_weights",
            value="loftq",
            wrong="peft computes it on a GPU only",
            matters="this machine has none",
            remedy="leave it out here, or choose the --env of a machine with a GPU",
        )
