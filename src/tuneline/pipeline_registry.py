"""Every name that `kedro run --pipeline=…` knows, and what it runs.

`<use_case>` is its chain from raw data to report, `<use_case>.<stage>` one stage of it, and
`<stage>` that stage of the main use case. `all` is every use case, `overview` the page with them
all, `tiny_base` the small base model that laptops train on.

A node's namespace is its stage, so that Kedro-Viz opens with one box a stage. Cleaning is a box of
its own, and so is the report that merging writes again: a box must not come both before and after
a layer. In `all` the use case comes first, one box a use case. Datasets carry the use case's name
in either.

The names are known at once. What a pipeline runs is imported and put together when it is asked for:
no command waits for the libraries of stages that it does not run.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from kedro.pipeline import Pipeline

from tuneline.use_cases import (
    MAIN_USE_CASE,
    OPTIONAL_STAGES,
    PAIRING_BLOCKS,
    SYNTHESIS_BLOCKS,
    count_folds,
    list_use_cases,
    states_block,
)

# From raw data to report, in this order.
CHAIN = ("synthesize", "prepare", "plan", "train", "evaluate", "rubric")
STAGES = (*CHAIN, "sweep", "finetune_api", "ask", "merge", "publish")
# What every use case shares. Everything else a stage reads or writes carries the use case's name.
SHARED_PARAMETERS = {
    "params:hardware",
    "params:prices",
    "params:finetune_api",
    "params:question",
    "params:merge",
}


class LazyPipeline(Pipeline):
    """A pipeline that is put together as soon as something of it is asked for.

    Kedro copies the whole dictionary of pipelines to read one of them, so that a dictionary which
    makes its values late would be made as a whole.
    """

    def __init__(self, make: Callable[[], Pipeline]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        """Give what the instance does not have yet; Python asks here for nothing else."""
        make = vars(self).get("_make")
        if make is None or name.startswith("__"):
            raise AttributeError(name)
        vars(self).update(vars(make()), _make=None)
        return getattr(self, name)


def register_pipelines() -> dict[str, Pipeline]:
    """Register stages, use cases and the tiny base model, as `kedro run --pipeline` names them."""
    use_cases = list_use_cases()
    stages = {name: _list_stages(name) for name in use_cases}
    chains: dict[str, Pipeline] = {
        name: LazyPipeline(partial(_join, stages[name], *CHAIN)) for name in use_cases
    }
    return {
        "__default__": chains[MAIN_USE_CASE],
        "all": LazyPipeline(partial(_create_all, chains)),
        "overview": LazyPipeline(partial(_create_overview, use_cases)),
        "tiny_base": LazyPipeline(partial(_create_tiny_base, stages)),
        **stages[MAIN_USE_CASE],
        **chains,
        **{
            f"{use_case}.{stage}": pipeline
            for use_case, several in stages.items()
            for stage, pipeline in several.items()
        },
    }


def _list_stages(use_case: str) -> dict[str, Pipeline]:
    stages: dict[str, Pipeline] = {
        stage: LazyPipeline(partial(_create_stage, stage, use_case))
        for stage in STAGES
        if stage not in OPTIONAL_STAGES or states_block(use_case, OPTIONAL_STAGES[stage])
    }
    # With a rubric the report is written after the ratings: an evaluation is through with it.
    return stages | {"evaluate": LazyPipeline(partial(_join, stages, "evaluate", "rubric"))}


def _join(stages: dict[str, Pipeline], *names: str) -> Pipeline:
    return sum((stages[name] for name in names if name in stages), Pipeline([]))


def _nest(use_cases: dict[str, Pipeline]) -> Pipeline:
    nested = (
        Pipeline(pipeline, namespace=name, prefix_datasets_with_namespace=False)
        for name, pipeline in use_cases.items()
    )
    return sum(nested, Pipeline([]))


def _create_all(chains: dict[str, Pipeline]) -> Pipeline:
    return _nest(chains) + _create_overview([*chains], reports=True)


def _create_overview(use_cases: list[str], reports: bool = False) -> Pipeline:
    from tuneline.pipelines import overview

    return overview.create_pipeline(use_cases, reports=reports)


def _create_tiny_base(stages: dict[str, dict[str, Pipeline]]) -> Pipeline:
    from tuneline.pipelines import tiny_base

    prepared = {name: _join(several, "synthesize", "prepare") for name, several in stages.items()}
    pairs = {name: "pairs" if _makes_pairs(name) else "clean" for name in stages}
    return _nest(prepared) + tiny_base.create_pipeline(pairs)


def _create_stage(stage: str, use_case: str) -> Pipeline:
    folds = count_folds(use_case)
    pipeline = _place(_create_nodes(stage, use_case, folds), stage, use_case, stage)
    if stage == "prepare":  # so that the clean rows are seen between two boxes
        from tuneline.pipelines import prepare

        pipeline += _place(prepare.create_cleaning_pipeline(), stage, use_case, "clean")
    if stage == "merge":  # the report shows the exported files
        from tuneline.pipelines import evaluate

        has_rubric = states_block(use_case, OPTIONAL_STAGES["rubric"])
        report = evaluate.create_report_pipeline(has_rubric)
        pipeline += _place(report, stage, use_case, "report")
    return pipeline


def _place(nodes: Pipeline, stage: str, use_case: str, namespace: str) -> Pipeline:
    """Give nodes their place in the lineage, and the names of a use case to what they read."""
    inputs = {name for name in nodes.inputs() if not name.startswith("params:")}
    own = nodes.inputs() - inputs - SHARED_PARAMETERS
    return Pipeline(
        nodes,
        namespace=namespace,
        prefix_datasets_with_namespace=False,
        inputs={name: f"{use_case}.{name}" for name in inputs},
        outputs={name: f"{use_case}.{name}" for name in nodes.all_outputs()},
        parameters={name: name.replace(":", f":{use_case}.") for name in own},
        tags=[stage],
    )


def _create_nodes(stage: str, use_case: str, folds: int) -> Pipeline:
    has_rubric = states_block(use_case, OPTIONAL_STAGES["rubric"])
    if stage == "finetune_api":
        return _create_remote_nodes(folds)
    source = next((b for b in SYNTHESIS_BLOCKS if states_block(use_case, b)), SYNTHESIS_BLOCKS[0])
    told: dict[str, list[Any]] = {
        "synthesize": [source.rpartition(".")[2]],
        "prepare": [_makes_pairs(use_case), folds],
        "plan": [folds],
        "train": [folds],
        "evaluate": [has_rubric, folds],
        "publish": [has_rubric],
    }
    module = import_module(f"tuneline.pipelines.{stage}")
    nodes: Pipeline = module.create_pipeline(*told.get(stage, []))
    if stage == "sweep":  # its trials are planned as a training is
        from tuneline.pipelines import plan

        nodes += plan.create_sweep_pipeline()
    if stage in ("merge", "rubric"):
        from tuneline.pipelines import evaluate

        # Exported files are scored as an adapter is; the report shows the ratings.
        nodes += (
            evaluate.create_file_pipeline()
            if stage == "merge"
            else evaluate.create_report_pipeline(has_rubric=True)
        )
    return nodes


def _create_remote_nodes(folds: int) -> Pipeline:
    """Tune a provider's model, whose answers are scored as an adapter's are."""
    from tuneline.pipelines import evaluate, finetune_api
    from tuneline.use_cases import name_fold

    nodes = finetune_api.create_pipeline() + evaluate.create_remote_pipeline()
    if not folds:
        return nodes
    # One model is tuned, which must not have seen what it is asked: the first fold.
    splits = ("train", "validation", "test")
    return Pipeline(nodes, inputs={name: name_fold(1, name) for name in splits})


def _makes_pairs(use_case: str) -> bool:
    return any(states_block(use_case, block) for block in PAIRING_BLOCKS)
