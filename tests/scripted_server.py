"""A small OpenAI-compatible server of our own, which fails as it is told to."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

QUOTED_WORDS = 5
Item = dict[str, Any]


def write(item: Item) -> Item:
    """Write what was asked for, well; the words of the source stay in it, so that pairs show."""
    words = re.findall(r"\w+", item["source"].casefold())
    disfluency = "culerna" if item.get("disfluency") else ""
    said = re.sub(r"\{[^}]*\}", "to", item["source"])
    text = (
        f"A tak je to, že {said} {item['id']}{', ta culerna, totiž lucerna.' if disfluency else ''}"
    )
    if "style" not in item:
        text = f"Proč je to tak, že {words[-1]} a {item['id']}?"
    quote = " ".join(words[:QUOTED_WORDS])
    return {"id": item["id"], "quote": quote, "text": text, "disfluency": disfluency}


def name(item: Item) -> str:
    """Name what is paid for: an item's answer, its question and the judgment are three things."""
    step = "/answer" if "style" in item else "/judged" if "answer" in item else ""
    return f"{item['id']}{step}"


class ScriptedServer:
    """Counts what it is asked and what it delivers.

    Attributes:
        script: tells, by the number of the request (from 0), what is done with it; see `FAULTS`.
        seconds: how long each response takes.
        delivered: how often each item was delivered well.
        asked_again: items that were asked for after they had been delivered well.
        faults: how often each fault was played.
        hold_after: responses after which all others are held back, until `release` is set.
        requests: bodies of all requests, by path.
        write: writes an item, which holds what is shown above the items of its request, too.
        context: characters of a request that are taken, at most.
    """

    def __init__(self, script: Callable[[int], str] = lambda _: "good", seconds: float = 0) -> None:
        self.script, self.seconds = script, seconds
        self.delivered: Counter[str] = Counter()
        self.asked_again: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.requests: dict[str, list[Any]] = {}
        self.hold_after: int | None = None
        self.release = threading.Event()
        self.holding = threading.Event()
        self.responses = 0
        self.number = 0
        self.lock = threading.Lock()
        self.write: Callable[[Item], Item] = write
        self.context: int | None = None
        self.moderation: Callable[[str], Any] = lambda _: {"flagged": False, "categories": {}}
        self.job_states = ["validating_files", "running", "succeeded"]
        self.url = "http://127.0.0.1:9/v1"  # nobody listens until `serve` says where

    def next_number(self) -> int:
        with self.lock:
            self.number += 1
            return self.number - 1


TIME_OUT = {"x-time-out": "1"}


@contextmanager
def time_out_by_script() -> Iterator[None]:
    """Let a request time out where a response says so, and nowhere else, however busy the machine.

    Server, client and connection are real; only the clock is not asked.
    """
    handle = httpx2.HTTPTransport.handle_request

    def handle_by_script(transport: Any, request: httpx2.Request) -> httpx2.Response:
        response = handle(transport, request)
        if all(response.headers.get(name) == value for name, value in TIME_OUT.items()):
            response.read()
            raise httpx2.ReadTimeout("as the script says", request=request)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx2.HTTPTransport, "handle_request", handle_by_script)
        yield


@contextmanager
def serve(server: ScriptedServer) -> Iterator[ScriptedServer]:
    """Let a server answer on a free port until the block ends."""
    handler = type("Handler", (_Handler,), {"server_state": server})
    http = _HTTPServer(("127.0.0.1", 0), handler)
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with time_out_by_script():
            yield server
    finally:
        server.release.set()
        http.shutdown()
        http.server_close()
        thread.join()


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is part of the test."""


# What can happen to the text of a good response. Each gives the text, and its good items.
def _whole(items: list[Item]) -> tuple[str, list[Item]]:
    return json.dumps({"items": items}, ensure_ascii=False), items


def _fenced(items: list[Item]) -> tuple[str, list[Item]]:
    return f"```json\n{json.dumps({'items': items}, indent=1)}\n```", items


def _prose(items: list[Item]) -> tuple[str, list[Item]]:
    lines = "\n".join(f"Here it is: {json.dumps(one)}. I hope {{that}} helps!" for one in items)
    return f"Sure! {{\n{lines}\nAnything else?", items


def _broken(items: list[Item]) -> tuple[str, list[Item]]:
    texts = [json.dumps(one) for one in items]
    texts[0] = texts[0].replace('", "text"', ', "text"')
    return '{"items": [' + ", ".join(texts) + "]}", items[1:]


def _cut(items: list[Item]) -> tuple[str, list[Item]]:
    whole = json.dumps({"items": items})
    last = json.dumps(items[-1])
    return whole[: whole.index(last) + len(last) // 2], items[:-1]


def _fewer(items: list[Item]) -> tuple[str, list[Item]]:
    return _whole(items[1:])


def _more(items: list[Item]) -> tuple[str, list[Item]]:
    text, _ = _whole([*items, {**items[0], "id": "99999-t999-ffff"}])
    return text, items


def _twice(items: list[Item]) -> tuple[str, list[Item]]:
    text, _ = _whole([*items, {**items[0], "text": "Je to a není to jako jiný text?"}])
    return text, items[1:]


def _shifted(items: list[Item]) -> tuple[str, list[Item]]:
    """Ids stay, everything else moves on by one, as when a model forgets the first item."""
    moved = [{**items[(i + 1) % len(items)], "id": one["id"]} for i, one in enumerate(items)]
    return _whole(moved)[0], [] if len(items) > 1 else items


def _unnamed(items: list[Item]) -> tuple[str, list[Item]]:
    return _whole([{"text": one["text"]} for one in items])[0], []


def _unfilled(items: list[Item]) -> tuple[str, list[Item]]:
    first = {**items[0], "text": items[0]["text"] + " {opponent:dat}?"}
    return _whole([first, *items[1:]])[0], items[1:]


def _foreign(items: list[Item]) -> tuple[str, list[Item]]:
    first = {**items[0], "text": "Why would anybody want to know about lighthouses at night?"}
    return _whole([first, *items[1:]])[0], items[1:]


def _empty(items: list[Item]) -> tuple[str, list[Item]]:
    return "", []


def _not_objects(items: list[Item]) -> tuple[str, list[Item]]:
    return '{"items": [1, null, "a", [[]], {"id": 7}, {"id": null, "text": {}}]}' + "{" * 500, []


TEXT_FAULTS = {
    "good": _whole,
    "fenced": _fenced,
    "prose": _prose,
    "broken": _broken,
    "cut": _cut,
    "fewer": _fewer,
    "more": _more,
    "twice": _twice,
    "shifted": _shifted,
    "unnamed": _unnamed,
    "unfilled": _unfilled,
    "foreign": _foreign,
    "empty": _empty,
    "not_objects": _not_objects,
}
HTTP_FAULTS = ("rate_limit", "overload", "time_out", "dropped", "not_json", "no_choice", "refusal")
FAULTS = (*TEXT_FAULTS, *HTTP_FAULTS)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every response would wait 40 ms for an acknowledgement
    server_state: ScriptedServer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = self.path.removeprefix("/v1")
        json_body = self.headers["Content-Type"].startswith("application/json")
        value = json.loads(body) if json_body else body
        self.server_state.requests.setdefault(path, []).append(value)
        if path == "/chat/completions":
            self._complete(value)
        elif path == "/moderations":
            self._moderate(value["input"])
        elif path == "/files":
            self._send(200, _file(body))
        else:
            self._send(200, _job(self.server_state, "validating_files", value))

    def do_GET(self) -> None:
        state = self.server_state
        jobs = state.requests.get("/fine_tuning/jobs", [])
        if self.path.startswith("/v1/fine_tuning/jobs?"):
            data = [_job(state, state.job_states[0], job) for job in jobs]
            self._send(200, {"object": "list", "data": data, "has_more": False})
            return
        status = state.job_states.pop(0) if len(state.job_states) > 1 else state.job_states[0]
        self._send(200, _job(state, status, jobs[-1]))

    def _complete(self, body: dict[str, Any]) -> None:
        state = self.server_state
        fault = state.script(state.next_number())
        with state.lock:
            state.faults[fault] += 1
        time.sleep(state.seconds)
        if fault in HTTP_FAULTS:
            self._fail(fault)
            return
        if state.context and len(str(body["messages"])) > state.context:
            error = {"message": "too many tokens", "code": "context_length_exceeded"}
            self._send(400, {"error": error})
            return
        try:
            asked = json.loads(body["messages"][-1]["content"])
            items = [{**asked, **item} for item in asked["items"]]
        except ValueError:
            items = None
        if items is None:  # a plain question: the echo shows which one was answered
            self._hold_or_send(_completion(f"Echo: {body['messages'][-1]['content']}"), [])
            return
        text, good = TEXT_FAULTS[fault]([state.write(item) for item in items])
        with state.lock:
            state.asked_again.update(name(one) for one in items if state.delivered[name(one)])
        reason = "length" if fault == "cut" else "stop"
        names = {one["id"]: name(one) for one in items}
        self._hold_or_send(_completion(text, reason), [names[one["id"]] for one in good])

    def _hold_or_send(self, completion: dict[str, Any], good: list[str]) -> None:
        """Send a response, unless the script says that no more are to come; count what was sent."""
        state = self.server_state
        with state.lock:
            state.responses += 1
            held = state.hold_after is not None and state.responses > state.hold_after
        if held:
            state.holding.set()
            state.release.wait()
            self.close_connection = True
            return
        self._send(200, completion)
        with state.lock:
            state.delivered.update(good)

    def _fail(self, fault: str) -> None:
        now = {"retry-after-ms": "1"}
        if fault == "rate_limit":
            self._send(429, {"error": {"message": "slow down", "code": "rate_limit"}}, now)
        elif fault == "overload":
            self._send(503, {"error": {"message": "overloaded"}}, now)
        elif fault == "time_out":
            self._send(504, {"error": {"message": "held back"}}, TIME_OUT)
        elif fault == "dropped":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(b'{"choices": [')
            self.close_connection = True
        elif fault == "not_json":
            self._send_bytes(200, b"<html>busy</html>", {})
        elif fault == "no_choice":
            self._send(200, {**_completion(""), "choices": []})
        else:
            refused = _completion("")
            refused["choices"][0]["message"] |= {"content": None, "refusal": "I cannot help"}
            self._send(200, refused)

    def _moderate(self, text: str) -> None:
        result = self.server_state.moderation(text)
        if isinstance(result, int):
            self._send(result, {"error": {"message": "no"}}, {"retry-after-ms": "1"})
        else:
            results = [] if result is None else [{"category_scores": {}, **result}]
            self._send(200, {"id": "m", "model": "moderator", "results": results})

    def _send(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self._send_bytes(status, json.dumps(value).encode(), headers or {})

    def _send_bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _completion(text: str, reason: str = "stop") -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted-2026",
        "choices": [
            {
                "index": 0,
                "finish_reason": reason,
                "message": {"role": "assistant", "content": text},
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }


def _file(body: bytes) -> dict[str, Any]:
    name = "train" if b"training.jsonl" in body else "validation"
    return {
        "id": f"file-{name}",
        "object": "file",
        "bytes": len(body),
        "created_at": 0,
        "filename": name,
        "purpose": "fine-tune",
        "status": "processed",
    }


def _job(state: ScriptedServer, status: str, asked: dict[str, Any]) -> dict[str, Any]:
    done = status == "succeeded"
    return {
        "id": "ftjob-1",
        "object": "fine_tuning.job",
        "created_at": 0,
        "error": {"code": "bad_data", "message": "the file is no good", "param": None}
        if status == "failed"
        else None,
        "fine_tuned_model": "ft:scripted:keeper" if done else None,
        "finished_at": 60 if done else None,
        "hyperparameters": {"n_epochs": 3},
        "metadata": asked["metadata"],
        "model": asked["model"],
        "organization_id": "o",
        "result_files": [],
        "seed": asked.get("seed", 0),
        "status": status,
        "trained_tokens": 1234 if done else None,
        "training_file": asked["training_file"],
        "validation_file": asked.get("validation_file"),
    }
