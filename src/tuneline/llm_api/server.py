"""Any OpenAI-compatible server, through the openai client."""

import inspect
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from tuneline.errors import Problem, suggest
from tuneline.llm_api.client import Failure, Request, Response, call, make_client
from tuneline.parameters import Server

# Tuneline states these itself.
OWN_KEYS = {"messages", "model", "response_format", "stream", "n", "self", "extra_headers"}


class ServerProvider:
    """Answers requests through a server's chat completions. See `Provider`.

    Args:
        server: where it is and how it is asked.
        where: name of the parameter block, for messages.
    """

    def __init__(self, server: Server, where: str) -> None:
        self._server = server
        self._where = where
        self.concurrency = server.concurrency

    @property
    def identity(self) -> dict[str, Any]:
        """Model and sampling; not the address, from which the same model may move."""
        return self._server.model_dump(include={"model", "sampling", "structured"})

    def ask(self, request: Request) -> Response | Failure:
        """Answer one request."""
        arguments = self._arguments(request)
        completion = call(
            lambda: self._client.chat.completions.create(**arguments), self._server, self._where
        )
        if isinstance(completion, Failure):
            return completion
        return _read(completion, self._server.model)

    @cached_property
    def _client(self) -> Any:
        return make_client(self._server)

    def _arguments(self, request: Request) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "model": self._server.model,
            "messages": request.messages,
            # A server that honors it answers a repeated request without charging for it again.
            "extra_headers": {"Idempotency-Key": request.key(self.identity)},
            **self._server.sampling,
        }
        if request.schema and self._server.structured:
            arguments["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": request.step, "schema": request.schema, "strict": True},
            }
        return arguments


def find_sampling_problems(sampling: dict[str, Any], where: str) -> Iterator[Problem]:
    """Find sampling keys that the installed openai client does not take.

    Args:
        sampling: keys and values.
        where: the parameter.

    Yields:
        Problems.
    """
    from openai.resources.chat import Completions

    known = set(inspect.signature(Completions.create).parameters) - OWN_KEYS
    for key in sorted(set(sampling) - known):
        yield Problem(
            where=f"{where}.{key}",
            value=sampling[key],
            wrong="the openai client knows no such key, or Tuneline sets it itself",
            matters="no request could be sent",
            remedy=f"{suggest(key, known)}; a server's own keys go under `extra_body`",
        )


def _read(completion: Any, model: str) -> Response | Failure:
    """Take what matters out of a completion, any part of which may be missing."""
    choices = getattr(completion, "choices", None)
    if not choices or not choices[0].message:
        return Failure("the response holds no message")
    message, usage = choices[0].message, completion.usage
    return Response(
        text=message.content or "",
        model=completion.model or model,
        finish_reason=choices[0].finish_reason or "stop",
        refusal=getattr(message, "refusal", None),
        prompt_tokens=usage.prompt_tokens if usage else None,
        completion_tokens=usage.completion_tokens if usage else None,
    )
