"""Who may talk to the page's server: the page that it served itself, and nobody else's.

A browser lets any website send requests to this machine. Gradio answers them, lets every other
port of this machine read the answers, and stores what is sent to its route for files.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Server = Callable[[Message, Receive, Send], Awaitable[None]]

# Any question that can be asked is shorter, and longer ones up to here are refused on the page.
MOST_BYTES = 4 * 1024 * 1024
HOSTS = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?")
READS = re.compile(
    r"/|/(assets|static)/.+|/theme\.css|/favicon\.ico|/manifest\.json"
    r"|/gradio_api/(app_id|startup-events|queue/data|heartbeat/\w+)"
)
WRITES = re.compile(r"/gradio_api/(queue/join|run/predict)")


@asynccontextmanager
async def guard_server(app: Any) -> AsyncIterator[None]:
    """Put the guard before everything else, as the server starts.

    The middleware that an application can be given comes behind Gradio's own, which answers other
    origins itself.

    Args:
        app: Gradio's application.
    """
    from starlette.middleware.body_limit import RequestBodyLimitMiddleware

    app.middleware_stack = Guard(RequestBodyLimitMiddleware(app.middleware_stack, MOST_BYTES))
    yield


@dataclass(frozen=True)
class Guard:
    """Lets through what the page needs, asked for by the page; an ASGI application.

    Attributes:
        app: what answers those requests.
    """

    app: Server

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        from starlette.datastructures import Headers
        from starlette.responses import PlainTextResponse

        refusal = find_refusal(scope, Headers(scope=scope))
        if refusal is None:
            # Compared already. Without it, Gradio gives no leave to read to any origin.
            headers = [one for one in scope["headers"] if one[0] != b"origin"]
            await self.app({**scope, "headers": headers}, receive, send)
        else:
            status, words = refusal
            await PlainTextResponse(words, status)(scope, receive, send)


def find_refusal(scope: Message, headers: Any) -> tuple[int, str] | None:
    """Find out why a request is refused, if it is.

    Args:
        scope: the request, in ASGI's form.
        headers: its headers.

    Returns:
        The status and a sentence, or None.
    """
    hosts, path = headers.getlist("host"), scope["path"]
    if len(hosts) != 1 or not HOSTS.fullmatch(hosts[0]):
        return 403, "This page answers to 127.0.0.1 and to localhost only."
    if set(headers.getlist("origin")) - {f"http://{hosts[0]}"} or is_foreign(scope, headers):
        return 403, "This page answers to itself only, not to other websites."
    routes = {"GET": READS, "HEAD": READS, "POST": WRITES}.get(scope.get("method", ""))
    if routes is None or not routes.fullmatch(path):
        return 404, "There is nothing here."
    return None


def is_foreign(scope: Message, headers: Any) -> bool:
    """Tell whether another website sent the request; a link that leads to the page is none.

    Args:
        scope: the request, in ASGI's form.
        headers: its headers.
    """
    if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
        return False
    kind = [headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")]
    return kind != ["navigate", "document"] or scope["path"] != "/"
