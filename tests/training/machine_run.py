"""Trains as one of several machines, all of them this one."""

import sys
from pathlib import Path

from tests.conftest import PROJECT, TINY_BASE, load_parameters
from tests.training.small_runs import shrink, train
from tuneline.parameters import Hardware
from tuneline.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS
from tuneline.utils.terminal import StopCommandError


def main(folder: Path, machine: int, rendezvous: str, machines: int = 2, **changes: object) -> None:
    loader = CONFIG_LOADER_CLASS(str(PROJECT / "conf"), env="test", **CONFIG_LOADER_ARGS)
    recipe = load_parameters().recipe
    recipe = shrink(
        recipe,
        **{
            "base_model": str(PROJECT / TINY_BASE),
            "lora": {**recipe.lora, "r": 8, "lora_dropout": 0.1},
            "save_steps": 2,
            **changes,
        },
    )
    here = {"machines": machines, "machine": machine, "rendezvous": rendezvous}
    hardware = Hardware.model_validate(
        {**loader["parameters"]["hardware"], "tokens_per_batch": 100, **here}
    )
    try:
        adapter, _, facts = train(recipe, hardware, folder / "checkpoints")
    except StopCommandError as end:
        sys.stdout.write(f"{end} {end.status}\n")
        return
    from safetensors.torch import save_file

    save_file(adapter.tensors, folder / f"adapter-{machine}.safetensors")
    sys.stdout.write(f"{facts['steps']} steps\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
