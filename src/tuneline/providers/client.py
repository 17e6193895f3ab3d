"""The openai client, and what its errors mean to a user."""

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Address
from tuneline.providers.interface import Failure

if TYPE_CHECKING:  # the client takes half a second to import
    import openai

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
        return Failure(f"no reply within {server.timeout_seconds:g} s")
    except openai.APIConnectionError as error:
        if _nobody_listens(error):
            raise TunelineError(_unreachable(error, server, where)) from error
        return Failure(f"the connection broke: {_word(error.__cause__ or error)}")
    except openai.APIStatusError as error:
        if _concerns_all(error):
            raise TunelineError(_refused(error, server, where)) from error
        return Failure(f"the server answers {error.status_code}: {_word(error)}")
    except (openai.APIError, ValueError) as error:
        return Failure(f"the reply is not what the protocol says: {_word(error)}")


def find_key_problem(server: Address, where: str) -> Iterator[Problem]:
    """Find out whether a server's key is in the environment."""
    variable = server.api_key_variable
    if variable and not os.environ.get(variable):
        yield Problem(
            where=f"{where}.api_key_variable",
            value=variable,
            wrong="this environment variable is not set",
            matters="the server would refuse every request",
            remedy="set it in the environment; keys stand in no file",
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
        matters="nothing can be asked; the replies so far are kept",
        remedy="check the address, start the server, and run the same command again",
    )


def _refused(error: "openai.APIStatusError", server: Address, where: str) -> Problem:
    return Problem(
        where=f"{where}.model",
        value=server.model,
        wrong=f"the server answers {error.status_code}: {_word(error)}",
        matters="it would refuse every request; the replies so far are kept",
        remedy="correct the model, the key or the account, and run the same command again",
    )


def _word(error: BaseException) -> str:
    return " ".join(str(getattr(error, "message", error)).split()).rstrip(".")[:200]
