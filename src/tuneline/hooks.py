"""What happens around a run: checks before any node, a summary after the last."""

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.config import OmegaConfigLoader
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from tuneline.checks.merged_settings import (
    check_environment,
    check_parameters,
    list_settings,
    name_source,
)
from tuneline.checks.preflight import fetch_weights, find_run_problems
from tuneline.errors import TunelineError
from tuneline.hub.cache import configure_storage
from tuneline.parameters import Publish, Storage
from tuneline.reporting.summary import summarize
from tuneline.use_cases import DEFAULT_ENVIRONMENT, list_use_cases
from tuneline.utils.locks import hold
from tuneline.utils.terminal import state_rest

if TYPE_CHECKING:
    from filelock import BaseFileLock

log = logging.getLogger(__name__)

# What the plan page lists: no file states it as such.
SETTINGS = re.compile(r"params:(.+)\.settings")
# The machine's name, for the commands that the overview page shows.
ENVIRONMENT = "params:environment"
# What is kept of a stage that is stopped half way.
KEPT = {
    "train": "the same command goes on from the last checkpoint, if there is one",
    "evaluate": "the same command goes on, and keeps the answers that are there",
    "rubric": "the same command goes on, and keeps the responses that are there",
    "merge": "the same command merges again, and keeps the answers of files that are the same",
    "synthesize": "the same command goes on, and keeps the responses that are there",
}


class CheckBeforeRun:
    """Refuses a run that would fail later, with all its problems at once."""

    def __init__(self) -> None:
        self.held: list[BaseFileLock] = []

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Check the machine's name and every parameter, for any command; settle the hub's cache."""
        loader: OmegaConfigLoader = context.config_loader  # type: ignore[assignment]  # settings.py
        check_environment(Path(loader.conf_source), context.env)
        check_parameters(loader)
        configure_storage(Storage.model_validate(loader["parameters"].get("storage", {})))
        self.loader, self.project = loader, Path(context.project_path)

    @hook_impl
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Give a use case without a `publish` block its defaults."""
        for use_case in list_use_cases():
            name = f"params:{use_case}.publish"
            if name not in catalog:
                catalog[name] = Publish()

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Check what this run in particular needs, after the settings that the plan page lists."""
        for name in pipeline.inputs():
            if use_case := SETTINGS.fullmatch(name):
                catalog[name] = list_settings(self.loader, use_case[1])
        if ENVIRONMENT in pipeline.inputs():
            catalog[ENVIRONMENT] = self.loader.env or DEFAULT_ENVIRONMENT
        problems = list(find_run_problems(pipeline, catalog))
        # A run that is refused has downloaded no weights.
        problems = problems or fetch_weights(pipeline, catalog)
        if problems:
            raise TunelineError(*(name_source(self.loader, problem) for problem in problems))
        self._release()  # what an interrupted run of this very process, a notebook's, has held
        # Last, so that a run that is refused holds nothing.
        locks = self.project / self.loader["globals"]["data"] / ".locks"
        self.held = [hold(locks, name) for name in sorted(set(map(_name_stage, pipeline.nodes)))]

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Let the next run write."""
        self._release()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Let the next run write."""
        self._release()

    def _release(self) -> None:
        while self.held:
            self.held.pop().release()


def _name_stage(node: Node) -> str:
    """Name the use case and the stage that a node belongs to, from what it writes."""
    use_cases = {name.partition(".")[0] for name in node.outputs if "." in name}
    return ".".join([*sorted(use_cases), *sorted(node.tags)])


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
        stage = next(iter(node.tags & KEPT.keys()), "")
        state_rest(KEPT.get(stage, "the same command begins this stage again"))
        log.info("[%s/%s] %s", self.started, self.total, node.name)


class SummaryAfterRun:
    """Says at the end where the results are and what changed."""

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Summarize what this run made."""
        for line in summarize(pipeline.all_outputs(), catalog):
            log.info(line)
