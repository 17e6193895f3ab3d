"""Whether a run is one that several machines can do together: a training, and nothing else."""

from collections.abc import Iterator

from kedro.pipeline import Pipeline

from tuneline.errors import Problem
from tuneline.parameters import Hardware


def find_machine_problems(pipeline: Pipeline, hardware: Hardware) -> Iterator[Problem]:
    """Find what several machines would do at once that one of them should do."""
    stages = {tag for node in pipeline.nodes for tag in node.tags}
    adapters = [name for name in pipeline.all_outputs() if name.endswith("adapter")]
    trains = {"train", "sweep"} & stages
    if hardware.machines == 1 or (hardware.machine == 0 and not trains):
        return
    if stages != {"train"} or len(adapters) != 1:
        yield Problem(
            where="hardware.machines",
            value=hardware.machines,
            wrong="this run makes more than an adapter",
            matters="several machines train one adapter together; what else there is to make would "
            "be made, and written, by each of them",
            remedy="make the plan on machine 0, type `kedro run --pipeline=<use case>.train` on "
            "every machine, and run the other stages on one, with hardware.machines=1",
        )
