"""A server that speaks OpenAI's protocol."""

from typing import Any

from pydantic import Field

from tuneline.parameters.block import Block


class Address(Block):
    """Where a server is, and how one deals with it."""

    base_url: str = Field(description="where the server answers, `/v1` included")
    model: str = Field(description="as the server names it")
    api_key_variable: str | None = Field(
        default=None, description="environment variable that holds the key; null for none"
    )
    concurrency: int = Field(default=8, gt=0, description="requests under way at once, at most")
    timeout_seconds: float = Field(default=120, gt=0, description="of one request")
    retries: int = Field(
        default=6, ge=0, description="of one request, with growing pauses: rate limits, time-outs"
    )


class Server(Address):
    """A server that writes: OpenAI, vLLM, Ollama, LM Studio, `transformers serve`."""

    structured: bool = Field(
        default=True, description="ask for JSON by schema; for servers that offer it"
    )
    sampling: dict[str, Any] = Field(
        default={}, description="temperature, max_tokens …: the openai client's own names"
    )
