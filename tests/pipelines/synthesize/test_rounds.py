"""Asking a real server over HTTP, by the openai client, for items."""

import random
from pathlib import Path

import pytest

from tests.scripted_server import FAULTS, HTTP_FAULTS, ScriptedServer, serve
from tuneline.errors import TunelineError
from tuneline.llm_api.asker import Asker, ask_all
from tuneline.llm_api.budget import Budget
from tuneline.llm_api.requests import Request, Response
from tuneline.llm_api.server import ServerProvider
from tuneline.parameters import Checks, Price, Server
from tuneline.pipelines.synthesize.filters import QuestionCheck
from tuneline.pipelines.synthesize.forms import make_request
from tuneline.pipelines.synthesize.rounds import Outcome, ask_items
from tuneline.utils.caches import Cache

pytestmark = pytest.mark.slow

CHECKS = Checks(
    characters=(5, 400),
    question_characters=(5, 400),
    common_words=["proč", "je", "to", "tak", "že", "a"],
    least_common=0.2,
    similarity_threshold=0.9,
)


def make_items(count: int) -> list[dict]:
    return [
        {"id": f"{n:05d}-t001-{n * 7919 % 65536:04x}", "source": f"Odpověď {n} o mlze číslo w{n}"}
        for n in range(count)
    ]


def make_asker(server: ScriptedServer, folder: Path, **changes: object) -> Asker:
    settings = {"retries": 1, "timeout_seconds": 300, "concurrency": 8, "batch_size": 5}
    settings |= {"attempts": 4, "budget": Budget(max_tokens=50), **changes}
    about = Server(
        base_url=server.url,
        model="scripted",
        **{name: settings[name] for name in ("retries", "timeout_seconds", "concurrency")},
    )
    asked = {name: settings[name] for name in ("budget", "batch_size", "attempts")}
    responses = Cache(folder / "responses.jsonl")
    return Asker(ServerProvider(about, "synthesize.server"), responses, **asked)


def ask(items: list[dict], asker: Asker) -> Outcome:
    return ask_items("questions", "Ptej se.", items, QuestionCheck(CHECKS), asker)


def is_paired(item: dict, found: dict) -> bool:
    return item["source"].split()[-1] in found["text"] and item["id"] in found["text"]


def test_thousands_of_faulty_responses_lose_no_good_item_and_shift_no_pair(tmp_path: Path):
    """Every kind of fault, some 2,000 responses, none of them what was asked for and no more."""
    faults = [fault for fault in FAULTS if fault != "good"]
    kinds = random.Random(1).choices(faults, k=10_000)
    items = make_items(5600)
    with serve(ScriptedServer(script=lambda number: kinds[number])) as server:
        asker = make_asker(server, tmp_path, attempts=8, concurrency=16, retries=0)
        outcome = ask(items, asker)
    assert sum(server.faults.values()) >= 2000
    assert set(server.faults) == set(faults)
    by_id = {item["id"]: item for item in items}
    assert all(is_paired(by_id[name], found) for name, found in outcome.found.items())
    assert not server.asked_again, "a good item was lost and asked for again"
    assert set(server.delivered) == set(outcome.found)
    missing = set(by_id) - set(outcome.found)
    assert {one["id"] for one in outcome.invalid} >= missing
    assert all(one["reason"] for one in outcome.invalid)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "good"])
def test_what_one_faulty_response_spoils_the_next_attempt_brings(tmp_path: Path, fault: str):
    items = make_items(5)
    script = iter([fault])
    with serve(ScriptedServer(script=lambda _: next(script, "good"))) as server:
        outcome = ask(items, make_asker(server, tmp_path, retries=0))
    assert set(outcome.found) == {item["id"] for item in items}
    assert not server.asked_again
    assert bool(outcome.invalid) == (fault not in {"fenced", "prose"})


@pytest.mark.parametrize("fault", ["rate_limit", "overload", "dropped"])
def test_a_passing_failure_is_retried_within_the_attempt(tmp_path: Path, fault: str):
    script = iter([fault, fault])
    with serve(ScriptedServer(script=lambda _: next(script, "good"))) as server:
        outcome = ask(make_items(3), make_asker(server, tmp_path, retries=2, attempts=1))
    assert len(outcome.found) == 3
    assert outcome.invalid == []


def test_an_invalid_item_is_kept_with_its_reason_and_the_response(tmp_path: Path):
    with serve(ScriptedServer(script=lambda _: "unfilled")) as server:
        outcome = ask(make_items(3), make_asker(server, tmp_path, attempts=1))
    (bad,) = outcome.invalid
    assert bad["id"] == make_items(1)[0]["id"]
    assert bad["reason"] == "`{` was not filled"
    assert "{opponent:dat}" in bad["response"]
    assert len(outcome.found) == 2


def test_an_item_that_never_comes_well_is_given_up_after_the_stated_attempts(tmp_path: Path):
    with serve(ScriptedServer(script=lambda _: "refusal")) as server:
        outcome = ask(make_items(2), make_asker(server, tmp_path, attempts=3))
    assert server.number == 3
    assert [one["attempt"] for one in outcome.invalid] == [1, 1, 2, 2, 3, 3]
    assert {one["reason"] for one in outcome.invalid} == {"refused: I cannot help"}


def test_a_second_run_asks_nothing(tmp_path: Path):
    kinds = ["broken", "time_out", "refusal", "good"]
    items = make_items(20)
    with serve(ScriptedServer(script=lambda number: kinds[number % 4])) as server:
        how = {"retries": 0, "attempts": 9}
        first = ask(items, make_asker(server, tmp_path, **how))
        asked = server.number
        second = ask(items, make_asker(server, tmp_path, **how))
    assert server.number == asked
    assert first == second


def test_failures_of_the_last_attempt_are_asked_once_more_by_the_next_run(tmp_path: Path):
    items = make_items(2)
    with serve(ScriptedServer(script=lambda _: "overload")) as server:
        broken = ask(items, make_asker(server, tmp_path, retries=0, attempts=2))
        server.script = lambda _: "good"
        fixed = ask(items, make_asker(server, tmp_path, retries=0, attempts=2))
    assert broken.found == {}
    assert len(fixed.found) == 2


def test_a_disfluency_is_spoken_of_only_where_one_is_wanted():
    plain, *_ = items = make_items(2)
    without = make_request("answers", "Piš.", [{**plain, "disfluency": False}], 1, last=True)
    wanted = make_request(
        "answers", "Piš.", [plain, {**items[1], "disfluency": True}], 1, last=True
    )
    assert "disfluency" not in str(without.messages) + str(without.schema)
    assert "disfluency" in str(wanted.messages)
    assert "disfluency" in wanted.schema["properties"]["items"]["items"]["required"]


def test_structured_output_is_asked_for_only_where_the_server_offers_it(tmp_path: Path):
    with serve(ScriptedServer()) as server:
        ask(make_items(1), make_asker(server, tmp_path))
        plain = Server(base_url=server.url, model="scripted", structured=False)
        request = make_request("questions", "Ptej se.", make_items(1), 1, last=True)
        ServerProvider(plain, "server").ask(request)
    first, second = server.requests["/chat/completions"]
    assert first["response_format"]["json_schema"]["strict"] is True
    assert "response_format" not in second


def test_the_budget_stops_before_it_is_passed_and_more_budget_goes_on(tmp_path: Path):
    table = Price(input=1000, output=1000, batch_input=0, batch_output=0)  # $0.15 a response
    items = make_items(100)
    with serve(ScriptedServer()) as server:
        budget = Budget(table, 3.0, 60, "synthesize.budget")
        with pytest.raises(TunelineError, match=r"synthesize\.budget = 3\.0: .* could cost"):
            ask(items, make_asker(server, tmp_path, budget=budget, batch_size=1))
        spent = server.number * 150 * 1000 / 1e6
        assert 0 < spent <= 3.0
        before = server.number
        budget = Budget(table, 1000.0, 60, "synthesize.budget")
        outcome = ask(items, make_asker(server, tmp_path, budget=budget, batch_size=1))
    assert server.number == 100 > before
    assert len(outcome.found) == 100
    assert budget.spent == pytest.approx(100 * 0.15)


def test_a_response_without_usage_counts_as_the_most_it_can_be():
    table = Price(input=1, output=2, batch_input=0, batch_output=0)
    budget = Budget(table, max_tokens=40)
    request = Request(step="s", messages=[{"role": "user", "content": "č" * 10}])
    budget.record("key", request, Response(text="", model="m"))
    assert (budget.prompt_tokens, budget.completion_tokens) == (28, 40)
    assert budget.report()["responses_without_usage"] == 1


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "invalid_api_key", "the server answers 401"),
        (404, "model_not_found", "the server answers 404"),
        (429, "insufficient_quota", "the server answers 429"),
    ],
)
def test_what_every_request_would_meet_stops_the_run_in_words(
    tmp_path: Path, status: int, code: str, words: str, monkeypatch: pytest.MonkeyPatch
):
    from tests import scripted_server

    def refuse(handler, _: str) -> None:
        error = {"error": {"message": "no", "code": code}}
        handler._send(status, error, {"retry-after-ms": "1"})

    monkeypatch.setattr(scripted_server._Handler, "_fail", refuse)
    with (
        serve(ScriptedServer(script=lambda _: "overload")) as server,
        pytest.raises(TunelineError, match=words),
    ):
        ask(make_items(3), make_asker(server, tmp_path, retries=0))


def test_a_server_that_is_not_there_stops_the_run_in_words(tmp_path: Path):
    server = ScriptedServer()
    with pytest.raises(TunelineError, match="cannot be reached"):
        ask(make_items(3), make_asker(server, tmp_path, retries=0))


def test_memory_does_not_grow_with_the_number_of_requests(tmp_path: Path):
    """What is under way is held, what is done is on the disk."""
    import tracemalloc

    def measure(count: int) -> int:
        requests = (
            make_request("questions", "Ptej se.", make_items(3), attempt, last=True)
            for attempt in range(count)
        )
        asker = make_asker(server, tmp_path / str(count))
        tracemalloc.start()
        for _ in ask_all(requests, asker):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    with serve(ScriptedServer()) as server:
        server.requests["/chat/completions"] = _Forgetful()
        measure(20)
        few, many = measure(50), measure(250)
    assert many < 1.5 * few


class _Forgetful(list):
    def append(self, _: object) -> None:
        """Keep nothing: only the client's memory is measured."""


def test_http_faults_are_all_played():
    assert set(HTTP_FAULTS) <= set(FAULTS)
