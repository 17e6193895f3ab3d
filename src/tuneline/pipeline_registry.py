"""Every name that `kedro run --pipeline=…` knows, and what it runs.

`<use_case>` is its chain from raw data to report, `<use_case>.<stage>` one stage of it, and
`<stage>` that stage of the main use case. `all` is every use case, `overview` the page with them
all, `tiny_base` the small base model that laptops train on.

A node's namespace is its stage, so that Kedro-Viz opens with one box a stage. Cleaning is a box of
its own, and so is the report that merging writes again: a box must not come both before and after
a layer. In `all` the use case comes first, one box a use case. Datasets carry the use case's name
in either.
"""

from kedro.pipeline import Pipeline

from tuneline.examples import name_fold
from tuneline.pipelines import (
    ask,
    evaluate,
    finetune_api,
    merge,
    overview,
    plan,
    prepare,
    publish,
    rubric,
    sweep,
    synthesize,
    tiny_base,
    train,
)
from tuneline.use_cases import (
    MAIN_USE_CASE,
    OPTIONAL_STAGES,
    PAIRING_BLOCKS,
    count_folds,
    list_use_cases,
    states_block,
)

# From raw data to report, in this order.
CHAIN = {
    "synthesize": synthesize,
    "prepare": prepare,
    "plan": plan,
    "train": train,
    "evaluate": evaluate,
    "rubric": rubric,
}
STAGES = {
    **CHAIN,
    "sweep": sweep,
    "finetune_api": finetune_api,
    "ask": ask,
    "merge": merge,
    "publish": publish,
}
# What every use case shares. Everything else a stage reads or writes carries the use case's name.
SHARED_PARAMETERS = {
    "params:hardware",
    "params:prices",
    "params:finetune_api",
    "params:question",
    "params:merge",
}


def register_pipelines() -> dict[str, Pipeline]:
    """Register stages, use cases and the tiny base model.

    Returns:
        Pipelines by the name that `kedro run --pipeline` takes.
    """
    use_cases = list_use_cases()
    stages = {name: _create_stages(name) for name in use_cases}
    chains = {name: _join(stages[name], *CHAIN) for name in use_cases}
    prepared = {name: _join(stages[name], "synthesize", "prepare") for name in use_cases}
    pairs = {name: "pairs" if _makes_pairs(name) else "clean" for name in use_cases}
    return {
        "__default__": chains[MAIN_USE_CASE],
        "all": _nest(chains) + overview.create_pipeline(use_cases, reports=True),
        "overview": overview.create_pipeline(use_cases),
        "tiny_base": _nest(prepared) + tiny_base.create_pipeline(pairs),
        **stages[MAIN_USE_CASE],
        **chains,
        **{
            f"{use_case}.{stage}": pipeline
            for use_case, several in stages.items()
            for stage, pipeline in several.items()
        },
    }


def _create_stages(use_case: str) -> dict[str, Pipeline]:
    folds = count_folds(use_case)
    stages = {
        stage: _create_stage(stage, use_case, folds)
        for stage in STAGES
        if stage not in OPTIONAL_STAGES or states_block(use_case, OPTIONAL_STAGES[stage])
    }
    # With a rubric the report is written after the ratings: an evaluation is through with it.
    return stages | {"evaluate": _join(stages, "evaluate", "rubric")}


def _join(stages: dict[str, Pipeline], *names: str) -> Pipeline:
    return sum((stages[name] for name in names if name in stages), Pipeline([]))


def _nest(use_cases: dict[str, Pipeline]) -> Pipeline:
    nested = (
        Pipeline(pipeline, namespace=name, prefix_datasets_with_namespace=False)
        for name, pipeline in use_cases.items()
    )
    return sum(nested, Pipeline([]))


def _create_stage(stage: str, use_case: str, folds: int) -> Pipeline:
    pipeline = _place(_create_nodes(stage, use_case, folds), stage, use_case, stage)
    if stage == "prepare":  # so that the clean rows are seen between two boxes
        pipeline += _place(prepare.create_cleaning_pipeline(), stage, use_case, "clean")
    if stage == "merge":  # the report shows the exported files
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
    if stage == "prepare":
        return prepare.create_pipeline(_makes_pairs(use_case), folds)
    if stage == "evaluate":
        return evaluate.create_pipeline(has_rubric, folds)
    if stage == "publish":
        return publish.create_pipeline(has_rubric)
    if stage == "finetune_api":
        return _create_remote_nodes(folds)
    nodes: Pipeline
    nodes = STAGES[stage].create_pipeline(*([folds] if stage in ("plan", "train") else []))
    if stage == "sweep":  # its trials are planned as a training is
        nodes += plan.create_sweep_pipeline()
    if stage == "merge":  # the exported files are scored as an adapter is
        nodes += evaluate.create_file_pipeline()
    if stage == "rubric":  # the report shows the ratings
        nodes += evaluate.create_report_pipeline(has_rubric=True)
    return nodes


def _create_remote_nodes(folds: int) -> Pipeline:
    """Tune a provider's model, whose answers are scored as an adapter's are."""
    nodes = finetune_api.create_pipeline() + evaluate.create_remote_pipeline()
    if not folds:
        return nodes
    # One model is tuned, which must not have seen what it is asked: the first fold.
    splits = ("train", "validation", "test")
    return Pipeline(nodes, inputs={name: name_fold(1, name) for name in splits})


def _makes_pairs(use_case: str) -> bool:
    return any(states_block(use_case, block) for block in PAIRING_BLOCKS)
