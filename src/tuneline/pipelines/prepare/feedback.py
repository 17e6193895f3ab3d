"""Better answers of people as examples: cleaned as rows are, and never about what is held out.

They are learned, and watch or test nothing: who wrote one had read the answer of an adapter, and
as a reference it would favor that adapter.
"""

import logging
from typing import Any

import orjson
import pandas as pd
import polars as pl

from tuneline.examples import Example, Feedback, Message, hash_templates
from tuneline.parameters import Data, Prompt
from tuneline.parameters.examples import Conversations, list_placeholders
from tuneline.pipelines.prepare.cleaning import clean_batch
from tuneline.pipelines.prepare.feedback_leaks import SPLIT
from tuneline.pipelines.prepare.forms import strip_template
from tuneline.pipelines.prepare.masking import Placeholders
from tuneline.pipelines.prepare.row_checks import check_cleaned

log = logging.getLogger(__name__)

REJECTED = ["line", "reason", "original"]
# Column of a conversation whose last answer is the better one, and of that answer where the
# template of completions names no column, or several.
TALK, ANSWER = "the conversation", "the better answer"


def clean_feedback(
    feedback: list[dict[str, Any]],
    data: Data,
    prompt: Prompt,
    cleaning_report: dict[str, Any] | None = None,
) -> tuple[list[Example], pd.DataFrame]:
    """Make examples of better answers, by the rules that clean the rows.

    All texts are cleaned, and what holds for the column of completions holds for the better answer.
    The prompt of an example is all that was said before the answer. Examples and rejected rows
    (`line`, `reason`, `original`) are together as many as the rows; neither where feedback is not
    learned.

    Raises:
        TunelineError: if nearly all rows were rejected for one reason.
    """
    if cleaning_report:
        check_cleaned(cleaning_report, data)
    better = sum(bool(row.get("better_answer")) for row in feedback)
    if not data.feedback:
        if better:
            log.info("Feedback: %s better answers; `data.feedback: true` learns them.", better)
        return [], pd.DataFrame(columns=REJECTED)
    if not feedback:
        log.warning("Feedback: there is none yet, although `data.feedback` is set.")
        return [], pd.DataFrame(columns=REJECTED)
    column = _name_answer(prompt)
    batch = _tabulate(feedback, _find_reasons(feedback, prompt), column, prompt)
    judged = clean_batch(batch, _adapt(data, column))
    if data.rules.mask_personal_data:
        judged = Placeholders(letter="F").number(judged, [TALK])
    rows = zip(feedback, judged.iter_rows(named=True), strict=True)
    examples = [_make_example(row, one) for row, one in rows if one["reason"] is None]
    rejected = judged.filter(pl.col("reason").is_not_null()).select(
        "line", "reason", pl.col("original").cast(pl.String)
    )
    log.info("Feedback: %s rows, %s examples.", f"{len(feedback):,}", f"{len(examples):,}")
    return examples, pd.DataFrame(rejected.to_dicts(), columns=REJECTED)


def _find_reasons(feedback: list[dict[str, Any]], prompt: Prompt) -> list[str | None]:
    """Say of each row why nothing can be learned of it; of two to one prompt the later counts."""
    from pydantic import TypeAdapter, ValidationError

    check, templates = TypeAdapter(Feedback).validate_python, hash_templates(prompt)
    reasons: list[str | None] = []
    latest: dict[bytes, int] = {}
    for place, row in enumerate(feedback):
        reason = None
        try:
            check(row, strict=True)
            if not row["better_answer"].strip():
                reason = "no better answer"
            elif row["templates"] != templates:
                reason = "asked with other prompt templates"
        except ValidationError as error:
            said = error.errors()[0]
            reason = f"no feedback: {'.'.join(map(str, said['loc']))}: {said['msg'].lower()}"
        if reason is None:
            asked = orjson.dumps([row["context"], row["prompt"], row.get("rater", "")])
            if asked in latest:
                reasons[latest[asked]] = "a later better answer replaces it"
            latest[asked] = place
        reasons.append(reason)
    return reasons


def _name_answer(prompt: Prompt) -> str:
    names = list_placeholders(prompt.completion)
    return names[0] if len(names) == 1 else ANSWER


def _tabulate(
    feedback: list[dict[str, Any]], reasons: list[str | None], column: str, prompt: Prompt
) -> pl.DataFrame:
    """Make a batch as a `RowSource` gives it: the conversation, and the better answer alone."""
    talks: list[str | None] = []
    answers: list[str | None] = []
    for row, reason in zip(feedback, reasons, strict=True):
        if reason is not None:
            talks.append(None)
            answers.append(None)
            continue
        bare = strip_template(row["better_answer"].strip(), prompt.completion)
        whole = bare if column == ANSWER else prompt.completion.format_map({column: bare})
        said: list[Message] = [*row["context"], {"role": "user", "content": row["prompt"]}]
        said.append({"role": "assistant", "content": whole})
        talks.append(orjson.dumps(said).decode())
        answers.append(bare)
    texts = {
        "original": pl.Series([orjson.dumps(row) for row in feedback], dtype=pl.Binary),
        "problem": pl.Series(reasons, dtype=pl.String),
        TALK: pl.Series(talks, dtype=pl.String),
        column: pl.Series(answers, dtype=pl.String),
    }
    lines = pl.int_range(1, len(feedback) + 1, dtype=pl.Int64, eager=True)
    return pl.DataFrame({"line": lines, **texts})


def _adapt(data: Data, column: str) -> Data:
    """Give the rules of the column of completions to better answers."""
    bounds = {
        name: {column: bound[column]} if column in bound else {}
        for name, bound in (
            ("min_words", data.rules.min_words),
            ("max_characters", data.rules.max_characters),
        )
    }
    # The page bounds a conversation by what the model reads.
    talks = Conversations(column=TALK, turns="last", max_turns=10_000)
    changes = {"columns": [TALK, column], "conversations": talks, "table": None, "documents": None}
    rules = data.rules.model_copy(update={**bounds, "unique": []})
    return data.model_copy(update={**changes, "rules": rules})


def _make_example(row: dict[str, Any], cleaned: dict[str, Any]) -> Example:
    *said, answer = orjson.loads(cleaned[TALK])
    origin = {"source": SPLIT, "line": cleaned["line"]}
    origin |= {name: row[name] for name in ("date", "adapter", "answer_of")}
    return {
        "id": f"{SPLIT}-{cleaned['line']}",
        "prompt": said,
        "completion": [answer],
        "meta": {"line": None, "templates": row["templates"], "origin": origin},
    }
