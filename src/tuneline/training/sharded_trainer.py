"""How TRL's trainer writes and reads the checkpoints of a model that is divided among processes.

The module imports TRL as it is loaded: import it where a training starts.
"""

from pathlib import Path
from typing import Any

import torch
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME
from trl import SFTConfig, SFTTrainer

from tuneline.hub.gguf_conversion import quiet_transformers
from tuneline.parameters import Hardware
from tuneline.training.sharding import (
    Whole,
    derive_sharding,
    gather_whole,
    keep_dtypes,
    load_optimizer,
)


def make_config(folder: Path, arguments: dict[str, Any], hardware: Hardware, model: Any) -> Any:
    """Make TRL's config, with what it is told of a model that is divided."""
    if not hardware.is_sharded:
        return SFTConfig(output_dir=str(folder), **arguments)
    with quiet_transformers():  # which advises to a checkpointing that draws dropout anew
        config = SFTConfig(output_dir=str(folder), **arguments, **derive_sharding(model))
    keep_dtypes(config)
    return config


class ShardedTrainer(SFTTrainer):  # type: ignore[misc]
    """Writes checkpoints that are the same whether a model is divided or not.

    So a run goes on with any number of processes, and the adapter is one file. The trainer itself
    would gather the base model, too, at every checkpoint.
    """

    hardware: Hardware
    optimizer: Any
    lr_scheduler: Any
    whole: Whole | None = None

    def gather(self, model: Any) -> None:
        """Gather what a checkpoint holds; every process calls it, before one of them writes."""
        if self.hardware.is_sharded:
            self.whole = gather_whole(model, self.optimizer)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the adapter."""
        if self.whole is None:
            super().save_model(output_dir, _internal_call)
        else:
            self._save(output_dir, state_dict=self.whole.adapter)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self.whole is None:
            super()._save_optimizer_and_scheduler(output_dir)
        elif self.args.should_save:
            torch.save(self.whole.optimizer, Path(output_dir) / OPTIMIZER_NAME)
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER_NAME)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if not self.hardware.is_sharded:  # else it was loaded before the model was divided
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None or not self.hardware.is_sharded:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        load_optimizer(self.optimizer, Path(checkpoint) / OPTIMIZER_NAME)
        schedule = torch.load(Path(checkpoint) / SCHEDULER_NAME, weights_only=True)
        self.lr_scheduler.load_state_dict(schedule)
