from pathlib import Path

import pytest

from tests.scripted_server import ScriptedServer, serve
from tuneline.errors import TunelineError
from tuneline.llm_api.moderation import ModerationResult, moderate
from tuneline.parameters import Moderation
from tuneline.utils.caches import Cache

NOTHING = Cache(Path("no"))
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
    found = moderate(talk("Klid.", "Zabiju ho!", "Volej 123456789, zabij!"), patterns, NOTHING, "m")
    assert found == [
        ModerationResult([]),
        ModerationResult(["violence"]),
        ModerationResult(["violence", "privacy"]),
    ]


def test_each_conversation_is_asked_for_by_itself_and_keeps_its_place(tmp_path: Path):
    with serve(ScriptedServer()) as server:
        server.moderation = lambda text: {
            "flagged": "bad" in text,
            "categories": {"hate": "bad" in text},
        }
        found = moderate(
            talk(*(f"{kind} {n}" for n in range(10) for kind in ("good", "bad"))),
            by_server(server),
            Cache(tmp_path / "cache"),
            "m",
        )
    assert [one.clear for one in found] == [True, False] * 10
    assert len(server.requests["/moderations"]) == 20


@pytest.mark.parametrize("answer", [500, 429, 400, None, {"flagged": None, "categories": {}}])
def test_what_could_not_be_judged_is_not_clear(tmp_path: Path, answer: object):
    with serve(ScriptedServer()) as server:
        server.moderation = lambda text: answer if "odd" in text else CLEAR
        odd, good = moderate(talk("odd", "good"), by_server(server), Cache(tmp_path / "cache"), "m")
    assert not odd.clear
    assert odd.error
    assert good.clear


def test_an_error_that_passes_is_retried(tmp_path: Path):
    answers = iter([500, CLEAR])
    with serve(ScriptedServer()) as server:
        server.moderation = lambda _: next(answers)
        (found,) = moderate(talk("good"), by_server(server), Cache(tmp_path / "cache"), "m")
    assert found.clear


def test_a_flag_without_a_category_is_a_flag(tmp_path: Path):
    with serve(ScriptedServer()) as server:
        server.moderation = lambda _: {"flagged": True, "categories": {}}
        (found,) = moderate(talk("x"), by_server(server), Cache(tmp_path / "cache"), "m")
    assert not found.clear


def test_a_moderator_that_is_not_there_stops_the_run(tmp_path: Path):
    server = ScriptedServer()
    with pytest.raises(TunelineError, match="cannot be reached"):
        moderate(talk("x"), by_server(server, retries=0), Cache(tmp_path / "cache"), "m")


@pytest.mark.parametrize("by", ["list", "none"])
def test_no_conversations_are_fine(by: str):
    assert moderate([], Moderation(by=by, categories={"a": ["b"]}), NOTHING, "m") == []


def test_nobody_looks_only_where_nobody_was_asked_to():
    assert moderate(talk("zabij"), Moderation(by="none"), NOTHING, "m") == [ModerationResult([])]
    for settings in ({"by": "list"}, {"by": "server"}):
        with pytest.raises(ValueError, match="has no"):
            Moderation(**settings)


def test_a_judgment_is_kept_and_what_failed_is_asked_once_more(tmp_path: Path):
    answers = {"good": CLEAR, "bad": 500}
    with serve(ScriptedServer()) as server:
        server.moderation = lambda text: answers[text.split()[-1]]
        settings = by_server(server, retries=0)
        first = moderate(talk("good", "bad"), settings, Cache(tmp_path / "cache"), "m")
        answers["bad"] = {"flagged": True, "categories": {"hate": True}}
        again = moderate(talk("good", "bad"), settings, Cache(tmp_path / "cache"), "m")
    assert [one.clear for one in first] == [True, False]
    assert again == [ModerationResult([]), ModerationResult(["hate"])]
    assert len(server.requests["/moderations"]) == 3
