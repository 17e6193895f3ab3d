"""What a check of the examples looks at, and what it finds."""

from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
import polars as pl

from tuneline.examples import Example
from tuneline.parameters import Data, Evaluation, Prompt
from tuneline.parameters.examples import list_placeholders

Light = Literal["green", "amber", "red"]
# Before the names of the columns that examples are made of: one of them may be called `prompt`.
COLUMN = "column:"


@dataclass(frozen=True)
class Check:
    """What one check found.

    Attributes:
        key: its name in the JSON and in the page's addresses.
        title: what it is about.
        light: green (good), amber (look at it), red (act).
        sentence: what was found.
        places: rows of the table that it was found in.
        notes: by place, what was found in this row.
        rule: the YAML that does something about it; None if no rule does.
        cost: rows that the rule would drop; None without a rule.
        effect: what the rule does, or what to do without one.
        gone: rows that are no examples any more: `line`, `id`, `split`, `prompt`, `completion`.
    """

    key: str
    title: str
    light: Light
    sentence: str
    places: list[int] = field(default_factory=list)
    notes: dict[int, str] = field(default_factory=dict)
    rule: str | None = None
    cost: int | None = None
    effect: str = ""
    gone: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Material:
    """What the checks look at.

    `table` has `line`, `id`, `split`, `prompt` (all its messages but the system's), `completion`,
    and the columns they are made of, with `COLUMN` before their names; its rows are the places of
    findings. `leaks` are rows that were in two splits, or ask a fixed question.
    """

    table: pl.DataFrame
    test: list[Example]
    data: Data
    prompt: Prompt
    evaluation: Evaluation
    leaks: pd.DataFrame
    copies: pl.DataFrame
    leak_report: dict[str, Any]
    cleaning_report: dict[str, Any]


def find_column(template: str, data: Data) -> str | None:
    """Find the one column that fills a template, if cleaning rules can act on it."""
    names = list_placeholders(template)
    made = data.table or data.documents
    return names[0] if len(names) == 1 and not made and names[0] in data.columns else None


def write_rule(key: str, value: Any) -> str:
    """Write a setting as YAML."""
    import yaml

    flow = False if isinstance(value, list) and len(value) > 1 else None
    text: str = yaml.safe_dump(
        {key: value}, allow_unicode=True, width=10**6, default_flow_style=flow, sort_keys=False
    )
    return text.strip()
