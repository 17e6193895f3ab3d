"""The typed parameters: one model for each block of a use case's YAML, one for the machine.

A block is checked before any node runs. Keys that belong to an upstream library (LoraConfig,
SFTConfig, BitsAndBytesConfig, GenerationConfig) keep that library's names; `upstream.py` checks
them against the installed versions.
"""

from string import Formatter
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Block(BaseModel):
    """A block of parameters that knows all its keys and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rules(Block):
    """Cleaning rules, in the order in which they work; see `pipelines/prepare/rules.py`."""

    decode_entities: bool = True
    strip_tags: bool = True
    normalise_unicode: bool = True
    normalise_spaces: bool = True
    boilerplate: list[str] = Field(
        default=[], description="regular expressions of sentences that say nothing; removed"
    )
    drop_symbols: bool = Field(
        default=True, description="drop rows with a column of neither letters nor numbers"
    )
    drop_equal: bool = Field(default=True, description="drop rows whose columns all say the same")
    min_words: dict[str, int] = Field(default={}, description="least words, by column")
    max_characters: dict[str, int] = Field(default={}, description="most characters, by column")
    unique: str | None = Field(
        default=None, description="column whose repetitions, in any letter case, are dropped"
    )

    @field_validator("boilerplate")
    @classmethod
    def _patterns_compile(cls, patterns: list[str]) -> list[str]:
        import polars as pl

        for pattern in patterns:
            try:
                pl.Series([""]).str.contains(pattern)
            except pl.exceptions.ComputeError as error:
                raise ValueError(
                    f"`{pattern}` is no regular expression ({' '.join(str(error).split())}); "
                    "it could not be looked for; mend it (Rust's syntax, no look-around)"
                ) from None
        return patterns


class Split(Block):
    """How clean rows are sampled and divided.

    The test side is drawn first, so that it stays the same, or a part of the same, when the sample
    grows or shrinks.
    """

    sample: int | None = Field(
        default=None, gt=0, description="rows to use at most; null for all of them"
    )
    test: int = Field(gt=0, description="rows held out for the evaluation")
    validation: int = Field(gt=0, description="rows that watch the training")
    group: str = Field(description="column whose equal values stay on one side")
    seed: int = 3407


class Data(Block):
    """What is read from the raw rows, how it is cleaned and how it is divided."""

    id: str = Field(description="column that identifies a row")
    columns: list[str] = Field(min_length=1, description="text columns to read and clean")
    rules: Rules = Rules()
    split: Split

    @field_validator("columns")
    @classmethod
    def _columns_are_free(cls, columns: list[str]) -> list[str]:
        taken = {"line", "original", "problem", "reason"} & set(columns)
        if taken:
            raise ValueError(
                f"the name `{min(taken)}` is taken; Tuneline writes a column of that name itself; "
                "rename the field in the raw data"
            )
        return columns

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        if self.id in self.columns:
            raise ValueError(
                f"`{self.id}` is both `id` and one of `columns`; the id would be cleaned as text; "
                "leave it out of `columns`"
            )
        named = {*self.rules.min_words, *self.rules.max_characters, self.split.group}
        named |= {self.rules.unique} - {None}  # type: ignore[arg-type]
        unknown = sorted(named - set(self.columns))
        if unknown:
            raise ValueError(
                f"`{unknown[0]}` is none of the columns {self.columns}; a rule or a split that "
                "looks at a column that is not read would do nothing; name one of `columns`"
            )
        return self


class Prompt(Block):
    """Templates over the columns of a row; `{title}` stands for the row's title."""

    system: str | None = None
    prompt: str
    completion: str

    def placeholders(self) -> set[str]:
        """Name the columns that the templates use."""
        texts = [self.system or "", self.prompt, self.completion]
        return {
            name for text in texts for _, name, _, _ in Formatter().parse(text) if name is not None
        }


class Recipe(BaseModel):
    """What is trained and how: base model, quantisation, LoRA, and every SFTConfig key.

    Keys that are not listed here are SFTConfig's own; `upstream.py` checks them.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    base_model: str = Field(description="hub id, or a folder that starts from the project's")
    revision: str = Field(default="main", description="branch, tag or commit on the hub")
    quantization: dict[str, Any] = Field(description="BitsAndBytesConfig")
    lora: dict[str, Any] = Field(description="LoraConfig")
    global_batch_size: int = Field(
        gt=0, description="examples per optimiser step, on every machine the same"
    )
    max_length: int = Field(gt=0, description="longest example, prompt and completion, in tokens")
    overflow_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="share of examples that may be left out as longer than max_length; "
        "the plan refuses more",
    )
    num_train_epochs: float = Field(gt=0)
    learning_rate: float = Field(gt=0, le=1)
    seed: int = 3407

    @field_validator("quantization")
    @classmethod
    def _four_bits(cls, quantization: dict[str, Any]) -> dict[str, Any]:
        if not quantization.get("load_in_4bit"):
            raise ValueError(
                "`load_in_4bit` is not true; QLoRA is the one way Tuneline trains; "
                "set `load_in_4bit: true`"
            )
        return quantization


class Evaluation(Block):
    """How base and tuned model answer the held-out prompts."""

    title: str = Field(description="heading of the report")
    generation: dict[str, Any] = Field(description="GenerationConfig; the same for both models")
    confidence: float = Field(default=0.95, gt=0, lt=1, description="of the intervals")
    resamples: int = Field(default=2000, ge=100, description="bootstrap resamples")
    seed: int = 3407


class Hardware(Block):
    """The machine: the same for every use case."""

    name: str = Field(description="as the plan and the report name the machine")
    device: Literal["cpu", "cuda"]
    dtype: Literal["float32", "float16", "bfloat16"] = Field(
        description="of the computation; the adapter is always float32"
    )
    memory_gb: float = Field(gt=0, description="memory of the device in GB (10^9 bytes)")
    per_device_train_batch_size: int = Field(gt=0)
    per_device_eval_batch_size: int = Field(gt=0)
    gradient_checkpointing: bool
    attn_implementation: str = Field(description="as in `from_pretrained`")

    @model_validator(mode="after")
    def _dtype_suits_device(self) -> Self:
        if self.device == "cpu" and self.dtype != "float32":
            raise ValueError(
                f"`dtype: {self.dtype}` does not suit `device: cpu`; 4-bit training on a CPU is "
                "exact in float32 only; set `dtype: float32`"
            )
        return self


class TinyBase(Block):
    """The tiny base model that laptops and tests train on; LlamaConfig's key names."""

    vocab_size: int = Field(gt=300)
    hidden_size: int = Field(gt=0)
    intermediate_size: int = Field(gt=0)
    num_hidden_layers: int = Field(gt=0)
    num_attention_heads: int = Field(gt=0)
    num_key_value_heads: int = Field(gt=0)
    max_position_embeddings: int = Field(gt=0)
    steps: int = Field(gt=0)
    batch_size: int = Field(gt=0, description="sequences per step")
    sequence_length: int = Field(gt=0, description="tokens per sequence")
    learning_rate: float = Field(gt=0)
    seed: int = 3407


class UseCase(Block):
    """All blocks of one use case, in the order in which its YAML states them."""

    data: Data
    prompt: Prompt
    recipe: Recipe
    evaluation: Evaluation

    @model_validator(mode="after")
    def _placeholders_are_columns(self) -> Self:
        unknown = sorted(self.prompt.placeholders() - set(self.data.columns))
        if unknown == [""]:
            raise ValueError(
                "`prompt` holds a placeholder without a name; it could not be filled; name a "
                "column, as in `{title}`, and write a brace itself as `{{` or `}}`"
            )
        if unknown:
            raise ValueError(
                f"the placeholder `{{{unknown[0]}}}` in `prompt` is none of the columns "
                f"{self.data.columns}; the prompt could not be filled; name one of `data.columns`"
            )
        return self
