"""What the hub and the servers of a run would refuse."""

import json
from collections.abc import Iterator
from pathlib import Path

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from tuneline.checks.recipes import read_stated
from tuneline.errors import Problem
from tuneline.hub.access import find_base_problem, find_name_problems
from tuneline.hub.permissions import find_hub_problems
from tuneline.llm_api.server import find_server_problems
from tuneline.parameters import Evaluation, FinetuneAPI, Moderation, Publish, Synthesize
from tuneline.utils.disks import locate


def find_publish_problems(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    """Find what would stop a release on its way to the hub. A dry run asks nobody."""
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
    """Find what a run's servers would refuse: a missing key, an unknown sampling key."""
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
