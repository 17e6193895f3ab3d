"""What is trained and how."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tuneline.parameters.block import Seed


class Recipe(BaseModel):
    """What is trained and how: base model, quantisation, LoRA, and every SFTConfig key.

    Keys that are not listed here are SFTConfig's own; `upstream.py` checks them.
    """

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    base_model: str = Field(description="hub id, or a folder that starts from the project's")
    revision: str = Field(default="main", description="branch, tag or commit on the hub")
    quantization: dict[str, Any] = Field(
        description="keys of BitsAndBytesConfig; `load_in_4bit: true` is required"
    )
    lora: dict[str, Any] = Field(description="keys of LoraConfig")
    global_batch_size: int = Field(
        gt=0, description="examples per optimiser step, on every machine the same"
    )
    max_length: int = Field(gt=0, description="longest example, prompt and completion, in tokens")
    overflow: Literal["fail", "drop", "truncate"] = Field(
        default="fail",
        description="what to do with longer examples: leave out up to overflow_share and refuse "
        "more, leave out all, or cut them (they then end without an end token)",
    )
    overflow_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="with `overflow: fail`: share of training examples that may be left out",
    )
    packing: bool = Field(
        default=True,
        description="pack the examples of a step without padding; changes the speed alone",
    )
    chat_template_path: str | None = Field(
        default=None,
        description="file with a Jinja chat template, for a base model that has none",
    )
    loraplus_lr_ratio: float | None = Field(
        default=None, gt=0, description="LoRA+: learning rate of B over that of A (peft's name)"
    )
    early_stopping_patience: int | None = Field(
        default=None,
        gt=0,
        description="stop after so many evaluations without a better one (transformers' name)",
    )
    num_train_epochs: float = Field(gt=0, description="how often every training example is seen")
    learning_rate: float = Field(
        gt=0, le=1, description="the largest step; `lr_scheduler_type` says how it changes"
    )
    seed: Seed = Field(default=3407, description="of the training")

    @field_validator("quantization")
    @classmethod
    def _four_bits(cls, quantization: dict[str, Any]) -> dict[str, Any]:
        if not quantization.get("load_in_4bit"):
            raise ValueError(
                "`load_in_4bit` is not true; QLoRA is the one way Tuneline trains; "
                "set `load_in_4bit: true`"
            )
        return quantization
