"""OpenAI-compatible servers, through the openai client: chat completions."""

import inspect
import os
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from tuneline.errors import Problem, TunelineError, suggest
from tuneline.llm_api.requests import Failure, Request, Response
from tuneline.parameters import Server

if TYPE_CHECKING:
    import openai

Answer = TypeVar("Answer")

# Tuneline states these itself.
OWN_KEYS = {"messages", "input", "model", "response_format", "stream", "n", "self", "extra_headers"}


class ServerProvider:
    """Responds to requests through a server's chat completions. See `Provider`."""

    def __init__(self, server: Server, where: str) -> None:
        self._server = server
        self._where = where
        self.concurrency = server.concurrency

    @property
    def identity(self) -> dict[str, Any]:
        """Model and sampling; not the address, from which the same model may move."""
        return self._server.model_dump(include={"model", "sampling", "structured"})

    def ask(self, request: Request) -> Response | Failure:
        """Ask once; the client repeats what fails on the way."""
        answer = call(lambda: self._send(request), self._server, self._where)
        return answer if isinstance(answer, Failure) else self._read(answer)

    @cached_property
    def _client(self) -> Any:
        return make_client(self._server)

    def _send(self, request: Request) -> Any:
        arguments: dict[str, Any] = {}
        if request.schema and self._server.structured:
            arguments["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": request.step, "schema": request.schema, "strict": True},
            }
        return self._client.chat.completions.create(
            model=self._server.model,
            messages=request.messages,
            # A server that honors it answers a repeated request without charging for it again.
            extra_headers={"Idempotency-Key": request.key(self.identity)},
            **arguments,
            **self._server.sampling,
        )

    def _read(self, completion: Any) -> Response | Failure:
        """Take what matters out of a completion, any part of which may be missing."""
        choices = getattr(completion, "choices", None)
        if not choices or not choices[0].message:
            return Failure("the response holds no message")
        message, usage = choices[0].message, completion.usage
        return Response(
            text=message.content or "",
            model=completion.model or self._server.model,
            finish_reason=choices[0].finish_reason or "stop",
            refusal=getattr(message, "refusal", None),
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
        )


def make_client(server: Server) -> "openai.OpenAI":
    """Build an openai client, with its own retries: growing pauses, `Retry-After` obeyed."""
    from openai import OpenAI

    variable = server.api_key_variable
    return OpenAI(
        base_url=server.base_url,
        # A local server wants no key, but the client insists on one.
        api_key=os.environ.get(variable, "") if variable else "none",
        timeout=server.timeout_seconds,
        max_retries=server.retries,
    )


def call(ask: Callable[[], Answer], server: Server, where: str) -> Answer | Failure:
    """Call a server and sort what can go wrong.

    A Failure if only this call failed, after all retries.

    Raises:
        TunelineError: for what every call would meet: no server, a wrong key, no such model, an
            empty account.
    """
    import openai

    try:
        return ask()
    except openai.APITimeoutError:
        return Failure(f"no response within {server.timeout_seconds:g} s")
    except openai.APIConnectionError as error:
        if _nobody_listens(error):
            raise TunelineError(_unreachable(error, server, where)) from error
        return Failure(f"the connection broke: {_format(error.__cause__ or error)}")
    except openai.APIStatusError as error:
        if _concerns_all(error):
            raise TunelineError(_refused(error, server, where)) from error
        return Failure(f"the server answers {error.status_code}: {_format(error)}")
    except (openai.APIError, ValueError) as error:
        return Failure(f"the response is not what the protocol says: {_format(error)}")


def find_server_problems(server: Server, where: str, moderates: bool = False) -> Iterator[Problem]:
    """Find what a server would refuse, or the installed openai client would not send."""
    variable = server.api_key_variable
    if variable and not os.environ.get(variable):
        yield Problem(
            where=f"{where}.api_key_variable",
            value=variable,
            wrong="this environment variable is not set",
            matters="the server would refuse every request",
            remedy=f"set it (`export {variable}=…`), or say null for a server that wants no key",
        )
    if not server.sampling:
        return
    from openai.resources import Moderations
    from openai.resources.chat import Completions

    create = Moderations.create if moderates else Completions.create
    known = set(inspect.signature(create).parameters) - OWN_KEYS
    for key in sorted(set(server.sampling) - known):
        yield Problem(
            where=f"{where}.sampling.{key}",
            value=server.sampling[key],
            wrong="the openai client knows no such key, or Tuneline sets it itself",
            matters="no request could be sent",
            remedy=f"{suggest(key, known)}; a server's own keys go under `extra_body`",
        )


def _nobody_listens(error: Exception) -> bool:
    """Tell an address that nobody answers at from a connection that broke on the way."""
    import httpx2

    return isinstance(error.__cause__, httpx2.ConnectError)


def _concerns_all(error: "openai.APIStatusError") -> bool:
    """Tell what any request would meet (key, account, model) from what one request met."""
    return error.status_code in {401, 402, 403, 404} or error.code == "insufficient_quota"


def _unreachable(error: Exception, server: Server, where: str) -> Problem:
    return Problem(
        where=f"{where}.base_url",
        value=server.base_url,
        wrong=f"the server cannot be reached ({_format(error)})",
        matters="nothing can be asked; the responses so far are kept",
        remedy="check the address, start the server, and run the same command again",
    )


def _refused(error: "openai.APIStatusError", server: Server, where: str) -> Problem:
    return Problem(
        where=f"{where}.model",
        value=server.model,
        wrong=f"the server answers {error.status_code}: {_format(error)}",
        matters="it would refuse every request; the responses so far are kept",
        remedy="correct the model, the key or the account, and run the same command again",
    )


def _format(error: BaseException) -> str:
    return " ".join(str(getattr(error, "message", error)).split()).rstrip(".")[:200]
