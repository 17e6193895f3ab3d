"""What is trained and how, with bounds for the keys of the libraries."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    field_validator,
)

from tuneline.parameters.base import (
    AUTO,
    Above0,
    AtLeast0,
    Auto,
    Bounds,
    Seed,
    ShareBelow1,
    WholeAbove0,
    flatten,
)

Rate = Annotated[float, Field(gt=0, le=1)]


class RecipeKeys(BaseModel):
    """What a recipe states by itself; every key that is not listed here is SFTConfig's own.

    `checks/library_keys.py` checks those.
    """

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    method: Literal["sft"] = Field(
        default="sft", description="how it learns: sft, supervised fine-tuning on completions"
    )
    base_model: str = Field(
        description="hub id; or a path that starts from the project's folder: of a folder in "
        "transformers' format, or of a GGUF file; an installed package may hold it"
    )
    revision: str = Field(default="main", description="branch, tag or commit on the hub")
    start_from: str | None = Field(
        default=None,
        description="folder of an adapter that is trained further, seen from the project's folder; "
        "of the same base model, template, rank, target modules and alpha; null: a new one",
    )
    overlong: Literal["fail", "drop", "truncate"] = Field(
        default="fail",
        description="what to do with longer examples: leave out up to max_overlong_fraction and "
        "refuse more, leave out all, or cut them (they then end without an end token)",
    )
    max_overlong_fraction: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="with `overlong: fail`: share of training examples that may be left out",
    )
    packing: bool = Field(
        default=True,
        description="pack the examples of a step without padding; changes the speed alone",
    )
    chat_template_path: str | None = Field(
        default=None, description="file with a Jinja chat template, for a base model that has none"
    )
    loraplus_lr_ratio: float | None = Field(
        default=None, gt=0, description="LoRA+: learning rate of B over that of A (peft's name)"
    )
    early_stopping_patience: int | None = Field(
        default=None,
        gt=0,
        description="stop after so many evaluations without a better one (transformers' name)",
    )
    metric_for_best_model: Literal["chrf", "loss"] | None = Field(
        default=None,
        description="what chooses the released checkpoint: `chrf`, of the answers to the "
        "validation prompts, or their `loss`; null: chrf where generating the answers is predicted "
        "to take less than a tenth of the training's time",
    )
    seed: Seed = Field(default=3407, description="of the training")

    @field_validator("quantization", check_fields=False)
    @classmethod
    def _four_bits(cls, quantization: Any) -> Any:
        if isinstance(quantization, dict) and not quantization.get("load_in_4bit"):
            raise ValueError(
                "`load_in_4bit` is not true; Tuneline trains on a base model in 4 bits (QLoRA) or "
                "on one that is not quantized (LoRA); set `load_in_4bit: true`, or "
                "`quantization: null`"
            )
        return quantization


class Recipe(RecipeKeys):
    """What is trained and how: base model, quantization, LoRA, and every SFTConfig key.

    `StatedRecipe` describes the keys.
    """

    quantization: dict[str, Any] | None
    lora: dict[str, Any]
    global_batch_size: PositiveInt
    max_length: PositiveInt
    num_train_epochs: PositiveFloat
    learning_rate: Rate


class StatedRecipe(RecipeKeys):
    """A recipe as YAML states it: `auto` is what the plan chooses, and writes down with its reason.

    Of `lora`, `r`, `lora_alpha` and `target_modules` are `auto`, too, where they are left out.
    """

    quantization: dict[str, Any] | Auto | None = Field(
        default=AUTO,
        description="keys of BitsAndBytesConfig, of which `load_in_4bit: true` is required; null: "
        "the base model as it is stored, in `hardware.dtype`; of a GGUF file, dequantized; auto: "
        "the plan chooses",
    )
    lora: dict[str, Any] = Field(
        default={},
        validate_default=True,
        description="keys of LoraConfig; left out, `r`, `lora_alpha` and `target_modules` are auto",
    )
    global_batch_size: PositiveInt | Auto = Field(
        default=AUTO,
        description="examples per optimizer step, on every machine the same; auto: the plan "
        "chooses",
    )
    max_length: PositiveInt | Auto = Field(
        default=AUTO,
        description="longest example, prompt and completion, in tokens; auto: the plan chooses",
    )
    num_train_epochs: PositiveFloat | Auto = Field(
        default=AUTO, description="how often every training example is seen; auto: the plan chooses"
    )
    learning_rate: Rate | Auto = Field(
        default=AUTO,
        description="the largest step; `lr_scheduler_type` says how it changes; auto: the plan "
        "chooses",
    )

    @field_validator("lora")
    @classmethod
    def _name_what_is_left_out(cls, lora: dict[str, Any]) -> dict[str, Any]:
        return {"r": AUTO, "lora_alpha": AUTO, "target_modules": AUTO, **lora}

    def list_auto(self) -> list[str]:
        """List the keys that are left to the plan, such as `learning_rate` and `lora.r`."""
        return [key for key, value in flatten(self.model_dump()).items() if value == AUTO]

    def fill(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Put chosen values in the place of `auto`, as far as they are there; the rest stays.

        Keys are such as `learning_rate` and `lora.r`.
        """
        values = self.model_dump()
        for key in self.list_auto():
            *path, last = key.split(".")
            (values[path[0]] if path else values)[last] = chosen.get(key, AUTO)
        return values

    def settle(self, chosen: Mapping[str, Any]) -> Recipe:
        """Make a recipe with every value of stated and chosen ones; what is stated stays."""
        return Recipe.model_validate(self.fill(chosen))


def _check_steps(steps: int) -> int:
    if steps != -1 and steps < 1:
        raise ValueError("Input should be greater than 0, or -1 for as many as the epochs have")
    return steps


class LoraBounds(Bounds):
    """Keys of LoraConfig."""

    r: Annotated[int, Field(ge=1)] = 8
    lora_alpha: Above0 = None
    lora_dropout: ShareBelow1 = None


class TrainingBounds(Bounds):
    """Keys of SFTConfig."""

    max_steps: Annotated[int, AfterValidator(_check_steps)] = -1
    warmup_steps: AtLeast0 = None
    logging_steps: Above0 = None
    eval_steps: Above0 = None
    save_steps: Above0 = None
    save_total_limit: WholeAbove0 = None
    weight_decay: AtLeast0 = None
    max_grad_norm: AtLeast0 = None
    adam_beta1: ShareBelow1 = None
    adam_beta2: ShareBelow1 = None
    adam_epsilon: Above0 = None
    label_smoothing_factor: ShareBelow1 = None
    neftune_noise_alpha: Above0 = None
    data_seed: Seed | None = None
