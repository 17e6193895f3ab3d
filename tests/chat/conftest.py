"""A chat with tiny models, its page, and a browser."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import CPU, load_parameters
from tests.pipelines.evaluate.adapters import make_adapter
from tuneline.chat.conversation import Chat
from tuneline.chat.feedback import Collector
from tuneline.chat.page import About
from tuneline.chat.page_server import serve_page
from tuneline.datasets import GrowingJSONLinesDataset
from tuneline.models.model_pair import ContextBudget, load_pair
from tuneline.parameters import Evaluation, Prompt

JOIN = "/gradio_api/queue/join"
UPLOAD = "/gradio_api/upload"
SHORT = Evaluation(title="Pots", generation={"do_sample": False, "max_new_tokens": 8})


@pytest.fixture(scope="module")
def feedback(tmp_path_factory: pytest.TempPathFactory) -> GrowingJSONLinesDataset:
    """Give the dataset that the page adds to."""
    folder = tmp_path_factory.mktemp("feedback")
    return GrowingJSONLinesDataset(filepath=str(folder / "feedback.jsonl"))


@pytest.fixture(scope="module")
def chat(feedback: GrowingJSONLinesDataset) -> Chat:
    """Give a chat that answers in eight tokens."""
    recipe = load_parameters().recipe
    prompt = Prompt(prompt="Describe: {title}", completion="{content}")
    return Chat(
        pair=load_pair(make_adapter(recipe, CPU, effect=True), recipe, SHORT, CPU),
        context_budget=ContextBudget(context=160, answer=8),
        prompt=prompt,
        system="You sell pots.",
        collector=Collector("a" * 64, prompt, feedback.save),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Start Chromium, to which every name under `.test` is this machine."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    args = ["--no-sandbox", "--host-resolver-rules=MAP *.test 127.0.0.1"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=args)
        yield browser
        browser.close()


@dataclass(frozen=True)
class Listening(Chat):
    """A chat that notes what it is asked."""

    heard: list[str] = field(default_factory=list)

    def ask(self, question: str, conversation: Any) -> Iterator[Any]:
        self.heard.append(question)
        return super().ask(question, conversation)


@dataclass(frozen=True)
class Served:
    """The page, as it is served."""

    page: Any
    chat: Listening
    uploads: Path
    client: httpx.Client

    @property
    def url(self) -> str:
        return self.page.local_url.rstrip("/")

    @property
    def port(self) -> int:
        return self.page.server_port

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request, and read no further than the headers where the answer never ends."""
        with self.client.stream(method, self.url + path, **options) as answer:
            if "event-stream" not in answer.headers.get("content-type", ""):
                answer.read()
            return answer

    def list_files(self) -> list[Path]:
        return [path for path in self.uploads.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def served(chat: Chat, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    uploads = tmp_path_factory.mktemp("uploads")
    listening = Listening(chat.pair, chat.context_budget, chat.prompt, chat.system, chat.collector)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(uploads))
        patch.setenv("GRADIO_NUM_WORKERS", "1")
        page = serve_page(listening, About("Pots", "tiny models"), block=False)
        with httpx.Client(trust_env=False, timeout=600) as client:
            yield Served(page, listening, uploads, client)
        page.close(verbose=False)
