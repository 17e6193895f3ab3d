"""Disk space: where the hub's cache lies, and what may ever be removed."""

from typing import Literal

from pydantic import Field

from tuneline.parameters.base import Block, Seed


class Cleaning(Block):
    """The allow-list: what cleaning may remove. Whatever it does not name is never removed."""

    interrupted_downloads: bool = Field(
        default=False, description="parts of files in the hub's cache that no download writes to"
    )
    unreferenced_revisions: bool = Field(
        default=False,
        description="revisions of a cached repository that no branch or tag points to any more, "
        "while it has one that is pointed to",
    )
    unused_repos: list[str] = Field(
        default=[],
        description="hub ids or patterns (`owner/*`) of cached repositories; a model that is named "
        "in conf/ goes only if its whole id stands here",
    )
    unused_days: int = Field(
        default=30, ge=0, description="days after its last use that a repository is kept"
    )
    finished_runs: bool = Field(
        default=False, description="checkpoints of trainings that are through, with their adapter"
    )
    killed_runs: bool = Field(
        default=False,
        description="half-written files and temporary folders of processes that are no more",
    )


class Storage(Block):
    """Disk space on this machine."""

    hub_cache: str | None = Field(
        default=None, description="folder of the hub's cache; null: where huggingface_hub keeps it"
    )
    free_when_full: bool = Field(
        default=False,
        description="when a disk is full, remove from the hub's cache what `clean` allows and try "
        "once more",
    )
    clean: Cleaning = Field(default=Cleaning(), description="what cleaning may remove")


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
        description="the 16-bit original, for an adapter that was trained on a quantized "
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


class TinyBase(Block):
    """The tiny base model that laptops and tests train on; LlamaConfig's key names."""

    vocab_size: int = Field(gt=300, description="tokens")
    hidden_size: int = Field(gt=0, description="width")
    intermediate_size: int = Field(gt=0, description="inner width of the feed-forward network")
    num_hidden_layers: int = Field(gt=0, description="layers")
    num_attention_heads: int = Field(gt=0, description="query heads")
    num_key_value_heads: int = Field(gt=0, description="key and value heads")
    max_position_embeddings: int = Field(gt=0, description="longest text, in tokens")
    balance: float = Field(
        ge=0,
        le=1,
        description="1: every text is read once; 0: every use case as much as the largest",
    )
    steps: int = Field(gt=0, description="training steps")
    batch_size: int = Field(gt=0, description="sequences per step")
    sequence_length: int = Field(gt=0, description="tokens per sequence")
    learning_rate: float = Field(gt=0, description="of the training")
    seed: Seed = Field(default=3407, description="of weights and order")
