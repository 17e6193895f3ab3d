"""Feedback that is about what is held out."""

import logging
from collections.abc import Sequence
from typing import Any

import pandas as pd
import polars as pl

from tuneline.errors import Problem
from tuneline.examples import Example
from tuneline.parameters import Data, Prompt
from tuneline.pipelines.prepare.forms import number_forms, strip_template
from tuneline.pipelines.prepare.leak_report import COLUMNS, SHOWN_CHARACTERS
from tuneline.pipelines.prepare.leaks import FOUND, LeakFinder
from tuneline.utils.terminal import shorten
from tuneline.utils.words import normalize_words

log = logging.getLogger(__name__)

# What the leak table calls the split of a row that is feedback.
SPLIT = "feedback"


def find_feedback_leaks(
    feedback: Sequence[Example],
    held_out: dict[str, list[Example]],
    questions: list[str],
    data: Data,
    prompt: Prompt,
) -> pd.DataFrame:
    """Find the feedback that is about what is held out.

    It is a leak as a training row is one, and also if its prompt is that of a held-out example or
    nearly so: the rating page shows held-out prompts. Leaks are as `list_leaks` gives them; all of
    these are dropped.
    """
    if not feedback:
        return pd.DataFrame(columns=COLUMNS)
    known = [(split, one) for split, several in held_out.items() for one in several]
    forms = _make_forms(feedback, [one for _, one in known], questions, prompt)
    finder = LeakFinder(forms, data.leaks.model_copy(update={"policy": "drop"}))
    asked = finder.find(forms.filter(pl.col("split") != "test"))
    rest = forms.filter(pl.col("split") != "question").join(asked, on="row", how="anti")
    found = pl.concat([asked, finder.find(rest)]).sort("row")
    places = [(split, _show(one)) for split, one in [(SPLIT, one) for one in feedback] + known]
    # Held-out prompts are asked as the fixed questions are, and follow all examples.
    places += [*places[len(feedback) :], *(("question", {"prompt": one}) for one in questions)]
    listed = [
        {key: leak[key] for key in FOUND if key in COLUMNS}
        | {"split": SPLIT, **places[leak["row"]][1], "done": "dropped"}
        | {f"duplicate_{key}": value for key, value in places[leak["duplicate"]][1].items()}
        | {"duplicate_split": places[leak["duplicate"]][0]}
        for leak in found.iter_rows(named=True)
    ]
    table = pd.DataFrame(listed, columns=COLUMNS)
    return table.astype({"line": "Int64", "duplicate_line": "Int64"})


def _make_forms(
    feedback: Sequence[Example], held_out: list[Example], questions: list[str], prompt: Prompt
) -> pl.DataFrame:
    examples = [*feedback, *held_out]
    prompts = normalize_words([_join_prompt(one, prompt) for one in examples])
    asked = normalize_words([strip_template(one, prompt.prompt) for one in questions])
    answers = normalize_words(
        [strip_template(one["completion"][-1]["content"], prompt.completion) for one in examples]
    )
    known = ["train"] * len(feedback) + ["test"] * len(held_out)
    nothing = pl.repeat(None, len(held_out) + len(questions), dtype=pl.String, eager=True)
    forms = pl.DataFrame(
        {
            "split": [*known, *["question"] * len(nothing)],
            "prompt": pl.concat([prompts, prompts[len(feedback) :], asked]),
            "completion": pl.concat([answers, nothing]),
        }
    )
    # Where the template takes nothing from a row, all prompts are the same by right.
    apart = pl.when((pl.col("split") == "question") & (pl.col("prompt") == ""))
    splits = apart.then(pl.lit("none")).otherwise("split").alias("split")
    return number_forms(forms.with_columns(splits))


def _join_prompt(example: Example, prompt: Prompt) -> str:
    first, *others = [one["content"] for one in example["prompt"] if one["role"] != "system"]
    return "\n".join([strip_template(first, prompt.prompt), *others])


def _show(example: Example) -> dict[str, Any]:
    line = example["meta"]["line"]
    if line is None:
        line = example["meta"]["origin"]["line"]
    texts = {key: example[key][-1]["content"] for key in ("prompt", "completion")}  # type: ignore[literal-required]
    shown = {key: shorten(text, SHOWN_CHARACTERS) for key, text in texts.items()}
    return {"id": example["id"], "line": line, **shown}


def warn_of_leaks(leaks: pd.DataFrame) -> None:
    """Warn of better answers that are left out, as all of the rating page are at first."""
    held = int(leaks["duplicate_split"].isin(["validation", "test"]).sum())
    if held:
        problem = Problem(
            where="data.feedback",
            value="true",
            wrong=f"better answers that are about held-out rows: {held:,}",
            matters="learned, they would give the test away; they are left out",
            remedy="state another `data.split.seed`, and most of them are about rows that train",
        )
        log.warning("%s", problem)


def describe_feedback(
    feedback: Sequence[Example], leaks: pd.DataFrame, report: dict[str, Any]
) -> dict[str, Any]:
    """Say in the report of the leak check what becomes of feedback: `feedback` and `summary`."""
    learned = len(choose_feedback(feedback, leaks))
    counts = {"learned": learned, "left_out": len(feedback) - learned}
    said = (
        f"Better answers of people: {learned:,} learned, {counts['left_out']:,} left out because "
        "they are about held-out rows or fixed questions."
    )
    return {"feedback": counts, "summary": f"{report['summary']} {said}"}


def choose_feedback(feedback: Sequence[Example], leaks: pd.DataFrame) -> list[Example]:
    """Leave out the feedback that a table of leaks names."""
    known = set(leaks.loc[leaks["split"] == SPLIT, "id"])
    return [one for one in feedback if one["id"] not in known]
