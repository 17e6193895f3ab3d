"""Every name that `kedro run --pipeline=…` knows, and what it runs.

Stages of the main use case go by their own names (`prepare`, `train` …); a use case by the name of
its folder in `conf/base`; `all` is every use case. One stage of another use case is that use case
with the stage's tag: `kedro run --pipeline=<use_case> --tags=train`.
"""

from kedro.pipeline import Pipeline

from tuneline.pipelines import evaluate, plan, prepare, tiny_base, train
from tuneline.use_cases import MAIN_USE_CASE, list_use_cases, states_block

STAGES = {"prepare": prepare, "plan": plan, "train": train, "evaluate": evaluate}
# What every use case shares. Everything else a stage reads or writes carries the use case's name.
SHARED_PARAMETERS = {"params:hardware"}
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
        "all": sum(chains.values(), Pipeline([])),
        "tiny_base": tiny_base.create_pipeline(),
        **{stage: _stage(stage, MAIN_USE_CASE) for stage in STAGES},
        **chains,
    }


def _chain(use_case: str) -> Pipeline:
    return sum((_stage(stage, use_case) for stage in STAGES), Pipeline([]))


def _stage(stage: str, use_case: str) -> Pipeline:
    pipeline = _create(stage, use_case)
    shared = SHARED_PARAMETERS & pipeline.inputs()
    return Pipeline(pipeline, namespace=use_case, parameters=shared, tags=[stage])


def _create(stage: str, use_case: str) -> Pipeline:
    if stage == "prepare":
        makes_pairs = any(states_block(use_case, block) for block in PAIRING_BLOCKS)
        return prepare.create_pipeline(makes_pairs)
    pipeline: Pipeline = STAGES[stage].create_pipeline()
    return pipeline
