"""How rows are made where data is lacking: from templates, documents, or rows of one's own."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tuneline.parameters.base import Block, Seed
from tuneline.parameters.shared import Moderation, Server

# What a response may cost can only be bounded by one of these.
LENGTH_LIMITS = ("max_completion_tokens", "max_tokens")
# What rows can be written from.
SOURCES = ("templates", "documents", "rows")
# What is written next to the columns of a row.
ROW_COLUMNS = {"id", "quote", "like", "origin"}


class Instructions(Block):
    """What a server is told at each step; the offline provider needs no words."""

    templates: str = Field(description="how to write new templates")
    answers: str = Field(description="how to answer in the persona's voice")
    questions: str = Field(description="how to ask what an answer answers")


class Checks(Block):
    """What a written text must look like to be kept."""

    characters: tuple[int, int] = Field(description="least and most, of an answer")
    question_characters: tuple[int, int] = Field(description="least and most, of a question")
    common_words: list[str] = Field(
        min_length=1, description="the language's most frequent words; see `least_common`"
    )
    least_common: float = Field(
        ge=0, le=1, description="least share of `common_words` in a text of its language"
    )
    similarity_threshold: float = Field(
        gt=0, le=1, description="similarity from which a question repeats its answer"
    )


class Quotas(Block):
    """What the conversations must be made of."""

    styles: dict[str, float] = Field(min_length=1, description="share of each style")
    disfluencies: float = Field(
        default=0, ge=0, le=1, description="share of answers with a disfluency"
    )
    tolerance: float = Field(
        ge=0, le=1, description="how far a share may be off; beyond it the stage refuses"
    )

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        total = sum(self.styles.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(
                f"the shares of `styles` add up to {total:g}; not every conversation would have "
                "one style; make them add up to 1"
            )
        return self


class FromTemplates(Block):
    """Conversations from templates: a persona's answers, and questions to them."""

    persona: str = Field(description="system message of every conversation")
    count: int = Field(gt=0, description="templates wanted; missing ones are asked for")
    conversations: int = Field(gt=0, description="conversations asked for")
    quotas: Quotas = Field(description="what the conversations must be made of")
    instructions: Instructions = Field(description="what a server is told")
    checks: Checks = Field(description="what a text must look like to be kept")


class FromDocuments(Block):
    """Questions and answers that rest on chunks of documents."""

    chunk_characters: int = Field(
        default=2000,
        ge=200,
        description="of a chunk, at most: it must fit into the model's context with the questions; "
        "a longer paragraph is cut at a sentence",
    )
    questions: int = Field(
        default=3, gt=0, description="asked for of a whole chunk; of a shorter one fewer"
    )
    instruction: str = Field(
        default="You write questions and answers for people who learn a subject and do not have "
        "the text before them. Of each item, write one question that the text answers, and its "
        "answer. Write in the language of the text. Each question names what it is about, never "
        "`the text`, and asks about something else than the others. The answer says only what the "
        "text says: its numbers, names and quotations, and none of your own.",
        description="what a server is told",
    )
    question_characters: tuple[int, int] = Field(
        default=(10, 300), description="least and most, of a question"
    )
    answer_characters: tuple[int, int] = Field(
        default=(2, 1500), description="least and most, of an answer"
    )
    judge: Server | None = Field(
        default=None,
        description="a model that finds whether an answer rests on its chunk, where no number, "
        "name or quotation tells; null for none",
    )


class FromRows(Block):
    """More rows in the manner of some of one's own."""

    columns: list[str] = Field(
        min_length=1, description="texts of each row, all of which the model writes"
    )
    count: int = Field(gt=0, description="rows asked for")
    instruction: str = Field(
        default="You write more examples for the training of a language model. Of each item, write "
        "one example in the manner of its source: the same task, language, form, tone and length, "
        "about something else, as different from all the sources as they are from each other.",
        description="what a server is told",
    )

    @field_validator("columns")
    @classmethod
    def _names_are_free(cls, columns: list[str]) -> list[str]:
        taken = sorted(set(columns) & ROW_COLUMNS)
        if taken:
            raise ValueError(
                f"the name `{taken[0]}` is taken; Tuneline writes a column of that name itself; "
                "rename the field in your own rows"
            )
        return columns


class Synthesize(Block):
    """Rows that a model or rules write: from what, by whom, how much, and what is kept.

    One of `templates`, `documents` and `rows` is what they are made from.
    """

    provider: Literal["offline", "server"] = Field(
        description="offline: rules, free; server: a language model"
    )
    server: Server | None = Field(default=None, description="for `provider: server`")
    templates: FromTemplates | None = Field(default=None, description="conversations of a persona")
    documents: FromDocuments | None = Field(
        default=None, description="questions and answers on a folder of documents"
    )
    rows: FromRows | None = Field(default=None, description="more of one's own rows")
    near_duplicate_threshold: float = Field(
        default=0.85, gt=0, le=1, description="similarity from which a new text is dropped"
    )
    batch_size: int = Field(
        default=10, gt=0, description="items per request; of documents, the questions of a chunk"
    )
    attempts: int = Field(default=3, gt=0, description="how often an item is asked for, at most")
    budget: float | None = Field(
        default=None, gt=0, description="US dollars for all requests of the stage; null for none"
    )
    moderation: Moderation = Field(
        default=Moderation(by="none"), description="who clears each conversation"
    )
    seed: Seed = Field(
        default=3407,
        description="decides every choice of the offline provider, and the order of the rows",
    )

    @property
    def judge(self) -> Server | None:
        """The model that judges whether answers rest on their chunks, if there is one."""
        return self.documents.judge if self.documents else None

    @model_validator(mode="after")
    def _there_is_one_source(self) -> Self:
        stated = [name for name in SOURCES if getattr(self, name)]
        if len(stated) != 1:
            raise ValueError(
                f"{' and '.join(f'`{one}`' for one in stated) or 'none'} of "
                f"{', '.join(f'`{one}`' for one in SOURCES)} is stated; rows are written from one "
                "of them; state one"
            )
        return self

    @model_validator(mode="after")
    def _server_is_stated(self) -> Self:
        if self.provider == "server" and not self.server:
            raise ValueError(
                "`provider: server` has no `server`; nobody could be asked; state its base_url "
                "and model"
            )
        if self.provider == "offline" and self.rows:
            raise ValueError(
                "`provider: offline` is stated next to `rows`; rules cannot write in the manner of "
                "others' rows; set `provider: server`, and state a `server`"
            )
        return self

    @model_validator(mode="after")
    def _budget_can_be_kept(self) -> Self:
        asked = {
            "server.sampling": self.server if self.provider == "server" else None,
            "documents.judge.sampling": self.judge,
        }
        for where, server in asked.items():
            bounded = server and any(key in server.sampling for key in LENGTH_LIMITS)
            if server and self.budget and not bounded:
                raise ValueError(
                    f"a `budget` needs `{where}.max_tokens`; without it one response could cost "
                    "any amount; state the most tokens of a response"
                )
        return self
