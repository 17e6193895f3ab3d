"""No two nodes write one dataset, and what stays in memory has no place on a disk."""

import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from kedro.pipeline import Node

from tests.conftest import PROJECT

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
