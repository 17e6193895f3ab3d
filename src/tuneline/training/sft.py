"""TRL's trainer with packing inside a step, an exact validation loss and sealed checkpoints.

The module imports TRL as it is loaded: import it where a training starts.
"""

import shutil
import time
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer
from transformers.trainer_callback import PrinterCallback
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from tuneline.errors import Problem, TunelineError
from tuneline.hub.download import retry_when_full
from tuneline.hub.gguf import locate_base
from tuneline.models.architecture import make_lora_config
from tuneline.models.fused_head import fit_head_to_cpu
from tuneline.models.packed_attention import attend_each_alone
from tuneline.parameters import Hardware, Recipe
from tuneline.training.batches import (
    count_passes,
    describe_validation,
    fill_bins,
    measure_lengths,
    measure_validation,
    split_batch,
)
from tuneline.training.best_checkpoint import ALL_THE_WAY, Watch
from tuneline.training.callbacks import EpochEnds, Gradients, Patience, TrainingProgress, Watchdog
from tuneline.training.checkpoints import SEAL, remove_old, seal
from tuneline.training.sft_arguments import derive_arguments
from tuneline.training.sharded_trainer import ShardedTrainer, make_config
from tuneline.training.sharding import even_out
from tuneline.training.validation_answers import keep_scores, score_share


def initialize_adapter(model: Any, recipe: Recipe) -> None:
    """Keep the adapter in float32, and start it as LoftQ does if the recipe asks for it.

    TRL casts the adapter of a quantized model to bfloat16; there, updates smaller than one bfloat16
    step are lost, and on a T4 the gradient scaler fails (trl issue 4901).
    """
    if recipe.lora.get("init_lora_weights") == "loftq" and not recipe.start_from:
        from peft import replace_lora_weights_loftq

        replace_lora_weights_loftq(model, _find_weights(recipe))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def _find_weights(recipe: Recipe) -> str:
    base = locate_base(recipe.base_model)
    if Path(base).is_dir():
        return base
    from huggingface_hub import snapshot_download

    return snapshot_download(recipe.base_model, revision=recipe.revision, local_files_only=True)


class SFTAdapterTrainer(ShardedTrainer):
    """Trains a LoRA adapter in float32 on a base model, which is frozen.

    `rows` has datasets of `input_ids` and `labels`; where answers choose the checkpoint, `asked`,
    too, as `list_asked` gives it. An interrupted run goes on at `checkpoint`.
    """

    control: Any

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        rows: dict[str, Any],
        folder: Path,
        recipe: Recipe,
        hardware: Hardware,
        checkpoint: Path | None,
        watch: Watch = ALL_THE_WAY,
    ) -> None:
        self.watch, self.asked = watch, rows.get("asked", [])
        arguments = derive_arguments(recipe, hardware, self.watch)
        if hardware.device == "cpu":
            fit_head_to_cpu()
            attend_each_alone()
        self.keep = arguments.pop("save_total_limit")  # only what is sealed may replace another
        arguments["eval_on_start"] = checkpoint is None
        self.recipe, self.hardware = recipe, hardware
        self.progress = TrainingProgress(hardware.price_per_hour, hardware.currency)
        self.flatten = DataCollatorForLanguageModeling(tokenizer.pad_token_id, padding_free=True)
        super().__init__(
            model,
            make_config(folder, arguments, hardware, model),
            data_collator=self.flatten if recipe.packing else None,
            train_dataset=rows["train"],
            eval_dataset=rows["validation"],
            processing_class=tokenizer,
            peft_config=make_lora_config(recipe, model),
            callbacks=[*_make_callbacks(recipe, self.watch), self.progress],
        )
        self.remove_callback(PrinterCallback)
        if hardware.gradient_checkpointing:
            # transformers does it as the training begins, and one step is measured before that.
            self.model.activation_checkpointing_enable(self.args.activation_checkpointing_kwargs)
        initialize_adapter(self.model, recipe)
        for config in self.model.peft_config.values():
            # A set has another order in each process, and a checkpoint would have other bytes.
            if isinstance(config.target_modules, set):
                config.target_modules = sorted(config.target_modules)
        self.watchdog = Watchdog(hardware.dtype, recipe.learning_rate)
        self.add_callback(Gradients(self.watchdog))
        self.started, self.seconds_before = time.monotonic(), 0.0

    def train(self, *args: Any, **options: Any) -> Any:
        """Train, and take the progress away however it ends."""
        try:
            return super().train(*args, **options)
        finally:
            self.progress.end()

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> Any:
        """Pass the examples of a step, or of one accumulation, forward and backward.

        `inputs` is a flattened batch when packing, else a padded one; `num_items_in_batch` counts
        the trained tokens of the whole step, over all processes. The loss is the mean over these,
        this batch's part of it.
        """
        parts = self._pack(inputs) if self.recipe.packing else [inputs]
        loss = sum(self._pass(model, part, num_items_in_batch) for part in parts[:-1])
        loss += super().training_step(model, parts[-1], num_items_in_batch)
        self.watchdog.check_loss(float(loss), self.state.global_step + 1)
        return loss

    def evaluate(
        self, eval_dataset: Any = None, ignore_keys: Any = None, metric_key_prefix: str = "eval"
    ) -> dict[str, float]:
        """Measure the validation loss, each token counting once, and the answers if they choose.

        The arguments of transformers are unused.

        Returns:
            `eval_loss` (nats per token), `eval_entropy`, `eval_mean_token_accuracy`; `eval_chrf`
            where answers choose the checkpoint and a step is done.
        """
        model = self.accelerator.unwrap_model(self.model)
        training = model.training
        model.eval()
        mine = range(self.args.process_index, len(self.eval_dataset), self.args.world_size)
        rows: Any = self.eval_dataset.select(mine)
        least = 1
        capacity = self.hardware.tokens_per_batch if self.recipe.packing else 0
        if self.hardware.is_sharded:
            rows = even_out(rows, self.eval_dataset, self.args.world_size)
            least = self._find_most(count_passes(rows, capacity))
        with self.compute_loss_context_manager():
            sums = measure_validation(model, rows, self.flatten, capacity, least)
        metrics = describe_validation(self.accelerator.reduce(sums, reduction="sum"))
        self.watchdog.check_validation_loss(metrics["eval_loss"], self.state.global_step)
        if self.watch.choice.metric == "chrf" and self.state.global_step:
            metrics |= self._measure_answers(model, metrics)
        self.log(metrics)
        model.train(training)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _measure_answers(self, model: Any, metrics: dict[str, float]) -> dict[str, float]:
        """Answer this process's share of the validation prompts, and score all of them."""
        share = range(self.args.process_index, len(self.asked), self.args.world_size)
        with self.compute_loss_context_manager():
            scores = score_share(
                *(model, self.processing_class, self.asked, share),
                *(self.watch.choice.generation, self.hardware),
            )
        scores = self.accelerator.reduce(scores, reduction="sum").tolist()
        if self.is_world_process_zero():
            kept = {"chrf": scores, "loss": metrics["eval_loss"]}
            keep_scores(Path(self.args.output_dir), self.state.global_step, kept)
        return {"eval_chrf": sum(scores) / len(scores)}

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log with the tokens and seconds so far, those before an interruption included."""
        logs["num_tokens"] = self._total_train_tokens
        logs["seconds"] = round(self.seconds_before + time.monotonic() - self.started, 3)
        super().log(logs, start_time)

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write no card: a checkpoint is not for publishing."""

    def create_optimizer(self, model: Any = None) -> Any:
        """Make the optimizer that the recipe names, with LoRA+ if it asks for it."""
        ratio = self.recipe.loraplus_lr_ratio
        if ratio is None or self.optimizer is not None:
            return super().create_optimizer(model)
        from peft.optimizers import create_loraplus_optimizer

        kind, settings = Trainer.get_optimizer_cls_and_kwargs(self.args, self.model)
        self.optimizer = create_loraplus_optimizer(
            self.model,
            kind,
            loraplus_lr_ratio=ratio,
            loraplus_weight_decay=self.args.weight_decay,
            **settings,
        )
        return self.optimizer

    def _pack(self, inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """Divide a step's examples into passes; every process makes as many as the others."""
        lengths, capacity = measure_lengths(inputs), self.hardware.tokens_per_batch
        bins = fill_bins(lengths, capacity)
        if self.args.world_size > 1:
            bins = fill_bins(lengths, capacity, least=self._find_most(len(bins)))
        return split_batch(inputs, bins)

    def _find_most(self, passes: int) -> int:
        """Find the number of passes of the process that has the most."""
        count = torch.tensor([passes], device=self.args.device)
        return int(self.accelerator.gather(count).max())

    def _pass(self, model: Any, part: dict[str, Any], tokens: Any) -> Any:
        """Pass one pack, leaving the exchange of gradients to the step's last one."""
        with self.accelerator.no_sync(model):
            return super().training_step(model, part, tokens)

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        best = bool(super()._determine_best_metric(metrics, trial))
        self.control.should_save = self.control.should_save or best
        return best

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        checkpoint = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        if self.args.should_save:
            (checkpoint / SEAL).unlink(missing_ok=True)
        save = super()._save_checkpoint
        self.gather(model)
        try:
            retry_when_full(lambda: save(model, trial), checkpoint)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                seal(checkpoint)
        except TunelineError:
            raise
        except Exception as error:  # tokenizers raises nothing more particular
            raise TunelineError(_format_unwritten(checkpoint, error)) from error
        finally:
            self.whole = None
            if self.args.should_save and not (checkpoint / SEAL).exists():
                shutil.rmtree(checkpoint, ignore_errors=True)  # nobody could go on from it
        if self.args.should_save:
            remove_old(checkpoint.parent, self.keep, self.state.best_global_step)


def _make_callbacks(recipe: Recipe, watch: Watch) -> list[Any]:
    stop_early = recipe.early_stopping_patience
    return [EpochEnds(watch), *([Patience(stop_early)] if stop_early else [])]


def _format_unwritten(checkpoint: Path, error: Exception) -> Problem:
    return Problem(
        where=str(checkpoint),
        wrong=f"the checkpoint could not be written ({' '.join(str(error).split())})",
        matters="a run that cannot save loses what it learns; the checkpoint before it is whole",
        remedy="free space on this disk and run the same command again; it goes on from there",
    )
