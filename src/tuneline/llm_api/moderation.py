"""Clearing conversations before a model learns them. What could not be judged is not clear."""

import logging
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Message, list_messages
from tuneline.llm_api.budget import Budget
from tuneline.llm_api.client import Failure, Request, Response, call, make_client
from tuneline.llm_api.requests import Responses, ask_all, log_progress
from tuneline.llm_api.server import ServerProvider
from tuneline.parameters import Address, Evaluation, Moderation, Server

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judgement:
    """What a moderator says of one conversation.

    Attributes:
        categories: what it was flagged for; none of them if it is clear.
        error: why it could not be judged; then it is not clear either.
    """

    categories: list[str]
    error: str | None = None

    @property
    def clear(self) -> bool:
        """Whether it may be trained on."""
        return not self.categories and self.error is None


def moderate(
    conversations: Iterable[list[Message]], settings: Moderation, where: str
) -> list[Judgement]:
    """Judge conversations, each by itself.

    Args:
        conversations: the messages of each.
        settings: who judges, and how.
        where: name of the parameter block, for messages.

    Returns:
        One judgment for each conversation, in their order; none for none.

    Raises:
        TunelineError: if a moderation server cannot be asked at all.
    """
    texts = ["\n\n".join(message["content"] for message in one) for one in conversations]
    if settings.by == "server" and settings.server:
        return _ask_server(texts, settings.server, f"{where}.server")
    judge = _make_list_judge(settings) if settings.by == "list" else _clear_all
    return [judge(text) for text in texts]


def _clear_all(_: str) -> Judgement:
    return Judgement(categories=[])


def _make_list_judge(settings: Moderation) -> Callable[[str], Judgement]:
    patterns = {
        category: [re.compile(pattern, re.IGNORECASE) for pattern in listed]
        for category, listed in settings.categories.items()
    }
    return lambda text: Judgement(
        [name for name, listed in patterns.items() if any(one.search(text) for one in listed)]
    )


def _ask_server(texts: list[str], server: Address, where: str) -> list[Judgement]:
    client = make_client(server)

    def judge(text: str) -> Judgement:
        answer = call(
            lambda: client.moderations.create(model=server.model, input=text), server, where
        )
        return _read(answer)

    with ThreadPoolExecutor(server.concurrency) as pool:
        return list(pool.map(judge, texts))


def _read(answer: Any) -> Judgement:
    if isinstance(answer, Failure):
        return Judgement([], error=answer.reason)
    results = getattr(answer, "results", None)
    if not results or len(results) != 1 or not isinstance(results[0].flagged, bool):
        return Judgement([], error="the moderator's response holds no judgment")
    named = results[0].categories.model_dump() if results[0].categories else {}
    flagged = sorted(name for name, value in named.items() if value)
    if results[0].flagged and not flagged:
        flagged = ["unnamed"]
    return Judgement(flagged)


# What a model on this machine tells of an answer or a reference, and a provider does not.
UNTOLD = ("seconds", "loss", "entropy", "correct")


# Keys of GenerationConfig that OpenAI's protocol knows, under its own names.
DECODING = {"max_new_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p"}


def answer_through(
    rows: list[dict[str, Any]],
    models: dict[str, str],
    server: Server,
    responses: Responses,
    evaluation: Evaluation,
) -> list[dict[str, Any]]:
    """Have several models of a provider answer the same prompts with the same decoding.

    Args:
        rows: what is asked, as `list_prompts` gives it; the answers are added.
        models: the provider's names of the models, by the name they have in the rows: `base`,
            `tuned`.
        server: where they are.
        responses: where every response is kept, so that none is paid for twice.
        evaluation: the decoding.

    Returns:
        The rows, with for each model `_answer`, `_tokens` and `_stopped`. What a provider does not
        tell is None: the losses on the references, and the seconds, which are also its queue's.

    Raises:
        TunelineError: if a prompt was not answered after all retries.
    """
    sampling = server.sampling | make_sampling(evaluation)
    for who, model in models.items():
        log.info("%s answers %s prompts.", model, len(rows))
        asked = server.model_copy(update={"model": model, "sampling": sampling})
        provider = ServerProvider(asked, "finetune_api.server")
        budget = Budget(table=None, budget=None, max_tokens=0, where="")
        requests = (
            Request(step="evaluation", messages=list_messages(row), items=[{"id": row["id"]}])
            for row in rows
        )
        answered = log_progress(ask_all(requests, provider, responses, budget), model)
        for row, one in zip(rows, answered, strict=True):
            row.update(_read_answers(who, row["id"], one.response))
            row["reference_tokens"] = None
    return rows


def make_sampling(evaluation: Evaluation) -> dict[str, Any]:
    """Say a decoding in OpenAI's words; greedy is a temperature of 0."""
    generation = evaluation.generation
    sampling = {DECODING[key]: generation[key] for key in DECODING if key in generation}
    if not generation.get("do_sample"):
        sampling = {**sampling, "temperature": 0}
    return sampling | {"seed": evaluation.seed}


def _read_answers(who: str, identifier: str, response: Response | Failure) -> dict[str, Any]:
    if isinstance(response, Failure):
        raise TunelineError(
            Problem(
                where=f"example {identifier}",
                wrong=f"it was not answered: {response.reason}",
                matters="models can only be compared on the same prompts",
                remedy="run the same command again; the answers so far are kept",
            )
        )
    return {
        f"{who}_answer": response.text.strip(),
        f"{who}_tokens": response.completion_tokens,
        **dict.fromkeys(f"{who}_{name}" for name in UNTOLD),
        f"{who}_stopped": response.finish_reason == "stop",
    }
