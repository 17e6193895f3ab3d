import pytest

from tests.scripted_server import ScriptedServer, serve
from tuneline.errors import TunelineError
from tuneline.llm_api.moderation import Judgement, moderate
from tuneline.parameters import Moderation

CLEAR = {"flagged": False, "categories": {"hate": False}}


def talk(*texts: str) -> list[list[dict]]:
    return [
        [{"role": "user", "content": "Co je nového?"}, {"role": "assistant", "content": text}]
        for text in texts
    ]


def by_server(server: ScriptedServer, **changes: object) -> Moderation:
    about = {"base_url": server.url, "model": "moderator", "retries": 1, **changes}
    return Moderation(by="server", server=about)


def test_one_flagged_conversation_takes_no_other_with_it():
    patterns = Moderation(by="list", categories={"violence": [r"\bzabij"], "privacy": [r"\d{9}"]})
    found = moderate(talk("Klid.", "Zabiju ho!", "Volej 123456789, zabij!"), patterns, "m")
    assert found == [
        Judgement([]),
        Judgement(["violence"]),
        Judgement(["violence", "privacy"]),
    ]


def test_each_conversation_is_asked_for_by_itself_and_keeps_its_place():
    with serve(ScriptedServer()) as server:
        server.moderation = lambda text: {
            "flagged": "bad" in text,
            "categories": {"hate": "bad" in text},
        }
        found = moderate(talk(*["good", "bad"] * 10), by_server(server), "m")
    assert [one.clear for one in found] == [True, False] * 10
    assert len(server.requests["/moderations"]) == 20


@pytest.mark.parametrize("answer", [500, 429, 400, None, {"flagged": None, "categories": {}}])
def test_what_could_not_be_judged_is_not_clear(answer: object):
    with serve(ScriptedServer()) as server:
        server.moderation = lambda text: answer if "odd" in text else CLEAR
        odd, good = moderate(talk("odd", "good"), by_server(server), "m")
    assert not odd.clear
    assert odd.error
    assert good.clear


def test_an_error_that_passes_is_retried():
    answers = iter([500, CLEAR])
    with serve(ScriptedServer()) as server:
        server.moderation = lambda _: next(answers)
        (found,) = moderate(talk("good"), by_server(server), "m")
    assert found.clear


def test_a_flag_without_a_category_is_a_flag():
    with serve(ScriptedServer()) as server:
        server.moderation = lambda _: {"flagged": True, "categories": {}}
        (found,) = moderate(talk("x"), by_server(server), "m")
    assert not found.clear


def test_a_moderator_that_is_not_there_stops_the_run():
    server = ScriptedServer()
    server.url = "http://127.0.0.1:9/v1"
    with pytest.raises(TunelineError, match="cannot be reached"):
        moderate(talk("x"), by_server(server, retries=0), "m")


@pytest.mark.parametrize("by", ["list", "none"])
def test_no_conversations_are_fine(by: str):
    assert moderate([], Moderation(by=by, categories={"a": ["b"]}), "m") == []


def test_nobody_looks_only_where_nobody_was_asked_to():
    assert moderate(talk("zabij"), Moderation(by="none"), "m") == [Judgement([])]
    for settings in ({"by": "list"}, {"by": "server"}):
        with pytest.raises(ValueError, match="has no"):
            Moderation(**settings)
