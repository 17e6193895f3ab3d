"""Servers, what they cost, and what is asked of them: moderation, fine-tuning."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tuneline.parameters.base import Block, Seed


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
