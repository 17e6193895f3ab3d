"""What publishing needs, checked before the first node: before a training, too."""

import json
from collections.abc import Iterator
from pathlib import Path

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from tuneline.errors import Problem
from tuneline.hub.bases import find_base_problem
from tuneline.hub.names import find_name_problems
from tuneline.hub.permissions import find_hub_problems
from tuneline.locations import locate
from tuneline.parameters import Publish, Recipe


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
        recipe = Recipe.model_validate(catalog.load(f"params:{use_case}.recipe"))
        yield from find_base_problem(f"{use_case}.recipe.base_model", recipe.base_model)
    elif catalog.exists(adapter):
        path = Path(locate(catalog, adapter)) / "adapter_config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        yield from find_base_problem(f"{path}: base model", config["base_model_name_or_path"])
