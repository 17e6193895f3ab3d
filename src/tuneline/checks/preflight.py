"""What a training, an evaluation or a question needs: valid settings, base model, device."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from tuneline.checks.base_models import find_base_problems
from tuneline.checks.machines import find_machine_problems
from tuneline.checks.recipes import (
    find_unknown_width,
    is_settled,
    list_recipes,
    preview_recipe,
    read_hardware,
    read_stated,
)
from tuneline.checks.start_from import find_start_from_problems
from tuneline.checks.sweep_space import find_sweep_problems
from tuneline.checks.vllm import find_missing_vllm, find_vllm_problems
from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, Message
from tuneline.hub.access import find_base_problem, find_name_problems
from tuneline.hub.download import fetch_base, find_space_problems
from tuneline.hub.gguf import locate_base
from tuneline.hub.permissions import find_hub_problems
from tuneline.llm_api.server import find_server_problems
from tuneline.models.batching import find_batch_problem
from tuneline.models.memory import measure_bfloat16
from tuneline.models.rendering import render_example, render_prompt
from tuneline.models.start_adapter import find_folder_problem
from tuneline.parameters import (
    Data,
    Evaluation,
    FinetuneAPI,
    Hardware,
    Merge,
    Moderation,
    Prompt,
    Publish,
    Recipe,
    Synthesize,
)
from tuneline.prompts import start_messages
from tuneline.training.sharding_limits import find_sharding_problems
from tuneline.utils.disks import locate

# A processor without bfloat16 takes four times as long as in float32, one with it half as long.
EMULATED = 1.5
# Stages whose nodes load the weights of a base model.
LOADING = {"train", "evaluate", "ask", "merge", "sweep"}
START_FROM = ".start_from"
# The node of the plan that may load them, too.
REPLAYING = "answer_general_prompts"


def find_device_problems(hardware: Hardware) -> Iterator[Problem]:
    """Find what is wrong with the GPU, or the number format of the CPU, that is asked for.

    Args:
        hardware: what is stated.

    Yields:
        That there is none, or in what it differs; that a CPU only emulates bfloat16.
    """
    import torch

    if hardware.device == "cpu":
        yield from _find_cpu_problem(hardware)
        return
    if not torch.cuda.is_available():
        yield Problem(
            where="hardware.device",
            value="cuda",
            wrong="PyTorch finds no GPU here",
            matters="this environment trains on one",
            remedy="switch the GPU on (Colab: Runtime, Change runtime type), or leave --env out to "
            "use the laptop's settings",
        )
        return
    major, minor = torch.cuda.get_device_capability()
    memory = torch.cuda.get_device_properties(0).total_memory / 1e9
    yield from compare_gpu(hardware, major + minor / 10, memory, torch.cuda.device_count())


def _find_cpu_problem(hardware: Hardware) -> Iterator[Problem]:
    """Multiply in bfloat16: flags may name what a virtual machine or a library does not use."""
    if hardware.dtype != "bfloat16":
        return
    try:
        ratio = measure_bfloat16()
    except RuntimeError as error:
        wrong = f"PyTorch cannot multiply in it here ({' '.join(str(error).split())[:100]})"
    else:
        if ratio is not None and ratio < EMULATED:
            return
        wrong = (
            "products of matrices come out wrong in it on this processor"
            if ratio is None
            else f"this processor takes {ratio:.1f} times as long in it as in float32"
        )
    yield Problem(
        where="hardware.dtype",
        value="bfloat16",
        wrong=wrong,
        matters="training and answers would be slower, or wrong, for nothing",
        remedy="state `dtype: float32` in the environment's parameters_hardware.yml",
    )


def compare_gpu(
    hardware: Hardware, capability: float, memory_gb: float, count: int
) -> Iterator[Problem]:
    """Compare the GPU that is stated with the one that is there.

    Args:
        hardware: what is stated.
        capability: compute capability of the GPU that is there.
        memory_gb: its memory (10^9 bytes).
        count: how many GPUs there are.

    Yields:
        What differs so that the plan would be wrong.
    """
    found: list[tuple[str, float | int | None, float | int, bool]] = [
        (
            "compute_capability",
            hardware.compute_capability,
            capability,
            hardware.compute_capability != capability,
        ),
        ("memory_gb", hardware.memory_gb, round(memory_gb, 1), hardware.memory_gb > memory_gb),
        ("processes", hardware.processes, count, hardware.processes > count),
    ]
    for key, stated, there, differs in found:
        if differs:
            yield Problem(
                where=f"hardware.{key}",
                value=stated,
                wrong=f"the GPU that is here has {there:g}"
                if key != "processes"
                else f"there are {count} GPUs here",
                matters="number format, attention and the plan's memory follow from it",
                remedy=f"choose the --env of this machine, or --params=hardware.{key}={there:g}",
            )


def find_model_problems(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    """Find what would stop a model of a run from being loaded or trained.

    Args:
        pipeline: what is to run.
        catalog: where its parameters are.

    Yields:
        All problems of every use case in it that has a recipe.
    """
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

    Args:
        pipeline: what is to run; everything else about it has been checked.
        catalog: where its parameters are.

    Returns:
        What the disk has against it.
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
    from tuneline.models.loading import load_tokenizer

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


def find_publish_problems(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    """Find what would stop a release on its way to the hub. A dry run asks nobody.

    Args:
        pipeline: what is to run.
        catalog: where its data lies.

    Yields:
        All problems with names, token, repository, metadata and base model.
    """
    for name in sorted(pipeline.all_outputs()):
        if not name.endswith(".published"):
            continue
        use_case = name.removesuffix(".published")
        where = f"{use_case}.publish.repo_id"
        publish = Publish.model_validate(catalog.load(f"params:{use_case}.publish"))
        if publish.dry_run and publish.repo_id is None:
            continue
        problems = list(find_name_problems(where, publish.repo_id))
        yield from problems
        if publish.dry_run:
            continue
        yield from _find_base_problem(use_case, pipeline, catalog)
        if publish.repo_id and not problems:
            yield from find_hub_problems(f"{use_case}.publish", publish)


def _find_base_problem(
    use_case: str, pipeline: Pipeline, catalog: DataCatalog
) -> Iterator[Problem]:
    """Check the base of the adapter that is there, or of the one that this run will train."""
    adapter = f"{use_case}.adapter"
    if adapter in pipeline.all_outputs():
        base = read_stated(catalog, use_case).base_model
        yield from find_base_problem(f"{use_case}.recipe.base_model", base)
    elif catalog.exists(adapter):
        path = Path(locate(catalog, adapter)) / "adapter_config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        yield from find_base_problem(f"{path}: base model", config["base_model_name_or_path"])


def find_api_problems(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    """Find what a run's servers would refuse: a missing key, an unknown sampling key.

    Args:
        pipeline: what is to run.
        catalog: where its parameters are.

    Yields:
        Problems; of those servers only that this run would ask.
    """
    for name in sorted(name for name in pipeline.inputs() if name.endswith(".synthesize")):
        block = Synthesize.model_validate(catalog.load(name))
        yield from _find_synthesis_problems(block, name.removeprefix("params:"))
    for name in sorted(pipeline.all_outputs()):
        if name.endswith(".judgments"):
            where = f"{name.removesuffix('.judgments')}.evaluation"
            rubric = Evaluation.model_validate(catalog.load(f"params:{where}")).rubric
            if rubric and rubric.judge:
                yield from find_server_problems(rubric.judge, f"{where}.rubric.judge")
    if "params:finetune_api" in pipeline.inputs():
        remote = FinetuneAPI.model_validate(catalog.load("params:finetune_api"))
        if not remote.dry_run:
            yield from find_server_problems(remote.server, "finetune_api.server")
            yield from _find_moderation_problems(remote.moderation, "finetune_api.moderation")


def _find_synthesis_problems(block: Synthesize, where: str) -> Iterator[Problem]:
    if block.provider == "server" and block.server:
        yield from find_server_problems(block.server, f"{where}.server")
    if block.judge:
        yield from find_server_problems(block.judge, f"{where}.documents.judge")
    yield from _find_moderation_problems(block.moderation, f"{where}.moderation")


def _find_moderation_problems(moderation: Moderation, where: str) -> Iterator[Problem]:
    if moderation.by == "server" and moderation.server:
        yield from find_server_problems(moderation.server, f"{where}.server", moderates=True)


def find_run_problems(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    """Find what a run needs and does not have: inputs, valid settings, base model, device.

    Args:
        pipeline: what is to run.
        catalog: where its data lies.

    Yields:
        All problems.
    """
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
