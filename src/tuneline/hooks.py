"""What happens around a run: checks before any node, a summary after the last."""

import gc
import logging
import re
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click import get_current_context
from click.exceptions import Exit
from kedro.framework.hooks import hook_impl

from tuneline.use_cases import DEFAULT_ENVIRONMENT, list_use_cases
from tuneline.utils.terminal import StopCommandError, state_rest

if TYPE_CHECKING:  # what a run needs is imported as it begins: other commands have no use for it
    from filelock import BaseFileLock
    from kedro.config import OmegaConfigLoader
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Node, Pipeline

    from tuneline.utils.progress import Progress

log = logging.getLogger(__name__)

# What the plan page lists, and where the adapter will lie: no file states either as such.
GIVEN = re.compile(r"params:(.+)\.(settings|adapter_folder)")
# The machine's name, for the commands that the overview page shows.
ENVIRONMENT = "params:environment"
# Where a command keeps whether it runs a stage that is up to date.
FORCE = "tuneline.force"
# Exit status of a command whose adapter is worse; 1 and 2 are errors of the user and of click.
WORSE = 3
# What is kept of a stage that is stopped half way.
KEPT = {
    "train": "the same command goes on from the last checkpoint, if there is one",
    "sweep": "the same command goes on from the last checkpoint of the trial at hand",
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
    def after_context_created(self, context: "KedroContext") -> None:
        """Check the machine's name and every parameter, for any command; settle the hub's cache."""
        from tuneline.checks.parameters import check_environment, check_parameters
        from tuneline.hub.cache import configure_storage
        from tuneline.parameters import Storage

        loader: OmegaConfigLoader = context.config_loader  # type: ignore[assignment]  # settings.py
        check_environment(Path(loader.conf_source), context.env)
        check_parameters(loader)
        configure_storage(Storage.model_validate(loader["parameters"].get("storage", {})))
        self.loader, self.project = loader, Path(context.project_path)

    @hook_impl
    def after_catalog_created(self, catalog: "DataCatalog") -> None:
        """Give a use case the defaults of what it does not state and a node takes by itself."""
        from kedro.io import MemoryDataset

        from tuneline.parameters import Publish, Sweep

        defaults = {"publish": Publish(), "sweep": Sweep(), "recipe.start_from": None}
        for use_case, (key, default) in product(list_use_cases(), defaults.items()):
            name = f"params:{use_case}.{key}"
            if name not in catalog:
                catalog[name] = MemoryDataset(default)

    @hook_impl
    def before_pipeline_run(self, pipeline: "Pipeline", catalog: "DataCatalog") -> None:
        """Check what this run in particular needs, after giving what the plan needs to know."""
        from tuneline.checks.merged_settings import list_settings, name_source
        from tuneline.checks.preflight import fetch_weights, find_run_problems
        from tuneline.checks.recipes import read_hardware, settle_inputs
        from tuneline.errors import TunelineError
        from tuneline.utils.disks import find_root
        from tuneline.utils.locks import hold

        # The libraries that train take seconds to be imported: until then, too, something is said.
        log.info("Checks of settings, inputs and machine: %s nodes.", len(pipeline.nodes))
        for name in pipeline.inputs():
            if found := GIVEN.fullmatch(name):
                catalog[name] = (
                    list_settings(self.loader, found[1])
                    if found[2] == "settings"
                    else find_root(catalog, f"{found[1]}.adapter")
                )
        if ENVIRONMENT in pipeline.inputs():
            catalog[ENVIRONMENT] = self.loader.env or DEFAULT_ENVIRONMENT
        problems = list(settle_inputs(pipeline, catalog))
        if not problems:
            self._end_if_up_to_date(pipeline, catalog)
        problems += find_run_problems(pipeline, catalog)
        # A run that is refused has downloaded no weights.
        problems = problems or fetch_weights(pipeline, catalog)
        if problems:
            raise TunelineError(*(name_source(self.loader, problem) for problem in problems))
        self._release()  # what an interrupted run of this very process, a notebook's, has held
        # Last, so that a run that is refused holds nothing. Of several machines one writes.
        if read_hardware(catalog).machine == 0:
            locks = self.project / self.loader["globals"]["data"] / ".locks"
            self.held = [hold(locks, one) for one in sorted({*map(_name_stage, pipeline.nodes)})]
        if get_current_context(silent=True):
            # A command keeps what it has imported: no search for garbage need walk through it.
            gc.freeze()

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Let the next run write."""
        self._release()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Let the next run write."""
        self._release()

    def _end_if_up_to_date(self, pipeline: "Pipeline", catalog: "DataCatalog") -> None:
        """End the command if it would only make again what is there; a notebook's call runs."""
        command = get_current_context(silent=True)
        if command is None or command.meta.get(FORCE):
            return
        from kedro.framework.project import pipelines

        from tuneline.checks.up_to_date import is_up_to_date, name_stage
        from tuneline.utils.locks import find_holder

        name = name_stage(pipeline, pipelines)
        data = self.project / self.loader["globals"]["data"]
        if name is None or find_holder(data / ".locks", name):
            return
        if is_up_to_date(data, name, pipeline, catalog):
            log.info(
                "%s is up to date: its inputs, parameters, results and code are those of its last "
                "run. `--force` runs it all the same.",
                name,
            )
            if name.endswith(".evaluate"):  # the command ends as that run did
                _stop_if_worse(name.removesuffix(".evaluate"), catalog)
            raise Exit(0)

    def _release(self) -> None:
        while self.held:
            self.held.pop().release()


def _name_stage(node: "Node") -> str:
    """Name the use case and the stage that a node belongs to, from what it writes."""
    use_cases = {name.partition(".")[0] for name in node.outputs if "." in name}
    return ".".join([*sorted(use_cases), *sorted(node.tags)])


class ProgressDuringRun:
    """Says which node runs, how many there are, and now and then that it still does."""

    def __init__(self) -> None:
        self.shown: Progress | None = None

    @hook_impl
    def before_pipeline_run(self, pipeline: "Pipeline") -> None:
        """Count the nodes."""
        self.total, self.started = len(pipeline.nodes), 0

    @hook_impl
    def before_dataset_loaded(self, dataset_name: str) -> None:
        """Show how long a large file takes."""
        self._show(f"Loading {dataset_name}")

    @hook_impl
    def before_dataset_saved(self, dataset_name: str) -> None:
        """Show how long a large file takes."""
        self._show(f"Saving {dataset_name}")

    @hook_impl
    def before_node_run(self, node: "Node") -> None:
        """Name the node."""
        self.started += 1
        stage = next(iter(node.tags & KEPT.keys()), "")
        state_rest(KEPT.get(stage, "the same command begins this stage again"))
        log.info("[%s/%s] %s", self.started, self.total, node.name)
        self._show(node.name)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Show nothing any more."""
        self._end()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Show nothing any more."""
        self._end()

    def _show(self, work: str) -> None:
        from tuneline.utils.progress import Progress

        self._end()
        self.shown = Progress(work).__enter__()

    def _end(self) -> None:
        if self.shown is not None:
            self.shown.close()
            self.shown = None


class SummaryAfterRun:
    """Says at the end where the results are and what changed."""

    @hook_impl(trylast=True)  # it may end the command, and the others have locks to release
    def after_pipeline_run(
        self, run_params: dict[str, Any], pipeline: "Pipeline", catalog: "DataCatalog"
    ) -> None:
        """Summarize what this run made.

        Raises:
            StopCommandError: with status `WORSE`, if an adapter is worse than its base model and
                `evaluation.fail_when_worse` is set.
        """
        from tuneline.reporting.summary import summarize

        made = pipeline.all_outputs()
        for line in summarize(made, catalog):
            log.info("%s", line)
        reported = [name for name in made if name.endswith(".report")]
        if len(reported) == 1:
            from tuneline.status.command import list_commands

            use_case = reported[0].removesuffix(".report")
            steps = catalog.load(f"{use_case}.next_steps")["steps"]
            log.info("—— try next ——")
            for line in list_commands(use_case, steps, run_params["env"] or DEFAULT_ENVIRONMENT):
                log.info("%s", line)
        for name in reported:
            _stop_if_worse(name.removesuffix(".report"), catalog)


def _stop_if_worse(use_case: str, catalog: "DataCatalog") -> None:
    from tuneline.parameters import Evaluation

    label = catalog.load(f"{use_case}.scores")["verdict"]["label"]
    evaluation = catalog.load(f"params:{use_case}.evaluation")
    if label == "worse" and Evaluation.model_validate(evaluation).fail_when_worse:
        raise StopCommandError(
            f"{use_case}: the verdict is worse, and evaluation.fail_when_worse is set: status "
            f"{WORSE}.",
            WORSE,
        )
