"""TRL's trainer, set up from recipe and hardware."""

from typing import Any

import pandas as pd

from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.progress import make_progress
from tuneline.schedule import derive_accumulation

# Recipe keys that are Tuneline's own; all others go to SFTConfig as they are.
OWN_KEYS = {
    "base_model",
    "revision",
    "quantization",
    "lora",
    "global_batch_size",
    "overflow_share",
}
LOG_COLUMNS = [
    "step",
    "epoch",
    "loss",
    "eval_loss",
    "mean_token_accuracy",
    "eval_mean_token_accuracy",
    "entropy",
    "eval_entropy",
    "num_tokens",
    "learning_rate",
    "grad_norm",
]


def derive_arguments(recipe: Recipe, hardware: Hardware) -> dict[str, Any]:
    """Derive SFTConfig's arguments.

    Args:
        recipe: its upstream keys are passed on.
        hardware: decides batch, accumulation, precision and checkpointing.

    Returns:
        Keyword arguments for SFTConfig, without `output_dir`.
    """
    defaults = {
        "save_strategy": "no",
        "report_to": "none",
        "eval_on_start": True,
        # The rows come rendered: TRL would cut what is too long and not say so.
        "dataset_kwargs": {"skip_prepare_dataset": True},
    }
    derived = {
        "per_device_train_batch_size": hardware.per_device_train_batch_size,
        "per_device_eval_batch_size": hardware.per_device_eval_batch_size,
        "gradient_accumulation_steps": derive_accumulation(recipe, hardware),
        "gradient_checkpointing": hardware.gradient_checkpointing,
        "bf16": hardware.dtype == "bfloat16",
        "fp16": hardware.dtype == "float16",
        "use_cpu": hardware.device == "cpu",
        "dataloader_pin_memory": hardware.device == "cuda",
        "disable_tqdm": True,  # progress goes through logging, the same on terminal and notebook
    }
    return {**defaults, **recipe.model_dump(exclude=OWN_KEYS), **derived}


def build_trainer(
    model: Any,
    tokenizer: Any,
    rows: dict[str, Any],
    folder: str,
    recipe: Recipe,
    hardware: Hardware,
) -> Any:
    """Set up the trainer with a fresh adapter in float32.

    Args:
        model: the quantised base model.
        tokenizer: its tokenizer.
        rows: `train` and `validation` datasets of `input_ids` and `labels`.
        folder: where the trainer may write while it runs.
        recipe: what is trained and how.
        hardware: the machine.

    Returns:
        An SFTTrainer.
    """
    from peft import LoraConfig
    from transformers.trainer_callback import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    trainer = SFTTrainer(
        model,
        SFTConfig(output_dir=folder, **derive_arguments(recipe, hardware)),
        train_dataset=rows["train"],
        eval_dataset=rows["validation"],
        processing_class=tokenizer,
        peft_config=LoraConfig(task_type="CAUSAL_LM", **recipe.lora),
        callbacks=[make_progress()],
    )
    trainer.remove_callback(PrinterCallback)
    _cast_adapter(trainer.model)
    return trainer


def read_log(trainer: Any) -> pd.DataFrame:
    """Read the trainer's log as a table.

    Args:
        trainer: a trainer that has run.

    Returns:
        One row a logged step, step 0 for the base model; see `LOG_COLUMNS`.
    """
    entries = pd.DataFrame(trainer.state.log_history)
    return entries.groupby("step", as_index=False).first().reindex(columns=LOG_COLUMNS)


def _cast_adapter(model: Any) -> None:
    """Keep the adapter in float32.

    TRL casts it to bfloat16 for a quantised model; there, updates smaller than one bfloat16 step
    are lost, and on a T4 the gradient scaler fails (trl issue 4901).
    """
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
