"""What is trained, how and on which machine, with bounds for the keys of the libraries."""

from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from tuneline.parameters.base import (
    Above0,
    AtLeast0,
    Block,
    Bounds,
    Seed,
    ShareBelow1,
    WholeAbove0,
    flatten,
)

# GPUs before it emulate bfloat16, slowly (NVIDIA's CUDA programming guide, compute capabilities).
BFLOAT16_CAPABILITY = 8.0
# Flags of processors that multiply matrices in bfloat16; others emulate it, four times slower.
BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16")
CPUINFO = Path("/proc/cpuinfo")


# What the plan chooses by its rules (`pipelines/plan/recipe_rules.py`).
Auto = Literal["auto"]
AUTO: Auto = "auto"


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
    metric_for_best_model: Literal["chrf", "loss"] | None = Field(
        default=None,
        description="what chooses the released checkpoint: `chrf`, of the answers to the "
        "validation prompts, or their `loss`; null: chrf where generating the answers is predicted "
        "to take less than a tenth of the training's time",
    )
    seed: Seed = Field(default=3407, description="of the training")


class Recipe(RecipeKeys):
    """What is trained and how: base model, quantization, LoRA, and every SFTConfig key."""

    quantization: dict[str, Any] | None = Field(
        description="keys of BitsAndBytesConfig, of which `load_in_4bit: true` is required; null: "
        "the base model as it is stored, in `hardware.dtype`; of a GGUF file, dequantized"
    )
    lora: dict[str, Any] = Field(description="keys of LoraConfig")
    global_batch_size: int = Field(
        gt=0, description="examples per optimizer step, on every machine the same"
    )
    max_length: int = Field(gt=0, description="longest example, prompt and completion, in tokens")
    num_train_epochs: float = Field(gt=0, description="how often every training example is seen")
    learning_rate: float = Field(
        gt=0, le=1, description="the largest step; `lr_scheduler_type` says how it changes"
    )

    @field_validator("metric_for_best_model", mode="before")
    @classmethod
    def _drop_prefix(cls, metric: Any) -> Any:
        """Take `eval_loss`, too: transformers knows it by both names."""
        return metric.removeprefix("eval_") if isinstance(metric, str) else metric

    @field_validator("quantization")
    @classmethod
    def _four_bits(cls, quantization: dict[str, Any] | None) -> dict[str, Any] | None:
        return quantization if quantization is None else _check_four_bits(quantization)


def _check_four_bits(quantization: dict[str, Any]) -> dict[str, Any]:
    if not quantization.get("load_in_4bit"):
        raise ValueError(
            "`load_in_4bit` is not true; Tuneline trains on a base model in 4 bits (QLoRA) or on "
            "one that is not quantized (LoRA); set `load_in_4bit: true`, or `quantization: null`"
        )
    return quantization


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
    global_batch_size: Annotated[int, Field(gt=0)] | Auto = Field(
        default=AUTO,
        description="examples per optimizer step, on every machine the same; auto: the plan "
        "chooses",
    )
    max_length: Annotated[int, Field(gt=0)] | Auto = Field(
        default=AUTO,
        description="longest example, prompt and completion, in tokens; auto: the plan chooses",
    )
    num_train_epochs: Annotated[float, Field(gt=0)] | Auto = Field(
        default=AUTO,
        description="how often every training example is seen; auto: the plan chooses",
    )
    learning_rate: Annotated[float, Field(gt=0, le=1)] | Auto = Field(
        default=AUTO,
        description="the largest step; `lr_scheduler_type` says how it changes; auto: the plan "
        "chooses",
    )

    @field_validator("quantization")
    @classmethod
    def _four_bits(cls, quantization: Any) -> Any:
        return _check_four_bits(quantization) if isinstance(quantization, dict) else quantization

    @field_validator("lora")
    @classmethod
    def _name_what_is_left_out(cls, lora: dict[str, Any]) -> dict[str, Any]:
        return {"r": AUTO, "lora_alpha": AUTO, "target_modules": AUTO, **lora}

    def list_auto(self) -> list[str]:
        """List the keys that are left to the plan, such as `learning_rate` and `lora.r`."""
        return [key for key, value in flatten(self.model_dump()).items() if value == AUTO]

    def fill(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Put chosen values in the place of `auto`, as far as they are there; the rest stays.

        Args:
            chosen: values by key, such as `learning_rate` and `lora.r`.
        """
        values = self.model_dump()
        for key in self.list_auto():
            *path, last = key.split(".")
            (values[path[0]] if path else values)[last] = chosen.get(key, AUTO)
        return values

    def settle(self, chosen: Mapping[str, Any]) -> Recipe:
        """Make a recipe with every value of stated and chosen ones; what is stated stays.

        Args:
            chosen: values by key, of all that is left to the plan.
        """
        return Recipe.model_validate(self.fill(chosen))


class Prompt(Block):
    """Templates over the columns of a row; `{title}` stands for the row's title."""

    system: str | None = Field(
        default=None, description="a system message before the prompt; null for none"
    )
    prompt: str = Field(description="what the model is asked")
    completion: str = Field(description="what it should answer")

    def placeholders(self) -> set[str]:
        """Name the columns that the templates use."""
        return {*_list_placeholders(self.system or ""), *self.text_columns()}

    def text_columns(self) -> list[str]:
        """List the columns of prompt and completion in their order, each once."""
        names = [*_list_placeholders(self.prompt), *_list_placeholders(self.completion)]
        return list(dict.fromkeys(names))


def _list_placeholders(template: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(template) if name is not None]


class Hardware(Block):
    """The machine: the same for every use case."""

    name: str = Field(description="as the plan and the report name the machine")
    device: Literal["cpu", "cuda"] = Field(description="where the model computes")
    compute_capability: float | None = Field(
        default=None, description="of the GPU, as NVIDIA lists it; null for a CPU"
    )
    dtype: Literal["float32", "float16", "bfloat16"] = Field(
        description="of the computation; left out, it follows from the GPU's compute capability or "
        "the processor's flags; the adapter and its optimizer are always float32"
    )
    memory_gb: float = Field(gt=0, description="memory of the device in GB (10^9 bytes)")
    processes: int = Field(
        default=1,
        ge=1,
        description="that train side by side on a machine, each on a device of its own",
    )
    machines: int = Field(default=1, ge=1, description="all alike, that train one adapter together")
    machine: int = Field(
        default=0,
        ge=0,
        description="which of them this one is; 0 is where the others meet, and writes the adapter",
    )
    rendezvous: str | None = Field(
        default=None,
        pattern=r"^[^\s:]+:\d{1,5}$",
        description="`host:port` of machine 0, as the others reach it",
    )
    fsdp: bool | Auto = Field(
        default=AUTO,
        description="divide the model among all processes (PyTorch's FSDP2, through Accelerate) "
        "instead of giving each of them a copy; auto: where the training is predicted not to fit "
        "on one GPU, and there are several",
    )
    tokens_per_batch: int = Field(
        gt=0,
        description="tokens that go through the model at once when examples are packed, and where "
        "prompts and references are read; a longer one goes alone",
    )
    per_device_train_batch_size: int = Field(
        gt=0,
        description="examples that go through at once when they are padded: in a training with "
        "`packing: false`",
    )
    per_device_eval_batch_size: int = Field(
        gt=0,
        description="prompts answered at once, or as many as `memory_gb` holds keys and values of",
    )
    vllm_python: str | None = Field(
        default=None,
        description="the Python of an environment that has vLLM, which then answers the "
        "evaluation's prompts; null: transformers does",
    )
    gradient_checkpointing: bool | Auto = Field(
        default=AUTO,
        description="compute activations again instead of keeping them: less memory, more time; "
        "auto: where the training is predicted not to fit without it",
    )
    attn_implementation: str = Field(
        description="as in `from_pretrained`; `auto` takes flash attention where it is installed "
        "and the GPU can, else PyTorch's sdpa"
    )
    teraflops: float | None = Field(
        default=None,
        gt=0,
        description="of each device in a training, from published runs: the plan's time follows "
        "from it until one was measured; null: not known",
    )
    price_per_hour: float | None = Field(
        default=None,
        ge=0,
        description="of the machine; then plan, progress and record know the cost; null: not known",
    )
    currency: str = Field(default="USD", description="of `price_per_hour`")

    @property
    def world_size(self) -> int:
        """How many processes train one adapter, on all machines."""
        return self.machines * self.processes

    @property
    def is_sharded(self) -> bool:
        """Whether the model is divided among the processes of a training."""
        return self.fsdp is True and self.world_size > 1

    @model_validator(mode="before")
    @classmethod
    def _derive_dtype(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("dtype"):
            return values
        return {**values, "dtype": derive_dtype(values.get("compute_capability"))}

    @model_validator(mode="after")
    def _device_is_whole(self) -> Self:
        if self.device == "cpu" and self.dtype == "float16":
            raise ValueError(
                "`dtype: float16` does not suit `device: cpu`; gradients that are too small for it "
                "would be lost; set `dtype: float32`, or bfloat16 where the processor has it"
            )
        if self.device == "cuda" and self.compute_capability is None:
            raise ValueError(
                "`compute_capability` is not stated; which number format and which attention "
                "kernels a GPU runs follows from it; state it (T4: 7.5, A100: 8.0, L4: 8.9)"
            )
        return self

    @model_validator(mode="after")
    def _machines_meet(self) -> Self:
        if self.machines > 1 and self.rendezvous is None:
            raise ValueError(
                "`rendezvous` is not stated; several machines would never find each other; state "
                "`host:port` of machine 0, such as `node0:29400`, the same on all of them"
            )
        if self.machine >= self.machines:
            raise ValueError(
                f"`machine: {self.machine}` is none of `machines: {self.machines}`; they are "
                "counted from 0; state the number of this one"
            )
        return self

    @model_validator(mode="after")
    def _model_can_be_divided(self) -> Self:
        if self.fsdp is True and self.device == "cpu":
            raise ValueError(
                "`fsdp: true` does not suit `device: cpu`; Accelerate divides a model among GPUs "
                "alone; leave it out"
            )
        if self.fsdp is True and self.world_size == 1:
            raise ValueError(
                "`fsdp: true` does not suit `processes: 1`; one GPU has nothing to divide a model "
                "with; state the number of GPUs, or leave `fsdp` out"
            )
        return self


def derive_dtype(compute_capability: float | None) -> str:
    """Derive the number format of the computation.

    Args:
        compute_capability: of the GPU; `None` for a CPU.

    Returns:
        bfloat16 where GPU or processor compute in it; else float16 on a GPU, float32 on a CPU.
    """
    if compute_capability is None:
        return "bfloat16" if list_bfloat16_flags() else "float32"
    return "bfloat16" if compute_capability >= BFLOAT16_CAPABILITY else "float16"


def list_bfloat16_flags() -> list[str]:
    """List what the processor has for products of matrices in bfloat16.

    Returns:
        Flags of Linux's `/proc/cpuinfo`; none on other systems.
    """
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return [flag for flag in BFLOAT16_FLAGS if flag in flags]


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
