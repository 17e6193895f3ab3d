"""Whether an adapter's weights are what its config says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneline.errors import Problem

A, B = ".lora_A.weight", ".lora_B.weight"


def find_weight_problems(path: Path, config: dict[str, Any]) -> Iterator[Problem]:
    """Find what is wrong with an adapter's weights.

    Args:
        path: a safetensors file; it is cut if its header promises more than there is.
        config: LoraConfig as plain values; the rank and what else is saved.

    Yields:
        Unreadable file, wrong rank, whole layers that nobody asked for, numbers that are none, an
        adapter that was never trained.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    except (SafetensorError, OSError) as error:
        yield _problem(path, f"it cannot be read ({error})", "it was cut or changed")
        return
    yield from _find_shape_problems(path, tensors, config)
    odd = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if odd:
        yield _problem(
            path, f"`{odd[0]}` holds values that are no numbers", "no answer would come of it"
        )
    if not any(tensor.any() for name, tensor in tensors.items() if name.endswith(B)):
        yield _problem(path, "every B of it is zero", "it was never trained and changes nothing")


def _find_shape_problems(
    path: Path, tensors: dict[str, Any], config: dict[str, Any]
) -> Iterator[Problem]:
    if not config.get("modules_to_save"):
        for name in sorted(name for name in tensors if ".lora_" not in name):
            megabytes = tensors[name].numel() * tensors[name].element_size() / 1e6
            yield _problem(
                path,
                f"`{name}` is a whole layer of the base model ({megabytes:,.1f} MB)",
                "an adapter of that size is no adapter any more",
            )
    if config.get("rank_pattern"):
        return
    rank = config["r"]
    for name, tensor in tensors.items():
        found = {A: tensor.shape[0], B: tensor.shape[-1]}
        wrong = [size for ending, size in found.items() if name.endswith(ending) and size != rank]
        if wrong:
            yield _problem(
                path,
                f"`{name}` has rank {wrong[0]}, the config says r = {rank}",
                "weights and config belong to two adapters",
            )
            return


def _problem(path: Path, wrong: str, matters: str) -> Problem:
    remedy = "run `kedro run --pipeline=train` again, then evaluate and publish"
    return Problem(where=path.name, wrong=wrong, matters=matters, remedy=remedy)
