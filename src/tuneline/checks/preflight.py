"""What a training, an evaluation or a question needs: valid settings, base model, device."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from tuneline.checks.base_models import find_base_problems
from tuneline.checks.machines import find_device_problems, find_machine_problems
from tuneline.checks.recipes import (
    find_unknown_width,
    is_settled,
    list_recipes,
    preview_recipe,
    read_hardware,
    read_stated,
)
from tuneline.checks.services import find_api_problems, find_publish_problems
from tuneline.checks.start_from import find_start_from_problems
from tuneline.checks.sweep_space import find_sweep_problems
from tuneline.checks.vllm import find_missing_vllm, find_vllm_problems
from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, Message
from tuneline.hub.download import fetch_base, find_space_problems
from tuneline.hub.gguf import locate_base
from tuneline.models.batching import find_batch_problem
from tuneline.models.rendering import render_example, render_prompt
from tuneline.models.start_adapter import find_folder_problem
from tuneline.parameters import (
    Data,
    Evaluation,
    Hardware,
    Merge,
    Prompt,
    Recipe,
)
from tuneline.prompts import start_messages
from tuneline.training.sharding_limits import find_sharding_problems
from tuneline.utils.disks import locate

# Stages whose nodes load the weights of a base model.
LOADING = {"train", "evaluate", "ask", "merge", "sweep"}
START_FROM = ".start_from"
# The node of the plan that may load them, too.
REPLAYING = "answer_general_prompts"


def find_model_problems(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    """Find what would stop a model of a run from being loaded or trained."""
    use_cases = list_recipes(pipeline.inputs())
    if not use_cases:
        return
    from tuneline.checks.library_keys import find_problems

    hardware = read_hardware(catalog)
    yield from find_machine_problems(pipeline, hardware)
    stages = {tag for node in pipeline.nodes for tag in node.tags}
    loading = {tag for node in _list_loading(pipeline, catalog) for tag in node.tags}
    weights = bool(loading)
    for use_case in use_cases:
        recipe = preview_recipe(catalog, use_case, f"{use_case}.recipe" in pipeline.inputs())
        evaluation = Evaluation.model_validate(catalog.load(f"params:{use_case}.evaluation"))
        yield from find_problems(use_case, recipe, evaluation)
        yield from find_batch_problem(recipe, hardware, f"{use_case}.recipe.global_batch_size")
        yield from find_sharding_problems(f"{use_case}.recipe", recipe, hardware)
        unusable = list(find_base_problems(use_case, recipe, weights))
        yield from unusable
        unreadable = list(_find_template_problem(use_case, recipe))
        yield from unreadable
        if not (unusable or unreadable) and {"plan", "train", "sweep"} & stages:
            prompt = Prompt.model_validate(catalog.load(f"params:{use_case}.prompt"))
            yield from _find_rendering_problems(use_case, recipe, prompt)
        yield from _find_start_problem(use_case, recipe, hardware)
        yield from find_vllm_problems(use_case, recipe, evaluation, hardware)
        if recipe.start_from and {"plan", "train", "sweep"} & stages:
            prompt = Prompt.model_validate(catalog.load(f"params:{use_case}.prompt"))
            rests = unusable or unreadable
            test = _load_test(use_case, pipeline, catalog)
            yield from find_start_from_problems(use_case, recipe, prompt, test, compares=not rests)
        if not unusable and f"params:{use_case}.recipe" in pipeline.inputs():
            yield from find_unknown_width(use_case, read_stated(catalog, use_case), recipe)
    if {"plan", "train", "evaluate", "ask", "sweep"} & loading:
        yield from find_device_problems(hardware)
    yield from find_missing_vllm(hardware)
    yield from find_space_problems(_list_loaded(pipeline, catalog))


def _load_test(use_case: str, pipeline: Pipeline, catalog: DataCatalog) -> list[Example]:
    """Load the test prompts of today, unless this run makes them: it keeps out what was seen."""
    name = f"{use_case}.test"
    if name in pipeline.all_outputs() or not catalog.exists(name):
        return []
    examples: list[Example] = catalog.load(name)
    return examples


def _find_folder_problems(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    """Look for the adapter that a preparation alone keeps the test split clear of."""
    for name in sorted(name for name in pipeline.inputs() if name.endswith(START_FROM)):
        recipe = name.removesuffix(START_FROM)
        folder = catalog.load(name)
        if folder and recipe not in pipeline.inputs():
            where = f"{recipe.removeprefix('params:')}{START_FROM}"
            yield from (replace(one, where=where) for one in find_folder_problem(folder))


def fetch_weights(pipeline: Pipeline, catalog: DataCatalog) -> list[Problem]:
    """Download what is missing of the base models that a run loads: its nodes download nothing.

    Everything else about the run has been checked. Gives what the disk has against it.
    """
    for where, recipe in _list_loaded(pipeline, catalog):
        try:
            fetch_base(recipe)
        except TunelineError as error:
            return [replace(one, where=where) for one in error.problems]
    return []


def _list_loading(pipeline: Pipeline, catalog: DataCatalog) -> list[Node]:
    """List the nodes that load a base model's weights; the one of the plan only with a share."""

    def replays(node: Node) -> bool:
        (name,) = (one for one in node.inputs if one.endswith(".data"))
        return Data.model_validate(catalog.load(name)).replay > 0

    return [
        node
        for node in pipeline.nodes
        if node.tags & LOADING or (node.name.endswith(f".{REPLAYING}") and replays(node))
    ]


def _list_loaded(pipeline: Pipeline, catalog: DataCatalog) -> list[tuple[str, Recipe]]:
    """List the base models whose weights a run loads, each with the parameter that names it."""
    taken = {name for node in _list_loading(pipeline, catalog) for name in node.inputs}
    recipes = [(f"{one}.recipe", preview_recipe(catalog, one)) for one in list_recipes(taken)]
    bases = [(f"{name}.base_model", recipe) for name, recipe in recipes]
    if "params:merge" in taken:
        merge = Merge.model_validate(catalog.load("params:merge"))
        bases += [merge.name_base(recipe) for _, recipe in recipes if merge.base_model]
    return bases


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
    from tuneline.models.tokenizer import load_tokenizer

    if not (Path(locate_base(recipe.base_model)) / "tokenizer_config.json").is_file():
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


def find_run_problems(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    """Find what a run needs and does not have: inputs, valid settings, base model, device."""
    yield from _find_missing_inputs(pipeline, catalog)
    yield from find_model_problems(pipeline, catalog)
    yield from _find_folder_problems(pipeline, catalog)
    yield from find_sweep_problems(pipeline, catalog)
    yield from find_api_problems(pipeline, catalog)
    yield from find_publish_problems(pipeline, catalog)


def _find_missing_inputs(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    for name in sorted(pipeline.inputs()):
        given = name.startswith("params:") or name == "parameters" or is_settled(name)
        if given or catalog.exists(name):
            continue
        stage, where = _find_producer(name), locate(catalog, name)
        os.fsencode(where)  # a name that this terminal's encoding does not have is never there
        yield Problem(
            where=where,
            wrong=f"`{name}` is not there",
            matters="this run starts from it",
            remedy=f"run `kedro run --pipeline={stage}` first, with the same --env"
            if stage
            else "put the raw file there, or change its path in the catalog",
        )


def _find_producer(name: str) -> str | None:
    """Name the pipeline that makes a dataset: a stage, or a use case if it is not the main one."""
    from kedro.framework.project import pipelines

    producers = [key for key in pipelines if name in pipelines[key].all_outputs()]
    return min(producers, key=lambda key: len(pipelines[key].nodes)) if producers else None
