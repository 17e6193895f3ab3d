"""What a synthesis costs, and what it has made."""

from collections import Counter
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Message
from tuneline.llm_api.requests import Asker
from tuneline.llm_api.responses import (
    Budget,
    Provider,
    estimate_tokens,
    find_price,
    price,
    price_batch,
)
from tuneline.llm_api.server import ServerProvider
from tuneline.parameters import Price, Prices, Synthesize
from tuneline.parameters.synthesis import LENGTH_LIMITS
from tuneline.pipelines.synthesize.filters import Item
from tuneline.pipelines.synthesize.offline import OfflineProvider
from tuneline.pipelines.synthesize.rounds import Outcome, make_request
from tuneline.pipelines.synthesize.templates import read_vocabulary
from tuneline.utils.caches import Cache

Rows = list[dict[str, Any]]


def build_report(
    templates: Rows,
    steps: dict[str, tuple[int, int]],
    human_written: int,
    shares: Rows,
    flagged: Rows,
    cost_estimate: dict[str, Any],
    records: dict[str, dict[str, Any]],
    templates_wanted: int,
) -> dict[str, Any]:
    """Build the report.

    Args:
        templates: those of the file and new ones.
        steps: how many rows went into `answers`, `questions`, `moderation`, and how many came out.
        human_written: how many raw rows somebody wrote.
        shares: the quotas as they came out.
        flagged: conversations that were not moderated.
        cost_estimate: tokens and money, before.
        records: what the server reported, and the invalid items, by step.
        templates_wanted: how many were asked for.

    Returns:
        Plain values; `summary` sums them up.
    """
    asked, synthesized = steps["answers"][0], steps["moderation"][1]
    usage = {step: record["usage"] for step, record in records.items()}
    in_file = sum(one["origin"] == "file" for one in templates)
    raw = {
        "human_written": human_written,
        "synthesized": synthesized,
        "all": human_written + synthesized,
    }
    return {
        "summary": _summarize(raw, asked, usage),
        "templates": {
            "wanted": templates_wanted,
            "file": in_file,
            "new": len(templates) - in_file,
            "all": len(templates),
        },
        "steps": [
            {"step": name, "in": into, "out": out, "set_aside": into - out}
            for name, (into, out) in steps.items()
        ],
        "raw": raw,
        "quotas": shares,
        "invalid": _count_reasons(records),
        "moderation": _describe_moderation(flagged),
        "cost": {"estimate": cost_estimate, "reported": usage},
    }


def _summarize(raw: dict[str, int], asked: int, usage: dict[str, dict[str, Any]]) -> str:
    dollars = [step["dollars"] for step in usage.values()]
    cost = "unknown" if None in dollars else f"{sum(dollars):.4f} dollars"
    return (
        f"{raw['synthesized']:,} conversations of {asked:,} asked for were written and "
        f"moderated; with {raw['human_written']:,} human-written ones they make "
        f"{raw['all']:,} raw rows. Cost: {cost}."
    )


def _count_reasons(records: dict[str, dict[str, Any]]) -> Rows:
    reasons = Counter(
        (one["step"], _generalize(one["reason"]))
        for record in records.values()
        for one in record["invalid"]
    )
    return [
        {"step": step, "reason": reason, "items": items}
        for (step, reason), items in reasons.most_common()
    ]


def _generalize(reason: str) -> str:
    """Leave out what differs from item to item: ids, numbers and the template's number."""
    kind = reason.rpartition(": ")[2] if reason.startswith("template ") else reason
    return " ".join("…" if any(map(str.isdigit, word)) else word for word in kind.split())


def _describe_moderation(flagged: Rows) -> dict[str, Any]:
    categories = Counter(name for one in flagged for name in one["categories"])
    return {
        "flagged": sum(one["error"] is None for one in flagged),
        "not_judged": sum(one["error"] is not None for one in flagged),
        "categories": dict(categories.most_common()),
        "conversations": [
            {name: one[name] for name in ("id", "categories", "error")} for one in flagged
        ],
    }


def list_synthesized(conversation: dict[str, Any], persona: str) -> list[Message]:
    """List the messages of a conversation: system, user, assistant."""
    return [
        {"role": "system", "content": persona.strip()},
        {"role": "user", "content": conversation["question"]},
        {"role": "assistant", "content": conversation["answer"]},
    ]


def make_row(conversation: dict[str, Any], persona: str, by: str) -> dict[str, Any]:
    """Make the raw row of a conversation and say which model wrote it."""
    origin = {name: conversation[name] for name in ("template_origin", "disfluency")}
    return {
        "id": conversation["id"],
        "messages": list_synthesized(conversation, persona),
        "template": f"template-{conversation['template']:03d}",
        "style": conversation["style"],
        "origin": {"source": "synthesized", "by": by, **origin},
    }


def list_human_written(human_written: Rows) -> Rows:
    """Name rows that somebody wrote and say where they come from; their texts stay as they are."""
    return [
        {
            **row,
            # Ids and templates decide the seeded split: they keep this prefix for good.
            "id": str(row.get("id") or f"collected-{line:05d}"),
            "template": f"collected-{line:05d}",  # a group of its own
            "style": "human_written",
            "origin": {"source": "human_written", "line": line},
        }
        for line, row in enumerate(human_written, start=1)
    ]


FREE = Price(input=0, output=0, batch_input=0, batch_output=0)
# Next to its text an item's object holds its id, its quote and the names of the fields.
CHARACTERS_AROUND = 120
# Of one step: `usage` as the server reported it, and the `invalid` items.
Record = dict[str, Any]


def choose_price(settings: Synthesize, prices: Prices) -> Price | None:
    """Find the price of the model that writes: nothing for the offline provider.

    Returns:
        The price; none if the table does not hold it.

    Raises:
        TunelineError: if there is a budget and no price to keep it by.
    """
    if settings.provider == "offline" or settings.server is None:
        return FREE
    found = find_price(settings.server.model, prices)
    if found is None and settings.budget is not None:
        raise TunelineError(
            Problem(
                where="synthesize.server.model",
                value=settings.server.model,
                wrong="it has no price in `prices.models`",
                matters="the budget could not be kept",
                remedy="add its price (0 for a server of your own), or set `budget: null`",
            )
        )
    return found


def estimate(
    templates: list[dict[str, Any]], settings: Synthesize, prices: Prices
) -> dict[str, dict[str, int]]:
    """Estimate requests and tokens of each step, everything asked once.

    Args:
        templates: those there are; new ones are taken to be as long.
        settings: how much is asked for.
        prices: characters per token.

    Returns:
        `items`, `requests`, `prompt_tokens`, `completion_tokens` by step. Answers are taken to be
        as long as templates, and questions half as long as the longest that is kept.
    """
    length = round(sum(len(one["text"]) for one in templates) / len(templates))
    question = settings.checks.question_characters[1] // 2
    missing = max(0, settings.templates - len(templates))
    steps = {
        "templates": (missing, length),
        "answers": (settings.conversations, length),
        "questions": (settings.conversations, question),
    }
    return {
        step: _estimate_step(step, items, length, written, settings, prices)
        for step, (items, written) in steps.items()
    }


def price_estimate(
    steps: dict[str, dict[str, int]], settings: Synthesize, prices: Prices
) -> dict[str, Any]:
    """Price an estimate in US dollars.

    Returns:
        `models`: at once (`normal`) and as a `batch` by every model of the table; `dollars` of the
        model that is asked, none without a price; the `assumptions` in words.
    """
    prompt = sum(step["prompt_tokens"] for step in steps.values())
    completion = sum(step["completion_tokens"] for step in steps.values())
    table = choose_price(settings, prices)
    return {
        "assumptions": f"{prices.characters_per_token:g} characters are one token; everything is "
        "asked once; new templates and answers are as long as the templates there are; a question "
        f"is half as long as the longest that is kept; prices as of {prices.as_of}",
        "models": {
            model: {
                "normal": price(prompt, completion, one),
                "batch": price_batch(prompt, completion, one),
            }
            for model, one in prices.models.items()
        },
        "dollars": price(prompt, completion, table) if table else None,
    }


def _estimate_step(
    step: str, items: int, source: int, text: int, settings: Synthesize, prices: Prices
) -> dict[str, int]:
    requests = -(-items // settings.batch_size)
    disfluency = step == "answers" and settings.quotas.disfluencies > 0
    item: Item = {"id": "00000-t000-0000", "source": "x" * source, "style": ""}
    item["disfluency"] = disfluency
    batch = [item] * min(items, settings.batch_size)
    instruction = getattr(settings.instructions, step)
    example = make_request(step, instruction, batch, attempt=1, last=False)
    prompt = estimate_tokens((message["content"] for message in example.messages), prices)
    completion = estimate_tokens(["x" * (text + CHARACTERS_AROUND)], prices)
    return {
        "items": items,
        "requests": requests,
        "prompt_tokens": requests * prompt,
        "completion_tokens": items * completion,
    }


def make_asker(
    vocabulary: dict[str, Any],
    responses: Cache,
    synthesize: Synthesize,
    prices: Prices,
    *earlier: Record,
) -> Asker:
    """Make what a step asks with.

    Args:
        vocabulary: the words of the offline provider.
        responses: where every response is kept.
        synthesize: who writes; batches, attempts and budget.
        prices: the price table.
        *earlier: records of the steps before, which spend of the same budget.

    Returns:
        The asker.
    """
    provider: Provider
    sampling: dict[str, Any] = {}
    if synthesize.provider == "server" and synthesize.server:
        provider = ServerProvider(synthesize.server, where="synthesize.server")
        sampling = synthesize.server.sampling
    else:
        provider = OfflineProvider(read_vocabulary(vocabulary), synthesize.seed)
    budget = Budget(
        price=choose_price(synthesize, prices),
        limit=synthesize.budget,
        max_tokens=max((int(sampling[key]) for key in LENGTH_LIMITS if key in sampling), default=0),
        where="synthesize.budget",
        spent_before=sum(record["usage"]["dollars"] or 0.0 for record in earlier),
    )
    return Asker(provider, responses, budget, synthesize.batch_size, synthesize.attempts)


def make_record(outcome: Outcome, asker: Asker) -> Record:
    """Record what a step cost and what was invalid."""
    return {"usage": asker.budget.report(), "invalid": outcome.invalid}
