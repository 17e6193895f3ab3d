"""Nodes from templates to raw rows: conversations."""

import logging
from typing import Any, cast

from tuneline.errors import TunelineError
from tuneline.parameters import Prices, Synthesize
from tuneline.parameters.synthesis import FromTemplates
from tuneline.pipelines.synthesize.conversation_rows import (
    list_human_written,
    list_synthesized,
    make_row,
)
from tuneline.pipelines.synthesize.costs import Record, Rows, choose_server, make_asker, price_steps
from tuneline.pipelines.synthesize.filters import AnswerCheck, QuestionCheck, TemplateCheck
from tuneline.pipelines.synthesize.moderation import moderate_rows
from tuneline.pipelines.synthesize.offline import OfflineProvider
from tuneline.pipelines.synthesize.quotas import (
    check_shares,
    count_shares,
    plan_items,
    plan_templates,
)
from tuneline.pipelines.synthesize.rounds import ask_items, check_some_came, make_record
from tuneline.pipelines.synthesize.synthesis_report import estimate, make_report
from tuneline.pipelines.synthesize.templates import find_template_problems, read_vocabulary
from tuneline.utils.caches import Cache

log = logging.getLogger(__name__)

ASSUMPTIONS = (
    "new templates and answers are as long as the templates there are; a question is half as long "
    "as the longest that is kept"
)


def read_source(synthesize: Synthesize) -> FromTemplates:
    """Read the block of a stage that starts from templates."""
    return cast(FromTemplates, synthesize.templates)


def _make_offline(vocabulary: dict[str, Any], synthesize: Synthesize) -> OfflineProvider:
    return OfflineProvider(read_vocabulary(vocabulary), synthesize.seed)


def check_templates(templates: Rows, vocabulary: dict[str, Any], synthesize: Synthesize) -> Rows:
    """Number the templates and refuse those that could not be filled.

    Raises:
        TunelineError: naming every unknown, unused or unfilled placeholder.
    """
    words = read_vocabulary(vocabulary)
    problems = list(find_template_problems(templates, read_source(synthesize).quotas, words))
    if problems:
        raise TunelineError(*problems)
    return [
        {"number": number, "style": one["style"], "text": one["text"].strip(), "origin": "file"}
        for number, one in enumerate(templates, start=1)
    ]


def estimate_cost(templates: Rows, synthesize: Synthesize, prices: Prices) -> dict[str, Any]:
    """Estimate tokens and money before anything is asked.

    Returns:
        `assumptions` in words, `steps` (items, requests, tokens), `models` (US dollars, normal and
        batch) and `dollars` of the model that is asked.

    Raises:
        TunelineError: if the estimate is beyond the budget.
    """
    steps = estimate(templates, read_source(synthesize), synthesize.batch_size, prices)
    return price_steps(steps, ASSUMPTIONS, synthesize, prices)


def extend_templates(
    templates: Rows,
    vocabulary: dict[str, Any],
    responses: Cache,
    cost_estimate: dict[str, Any],
    synthesize: Synthesize,
    prices: Prices,
) -> tuple[Rows, Record]:
    """Ask for the templates that are missing, and drop near-duplicates.

    The cost estimate is an input so that nothing is paid before it is compared with the budget.
    """
    offline = _make_offline(vocabulary, synthesize)
    asker = make_asker(offline, responses, synthesize, prices)
    source = read_source(synthesize)
    items = plan_templates(templates, source, synthesize.seed)
    check = TemplateCheck(templates, read_vocabulary(vocabulary), synthesize)
    outcome = ask_items("templates", source.instructions.templates, items, check, asker)
    new = [
        {"number": number, "style": item["style"], "text": found["text"].strip(), "origin": "new"}
        for number, (item, found) in enumerate(outcome.pair(items), start=len(templates) + 1)
    ]
    log.info("Templates: %s from the file, %s new.", len(templates), len(new))
    return [*templates, *new], make_record(outcome, asker)


def write_answers(
    all_templates: Rows,
    vocabulary: dict[str, Any],
    responses: Cache,
    template_record: Record,
    synthesize: Synthesize,
    prices: Prices,
) -> tuple[Rows, Record]:
    """Have the templates filled: an answer for each planned conversation.

    Returns:
        Answers (`id`, `template`, `template_origin`, `style`, `disfluency`, `answer`, `fillers`);
        the record of the step.
    """
    asker = make_asker(
        _make_offline(vocabulary, synthesize), responses, synthesize, prices, template_record
    )
    source = read_source(synthesize)
    items = plan_items(all_templates, source, synthesize.seed)
    check = AnswerCheck(source.checks)
    outcome = ask_items("answers", source.instructions.answers, items, check, asker)
    check_some_came("answers", items, outcome)
    written_answers = [
        {
            **{name: item[name] for name in ("id", "template", "template_origin", "style")},
            "disfluency": found.get("disfluency") or "",
            "answer": found["text"].strip(),
            "fillers": found.get("fillers", {}),
        }
        for item, found in outcome.pair(items)
    ]
    log.info("Answers: %s of %s.", f"{len(written_answers):,}", f"{len(items):,}")
    return written_answers, make_record(outcome, asker)


def write_questions(
    written_answers: Rows,
    vocabulary: dict[str, Any],
    responses: Cache,
    template_record: Record,
    answer_record: Record,
    synthesize: Synthesize,
    prices: Prices,
) -> tuple[Rows, Record]:
    """Have an interviewer's question written for each answer, matched by id."""
    asker = make_asker(
        _make_offline(vocabulary, synthesize),
        responses,
        synthesize,
        prices,
        template_record,
        answer_record,
    )
    items = [
        {"id": one["id"], "source": one["answer"], "fillers": one["fillers"]}
        for one in written_answers
    ]
    source = read_source(synthesize)
    check = QuestionCheck(source.checks)
    outcome = ask_items("questions", source.instructions.questions, items, check, asker)
    check_some_came("questions", items, outcome)
    conversations = [
        {**answer, "question": found["text"].strip()}
        for answer, found in outcome.pair(written_answers)
    ]
    log.info("Questions: %s of %s.", f"{len(conversations):,}", f"{len(written_answers):,}")
    return conversations, make_record(outcome, asker)


def moderate_conversations(
    conversations: Rows, responses: Cache, synthesize: Synthesize
) -> tuple[Rows, Rows]:
    """Clear each conversation by itself; one that cannot be judged is not clear."""
    messages = [list_synthesized(one, read_source(synthesize).persona) for one in conversations]
    return moderate_rows(conversations, messages, responses, synthesize)


def report_synthesis(
    cost_estimate: dict[str, Any],
    all_templates: Rows,
    written_answers: Rows,
    conversations: Rows,
    moderated: Rows,
    flagged: Rows,
    human_written: Rows,
    template_record: Record,
    answer_record: Record,
    question_record: Record,
    synthesize: Synthesize,
) -> tuple[dict[str, Any], Rows]:
    """Count every step, compare the cost with its estimate, and gather what was invalid."""
    source = read_source(synthesize)
    steps = {
        "answers": (source.conversations, len(written_answers)),
        "questions": (len(written_answers), len(conversations)),
        "moderation": (len(conversations), len(moderated)),
    }
    in_file = sum(one["origin"] == "file" for one in all_templates)
    about = {
        "templates": {
            "wanted": source.count,
            "file": in_file,
            "new": len(all_templates) - in_file,
            "all": len(all_templates),
        },
        "quotas": count_shares(moderated, source.quotas),
    }
    raw = {"human_written": len(human_written), "synthesized": len(moderated)}
    raw["all"] = sum(raw.values())
    return make_report(
        f"{len(moderated):,} conversations of {source.conversations:,} asked for were written and "
        f"moderated; with {len(human_written):,} human-written ones they make {raw['all']:,} raw "
        "rows",
        about,
        steps,
        raw,
        {"templates": template_record, "answers": answer_record, "questions": question_record},
        flagged,
        cost_estimate,
    )


def merge_conversations(
    moderated: Rows, human_written: Rows, synthesis_report: dict[str, Any], synthesize: Synthesize
) -> Rows:
    """Put human-written and synthesized conversations together as the use case's raw rows.

    Raises:
        TunelineError: if a style's or the disfluencies' share is too far from its quota.
    """
    source = read_source(synthesize)
    check_shares(synthesis_report["quotas"], source.quotas.tolerance)
    server = choose_server(synthesize)
    by = server.model if server else "offline"
    rows = [make_row(one, source.persona, by) for one in moderated]
    return [*list_human_written(human_written), *rows]
