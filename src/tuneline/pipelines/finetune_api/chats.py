"""Examples as the chats that a provider trains on, and its models' answers."""

import logging
import re
from collections.abc import Sequence
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, Message
from tuneline.llm_api.asker import Asker, ask_in_rounds
from tuneline.llm_api.budget import bound_tokens
from tuneline.llm_api.requests import Failure, Request, Response
from tuneline.llm_api.server import ServerProvider
from tuneline.parameters import Evaluation, FinetuneAPI, Server
from tuneline.prompts import list_messages
from tuneline.utils.caches import Cache

log = logging.getLogger(__name__)

Chats = list[dict[str, Any]]
Rows = list[dict[str, Any]]
# A system message or none, then user and assistant in turns.
ROLES = re.compile(r"(system )?user assistant( user assistant)*")
# What a model on this machine tells of an answer or a reference, and a provider does not.
UNTOLD = ("seconds", "loss", "entropy", "correct")
# Keys of GenerationConfig that OpenAI's protocol knows, under its own names.
DECODING = {"max_new_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p"}


def export_split(
    examples: list[Example], settings: FinetuneAPI
) -> tuple[Chats, list[dict[str, str]]]:
    """Write examples as `{"messages": […]}`; set aside those that the provider would refuse or cut.

    Of each of these it gives `id` and `reason`.
    """
    chats, set_aside = [], []
    for example in examples:
        messages = [*example["prompt"], *example["completion"]]
        reason = find_chat_problem(messages, settings.max_tokens_per_example)
        if reason:
            set_aside.append({"id": example["id"], "reason": reason})
        else:
            before = map(_set_weight, example["prompt"])
            chats.append({"messages": [*before, *example["completion"]]})
    return chats, set_aside


def _set_weight(message: Message) -> dict[str, Any]:
    """Keep the provider from training on an earlier answer again: each has its own example."""
    return {**message, **({"weight": 0} if message["role"] == "assistant" else {})}


def find_chat_problem(messages: list[Message], max_tokens: int) -> str | None:
    """Say why the provider would not take a chat, or would cut it; none if all is well.

    Its limit is compared with the most tokens that the chat can have.
    """
    roles = [message["role"] for message in messages]
    if not ROLES.fullmatch(" ".join(roles)):
        return f"its roles are {', '.join(roles) or 'none'}"
    if not all(message["content"].strip() for message in messages):
        return "one of its messages is empty"
    if bound_tokens(message["content"] for message in messages) > max_tokens:
        return f"it may have more than {max_tokens} tokens"
    return None


def check_count(chats: Chats, settings: FinetuneAPI) -> None:
    """Refuse fewer chats than the provider takes.

    Raises:
        TunelineError: saying how many there are.
    """
    if len(chats) < settings.min_examples:
        raise TunelineError(
            Problem(
                where="finetune_api.min_examples",
                value=settings.min_examples,
                wrong=f"only {len(chats)} training examples can be uploaded",
                matters="the provider would refuse the file after the upload",
                remedy="bring more rows; export_report.json says what was set aside",
            )
        )


def request_answers(
    rows: Rows, models: dict[str, str], server: Server, responses: Cache, evaluation: Evaluation
) -> Rows:
    """Have several models of a provider answer the same prompts with the same decoding.

    `models` has the provider's names by those of the rows. Each model adds `_answer`, `_tokens` and
    `_stopped`; what a provider does not tell is None: the losses on the references, and the
    seconds, which are also its queue's.

    Raises:
        TunelineError: if a prompt was not answered after all retries.
    """
    sampling = server.sampling | make_sampling(evaluation)
    for who, model in models.items():
        log.info("%s answers %s prompts.", model, len(rows))
        asked = server.model_copy(update={"model": model, "sampling": sampling})
        asker = Asker(ServerProvider(asked, "finetune_api.server"), responses)
        for (row,), one in ask_in_rounds(rows, _write, lambda _: True, asker):
            row.update(_read(who, row["id"], one.response))
    return rows


def make_sampling(evaluation: Evaluation) -> dict[str, Any]:
    """Say a decoding in OpenAI's words; greedy is a temperature of 0."""
    generation = evaluation.generation
    sampling = {DECODING[key]: generation[key] for key in DECODING if key in generation}
    if not generation.get("do_sample"):
        sampling = {**sampling, "temperature": 0}
    return sampling | {"seed": evaluation.seed}


def _write(rows: Sequence[dict[str, Any]], attempt: int, last: bool) -> Request:
    return Request(step="evaluation", messages=list_messages(rows[0]))


def _read(who: str, identifier: str, response: Response | Failure) -> dict[str, Any]:
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
        "reference_tokens": None,
    }
