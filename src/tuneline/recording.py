"""What is noted during a run, so that a stage that is up to date need not run again."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

if TYPE_CHECKING:  # imported as a run begins: other commands have no use for them
    from kedro.config import OmegaConfigLoader
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog
    from kedro.pipeline import Node, Pipeline


class RecordOfStages:
    """Records what each whole stage of a run was made of, so that the next one need not run."""

    @hook_impl
    def after_context_created(self, context: "KedroContext") -> None:
        """Note where it is said where the data lie; nothing is read before it is checked."""
        self.loader: OmegaConfigLoader = context.config_loader  # type: ignore[assignment]
        self.project = Path(context.project_path)

    @hook_impl(trylast=True)  # after what refuses a run
    def before_pipeline_run(self, pipeline: "Pipeline", catalog: "DataCatalog") -> None:
        """Find the whole stages, and what they hand to each other."""
        from kedro.framework.project import pipelines

        from tuneline.checks.stage_inputs import list_inputs
        from tuneline.checks.up_to_date import list_stages

        self.catalog, self.folder = catalog, self.project / self.loader["globals"]["data"]
        self.stages = {name: pipelines[name] for name in list_stages(pipeline, pipelines)}
        read = {one for name, stage in self.stages.items() for one in list_inputs(name, stage)}
        self.handed = read & pipeline.all_outputs()
        self.inputs: dict[str, dict[str, Any]] = {}
        self.written: dict[str, dict[str, Any] | None] = {}
        self.ended: set[str] = set()

    @hook_impl
    def before_dataset_loaded(self, node: "Node") -> None:
        """Describe a stage before its first node reads anything."""
        for name, stage in self.stages.items():
            if name not in self.inputs and node in stage.nodes:
                from tuneline.checks.stage_inputs import describe_at_start

                self.inputs[name] = describe_at_start(name, stage, self.catalog, self.handed)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Describe what one stage has written and another one reads."""
        if dataset_name in self.handed:
            from tuneline.checks.stage_inputs import describe_input

            self.written[dataset_name] = describe_input(dataset_name, self.catalog)

    @hook_impl
    def after_node_run(self, node: "Node") -> None:
        """Note it: `--only-missing-outputs` leaves some out."""
        self.ended.add(node.name)

    @hook_impl(tryfirst=True)  # before another run may write the same files
    def after_pipeline_run(self) -> None:
        """Record the stages that have run from their first node to their last."""
        from tuneline.checks.stage_inputs import list_inputs
        from tuneline.checks.up_to_date import record_stage

        for name, described in self.inputs.items():
            stage = self.stages[name]
            handed = self.written.keys() & {*list_inputs(name, stage)}
            described["inputs"] |= {one: self.written[one] for one in handed}
            if {node.name for node in stage.nodes} <= self.ended:
                record_stage(self.folder, name, stage, self.catalog, described)
