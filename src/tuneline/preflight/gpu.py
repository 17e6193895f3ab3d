"""The GPU that is there, held against the one that the environment states."""

from collections.abc import Iterator

from tuneline.errors import Problem
from tuneline.parameters import Hardware


def find_gpu_problems(hardware: Hardware) -> Iterator[Problem]:
    """Find what is wrong with the GPU that the environment asks for.

    Args:
        hardware: what is stated.

    Yields:
        That there is none, or in what it differs.
    """
    import torch

    if hardware.device == "cpu":
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


def compare_gpu(
    hardware: Hardware, capability: float, memory_gb: float, count: int
) -> Iterator[Problem]:
    """Compare the GPU that is stated with the one that is there.

    Args:
        hardware: what is stated.
        capability: compute capability of the GPU that is there.
        memory_gb: its memory (10^9 bytes).
        count: how many GPUs there are.

    Yields:
        What differs so that the plan would be wrong.
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
