"""Nodes of the synthesise stage that make templates: checked, priced, extended."""

import logging
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.llm_api.moderation import moderate
from tuneline.llm_api.requests import Replies
from tuneline.parameters import Prices, Synthesise
from tuneline.pipelines.synthesize.costs import (
    Record,
    add_up,
    estimate,
    estimate_dollars,
    make_asker,
    make_record,
    price_estimate,
    word_assumptions,
)
from tuneline.pipelines.synthesize.filters import AnswerCheck, QuestionCheck, TemplateCheck
from tuneline.pipelines.synthesize.quotas import (
    check_shares,
    count_shares,
    plan_items,
    plan_templates,
)
from tuneline.pipelines.synthesize.report import (
    Counts,
    build_report,
    list_collected,
    list_synthesised,
)
from tuneline.pipelines.synthesize.rounds import ask_items, refuse_nothing
from tuneline.pipelines.synthesize.templates import find_template_problems, read_vocabulary

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


def write_answers(
    all_templates: Rows,
    vocabulary: dict[str, Any],
    replies: Replies,
    template_record: Record,
    synthesise: Synthesise,
    prices: Prices,
) -> tuple[Rows, Record]:
    """Have the templates filled: an answer for each planned dialogue.

    Args:
        all_templates: the templates.
        vocabulary: the words of the embedded provider.
        replies: where every reply is kept.
        template_record: what was spent before.
        synthesise: how many, by which quotas.
        prices: the price table.

    Returns:
        Drafts (`id`, `template`, `template_origin`, `style`, `slip`, `answer`, `fillers`); the
        record of the step.
    """
    asker = make_asker(vocabulary, replies, synthesise, prices, add_up(template_record))
    items = plan_items(all_templates, synthesise)
    check = AnswerCheck(synthesise.checks)
    outcome = ask_items("answers", synthesise.instructions.answers, items, check, asker)
    refuse_nothing("answers", items, outcome)
    drafts = [
        {
            **{name: item[name] for name in ("id", "template", "template_origin", "style")},
            "slip": outcome.found[item["id"]].get("slip") or "",
            "answer": outcome.found[item["id"]]["text"].strip(),
            "fillers": outcome.found[item["id"]].get("fillers", {}),
        }
        for item in items
        if item["id"] in outcome.found
    ]
    log.info("Answers: %s of %s.", f"{len(drafts):,}", f"{len(items):,}")
    return drafts, make_record(outcome, asker)


def write_questions(
    drafts: Rows,
    vocabulary: dict[str, Any],
    replies: Replies,
    template_record: Record,
    answer_record: Record,
    synthesise: Synthesise,
    prices: Prices,
) -> tuple[Rows, Record]:
    """Have an interviewer's question written for each answer, matched by id.

    Args:
        drafts: the answers.
        vocabulary: the words of the embedded provider.
        replies: where every reply is kept.
        template_record: what was spent before.
        answer_record: the same.
        synthesise: the checks.
        prices: the price table.

    Returns:
        Dialogues (drafts with `question`); the record of the step.
    """
    before = add_up(template_record, answer_record)
    asker = make_asker(vocabulary, replies, synthesise, prices, before)
    items = [
        {"id": one["id"], "source": one["answer"], "fillers": one["fillers"]} for one in drafts
    ]
    check = QuestionCheck(synthesise.checks)
    outcome = ask_items("questions", synthesise.instructions.questions, items, check, asker)
    refuse_nothing("questions", items, outcome)
    dialogues = [
        {**draft, "question": outcome.found[draft["id"]]["text"].strip()}
        for draft in drafts
        if draft["id"] in outcome.found
    ]
    log.info("Questions: %s of %s.", f"{len(dialogues):,}", f"{len(drafts):,}")
    return dialogues, make_record(outcome, asker)


def moderate_dialogues(dialogues: Rows, synthesise: Synthesise) -> tuple[Rows, Rows]:
    """Clear each dialogue by itself; one that cannot be judged is not clear.

    Args:
        dialogues: the dialogues; none is fine.
        synthesise: who judges.

    Returns:
        Cleared dialogues; the others with `categories` and `error`.
    """
    conversations = [list_synthesised(one, synthesise.persona) for one in dialogues]
    judgements = moderate(conversations, synthesise.moderation, "synthesise.moderation")
    pairs = list(zip(dialogues, judgements, strict=True))
    cleared = [one for one, judgement in pairs if judgement.clear]
    flagged = [
        {**one, "categories": judgement.categories, "error": judgement.error}
        for one, judgement in pairs
        if not judgement.clear
    ]
    log.info("Moderation: %s clear, %s not.", f"{len(cleared):,}", f"{len(flagged):,}")
    return cleared, flagged


def report_synthesis(
    cost_estimate: dict[str, Any],
    all_templates: Rows,
    drafts: Rows,
    dialogues: Rows,
    cleared: Rows,
    flagged: Rows,
    collected: Rows,
    template_record: Record,
    answer_record: Record,
    question_record: Record,
    synthesise: Synthesise,
) -> tuple[dict[str, Any], Rows]:
    """Count every step, compare the cost with its estimate, and gather what was invalid.

    Args:
        cost_estimate: tokens and money, before.
        all_templates: templates from the file and new ones.
        drafts: answers that were kept.
        dialogues: drafts that got their question.
        cleared: dialogues that were cleared.
        flagged: dialogues that were not.
        collected: raw rows that somebody wrote.
        template_record: usage and invalid items of each step.
        answer_record: the same.
        question_record: the same.
        synthesise: what was asked for.

    Returns:
        The report; all invalid items with their reason and the reply they came in.
    """
    records = {
        "templates": template_record,
        "answers": answer_record,
        "questions": question_record,
    }
    invalid = [one for record in records.values() for one in record["invalid"]]
    usage = {step: record["usage"] for step, record in records.items()}
    counts = Counts(
        templates_wanted=synthesise.templates,
        templates_in_file=sum(one["origin"] == "file" for one in all_templates),
        templates=len(all_templates),
        asked=synthesise.dialogues,
        answers=len(drafts),
        questions=len(dialogues),
        cleared=len(cleared),
        flagged=sum(one["error"] is None for one in flagged),
        unjudged=sum(one["error"] is not None for one in flagged),
        collected=len(collected),
    )
    shares = count_shares(cleared, synthesise.quotas)
    return build_report(counts, shares, invalid, flagged, cost_estimate, usage), invalid


def merge_dialogues(
    cleared: Rows, collected: Rows, synthesis_report: dict[str, Any], synthesise: Synthesise
) -> Rows:
    """Put collected and synthesised dialogues together as the use case's raw rows.

    Args:
        cleared: the synthesised dialogues.
        collected: the raw rows that somebody wrote.
        synthesis_report: the quotas as they came out.
        synthesise: the persona, and how far a quota may be off.

    Returns:
        `id`, `messages`, `template`, `style` and `origin` of each row.

    Raises:
        TunelineError: if a style's or the slips' share is too far from its quota.
    """
    check_shares(synthesis_report["quotas"], synthesise.quotas.tolerance)
    return [*list_collected(collected), *(_make_row(one, synthesise) for one in cleared)]


def _make_row(dialogue: dict[str, Any], synthesise: Synthesise) -> dict[str, Any]:
    server = synthesise.server if synthesise.provider == "server" else None
    by = server.model if server else "embedded"
    origin = {name: dialogue[name] for name in ("template_origin", "slip")}
    return {
        "id": dialogue["id"],
        "messages": list_synthesised(dialogue, synthesise.persona),
        "template": f"template-{dialogue['template']:03d}",
        "style": dialogue["style"],
        "origin": {"source": "synthesised", "by": by, **origin},
    }
