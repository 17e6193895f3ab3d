"""Whether the machine is the one that is stated, and whether several can do a run together."""

from collections.abc import Iterator

from kedro.pipeline import Pipeline

from tuneline.errors import Problem
from tuneline.models.memory import measure_bfloat16
from tuneline.parameters import Hardware

# A processor without bfloat16 takes four times as long as in float32, one with it half as long.
EMULATED = 1.5


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


def find_device_problems(hardware: Hardware) -> Iterator[Problem]:
    """Find what is wrong with the GPU, or the number format of the CPU, that is asked for."""
    import torch

    if hardware.device == "cpu":
        yield from _find_cpu_problem(hardware)
        return
    if not torch.cuda.is_available():
        yield Problem(
            where="hardware.device",
            value="cuda",
            wrong="PyTorch finds no GPU here",
            matters="this environment trains on one",
            remedy="switch the GPU on (Colab: Runtime, Change runtime type), or leave --env out to "
            "use the laptop's settings",
        )
        return
    major, minor = torch.cuda.get_device_capability()
    memory = torch.cuda.get_device_properties(0).total_memory / 1e9
    yield from compare_gpu(hardware, major + minor / 10, memory, torch.cuda.device_count())


def _find_cpu_problem(hardware: Hardware) -> Iterator[Problem]:
    """Multiply in bfloat16: flags may name what a virtual machine or a library does not use."""
    if hardware.dtype != "bfloat16":
        return
    try:
        ratio = measure_bfloat16()
    except RuntimeError as error:
        wrong = f"PyTorch cannot multiply in it here ({' '.join(str(error).split())[:100]})"
    else:
        if ratio is not None and ratio < EMULATED:
            return
        wrong = (
            "products of matrices come out wrong in it on this processor"
            if ratio is None
            else f"this processor takes {ratio:.1f} times as long in it as in float32"
        )
    yield Problem(
        where="hardware.dtype",
        value="bfloat16",
        wrong=wrong,
        matters="training and answers would be slower, or wrong, for nothing",
        remedy="state `dtype: float32` in the environment's parameters_hardware.yml",
    )


def compare_gpu(
    hardware: Hardware, capability: float, memory_gb: float, count: int
) -> Iterator[Problem]:
    """Compare the GPU that is stated with the one that is there.

    Memory is in GB (10^9 bytes).
    """
    found: list[tuple[str, float | int | None, float | int, bool]] = [
        (
            "compute_capability",
            hardware.compute_capability,
            capability,
            hardware.compute_capability != capability,
        ),
        ("memory_gb", hardware.memory_gb, round(memory_gb, 1), hardware.memory_gb > memory_gb),
        ("processes", hardware.processes, count, hardware.processes > count),
    ]
    for key, stated, there, differs in found:
        if differs:
            yield Problem(
                where=f"hardware.{key}",
                value=stated,
                wrong=f"the GPU that is here has {there:g}"
                if key != "processes"
                else f"there are {count} GPUs here",
                matters="number format, attention and the plan's memory follow from it",
                remedy=f"choose the --env of this machine, or --params=hardware.{key}={there:g}",
            )
