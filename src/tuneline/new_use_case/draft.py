"""What a new use case would say: guessed, and as its user chooses."""

import re
from dataclasses import dataclass, replace
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.new_use_case.columns import guess_columns
from tuneline.new_use_case.headers import find_unfit
from tuneline.new_use_case.sources import Source
from tuneline.new_use_case.templates import brace, check_template, escape_braces, exchange
from tuneline.parameters.examples import TURN_COLUMNS, list_placeholders
from tuneline.utils.languages import load_detector

# Answers whose language is looked at.
SAMPLED = 50
# What a language shows in: a code of capitals and digits has none.
WORD = re.compile(r"[^\W\d_A-Z]+")


@dataclass(frozen=True)
class Options:
    """What a user states of a use case before it is guessed; `template` is the prompt's."""

    prompt_column: str | None = None
    answer_column: str | None = None
    template: str | None = None
    system: str | None = None
    sheet: str | None = None
    write_questions: bool = False


@dataclass(frozen=True)
class Draft:
    """A use case before it is written.

    `id`, `question`, `answer` and `category` are columns (the first may be `line`, the last has few
    different texts); `prompt`, `completion` and `system` are templates.
    """

    name: str
    source: Source
    id: str
    question: str
    answer: str
    category: str | None
    prompt: str
    completion: str
    system: str | None

    @property
    def columns(self) -> list[str]:
        """Columns that the templates use, in their order."""
        texts = (self.system or "", self.prompt, self.completion)
        return list(dict.fromkeys(name for text in texts for name in list_placeholders(text)))

    @property
    def read_columns(self) -> list[str]:
        """Columns that are read of the raw rows: those of the templates, or conversations."""
        column = self.source.conversations
        others = [name for name in self.columns if name not in TURN_COLUMNS]
        return [column, *others] if column else self.columns

    @property
    def others(self) -> list[str]:
        """Columns that nothing uses."""
        used = {*self.columns, self.id, self.category, *(["system"] if self.states_system else [])}
        return [name for name in self.source.rows.columns if name not in used]

    @property
    def is_english(self) -> bool:
        """Whether the first answers are in English, by py3langid; of codes, the questions."""
        answers, questions = (
            " ".join(str(one)[:500] for one in self.source.rows[column].drop_nulls().head(SAMPLED))
            for column in (self.answer, self.question)
        )
        words = sum(len(word) for word in WORD.findall(answers))
        text = answers if 2 * words > len(answers) else questions
        return bool(load_detector().classify(text)[0] == "en")

    @property
    def states_system(self) -> bool:
        """Whether the system message is the one that all rows have."""
        shared = self.source.system
        return shared is not None and self.system == escape_braces(shared)

    def ask(self, column: str) -> "Draft":
        """Take another column for what is asked; that of the answer changes places with it.

        Raises:
            TunelineError: if no template can name the column.
        """
        self._check_column("--prompt-column", column)
        return self._pair(column, self.question if column == self.answer else self.answer)

    def answer_with(self, column: str) -> "Draft":
        """Take another column for what is answered; that of the question changes places with it.

        Raises:
            TunelineError: if no template can name the column.
        """
        self._check_column("--answer-column", column)
        return self._pair(self.answer if column == self.question else self.question, column)

    def _check_column(self, where: str, column: str) -> None:
        if self.source.conversations:
            raise TunelineError(_says_who_asks(where, column))
        if column in self.source.numbers or column == self.id:
            raise TunelineError(_no_text_column(where, column))
        if unfit := find_unfit(self.source.path, column, list(self.source.header)):
            raise TunelineError(unfit)

    def _pair(self, question: str, answer: str) -> "Draft":
        return self._settle(
            question=question,
            answer=answer,
            prompt=exchange(self.prompt, self.question, question),
            completion=exchange(self.completion, self.answer, answer),
        )

    def _settle(self, **changes: Any) -> "Draft":
        changed = replace(self, **changes)
        return replace(changed, category=None) if changed.category in changed.columns else changed

    def word(self, template: str) -> "Draft":
        """Take another template for the prompt.

        Raises:
            TunelineError: if it names no column, or one that is not there.
        """
        check_template("--template", template, self.source)
        named = list_placeholders(template)
        if not named:
            raise TunelineError(_no_placeholder(template, self.question))
        if self.source.conversations and (self.question not in named or self.answer in named):
            raise TunelineError(_says_who_asks("--template", template))
        question = self.question if self.question in named else named[0]
        return self._settle(prompt=template, question=question)

    def introduce(self, system: str | None) -> "Draft":
        """Take another system message.

        Raises:
            TunelineError: if it names a column that is not there.
        """
        check_template("--system", system or "", self.source)
        return self._settle(system=system or None)


def make_draft(name: str, source: Source, options: Options) -> Draft:
    """Guess a use case.

    Raises:
        TunelineError: if the source, or what is stated, does not fit.
    """
    for where, column in (
        ("--prompt-column", options.prompt_column),
        ("--answer-column", options.answer_column),
    ):
        if column and source.conversations:
            raise TunelineError(_says_who_asks(where, column))
    guess = guess_columns(source, options.prompt_column, options.answer_column)
    system = None
    if "system" in source.rows.columns and source.roles:
        system = "{system}" if source.system is None else escape_braces(source.system)
    prompt = brace(guess.question)
    if source.documents and not source.documents.parts:
        headings = source.rows[guess.question]
        prompt = prompt if headings.is_unique().all() else "{document}: " + prompt
    draft = Draft(
        name,
        source,
        guess.id,
        guess.question,
        guess.answer,
        guess.category,
        prompt,
        brace(guess.answer),
        system,
    )
    if options.template is not None:
        draft = draft.word(options.template)
    return draft if options.system is None else draft.introduce(options.system)


def _no_text_column(where: str, column: str) -> Problem:
    return Problem(
        where=where,
        value=column,
        wrong="the column identifies rows, or holds other values than text",
        matters="no prompt could use it; nothing was written",
        remedy="choose a column with text",
    )


def _says_who_asks(where: str, value: str) -> Problem:
    return Problem(
        where=where,
        value=value,
        wrong="the conversations say who asks and who answers",
        matters="an answer would be learned from another prompt than the turns before it; nothing "
        "was written",
        remedy="leave it out; a template has `{user}` in it, and no `{assistant}`",
    )


def _no_placeholder(template: str, column: str) -> Problem:
    return Problem(
        where="--template",
        value=template,
        wrong="it names no column",
        matters="every row would ask the same; nothing was written",
        remedy=f"name the column in braces, as in `{brace(column)}`",
    )
