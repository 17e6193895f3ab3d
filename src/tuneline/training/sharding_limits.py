"""What a base model that is divided among GPUs cannot be trained with."""

from collections.abc import Iterator
from pathlib import Path

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Hardware, Recipe
from tuneline.training.best_checkpoint import Choice

# Optimizers of PyTorch's own, which know weights that are divided. bitsandbytes' and torchao's have
# kernels that do not (bitsandbytes 0.50).
OPTIMIZERS = ("adamw_torch", "adamw_torch_fused", "sgd")
DIVIDED = "the model is divided among the GPUs (hardware.fsdp)"


def check_choice(run: Path, choice: Choice, hardware: Hardware) -> None:
    """Refuse to divide the model of a run that has begun with answers choosing its checkpoint.

    Raises:
        TunelineError: if it is.
    """
    if hardware.is_sharded and choice.metric == "chrf":
        raise TunelineError(
            Problem(
                where=str(run),
                wrong=f"answers choose the checkpoint of this run, which has begun, and {DIVIDED}",
                matters="a divided model answers no prompts while it is trained",
                remedy="go on where it began, or delete this folder to begin anew",
            )
        )


def find_sharding_problems(
    where: str, recipe: Recipe, hardware: Hardware, blocks: list[str] | None = None
) -> Iterator[Problem]:
    """Find what a recipe states that a divided model cannot be trained with.

    There are none of a model that is not divided. `blocks` are as `name_blocks` gives them; None
    where they are not known yet.
    """
    if not hardware.is_sharded:
        return
    if blocks == []:
        yield Problem(
            where=f"{where}.base_model",
            value=recipe.base_model,
            wrong=f"transformers names no blocks of layers of this architecture, and {DIVIDED}",
            matters="all of it would be gathered on each GPU at once, where it does not fit",
            remedy="take another base model, or set hardware.fsdp: false if it fits on one GPU",
        )
    quantization = recipe.quantization or {}
    stored = str(quantization.get("bnb_4bit_quant_storage", hardware.dtype)).split(".")[-1]
    if stored != hardware.dtype:
        yield Problem(
            where=f"{where}.quantization.bnb_4bit_quant_storage",
            value=stored,
            wrong=f"it is not hardware.dtype ({hardware.dtype}), and {DIVIDED}",
            matters="weights in another format than the computation's would not be divided, or be "
            "gathered more slowly",
            remedy="leave it out: it follows from hardware.dtype",
        )
    optimizer = str((recipe.model_extra or {}).get("optim", OPTIMIZERS[0]))
    if optimizer not in OPTIMIZERS:
        yield Problem(
            where=f"{where}.optim",
            value=optimizer,
            wrong=f"it does not know weights that are divided, and {DIVIDED}",
            matters="the first step would fail",
            remedy=f"choose one of {', '.join(OPTIMIZERS)}; of the optimizer's state, too, each "
            "GPU keeps its part alone",
        )
    if recipe.lora.get("init_lora_weights") == "loftq":
        yield Problem(
            where=f"{where}.lora.init_lora_weights",
            value="loftq",
            wrong=f"peft computes it from a whole model on one GPU, and {DIVIDED}",
            matters="the model does not fit there",
            remedy="leave it out",
        )
    if recipe.metric_for_best_model == "chrf":
        yield Problem(
            where=f"{where}.metric_for_best_model",
            value="chrf",
            wrong=f"a divided model answers no prompts while it is trained, and {DIVIDED}",
            matters="no answers would choose the checkpoint",
            remedy="set `loss`, or leave it out",
        )
