"""The data page: whether the examples are good enough to train on."""

import logging
from typing import Any

import pandas as pd
import polars as pl

from tuneline.examples import Example
from tuneline.parameters import Data, Evaluation, Prompt
from tuneline.pipelines.prepare.check_material import COLUMN, Check, Material, find_column
from tuneline.pipelines.prepare.data_checks import (
    check_categories,
    check_copies,
    check_prompts,
    check_questions,
    check_size,
)
from tuneline.pipelines.prepare.masking import hide
from tuneline.pipelines.prepare.splitting import SPLITS
from tuneline.pipelines.prepare.text_checks import (
    check_answers,
    check_languages,
    check_lengths,
    check_personal_data,
)
from tuneline.reporting.pages import render_page
from tuneline.utils.terminal import shorten

log = logging.getLogger(__name__)

CHECKS = (
    check_size,
    check_personal_data,
    check_prompts,
    check_copies,
    check_answers,
    check_lengths,
    check_languages,
    check_categories,
    check_questions,
)
# How each light is called, so that it is not told by its color alone.
LIGHTS = {"red": "act", "amber": "look", "green": "good"}
SHOWN_ROWS, SHOWN_CHARACTERS = 5, 280


def check_data(
    rows: pl.DataFrame,
    train: list[Example],
    validation: list[Example],
    test: list[Example],
    leaks: pd.DataFrame,
    copies: pl.DataFrame,
    leak_report: dict[str, Any],
    cleaning_report: dict[str, Any],
    data: Data,
    prompt: Prompt,
    evaluation: Evaluation,
) -> tuple[dict[str, Any], str]:
    """Say whether the examples are good enough to train on, and what to do where they are not.

    Returns:
        `summary`, the worst `light`, and `checks`: of each `key`, `title`, `light`, `sentence`,
        the number of `rows` that it found and the first of them (`first`: line, id, split, prompt,
        completion, note), the `rule` to switch on, as YAML, the rows that it would `cost`, and its
        `effect`; personal data is hidden. And the same as a page.
    """
    splits = dict(zip(SPLITS, (train, validation, test), strict=True))
    if evaluation.cross_fit:  # then every row is tested: it is here once, for the released adapter
        del splits["test"]
    material = Material(
        join_texts(rows, splits, data, prompt),
        test,
        data,
        prompt,
        evaluation,
        leaks,
        copies,
        leak_report,
        cleaning_report,
    )
    checks = [_describe(check(material), material.table) for check in CHECKS]
    order = list(LIGHTS)
    checks.sort(key=lambda one: order.index(one["light"]))
    found = {"light": checks[0]["light"], "summary": _summarize(checks), "checks": checks}
    log.log(logging.INFO if found["light"] == "green" else logging.WARNING, found["summary"])
    return found, render_data(found, leak_report)


def join_texts(
    rows: pl.DataFrame, splits: dict[str, list[Example]], data: Data, prompt: Prompt
) -> pl.DataFrame:
    """Put the texts of the examples next to the columns that they are made of.

    Of a conversation there may be several examples, or none; feedback is made of no row. Gives
    `line`, `split`, `id`, `prompt`, `completion`, and the columns with `COLUMN` before their names.
    """
    made = [one for several in splits.values() for one in several]
    examples = [one for one in made if one["meta"]["line"] is not None]
    feedback = [one for one in made if one["meta"]["line"] is None]
    ordered = pl.concat(rows.filter(split=split) for split in splits)
    if ordered.height != len(examples):  # conversations, each on a line of its own
        places = {line: place for place, line in enumerate(ordered["line"])}
        ordered = ordered[[places[example["meta"]["line"]] for example in examples]]
    columns = pl.exclude("line", "split").name.prefix(COLUMN)
    table = ordered.select("line", "split", columns).hstack(_list_texts(examples))
    filled = {
        f"{COLUMN}{column}": pl.col(text)
        for text in ("prompt", "completion")
        if (column := find_column(getattr(prompt, text), data))
    }
    others = _list_texts(feedback).with_columns(split=pl.lit("train"), **filled)
    return pl.concat([table, others], how="diagonal")


def _list_texts(examples: list[Example]) -> pl.DataFrame:
    texts = [
        (
            example["id"],
            "\n".join(one["content"] for one in example["prompt"] if one["role"] != "system"),
            example["completion"][-1]["content"],
        )
        for example in examples
    ]
    schema = dict.fromkeys(("id", "prompt", "completion"), pl.String)
    return pl.DataFrame(texts, schema, orient="row")


def _describe(check: Check, table: pl.DataFrame) -> dict[str, Any]:
    shown = [
        {**table.row(place, named=True), "note": check.notes.get(place, "")}
        for place in check.places[:SHOWN_ROWS]
    ]
    return {
        "key": check.key,
        "title": check.title,
        "light": check.light,
        "sentence": check.sentence,
        "rows": len(check.places) + len(check.gone),
        "first": [_show(row) for row in (*shown, *check.gone[:SHOWN_ROWS])],
        "rule": check.rule,
        "cost": check.cost,
        "effect": check.effect,
    }


def _show(row: dict[str, Any]) -> dict[str, Any]:
    """Show a row; a text is hidden before it is cut, as half a number is not known as one."""
    texts = {
        key: shorten(hide(row[key] or ""), SHOWN_CHARACTERS) for key in ("prompt", "completion")
    }
    note, name = hide(row["note"]), hide(str(row["id"]))
    line = None if row["line"] is None else int(row["line"])
    return {"line": line, "id": name, "split": row["split"], "note": note, **texts}


def _summarize(checks: list[dict[str, Any]]) -> str:
    titles = {
        light: [one["title"].lower() for one in checks if one["light"] == light] for light in LIGHTS
    }
    if not titles["red"] and not titles["amber"]:
        return "The data is fit to train on: no check found anything."
    words = [f"Act on: {', '.join(titles['red'])}."] if titles["red"] else []
    words += [f"Look at: {', '.join(titles['amber'])}."] if titles["amber"] else []
    return " ".join([*words, f"{len(titles['green'])} of {len(checks)} checks found nothing."])


def render_data(found: dict[str, Any], leak_report: dict[str, Any]) -> str:
    """Render the page of what `check_data` found."""
    return render_page(
        "pipelines/prepare/data_page.html.jinja",
        found=found,
        sizes=leak_report["sizes"],
        lights=LIGHTS,
    )
