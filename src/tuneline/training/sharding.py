"""A base model divided among the processes of a training: PyTorch's FSDP2, through Accelerate.

Every process holds a part of each weight. Before a block of layers computes, its weights are
gathered, and let go after it: all processes pass the same number of batches, or they would wait
for each other. What a process keeps on the disk is the same as without: the adapter, and the
optimizer's state, whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneline.models.architecture import name_blocks


def derive_sharding(model: Any) -> dict[str, Any]:
    """Derive what SFTConfig is told of it: keyword arguments."""
    blocks = {"transformer_layer_cls_to_wrap": name_blocks(model)}
    return {"fsdp": True, "fsdp_config": {"version": 2, **blocks}}


def keep_dtypes(arguments: Any) -> None:
    """Gather every weight in the format that it is stored in, and add gradients up in float32.

    Accelerate would cast all of them to `bf16`: 4-bit weights are no numbers of that format, and
    the adapter is in float32 on every machine. `autocast` decides what is computed in which format.
    """
    import torch
    from torch.distributed.fsdp import MixedPrecisionPolicy

    policy = MixedPrecisionPolicy(reduce_dtype=torch.float32)
    arguments.fsdp_plugin_args["mixed_precision_policy"] = policy


@dataclass(frozen=True)
class Whole:
    """What a checkpoint holds, gathered from all processes, on the CPU of each."""

    adapter: dict[str, Any]
    optimizer: dict[str, Any]


def gather_whole(model: Any, optimizer: Any) -> Whole:
    """Gather adapter and optimizer; every process calls it. The base model stays where it is."""
    trained = ((name, one) for name, one in model.named_parameters() if one.requires_grad)
    return Whole(
        adapter={name: _gather(one.detach()) for name, one in trained},
        optimizer=_map_tensors(_gather, optimizer.state_dict()),
    )


def _gather(tensor: Any) -> Any:
    from torch.distributed.tensor import DTensor

    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).cpu()


def _map_tensors(change: Callable[[Any], Any], value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: _map_tensors(change, one) for key, one in value.items()}
    return [_map_tensors(change, one) for one in value] if isinstance(value, list) else value


def load_optimizer(optimizer: Any, path: Path) -> None:
    """Load an optimizer's whole state, as `torch.save` wrote it; each process keeps its part."""
    import torch
    from torch.distributed.tensor import distribute_tensor

    state = torch.load(path, map_location="cpu", weights_only=True)
    for saved, group in zip(state["param_groups"], optimizer.param_groups, strict=True):
        for number, parameter in zip(saved["params"], group["params"], strict=True):
            mesh, placements = parameter.device_mesh, parameter.placements
            moments = state["state"].get(number, {})
            for key, value in moments.items():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    # All processes have read the same file: nothing need be sent.
                    moved = value.to(mesh.device_type)
                    moments[key] = distribute_tensor(moved, mesh, placements, src_data_rank=None)
    optimizer.load_state_dict(state)


def take_local(gradient: Any) -> Any:
    """Take the part of a gradient that this process holds; all of one that is not divided."""
    return gradient.to_local() if hasattr(gradient, "to_local") else gradient


def even_out(rows: Any, all_rows: Any, processes: int) -> Any:
    """Give every process as many of all rows, by adding some that have no labels."""
    missing = -(-len(all_rows) // processes) - len(rows)
    first = all_rows[0]
    unlabeled = {**first, "labels": [-100] * len(first["labels"])}
    return [*rows, *[unlabeled] * missing]
