"""Which questions and answers are asked for, and what they may cost."""

from typing import Any, cast

from tuneline.parameters import Prices, Synthesize
from tuneline.parameters.synthesis import FromDocuments
from tuneline.pipelines.synthesize.costs import (
    JUDGE,
    Rows,
    choose_server,
    estimate_requests,
    price_steps,
)
from tuneline.pipelines.synthesize.extraction import find_pairs
from tuneline.pipelines.synthesize.filters import Item
from tuneline.pipelines.synthesize.forms import PAIRS, VERDICTS, make_request
from tuneline.pipelines.synthesize.rounds import group_items

JUDGE_INSTRUCTION = (
    "You check answers against a text. Of each item, decide whether the text above the items says "
    "everything that the answer says. What is true but not in the text is unsupported; what the "
    "text says in other words is supported."
)
ASSUMPTIONS = (
    "a question and its answer are a quarter as long as the longest that are kept; a verdict has "
    "{} characters"
)
VERDICT_CHARACTERS, QUOTE_CHARACTERS = 120, 100


def read_source(synthesize: Synthesize) -> FromDocuments:
    """Read the block of a stage that starts from documents."""
    return cast(FromDocuments, synthesize.documents)


def plan_pairs(chunks: Rows, synthesize: Synthesize) -> list[Item]:
    """Plan the pairs of each chunk: fewer of a short one, and offline no more than it holds.

    Each pair has its chunk, an `id` and its `number` in the chunk, from 1.
    """
    source = read_source(synthesize)
    items: list[Item] = []
    for chunk in chunks:
        share = len(chunk["text"]) / source.chunk_characters
        count = min(max(1, round(source.questions * share)), source.questions)
        if choose_server(synthesize) is None:
            count = min(source.questions, len(find_pairs(chunk, source.answer_characters[1])))
        items += [
            {**chunk, "id": f"{chunk['id']}-{number}", "number": number}
            for number in range(1, count + 1)
        ]
    return items


def estimate_pairs(chunks: Rows, synthesize: Synthesize, prices: Prices) -> dict[str, Any]:
    """Estimate tokens and money before anything is asked. See `price_steps`."""
    source, items = read_source(synthesize), plan_pairs(chunks, synthesize)
    pair = (source.question_characters[1] + source.answer_characters[1]) // 4
    asked = {"pairs": (source.instruction, PAIRS, pair + QUOTE_CHARACTERS)}
    if synthesize.judge:
        asked[JUDGE] = (JUDGE_INSTRUCTION, VERDICTS, VERDICT_CHARACTERS)
    filled = [{**item, "question": "x" * (pair // 4), "answer": "x" * pair} for item in items]
    steps = {}
    for step, (instruction, form, characters) in asked.items():
        groups = group_items(filled, form)
        requests = (make_request(step, instruction, one, 1, False, form) for one in groups)
        steps[step] = estimate_requests(requests, len(items), characters, prices)
    return price_steps(steps, ASSUMPTIONS.format(VERDICT_CHARACTERS), synthesize, prices)
