"""The merge of an adapter into its base model."""

from typing import Literal

from pydantic import Field

from tuneline.parameters.block import Block


class Gguf(Block):
    """The conversion for llama.cpp and Ollama."""

    converter: str | None = Field(
        default=None,
        description="path of llama.cpp's `convert_hf_to_gguf.py`, or of a program that takes its "
        "arguments; null: the one on PATH, and no GGUF file where there is none",
    )
    type: Literal["f16", "bf16", "q8_0"] = Field(description="the converter's --outtype")


class Merge(Block):
    """What an adapter is merged into, and how the merged model is checked."""

    into: Literal["quantized", "original"] = Field(
        default="quantized",
        description="`quantized`: the base model's 4-bit weights, dequantized, which the adapter "
        "was trained and judged with; `original`: its 16-bit weights, on which it was not judged",
    )
    base_model: str | None = Field(
        default=None,
        description="the 16-bit original, for an adapter that was trained on a quantised "
        "repository; null: the recipe's base model",
    )
    revision: str = Field(default="main", description="of `base_model`")
    dtype: Literal["bfloat16", "float16", "float32"] | None = Field(
        default=None,
        description="null: the base model's own; bfloat16 for one that is stored in float32",
    )
    max_shard_size: str = Field(
        pattern=r"^\d+(KB|MB|GB)$",
        description="of a file of the merged model; what the merge holds in memory at once "
        "(transformers' name)",
    )
    prompts: int = Field(gt=0, description="held-out examples that both models answer")
    gguf: Gguf = Field(description="one file for llama.cpp and Ollama")
