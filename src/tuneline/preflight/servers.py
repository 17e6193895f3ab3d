"""What a run needs of the servers it asks, checked before its first node."""

from collections.abc import Iterator

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from tuneline.errors import Problem
from tuneline.parameters import Moderation, RemoteTraining, Synthesise
from tuneline.providers import find_key_problem, find_sampling_problems


def find_server_problems(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    """Find what a run's servers would refuse: a missing key, an unknown sampling key.

    Args:
        pipeline: what is to run.
        catalog: where its parameters are.

    Yields:
        Problems; of those servers only that this run would ask.
    """
    for name in sorted(name for name in pipeline.inputs() if name.endswith(".synthesise")):
        where = name.removeprefix("params:")
        block = Synthesise.model_validate(catalog.load(name))
        if block.provider == "server" and block.server:
            yield from find_key_problem(block.server, f"{where}.server")
            yield from find_sampling_problems(block.server.sampling, f"{where}.server.sampling")
        yield from _find_moderation_problem(block.moderation, f"{where}.moderation")
    if "params:remote_training" in pipeline.inputs():
        remote = RemoteTraining.model_validate(catalog.load("params:remote_training"))
        if not remote.dry_run:
            yield from find_key_problem(remote.server, "remote_training.server")
            yield from _find_moderation_problem(remote.moderation, "remote_training.moderation")


def _find_moderation_problem(moderation: Moderation, where: str) -> Iterator[Problem]:
    if moderation.by == "server" and moderation.server:
        yield from find_key_problem(moderation.server, f"{where}.server")
