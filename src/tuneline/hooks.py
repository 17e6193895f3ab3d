"""What happens around a run: checks before any node, a summary after the last."""

import logging
from pathlib import Path

from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from tuneline.configuration import check_environment, check_parameters, name_source
from tuneline.errors import TunelineError
from tuneline.hub_cache.place import settle_storage
from tuneline.parameters import Publish, Storage
from tuneline.preflight.runs import find_run_problems
from tuneline.summary import summarise
from tuneline.use_cases import list_use_cases

log = logging.getLogger(__name__)


class CheckBeforeRun:
    """Refuses a run that would fail later, with all its problems at once."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Check the machine's name and every parameter, for any command; settle the hub's cache."""
        loader: OmegaConfigLoader = context.config_loader  # type: ignore[assignment]  # settings.py
        check_environment(Path(loader.conf_source), context.env)
        check_parameters(loader)
        settle_storage(Storage.model_validate(loader["parameters"].get("storage", {})))
        self.loader = loader

    @hook_impl
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Give a use case without a `publish` block its defaults."""
        for use_case in list_use_cases():
            name = f"params:{use_case}.publish"
            if name not in catalog:
                catalog[name] = Publish()

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Check what this run in particular needs: inputs, upstream keys, base models."""
        problems = list(find_run_problems(pipeline, catalog))
        if problems:
            raise TunelineError(*(name_source(self.loader, problem) for problem in problems))


class ProgressDuringRun:
    """Says which node runs, and how many there are."""

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline) -> None:
        """Count the nodes."""
        self.total, self.started = len(pipeline.nodes), 0

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Name the node."""
        self.started += 1
        log.info("[%s/%s] %s", self.started, self.total, node.name)


class SummaryAfterRun:
    """Says at the end where the results are and what changed."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Summarise what this run made."""
        for line in summarise(pipeline.all_outputs(), catalog):
            log.info(line)
