"""Asking a real server over HTTP for single responses."""

from pathlib import Path

from tests.scripted_server import ScriptedServer, serve
from tuneline.llm_api.asker import Asker, ask_all, ask_in_rounds
from tuneline.llm_api.requests import Failure, Request, Response
from tuneline.llm_api.server import ServerProvider
from tuneline.parameters import Server
from tuneline.utils.caches import Cache


def make_asker(server: ScriptedServer, folder: Path, **changes: int) -> Asker:
    about = Server(base_url=server.url, model="scripted", retries=0, concurrency=4)
    return Asker(ServerProvider(about, "server"), Cache(folder / "responses.jsonl"), **changes)


def say(text: str, attempt: int = 1, last: bool = True) -> Request:
    messages = [{"role": "user", "content": text}]
    return Request(step="chat", messages=messages, attempt=attempt, last=last)


def test_responses_come_in_the_order_of_the_requests_and_are_read_from_the_disk(tmp_path: Path):
    requests = [say(f"number {number}") for number in range(50)]
    with serve(ScriptedServer()) as server:
        first = list(ask_all(requests, make_asker(server, tmp_path)))
        again = list(ask_all(requests, make_asker(server, tmp_path)))
    assert [one.response.text for one in first] == [
        f"Echo: number {number}" for number in range(50)
    ]
    assert [one.request for one in first] == requests
    assert again == first
    assert server.number == 50


def test_the_same_request_under_way_twice_is_paid_once(tmp_path: Path):
    with serve(ScriptedServer()) as server:
        asker = make_asker(server, tmp_path)
        answered = list(ask_all([say("a"), say("b"), say("a"), say("a")], asker))
        answered += ask_all([say("a"), say("c")], asker)
    assert [one.response.text for one in answered] == [f"Echo: {text}" for text in "abaaac"]
    assert server.number == asker.budget.responses == 3
    paid = {one.request.messages[0]["content"]: one.response for one in answered}
    assert asker.budget.prompt_tokens == sum(one.prompt_tokens for one in paid.values()) > 0


def test_a_failure_is_kept_unless_it_was_the_last_attempt(tmp_path: Path):
    requests = [say("a", last=False), say("b", last=True)]
    with serve(ScriptedServer(script=lambda _: "overload")) as server:
        (first, last) = ask_all(requests, make_asker(server, tmp_path))
        server.script = lambda _: "good"
        (kept, fixed) = ask_all(requests, make_asker(server, tmp_path))
    assert isinstance(first.response, Failure)
    assert isinstance(last.response, Failure)
    assert kept == first
    assert isinstance(fixed.response, Response)


def test_rounds_ask_again_for_what_is_missing_and_for_nothing_else(tmp_path: Path):
    script = iter(["good", "refusal", "good", "good"])
    found: dict[str, str] = {}

    def write(batch: list[str], attempt: int, last: bool) -> Request:
        return say(batch[0], attempt, last)

    with serve(ScriptedServer(script=lambda _: next(script))) as server:
        asker = make_asker(server, tmp_path, attempts=5)
        for (item,), answered in ask_in_rounds(
            ["a", "b", "c"], write, lambda item: item not in found, asker
        ):
            if not answered.response.refusal:
                found[item] = answered.response.text
    assert found == {item: f"Echo: {item}" for item in "abc"}
    assert server.number == 4
