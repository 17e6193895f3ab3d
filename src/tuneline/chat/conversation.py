"""A conversation with both models, the base model first."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tuneline.chat.feedback import Collector
from tuneline.errors import Problem, TunelineError
from tuneline.examples import MODELS, Message, ModelName
from tuneline.models.generation import Answer
from tuneline.models.model_pair import ContextBudget, ModelPair
from tuneline.models.rendering import render_prompt
from tuneline.parameters import Prompt
from tuneline.prompts import start_messages

# More than models of these sizes read; counting the tokens of far more would take minutes.
MOST_CHARACTERS = 200_000


@dataclass(frozen=True)
class Conversation:
    """What was said so far.

    `messages` has for each model the system message, the questions, and its own answers; `answers`
    the last one of each, once it is whole.
    """

    messages: dict[ModelName, list[Message]] = field(
        default_factory=lambda: {who: [] for who in MODELS}
    )
    answers: dict[ModelName, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class Chat:
    """Both models, and the form in which they are asked."""

    pair: ModelPair
    context_budget: ContextBudget
    prompt: Prompt
    system: str | None
    collector: Collector

    def ask(self, question: str, conversation: Conversation) -> Iterator[Conversation]:
        """Ask both models, the base model first.

        The first question fills the prompt template, as in the training; later ones go as they are.
        Gives the conversation as it grows; the one that is passed stays as it is.

        Raises:
            TunelineError: if the question is empty or endless, or the conversation has outgrown the
                room.
        """
        problems = list(_find_problems(question))
        if problems:
            raise TunelineError(*problems)
        messages = {who: self._add(question, conversation.messages[who]) for who in MODELS}
        self._check_room(messages)
        answers: dict[ModelName, Answer] = {}
        yield Conversation(messages, answers)
        for who in MODELS:
            text, stream = "", self.pair.stream(who, messages[who])
            while who not in answers:
                try:
                    text += next(stream)
                except StopIteration as end:
                    answers = {**answers, who: end.value}
                    text = end.value.answer
                said: Message = {"role": "assistant", "content": text}
                yield Conversation({**messages, who: [*messages[who], said]}, answers)
            messages[who] = [*messages[who], said]

    def _add(self, question: str, said: list[Message]) -> list[Message]:
        if not said:
            return start_messages(question, self.prompt, self.system)
        return [*said, {"role": "user", "content": question}]

    def _check_room(self, messages: dict[ModelName, list[Message]]) -> None:
        for who in MODELS:
            tokens = len(render_prompt(self.pair.tokenizer, messages[who]))
            problems = list(self.context_budget.find_overlong("the conversation", tokens))
            if problems:
                raise TunelineError(*problems)


def _find_problems(question: str) -> Iterator[Problem]:
    if not question.strip():
        yield Problem(
            where="the question",
            wrong="it is empty",
            matters="both models would answer to nothing",
            remedy="write one",
        )
    if len(question) > MOST_CHARACTERS:
        yield Problem(
            where="the question",
            wrong=f"it has {len(question):,} characters",
            matters="counting its tokens alone would keep the page busy",
            remedy=f"shorten it to {MOST_CHARACTERS:,} characters at most",
        )
