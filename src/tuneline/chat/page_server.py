"""The server of the chat page: to this machine and to the page itself only."""

import logging
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.io import DataCatalog

from tuneline.chat.conversation import Chat
from tuneline.chat.feedback import Collector
from tuneline.chat.page import LOOK, STYLE, About, build_page, import_gradio
from tuneline.checks.merged_settings import name_source
from tuneline.checks.preflight import find_run_problems
from tuneline.checks.recipes import load_recipe
from tuneline.errors import TunelineError
from tuneline.hub.download import fetch_base
from tuneline.models.adapter import hash_adapter
from tuneline.models.fingerprints import find_incompatibilities
from tuneline.models.model_pair import load_pair, measure_context_budget
from tuneline.parameters import Evaluation, Hardware, Prompt
from tuneline.prompts import find_system
from tuneline.use_cases import check_use_case
from tuneline.utils.terminal import state_rest

log = logging.getLogger(__name__)


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
HOST = "127.0.0.1"


@asynccontextmanager
async def guard_server(app: Any) -> AsyncIterator[None]:
    """Put the guard before everything else, as the server starts.

    The middleware that an application can be given comes after Gradio's own, which answers other
    origins itself.

    Args:
        app: Gradio's application.
    """
    from starlette.middleware.body_limit import RequestBodyLimitMiddleware

    app.middleware_stack = Guard(RequestBodyLimitMiddleware(app.middleware_stack, MOST_BYTES))
    yield


@dataclass(frozen=True)
class Guard:
    """Lets through what the page needs, asked for by the page; an ASGI application."""

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
    """Find out why an ASGI request is refused: the status and a sentence, or None."""
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
    """Tell whether another website sent the request; a link that leads to the page is none."""
    if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
        return False
    kind = [headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")]
    return kind != ["navigate", "document"] or scope["path"] != "/"


def open_chat(use_case: str, env: str | None, project: Path) -> None:
    """Serve the chat page of a use case until it is interrupted.

    Raises:
        TunelineError: if there is no such use case or adapter, the adapter does not belong to the
            base model, or the extra `chat` is not installed.
    """
    chat, about = load_chat(use_case, env, project)
    serve_page(chat, about, block=True)


def load_chat(use_case: str, env: str | None, project: Path) -> tuple[Chat, About]:
    """Load both models of a use case, after the checks that `kedro run --pipeline=ask` makes."""
    check_use_case(use_case)
    # The context says where the hub's cache lies; Gradio imports huggingface_hub, which reads it.
    catalog = _open_catalog(use_case, env, project)
    import_gradio()
    # Kedro makes models only of blocks that a node takes; which ones is not this page's business.
    recipe = load_recipe(catalog, use_case)
    evaluation = Evaluation.model_validate(catalog.load(f"params:{use_case}.evaluation"))
    prompt = Prompt.model_validate(catalog.load(f"params:{use_case}.prompt"))
    hardware = Hardware.model_validate(catalog.load("params:hardware"))
    adapter = catalog.load(f"{use_case}.adapter")
    problems = list(find_incompatibilities(adapter, recipe))
    if problems:
        raise TunelineError(*problems)
    fetch_base(recipe)
    pair = load_pair(adapter, recipe, evaluation, hardware)
    pair.warm_up()
    chat = Chat(
        pair=pair,
        context_budget=measure_context_budget(recipe, evaluation),
        prompt=prompt,
        system=find_system(prompt, catalog.load(f"{use_case}.test")),
        collector=Collector(
            hash_adapter(adapter), prompt, partial(catalog.save, f"{use_case}.feedback")
        ),
    )
    models = f"base model {recipe.base_model}, tuned with adapter {hash_adapter(adapter)[:12]}"
    return chat, About(title=evaluation.title, models=models)


def serve_page(chat: Chat, about: About, block: bool) -> Any:
    """Serve the page: to this machine only, never through a link of Gradio's, and unrecorded."""
    gradio = import_gradio()
    page = build_page(chat, about)
    page.queue(api_open=False)
    _, url, _ = page.launch(
        server_name=HOST,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        num_workers=0,
        app_kwargs={"lifespan": guard_server},
        footer_links=[],
        theme=gradio.themes.Default(**LOOK),
        css=STYLE,
    )
    state_rest("the chat page is closed")
    log.info("The chat page is at %s (Ctrl+C ends it).", url)
    if block:
        try:
            threading.Event().wait()
        finally:
            page.close(verbose=False)
    return page


def _open_catalog(use_case: str, env: str | None, project: Path) -> DataCatalog:
    """Open the catalog, if everything is there that `kedro run --pipeline=ask` needs."""
    session: Any = KedroSession.create(project, env=env)
    with session:
        context = session.load_context()
    problems = list(find_run_problems(pipelines[f"{use_case}.ask"], context.catalog))
    if problems:
        loader = context.config_loader
        raise TunelineError(*(name_source(loader, problem) for problem in problems))
    catalog: DataCatalog = context.catalog
    return catalog
