"""All that a run needs, looked for at once."""

import os
from collections.abc import Iterator

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from tuneline.errors import Problem
from tuneline.locations import locate
from tuneline.preflight.models import find_model_problems
from tuneline.preflight.publishing import find_publish_problems
from tuneline.preflight.servers import find_server_problems


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
    yield from find_server_problems(pipeline, catalog)
    yield from find_publish_problems(pipeline, catalog)


def _find_missing_inputs(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    for name in sorted(pipeline.inputs()):
        if name.startswith("params:") or name == "parameters" or catalog.exists(name):
            continue
        stage, where = _find_maker(name), locate(catalog, name)
        os.fsencode(where)  # a name that this terminal's encoding does not have is never there
        yield Problem(
            where=where,
            wrong=f"`{name}` is not there",
            matters="this run starts from it",
            remedy=f"run `kedro run --pipeline={stage}` first, with the same --env"
            if stage
            else "put the raw file there, or change its path in the catalog",
        )


def _find_maker(name: str) -> str | None:
    """Name the pipeline that makes a dataset: a stage, or a use case if it is not the main one."""
    from kedro.framework.project import pipelines

    makers = [key for key in pipelines if name in pipelines[key].all_outputs()]
    return min(makers, key=lambda key: len(pipelines[key].nodes)) if makers else None
