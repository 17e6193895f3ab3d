"""A conversation with both models: each remembers what it said itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tuneline.answering import Answer
from tuneline.errors import Problem, TunelineError
from tuneline.examples import Message
from tuneline.model_pair import WHO, ModelPair, Room, Who
from tuneline.parameters import Prompt
from tuneline.questions import start_messages
from tuneline.rendering import render_prompt

# More than models of these sizes read; counting the tokens of far more would take minutes.
MOST_CHARACTERS = 200_000


@dataclass(frozen=True)
class Conversation:
    """What was said so far.

    Attributes:
        messages: for each model the system message, the questions, and its own answers.
        answers: the last answer of each, once it is whole.
    """

    messages: dict[Who, list[Message]] = field(default_factory=lambda: {who: [] for who in WHO})
    answers: dict[Who, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class Chat:
    """Both models, and the form in which they are asked.

    Attributes:
        pair: the models.
        room: tokens there are for a prompt.
        prompt: the templates of the training.
        system: the system message of the training, or None.
    """

    pair: ModelPair
    room: Room
    prompt: Prompt
    system: str | None

    def ask(self, question: str, conversation: Conversation) -> Iterator[Conversation]:
        """Ask both models, the base model first.

        The first question fills the prompt template, as in the training; later ones go as they are.

        Args:
            question: what the user typed.
            conversation: what was said before; it stays as it is.

        Yields:
            The conversation as it grows.

        Raises:
            TunelineError: if the question is empty or endless, or the conversation has outgrown the
                room.
        """
        problems = list(_find_problems(question))
        if problems:
            raise TunelineError(*problems)
        messages = {who: self._add(question, conversation.messages[who]) for who in WHO}
        self._check_room(messages)
        answers: dict[Who, Answer] = {}
        yield Conversation(messages, answers)
        for who in WHO:
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

    def _check_room(self, messages: dict[Who, list[Message]]) -> None:
        for who in WHO:
            tokens = len(render_prompt(self.pair.tokenizer, messages[who]))
            problems = list(self.room.find_overflow("the conversation", tokens))
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
