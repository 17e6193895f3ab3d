"""Nodes of the synthesise stage that make dialogues: an answer, then its question."""

import logging
from typing import Any

from tuneline.parameters import Prices, Synthesise
from tuneline.pipelines.synthesise.accepting import AnswerCheck, QuestionCheck
from tuneline.pipelines.synthesise.planning import plan_items
from tuneline.pipelines.synthesise.records import Record, add_up, make_asker, make_record
from tuneline.pipelines.synthesise.rounds import ask_items, refuse_nothing
from tuneline.providers.replies import Replies

log = logging.getLogger(__name__)
Rows = list[dict[str, Any]]


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
