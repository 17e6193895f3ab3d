"""No two nodes write one dataset, and what stays in memory has no place on a disk."""

from pathlib import Path

import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from kedro.pipeline import Node

from tests.conftest import PROJECT, state_evaluation
from tuneline.pipeline_registry import register_pipelines
from tuneline.pipelines.train.nodes import train_adapter

# What one node hands to the next, and nobody else looks at.
IN_MEMORY = {"rows", "leak_free_rows", "copies", "base_texts", "asked_questions"}


@pytest.fixture(scope="module")
def nodes() -> list[Node]:
    """Give the nodes of all pipelines of all use cases."""
    bootstrap_project(PROJECT)
    return [node for pipeline in pipelines.values() for node in pipeline.nodes]


def open_catalog(env: str) -> DataCatalog:
    bootstrap_project(PROJECT)
    with KedroSession.create(PROJECT, env=env) as session:
        return session.load_context().catalog


def test_every_dataset_is_written_by_one_node(nodes: list[Node]):
    writers: dict[str, set[str]] = {}
    for node in nodes:
        for name in node.outputs:
            writers.setdefault(name, set()).add(f"{node.func.__module__}.{node.func.__name__}")
    assert {name: found for name, found in writers.items() if len(found) > 1} == {}


@pytest.mark.parametrize("env", ["laptop", "test", "spark"])
def test_what_is_kept_in_memory_is_kept_there_alone(nodes: list[Node], env: str):
    catalog = open_catalog(env)
    made = {name for node in nodes for name in node.outputs}
    stored = {name for name in made if name in catalog}
    assert {name.rpartition(".")[2] for name in made - stored} == IN_MEMORY
    assert IN_MEMORY.isdisjoint(name.rpartition(".")[2] for name in stored)


def test_folds_are_trained_and_asked_by_the_same_stages(project: Path):
    state_evaluation(project, cross_fit=2)
    made = register_pipelines()
    name = "product_descriptions"
    assert {node.func for node in made["train"].nodes if "train_fold" in node.name} == {
        train_adapter
    }
    for number in (1, 2):
        own = f"{name}.fold_{number}"
        (asking,) = (node for node in made["evaluate"].nodes if f"{own}.answers" in node.outputs)
        assert {f"{own}.test", f"{own}.train", f"{own}.adapter"} < set(asking.inputs)
        assert f"{name}.answer_cache" in asking.inputs
    others = {each for each in made["shoe_mould"].datasets() if ".fold_" in each}
    assert others == set()


def test_a_provider_is_asked_what_its_model_has_not_seen(project: Path):
    """The released adapter has learned from all rows, a provider's model from one fold's."""
    state_evaluation(project, cross_fit=2)
    read = register_pipelines()["finetune_api"].inputs()
    splits = ("train", "validation", "test")
    assert {f"product_descriptions.fold_1.{split}" for split in splits} < read
    assert not {f"product_descriptions.{split}" for split in splits} & read
