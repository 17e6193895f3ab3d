"""Nodes of the synthesize stage that make templates: checked, priced, extended."""

import logging
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.llm_api.moderation import moderate
from tuneline.llm_api.requests import Responses
from tuneline.parameters import Prices, Synthesize
from tuneline.pipelines.synthesize.costs import (
    Record,
    add_up,
    estimate,
    estimate_dollars,
    format_assumptions,
    make_asker,
    make_record,
    price_estimate,
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
    list_human_written,
    list_synthesized,
)
from tuneline.pipelines.synthesize.rounds import ask_items, refuse_nothing
from tuneline.pipelines.synthesize.templates import find_template_problems, read_vocabulary

log = logging.getLogger(__name__)


Rows = list[dict[str, Any]]


def check_templates(templates: Rows, vocabulary: dict[str, Any], synthesize: Synthesize) -> Rows:
    """Number the templates and refuse those that could not be filled.

    Args:
        templates: `style` and `text` each.
        vocabulary: declares the placeholders.
        synthesize: names the styles.

    Returns:
        `number` (from 1), `style`, `text` and `origin` of each.

    Raises:
        TunelineError: naming every unknown, unused or unfilled placeholder.
    """
    styles = list(synthesize.quotas.styles)
    words = read_vocabulary(vocabulary)
    problems = list(find_template_problems(templates, styles, words))
    if problems:
        raise TunelineError(*problems)
    return [
        {"number": number, "style": one["style"], "text": one["text"].strip(), "origin": "file"}
        for number, one in enumerate(templates, start=1)
    ]


def estimate_cost(templates: Rows, synthesize: Synthesize, prices: Prices) -> dict[str, Any]:
    """Estimate tokens and money before anything is asked.

    Args:
        templates: those there are.
        synthesize: how much is asked for, and the budget.
        prices: the price table.

    Returns:
        `assumptions` in words, `steps` (items, requests, tokens), `models` (US dollars, normal and
        batch) and `dollars` of the model that is asked.

    Raises:
        TunelineError: if the estimate is beyond the budget.
    """
    steps = estimate(templates, synthesize, prices)
    dollars = estimate_dollars(steps, synthesize, prices)
    if dollars and synthesize.budget and dollars > synthesize.budget:
        raise TunelineError(
            Problem(
                where="synthesize.budget",
                value=synthesize.budget,
                wrong=f"the whole stage is estimated at {dollars:.2f} dollars",
                matters="the run would stop before its end",
                remedy="raise the budget, ask for fewer conversations, or take a cheaper model",
            )
        )
    log.info("Estimated cost: %s.", "unknown" if dollars is None else f"{dollars:.4f} dollars")
    return {
        "assumptions": format_assumptions(prices),
        "steps": steps,
        "models": price_estimate(steps, prices),
        "dollars": dollars,
    }


def extend_templates(
    templates: Rows,
    vocabulary: dict[str, Any],
    responses: Responses,
    cost_estimate: dict[str, Any],
    synthesize: Synthesize,
    prices: Prices,
) -> tuple[Rows, Record]:
    """Ask for the templates that are missing, and drop those that are all but known.

    Args:
        templates: those there are.
        vocabulary: its placeholders are the only ones.
        responses: where every response is kept.
        cost_estimate: it has been looked at before anything is paid.
        synthesize: how many are wanted.
        prices: the price table.

    Returns:
        All templates; the record of the step: `usage` and `invalid` items.
    """
    asker = make_asker(vocabulary, responses, synthesize, prices)
    items = plan_templates(templates, synthesize)
    check = TemplateCheck(templates, read_vocabulary(vocabulary), synthesize)
    instruction = synthesize.instructions.templates
    outcome = ask_items("templates", instruction, items, check, asker)
    new = [item for item in items if item["id"] in outcome.found]
    texts = [outcome.found[item["id"]]["text"].strip() for item in new]
    found = [
        {"number": number, "style": item["style"], "text": text, "origin": "answers_to_questions"}
        for number, (item, text) in enumerate(
            zip(new, texts, strict=True), start=len(templates) + 1
        )
    ]
    log.info("Templates: %s from the file, %s new.", len(templates), len(found))
    return [*templates, *found], make_record(outcome, asker)


def write_answers(
    all_templates: Rows,
    vocabulary: dict[str, Any],
    responses: Responses,
    template_record: Record,
    synthesize: Synthesize,
    prices: Prices,
) -> tuple[Rows, Record]:
    """Have the templates filled: an answer for each planned conversation.

    Args:
        all_templates: the templates.
        vocabulary: the words of the offline provider.
        responses: where every response is kept.
        template_record: what was spent before.
        synthesize: how many, by which quotas.
        prices: the price table.

    Returns:
        Drafts (`id`, `template`, `template_origin`, `style`, `disfluency`, `answer`, `fillers`);
        the record of the step.
    """
    asker = make_asker(vocabulary, responses, synthesize, prices, add_up(template_record))
    items = plan_items(all_templates, synthesize)
    check = AnswerCheck(synthesize.checks)
    outcome = ask_items("answers", synthesize.instructions.answers, items, check, asker)
    refuse_nothing("answers", items, outcome)
    drafts = [
        {
            **{name: item[name] for name in ("id", "template", "template_origin", "style")},
            "disfluency": outcome.found[item["id"]].get("disfluency") or "",
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
    responses: Responses,
    template_record: Record,
    answer_record: Record,
    synthesize: Synthesize,
    prices: Prices,
) -> tuple[Rows, Record]:
    """Have an interviewer's question written for each answer, matched by id.

    Args:
        drafts: the answers.
        vocabulary: the words of the offline provider.
        responses: where every response is kept.
        template_record: what was spent before.
        answer_record: the same.
        synthesize: the checks.
        prices: the price table.

    Returns:
        Conversations (drafts with `question`); the record of the step.
    """
    before = add_up(template_record, answer_record)
    asker = make_asker(vocabulary, responses, synthesize, prices, before)
    items = [
        {"id": one["id"], "source": one["answer"], "fillers": one["fillers"]} for one in drafts
    ]
    check = QuestionCheck(synthesize.checks)
    outcome = ask_items("questions", synthesize.instructions.questions, items, check, asker)
    refuse_nothing("questions", items, outcome)
    conversations = [
        {**draft, "question": outcome.found[draft["id"]]["text"].strip()}
        for draft in drafts
        if draft["id"] in outcome.found
    ]
    log.info("Questions: %s of %s.", f"{len(conversations):,}", f"{len(drafts):,}")
    return conversations, make_record(outcome, asker)


def moderate_conversations(conversations: Rows, synthesize: Synthesize) -> tuple[Rows, Rows]:
    """Clear each conversation by itself; one that cannot be judged is not clear.

    Args:
        conversations: the conversations; none is fine.
        synthesize: who judges.

    Returns:
        Moderated conversations; the others with `categories` and `error`.
    """
    messages = [list_synthesized(one, synthesize.persona) for one in conversations]
    judgments = moderate(messages, synthesize.moderation, "synthesize.moderation")
    pairs = list(zip(conversations, judgments, strict=True))
    moderated = [one for one, judgment in pairs if judgment.clear]
    flagged = [
        {**one, "categories": judgment.categories, "error": judgment.error}
        for one, judgment in pairs
        if not judgment.clear
    ]
    log.info("Moderation: %s clear, %s not.", f"{len(moderated):,}", f"{len(flagged):,}")
    return moderated, flagged


def report_synthesis(
    cost_estimate: dict[str, Any],
    all_templates: Rows,
    drafts: Rows,
    conversations: Rows,
    moderated: Rows,
    flagged: Rows,
    human_written: Rows,
    template_record: Record,
    answer_record: Record,
    question_record: Record,
    synthesize: Synthesize,
) -> tuple[dict[str, Any], Rows]:
    """Count every step, compare the cost with its estimate, and gather what was invalid.

    Args:
        cost_estimate: tokens and money, before.
        all_templates: templates from the file and new ones.
        drafts: answers that were kept.
        conversations: drafts that got their question.
        moderated: conversations that were moderated.
        flagged: conversations that were not.
        human_written: raw rows that somebody wrote.
        template_record: usage and invalid items of each step.
        answer_record: the same.
        question_record: the same.
        synthesize: what was asked for.

    Returns:
        The report; all invalid items with their reason and the response they came in.
    """
    records = {
        "templates": template_record,
        "answers": answer_record,
        "questions": question_record,
    }
    invalid = [one for record in records.values() for one in record["invalid"]]
    usage = {step: record["usage"] for step, record in records.items()}
    counts = Counts(
        templates_wanted=synthesize.templates,
        templates_in_file=sum(one["origin"] == "file" for one in all_templates),
        templates=len(all_templates),
        asked=synthesize.conversations,
        answers=len(drafts),
        questions=len(conversations),
        moderated=len(moderated),
        flagged=sum(one["error"] is None for one in flagged),
        unjudged=sum(one["error"] is not None for one in flagged),
        human_written=len(human_written),
    )
    shares = count_shares(moderated, synthesize.quotas)
    return build_report(counts, shares, invalid, flagged, cost_estimate, usage), invalid


def merge_conversations(
    moderated: Rows, human_written: Rows, synthesis_report: dict[str, Any], synthesize: Synthesize
) -> Rows:
    """Put human_written and synthesized conversations together as the use case's raw rows.

    Args:
        moderated: the synthesized conversations.
        human_written: the raw rows that somebody wrote.
        synthesis_report: the quotas as they came out.
        synthesize: the persona, and how far a quota may be off.

    Returns:
        `id`, `messages`, `template`, `style` and `origin` of each row.

    Raises:
        TunelineError: if a style's or the disfluencies' share is too far from its quota.
    """
    check_shares(synthesis_report["quotas"], synthesize.quotas.tolerance)
    return [*list_human_written(human_written), *(_make_row(one, synthesize) for one in moderated)]


def _make_row(conversation: dict[str, Any], synthesize: Synthesize) -> dict[str, Any]:
    server = synthesize.server if synthesize.provider == "server" else None
    by = server.model if server else "offline"
    origin = {name: conversation[name] for name in ("template_origin", "disfluency")}
    return {
        "id": conversation["id"],
        "messages": list_synthesized(conversation, synthesize.persona),
        "template": f"template-{conversation['template']:03d}",
        "style": conversation["style"],
        "origin": {"source": "synthesized", "by": by, **origin},
    }
