"""The words that fill placeholders, and the phrases that new templates are made of."""

from typing import Any

from pydantic import Field, ValidationError, field_validator

from tuneline.errors import Problem, TunelineError
from tuneline.parameters.block import Block

# One entry of a placeholder: a text, or its forms by name (nom, gen, dat …).
Entry = str | dict[str, str]


class Phrases(Block):
    """Parts of a template of one style; any opening, core and closing make one."""

    openings: list[str] = Field(min_length=1)
    cores: list[str] = Field(min_length=1)
    closings: list[str] = Field(min_length=1)


class Vocabulary(Block):
    """What the embedded provider writes with. `{name}` or `{name:form}` stands for an entry."""

    placeholders: dict[str, list[Entry]] = Field(description="entries by placeholder")
    phrases: dict[str, Phrases] = Field(description="parts of new templates, by style")
    question_openings: list[str] = Field(min_length=1, description="how an interviewer begins")
    questions: list[str] = Field(min_length=1, description="about one or two placeholders each")
    corrections: list[str] = Field(
        min_length=1, description="what stands between a slip of the tongue and the right word"
    )

    @field_validator("questions")
    @classmethod
    def _one_fits_all(cls, questions: list[str]) -> list[str]:
        if not any("{" not in text for text in questions):
            raise ValueError("one of them must have no placeholder, to fit every answer")
        return questions


def read_vocabulary(vocabulary: dict[str, Any]) -> Vocabulary:
    """Check a vocabulary's shape.

    Args:
        vocabulary: as its YAML file gives it.

    Returns:
        The vocabulary.

    Raises:
        TunelineError: with every problem.
    """
    try:
        return Vocabulary.model_validate(vocabulary)
    except ValidationError as error:
        raise TunelineError(
            *(
                Problem(
                    where=".".join(["vocabulary", *map(str, details["loc"])]),
                    wrong=details["msg"][0].lower() + details["msg"][1:],
                    matters="templates could not be filled from it",
                    remedy="correct the vocabulary's YAML file; see docs/synthesise.md",
                )
                for details in error.errors(include_url=False)
            )
        ) from error
