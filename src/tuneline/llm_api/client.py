"""The openai client, and what its errors mean to a user."""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Message
from tuneline.parameters import Address
from tuneline.utils.hashing import hash_value

if TYPE_CHECKING:
    import openai


@dataclass(frozen=True)
class Request:
    """One call to a provider.

    Attributes:
        step: what it is for: a folder of responses.
        messages: what is said.
        items: what is asked for, each with an `id`; the messages hold them in words.
        attempt: from 1; another attempt is another request.
        schema: JSON schema of the wished response; none for plain text.
        last: whether there will be no other attempt; its failures are forgotten, so that another
            run asks once more.
    """

    step: str
    messages: list[Message]
    items: list[dict[str, Any]] = field(default_factory=list)
    attempt: int = 1
    schema: dict[str, Any] | None = None
    last: bool = True

    def key(self, identity: dict[str, Any]) -> str:
        """Name the response: the same question to the same provider has the same name.

        Args:
            identity: what the provider's response depends on.

        Returns:
            24 hexadecimal digits.
        """
        asked = {name: value for name, value in asdict(self).items() if name != "last"}
        return hash_value([asked, identity])[:24]


@dataclass(frozen=True)
class Response:
    """What a provider said; everything in it is worth keeping, for it was paid for.

    Attributes:
        text: what it wrote; empty after a refusal.
        model: who answered, in the server's words.
        finish_reason: `stop`, or `length` where the text was cut off.
        refusal: why it would not answer.
        prompt_tokens: as the server counted them; none if it does not say.
        completion_tokens: the same.
    """

    text: str
    model: str
    finish_reason: str = "stop"
    refusal: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True)
class Failure:
    """No response came, after all retries; nothing was paid.

    Attributes:
        reason: in words.
    """

    reason: str


class Provider(Protocol):
    """Whoever answers requests. May be called from several threads at once."""

    concurrency: int

    @property
    def identity(self) -> dict[str, Any]:
        """Plain values that the responses depend on: model, sampling, seed."""
        ...

    def ask(self, request: Request) -> Response | Failure:
        """Answer one request.

        Raises:
            TunelineError: for what no retry would fix, such as a wrong key.
        """
        ...


Answer = TypeVar("Answer")


def make_client(server: Address) -> "openai.OpenAI":
    """Build an openai client, with its own retries: growing pauses, `Retry-After` obeyed.

    Args:
        server: where it is; names the environment variable that holds the key.

    Returns:
        A client that several threads may use.
    """
    from openai import OpenAI

    variable = server.api_key_variable
    return OpenAI(
        base_url=server.base_url,
        # A local server wants no key, but the client insists on one.
        api_key=os.environ.get(variable, "") if variable else "none",
        timeout=server.timeout_seconds,
        max_retries=server.retries,
    )


def call(ask: Callable[[], Answer], server: Address, where: str) -> Answer | Failure:
    """Call a server and sort what can go wrong.

    Args:
        ask: the call.
        server: whom it calls.
        where: name of the server's parameter block, for messages.

    Returns:
        The answer; a failure if only this call failed, after all retries.

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
        return Failure(f"the connection broke: {_word(error.__cause__ or error)}")
    except openai.APIStatusError as error:
        if _concerns_all(error):
            raise TunelineError(_refused(error, server, where)) from error
        return Failure(f"the server answers {error.status_code}: {_word(error)}")
    except (openai.APIError, ValueError) as error:
        return Failure(f"the response is not what the protocol says: {_word(error)}")


def find_key_problem(server: Address, where: str) -> Iterator[Problem]:
    """Find out whether a server's key is in the environment."""
    variable = server.api_key_variable
    if variable and not os.environ.get(variable):
        yield Problem(
            where=f"{where}.api_key_variable",
            value=variable,
            wrong="this environment variable is not set",
            matters="the server would refuse every request",
            remedy="set it in the environment; keys are in no file",
        )


def _nobody_listens(error: Exception) -> bool:
    """Tell an address that nobody answers at from a connection that broke on the way."""
    import httpx2

    return isinstance(error.__cause__, httpx2.ConnectError)


def _concerns_all(error: "openai.APIStatusError") -> bool:
    """Tell what any request would meet (key, account, model) from what one request met."""
    return error.status_code in {401, 402, 403, 404} or error.code == "insufficient_quota"


def _unreachable(error: Exception, server: Address, where: str) -> Problem:
    return Problem(
        where=f"{where}.base_url",
        value=server.base_url,
        wrong=f"the server cannot be reached ({_word(error)})",
        matters="nothing can be asked; the responses so far are kept",
        remedy="check the address, start the server, and run the same command again",
    )


def _refused(error: "openai.APIStatusError", server: Address, where: str) -> Problem:
    return Problem(
        where=f"{where}.model",
        value=server.model,
        wrong=f"the server answers {error.status_code}: {_word(error)}",
        matters="it would refuse every request; the responses so far are kept",
        remedy="correct the model, the key or the account, and run the same command again",
    )


def _word(error: BaseException) -> str:
    return " ".join(str(getattr(error, "message", error)).split()).rstrip(".")[:200]
