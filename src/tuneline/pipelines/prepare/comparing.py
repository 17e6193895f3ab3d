"""What is compared when rows are looked for that stand on two sides: words, not letters."""

import re
from string import Formatter

import polars as pl

from tuneline.examples import Example
from tuneline.parameters import Prompt

# Scripts that put no space between words: each of their characters counts as a word.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
WORD = rf"[{UNSPACED}]|[[\p{{L}}\p{{N}}\p{{M}}]--[{UNSPACED}]]+"
# Accents of Latin, Greek and Cyrillic letters, once they are letters of their own (NFKD). The marks
# of other scripts are vowels and tones, without which a word is another one.
ACCENTS = "[\u0300-\u036f]"


def normalise(texts: list[str | None]) -> pl.Series:
    """Reduce texts to what makes two of them say the same: their words.

    Letter case, punctuation, white space, accents and typographic variants (`ﬁ`, `½`, full width)
    fall away, so that a copy is found that was typed without them.

    Args:
        texts: the texts; null stays null.

    Returns:
        Their words with single spaces between; of a text without any word, the text itself.
    """
    raw = pl.Series("text", texts, pl.String)
    plain = pl.col("text").str.to_lowercase().str.normalize("NFKD")
    folded = plain.str.replace_all(ACCENTS, "").str.normalize("NFKC")
    words = folded.str.extract_all(WORD).list.join(" ")
    form = pl.when(words == "").then(pl.col("text").str.strip_chars()).otherwise(words)
    return raw.to_frame().select(form).to_series()


def tabulate(sides: dict[str, list[Example]], questions: list[str], prompt: Prompt) -> pl.DataFrame:
    """Bring examples and questions into the form in which they are compared.

    The words of a template stand in every example; left in, they would make all of them alike. So
    only what fills the templates is compared.

    Args:
        sides: the examples of each side.
        questions: fixed questions; the side `question`.
        prompt: the templates that made the examples.

    Returns:
        `row` (its place among all of them), `side`, `line`, and the normal forms `prompt`,
        `completion`, and of both together `example`; of a question the prompt only.
    """
    asked, answered = _Template(prompt.prompt), _Template(prompt.completion)
    examples = [(side, one) for side, several in sides.items() for one in several]
    prompts = [asked.strip(_words_of(one, "prompt")) for _, one in examples]
    completions = [answered.strip(_words_of(one, "completion")) for _, one in examples]
    without = [None] * len(questions)
    rows = pl.DataFrame(
        {
            "side": [side for side, _ in examples] + ["question"] * len(questions),
            "line": [one["meta"]["line"] for _, one in examples] + without,
            "prompt": normalise([*prompts, *map(asked.strip, questions)]),
            "completion": normalise([*completions, *without]),
        },
        schema_overrides={"side": pl.String, "line": pl.Int64},
    )
    both = pl.concat_str("prompt", "completion", separator=" ").str.strip_chars()
    return rows.with_columns(example=both).with_row_index("row").cast({"row": pl.Int64})


def _words_of(example: Example, part: str) -> str:
    messages = example[part]  # type: ignore[literal-required]
    return "\n".join(one["content"] for one in messages if one["role"] != "system")


class _Template:
    """A template turned round: from a filled text back to what fills it."""

    def __init__(self, template: str) -> None:
        parts = [
            re.escape(words) + ("" if name is None else "(.*?)")
            for words, name, _, _ in Formatter().parse(template)
        ]
        self._pattern = re.compile("".join(parts), re.DOTALL)

    def strip(self, text: str) -> str:
        """Leave what fills the template; a text of another form stays whole."""
        match = self._pattern.fullmatch(text)
        return "\n".join(match.groups()) if match else text
