"""Nodes of the synthesise stage that make templates: checked, priced, extended."""

import logging
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Prices, Synthesise
from tuneline.pipelines.synthesise.accepting import TemplateCheck
from tuneline.pipelines.synthesise.costs import (
    estimate,
    estimate_dollars,
    price_estimate,
    word_assumptions,
)
from tuneline.pipelines.synthesise.planning import plan_templates
from tuneline.pipelines.synthesise.records import Record, make_asker, make_record
from tuneline.pipelines.synthesise.rounds import ask_items
from tuneline.pipelines.synthesise.templates import find_template_problems
from tuneline.pipelines.synthesise.vocabulary import read_vocabulary
from tuneline.providers.replies import Replies

log = logging.getLogger(__name__)
Rows = list[dict[str, Any]]


def check_templates(templates: Rows, vocabulary: dict[str, Any], synthesise: Synthesise) -> Rows:
    """Number the templates and refuse those that could not be filled.

    Args:
        templates: `style` and `text` each.
        vocabulary: declares the placeholders.
        synthesise: names the styles.

    Returns:
        `number` (from 1), `style`, `text` and `origin` of each.

    Raises:
        TunelineError: naming every unknown, unused or unfilled placeholder.
    """
    styles = list(synthesise.quotas.styles)
    words = read_vocabulary(vocabulary)
    problems = list(find_template_problems(templates, styles, words))
    if problems:
        raise TunelineError(*problems)
    return [
        {"number": number, "style": one["style"], "text": one["text"].strip(), "origin": "file"}
        for number, one in enumerate(templates, start=1)
    ]


def estimate_cost(templates: Rows, synthesise: Synthesise, prices: Prices) -> dict[str, Any]:
    """Estimate tokens and money before anything is asked.

    Args:
        templates: those there are.
        synthesise: how much is asked for, and the budget.
        prices: the price table.

    Returns:
        `assumptions` in words, `steps` (items, requests, tokens), `models` (US dollars, normal and
        batch) and `dollars` of the model that is asked.

    Raises:
        TunelineError: if the estimate is beyond the budget.
    """
    steps = estimate(templates, synthesise, prices)
    dollars = estimate_dollars(steps, synthesise, prices)
    if dollars and synthesise.budget and dollars > synthesise.budget:
        raise TunelineError(
            Problem(
                where="synthesise.budget",
                value=synthesise.budget,
                wrong=f"the whole stage is estimated at {dollars:.2f} dollars",
                matters="the run would stop before its end",
                remedy="raise the budget, ask for fewer dialogues, or take a cheaper model",
            )
        )
    log.info("Estimated cost: %s.", "unknown" if dollars is None else f"{dollars:.4f} dollars")
    return {
        "assumptions": word_assumptions(prices),
        "steps": steps,
        "models": price_estimate(steps, prices),
        "dollars": dollars,
    }


def extend_templates(
    templates: Rows,
    vocabulary: dict[str, Any],
    replies: Replies,
    cost_estimate: dict[str, Any],
    synthesise: Synthesise,
    prices: Prices,
) -> tuple[Rows, Record]:
    """Ask for the templates that are missing, and drop those that are all but known.

    Args:
        templates: those there are.
        vocabulary: its placeholders are the only ones.
        replies: where every reply is kept.
        cost_estimate: it has been looked at before anything is paid.
        synthesise: how many are wanted.
        prices: the price table.

    Returns:
        All templates; the record of the step: `usage` and `invalid` items.
    """
    asker = make_asker(vocabulary, replies, synthesise, prices)
    items = plan_templates(templates, synthesise)
    check = TemplateCheck(templates, read_vocabulary(vocabulary), synthesise)
    instruction = synthesise.instructions.templates
    outcome = ask_items("templates", instruction, items, check, asker)
    new = [item for item in items if item["id"] in outcome.found]
    texts = [outcome.found[item["id"]]["text"].strip() for item in new]
    found = [
        {"number": number, "style": item["style"], "text": text, "origin": "asked"}
        for number, (item, text) in enumerate(
            zip(new, texts, strict=True), start=len(templates) + 1
        )
    ]
    log.info("Templates: %s from the file, %s new.", len(templates), len(found))
    return [*templates, *found], make_record(outcome, asker)
