"""Every name that `kedro run --pipeline=…` knows, and what it runs.

Stages of the main use case go by their own names (`prepare`, `train` …); a use case by the name of
its folder in `conf/base`; `all` is every use case, and `overview` the page with them all. One stage
of another use case is that use case with the stage's tag: `kedro run --pipeline=<use_case>
--tags=train`. What is next to the chain goes by `<use_case>.<stage>`: `kedro run
--pipeline=<use_case>.ask`.
"""

from kedro.pipeline import Pipeline

from tuneline.pipelines import (
    ask,
    evaluate,
    finetune_api,
    merge,
    overview,
    plan,
    prepare,
    publish,
    synthesize,
    tiny_base,
    train,
)
from tuneline.use_cases import MAIN_USE_CASE, list_use_cases, states_block

STAGES = {
    "synthesize": synthesize,
    "prepare": prepare,
    "plan": plan,
    "train": train,
    "evaluate": evaluate,
}
# Stages next to the chain, not in it: the other way to train, and what is done with an adapter.
BESIDE = {
    "finetune_api": finetune_api,
    "ask": ask,
    "merge": merge,
    "publish": publish,
}
# Stages of those use cases only whose YAML has the block of the same name.
OPTIONAL_STAGES = {"synthesize"}
# What every use case shares. Everything else a stage reads or writes carries the use case's name.
SHARED_PARAMETERS = {
    "params:hardware",
    "params:prices",
    "params:finetune_api",
    "params:question",
    "params:merge",
}
# Blocks that make pairs of the clean rows.
PAIRING_BLOCKS = ("data.table", "data.documents")


def register_pipelines() -> dict[str, Pipeline]:
    """Register stages, use cases and the tiny base model.

    Returns:
        Pipelines by the name that `kedro run --pipeline` takes.
    """
    chains = {use_case: _chain(use_case) for use_case in list_use_cases()}
    return {
        "__default__": chains[MAIN_USE_CASE],
        "all": sum(chains.values(), overview.create_pipeline(list(chains))),
        "overview": overview.create_pipeline(list(chains)),
        "tiny_base": tiny_base.create_pipeline(
            {use_case: "pairs" if _makes_pairs(use_case) else "clean" for use_case in chains}
        ),
        **{stage: _stage(stage, MAIN_USE_CASE) for stage in _list_stages(MAIN_USE_CASE)},
        **{stage: _stage(stage, MAIN_USE_CASE) for stage in BESIDE},
        **{
            f"{use_case}.{stage}": _stage(stage, use_case)
            for use_case in chains
            for stage in BESIDE
        },
        **chains,
    }


def _chain(use_case: str) -> Pipeline:
    return sum((_stage(stage, use_case) for stage in _list_stages(use_case)), Pipeline([]))


def _list_stages(use_case: str) -> list[str]:
    return [
        stage for stage in STAGES if stage not in OPTIONAL_STAGES or states_block(use_case, stage)
    ]


def _stage(stage: str, use_case: str) -> Pipeline:
    pipeline = _create(stage, use_case)
    shared = SHARED_PARAMETERS & pipeline.inputs()
    return Pipeline(pipeline, namespace=use_case, parameters=shared, tags=[stage])


def _create(stage: str, use_case: str) -> Pipeline:
    if stage == "prepare":
        return prepare.create_pipeline(_makes_pairs(use_case))
    pipeline: Pipeline = (STAGES | BESIDE)[stage].create_pipeline()
    if stage == "finetune_api":  # its answers are scored as an adapter's are
        return pipeline + evaluate.create_remote_pipeline()
    return pipeline


def _makes_pairs(use_case: str) -> bool:
    return any(states_block(use_case, block) for block in PAIRING_BLOCKS)
