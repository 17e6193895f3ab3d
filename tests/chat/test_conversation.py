import sys
from dataclasses import replace
from itertools import pairwise

import pytest

from tuneline.chat.conversation import Chat, Conversation
from tuneline.chat.page import import_gradio
from tuneline.errors import TunelineError
from tuneline.models.model_pair import ContextBudget

pytestmark = pytest.mark.slow


def talk(chat: Chat, turns: int) -> Conversation:
    said = Conversation()
    for _ in range(turns):
        *_, said = chat.ask("And another one, please, with handles", said)
    return said


def test_each_model_remembers_its_own_answers(chat: Chat):
    first = list(chat.ask("Oak Spoon", Conversation()))
    *_, second = chat.ask("Shorter", first[-1])
    for who in ("base", "tuned"):
        said = second.messages[who]
        assert [one["role"] for one in said] == ["system", *["user", "assistant"] * 2]
        assert [said[1]["content"], said[3]["content"]] == ["Describe: Oak Spoon", "Shorter"]
        assert said[:3] == first[-1].messages[who]
        assert said[-1]["content"] == second.answers[who].answer
    assert second.messages["base"][2] != second.messages["tuned"][2]


def test_the_answers_grow_and_the_base_models_comes_first(chat: Chat):
    steps = list(chat.ask("Oak Spoon", Conversation()))
    assert len(steps) > 6
    assert not steps[0].answers
    assert next(list(step.answers) for step in steps if step.answers) == ["base"]
    assert list(steps[-1].answers) == ["base", "tuned"]
    base = [step.messages["base"][-1]["content"] for step in steps[1:] if not step.answers]
    # The last one is whole: without the spaces at its ends.
    assert all(late.startswith(early) for early, late in pairwise(base[:-1]))


def test_an_empty_question_and_a_conversation_that_has_outgrown_the_model_are_refused(chat: Chat):
    for empty in ("", "  "):
        with pytest.raises(TunelineError, match="the question: it is empty"):
            next(chat.ask(empty, Conversation()))
    words = r"the conversation: its prompt has \d+ tokens .* reads 160"
    with pytest.raises(TunelineError, match=words):
        talk(chat, turns=20)
    assert talk(chat, turns=2).answers


def test_a_question_is_of_bounded_length_even_where_the_model_reads_any(chat: Chat):
    endless = replace(chat, context_budget=ContextBudget(context=None, answer=8))
    with pytest.raises(TunelineError, match="the question: it has 200,001 characters"):
        next(endless.ask("a" * 200_001, Conversation()))
    assert next(endless.ask("a" * 200_000, Conversation())).messages["base"]


def test_a_missing_extra_is_a_sentence_with_the_command(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(TunelineError, match=r"`gradio` is not installed; .*pip install .*\[chat\]"):
        import_gradio()
