"""Trains in a process of its own, and kills itself (SIGKILL) at a given moment.

python -m tests.training.killed_run FOLDER MOMENT DTYPE MEMORY_GB
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.conftest import PROJECT, TINY_BASE, load_parameters
from tests.training.small_runs import shrink, train
from tuneline.parameters import Hardware
from tuneline.pipelines.train import nodes
from tuneline.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS
from tuneline.training import checkpoints, sft
from tuneline.training import run as fit


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_in_step_3() -> None:
    step = sft.SFTAdapterTrainer.training_step

    def killed(self: sft.SFTAdapterTrainer, *arguments: object) -> torch.Tensor:
        return die() if self.state.global_step == 2 else step(self, *arguments)  # type: ignore[return-value]

    sft.SFTAdapterTrainer.training_step = killed


def die_while_writing() -> None:
    save = torch.save

    def killed(value: object, path: object, *arguments: object, **options: object) -> None:
        save(value, path, *arguments, **options)  # type: ignore[arg-type]
        if "checkpoint-4/optimizer" in str(path):
            file = Path(str(path))
            file.write_bytes(file.read_bytes()[:1000])
            die()

    torch.save = killed


def die_before_sealing() -> None:
    seal = sft.seal
    sft.seal = lambda folder: die() if folder.name == "checkpoint-6" else seal(folder)


def die_while_removing() -> None:
    remove = checkpoints.shutil.rmtree

    def killed(folder: Path, *arguments: object, **options: object) -> None:
        if "checkpoint-" not in Path(folder).name:
            return remove(folder, *arguments, **options)
        next(Path(folder).glob("optimizer*")).unlink()
        return die()

    checkpoints.shutil.rmtree = killed


def die_before_it_is_through() -> None:
    fit.finish = die


def die_before_the_adapter_is_read() -> None:
    nodes.read_adapter = die


MOMENTS: dict[str, Callable[[], None]] = {
    function.__name__: function
    for function in (
        die_in_step_3,
        die_while_writing,
        die_before_sealing,
        die_while_removing,
        die_before_it_is_through,
        die_before_the_adapter_is_read,
    )
}


def main(
    folder: Path,
    moment: str,
    dtype: str,
    memory_gb: float,
    quantized: bool = True,
    start_from: str | None = None,
) -> None:
    loader = CONFIG_LOADER_CLASS(str(PROJECT / "conf"), env="test", **CONFIG_LOADER_ARGS)
    settings = loader["parameters"]
    recipe = load_parameters().recipe
    recipe = shrink(
        recipe,
        base_model=str(PROJECT / TINY_BASE),
        lora={**recipe.lora, "r": 8, "lora_dropout": 0.1},
        save_steps=2,
        **({} if quantized else {"quantization": None}),
        start_from=start_from,
    )
    machine = {"tokens_per_batch": 100, "dtype": dtype, "memory_gb": memory_gb}
    hardware = Hardware.model_validate({**settings["hardware"], **machine})
    if moment != "never":
        MOMENTS[moment]()
    adapter, _, _ = train(recipe, hardware, folder / "checkpoints")
    save_file(adapter.tensors, folder / "adapter.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4]))
