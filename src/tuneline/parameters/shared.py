"""Blocks that all use cases share: servers, prices, API fine-tuning, disks, merge, tiny base."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tuneline.parameters.base import Block, Seed
from tuneline.parameters.recipe import Recipe


class Server(Block):
    """An OpenAI-compatible server: OpenAI, vLLM, Ollama, LM Studio, `transformers serve`."""

    base_url: str = Field(
        pattern="^https?://", description="where the server answers, `/v1` included"
    )
    model: str = Field(min_length=1, description="as the server names it")
    api_key_variable: str | None = Field(
        default=None, description="environment variable that holds the key; null for none"
    )
    concurrency: int = Field(default=8, gt=0, description="requests under way at once, at most")
    timeout_seconds: float = Field(default=120, gt=0, description="of one request")
    retries: int = Field(
        default=6, ge=0, description="of one request, with growing pauses: rate limits, time-outs"
    )
    structured: bool = Field(
        default=True, description="ask for JSON by schema; false for servers that do not offer it"
    )
    sampling: dict[str, Any] = Field(
        default={}, description="temperature, max_tokens …: the openai client's own names"
    )


class Moderation(Block):
    """How each conversation is moderated before it may be trained on."""

    by: Literal["list", "server", "none"] = Field(
        description="words and patterns below, a moderation endpoint, or nobody"
    )
    categories: dict[str, list[str]] = Field(
        default={}, description="regular expressions by category, for `by: list`; any letter case"
    )
    server: Server | None = Field(
        default=None, description="OpenAI's moderation endpoint, or one like it"
    )

    @field_validator("categories")
    @classmethod
    def _patterns_compile(cls, categories: dict[str, list[str]]) -> dict[str, list[str]]:
        import re

        for pattern in (one for patterns in categories.values() for one in patterns):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(
                    f"`{pattern}` is no regular expression ({error}); it could not be looked for; "
                    "fix it"
                ) from None
        return categories

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.by == "list" and not self.categories:
            raise ValueError(
                "`by: list` has no `categories`; everything would be moderated unseen; list "
                "patterns, or say `by: none`"
            )
        if self.by == "server" and not self.server:
            raise ValueError(
                "`by: server` has no `server`; nothing could be asked; state its base_url and model"
            )
        return self


class Price(Block):
    """What one model costs, in US dollars for a million tokens."""

    input: float = Field(ge=0, description="tokens that are read")
    output: float = Field(ge=0, description="tokens that are written")
    batch_input: float = Field(
        ge=0, description="tokens read, through the provider's batch service"
    )
    batch_output: float = Field(ge=0, description="tokens written, likewise")
    training: float | None = Field(
        default=None, ge=0, description="tokens that are trained; null: it cannot be tuned"
    )
    tuned_input: float | None = Field(
        default=None, ge=0, description="tokens read by the tuned model"
    )
    tuned_output: float | None = Field(
        default=None, ge=0, description="tokens written by the tuned model"
    )

    @model_validator(mode="after")
    def _tuned_models_have_prices(self) -> Self:
        if self.training is not None and (self.tuned_input is None or self.tuned_output is None):
            raise ValueError(
                "`training` has a price, `tuned_input` or `tuned_output` has none; the tuned "
                "model's answers could not be priced; state all three"
            )
        return self


class Prices(Block):
    """The price table, and how tokens are estimated before a server counts them."""

    as_of: str = Field(description="when the prices were read")
    characters_per_token: float = Field(
        gt=0, description="assumption of every estimate; it depends on the language"
    )
    models: dict[str, Price] = Field(description="by the model's name, without its date")


class FinetuneAPI(Block):
    """The other way to train: upload the examples, let the provider tune its own model."""

    dry_run: bool = Field(description="true: check and price everything, send nothing")
    server: Server = Field(description="its `model` is the one to tune")
    max_tokens_per_example: int = Field(gt=0, description="the provider's limit")
    min_examples: int = Field(gt=0, description="the provider's least number of examples")
    budget: float = Field(gt=0, description="US dollars that the training may cost")
    hyperparameters: dict[str, Any] = Field(
        default={}, description="n_epochs, batch_size, learning_rate_multiplier: the API's names"
    )
    default_epochs: int = Field(
        gt=0, description="assumption of the price where n_epochs is left to the provider"
    )
    poll_seconds: float = Field(gt=0, description="how often the job is looked at")
    moderation: Moderation = Field(description="who clears each conversation before the upload")
    seed: Seed = Field(default=3407, description="of the tuning job")


class Cleanup(Block):
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
        "in conf/ goes only if its whole id is here",
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
    clean: Cleanup = Field(default=Cleanup(), description="what cleaning may remove")


class Gguf(Block):
    """The files for llama.cpp and Ollama."""

    llama_cpp: str | None = Field(
        default=None,
        description="folder with llama.cpp's `convert_hf_to_gguf.py`, which makes the files, and "
        "libllama, which rounds them and answers with them; null: the folder `llama.cpp`, and no "
        "GGUF file where there is none",
    )
    types: list[Literal["f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m"]] = Field(
        min_length=1, description="one file each; Modelfile and commands name the first"
    )

    @field_validator("types")
    @classmethod
    def _types_differ(cls, types: list[str]) -> list[str]:
        return list(dict.fromkeys(types))


class Merge(Block):
    """What an adapter is merged into, and how the merged model is checked."""

    into: Literal["quantized", "original"] = Field(
        default="quantized",
        description="`quantized`: the base model's 4-bit weights, dequantized, which the adapter "
        "was trained and judged with; `original`: its 16-bit weights, on which it was not judged; "
        "the same for an adapter of a base model that is not quantized",
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
    gguf: Gguf = Field(description="files for llama.cpp and Ollama")

    def name_base(self, recipe: Recipe) -> tuple[str, Recipe]:
        """Name what a recipe's adapter is merged into: the parameter that states it, the model."""
        if self.base_model is None:
            return "recipe.base_model", recipe
        base = {"base_model": self.base_model, "revision": self.revision}
        return "merge.base_model", recipe.model_copy(update=base)


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
