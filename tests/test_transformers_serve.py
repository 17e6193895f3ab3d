"""A real server: `transformers serve` with the tiny base model, asked over HTTP."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.conftest import PROJECT, TINY_BASE
from tests.pipelines.synthesize.test_rounds import CHECKS, make_items
from tuneline.llm_api.asker import Asker
from tuneline.llm_api.requests import Request, Response
from tuneline.llm_api.server import ServerProvider
from tuneline.parameters import Evaluation, Prompt, Server
from tuneline.pipelines.finetune_api.chats import request_answers
from tuneline.pipelines.synthesize.filters import QuestionCheck
from tuneline.pipelines.synthesize.rounds import ask_items
from tuneline.prompts import list_prompts
from tuneline.utils.caches import Cache

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("transformers"), "serve", PROJECT / TINY_BASE]
    process = subprocess.Popen(
        [*command, "--host=127.0.0.1", f"--port={port}", "--device=cpu"],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/health", process)
        sampling = {"temperature": 0, "max_tokens": 16}
        model = str(PROJECT / TINY_BASE)
        yield Server(base_url=f"{url}/v1", model=model, concurrency=2, sampling=sampling)
    finally:
        process.terminate()
        process.wait(1200)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 1200
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(url, timeout=60).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.3)
    raise AssertionError("transformers serve did not start")


def test_it_answers_and_reports_what_it_used(server: Server):
    message = {"role": "user", "content": "Write a product description for: Oak Spoon"}
    response = ServerProvider(server, "server").ask(Request(step="s", messages=[message]))
    assert isinstance(response, Response)
    assert response.text
    assert 0 < response.completion_tokens <= 16
    assert response.prompt_tokens > 5


def test_what_a_model_writes_instead_of_json_is_kept_as_invalid(server: Server, tmp_path: Path):
    provider = ServerProvider(server, "server")
    asker = Asker(provider, Cache(tmp_path / "responses.jsonl"), batch_size=2)
    outcome = ask_items("questions", "Ask.", make_items(4), QuestionCheck(CHECKS), asker)
    assert outcome.found == {}
    assert {one["id"] for one in outcome.invalid} == {item["id"] for item in make_items(4)}
    assert all(one["response"] for one in outcome.invalid)


def test_two_models_of_a_server_answer_the_same_prompts(server: Server, tmp_path: Path):
    examples = [
        {
            "id": str(number),
            "prompt": [{"role": "user", "content": f"Write a product description for: {title}"}],
            "completion": [{"role": "assistant", "content": "A spoon."}],
            "meta": {"line": number},
        }
        for number, title in enumerate(["Oak Spoon", "Tea Pot"])
    ]
    greedy = Evaluation(title="t", generation={"do_sample": False, "max_new_tokens": 8})
    models = {"base": server.model, "tuned": server.model}
    asked = list_prompts(examples, Prompt(prompt="{q}", completion="{a}"), greedy)
    rows = request_answers(asked, models, server, Cache(tmp_path / "cache"), greedy)
    for row in rows:
        assert row["base_answer"] == row["tuned_answer"] != ""
        assert row["base_tokens"] <= 8
