"""What is asked, what comes back, and who can be asked."""

from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from tuneline.examples import Message
from tuneline.hashing import hash_value


@dataclass(frozen=True)
class Request:
    """One call to a provider.

    Attributes:
        step: what it is for: a folder of replies.
        messages: what is said.
        items: what is asked for, each with an `id`; the messages hold them in words.
        attempt: from 1; another attempt is another request.
        schema: JSON schema of the wished reply; none for plain text.
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
        """Name the reply: the same question to the same provider has the same name.

        Args:
            identity: what the provider's reply depends on.

        Returns:
            24 hexadecimal digits.
        """
        asked = {name: value for name, value in asdict(self).items() if name != "last"}
        return hash_value([asked, identity])[:24]


@dataclass(frozen=True)
class Reply:
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
    """No reply came, after all retries; nothing was paid.

    Attributes:
        reason: in words.
    """

    reason: str


class Provider(Protocol):
    """Whoever answers requests. May be called from several threads at once."""

    concurrency: int

    @property
    def identity(self) -> dict[str, Any]:
        """Plain values that the replies depend on: model, sampling, seed."""
        ...

    def ask(self, request: Request) -> Reply | Failure:
        """Answer one request.

        Raises:
            TunelineError: for what no retry would mend, such as a wrong key.
        """
        ...
