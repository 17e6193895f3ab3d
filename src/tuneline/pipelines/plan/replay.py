"""Replay: answers of the base model's own to general prompts, trained on so that it forgets less.

Learning from one's own earlier outputs is the data side of learning without forgetting (Li and
Hoiem 2016, arXiv 1606.09282) and of pseudo-rehearsal (Robins 1995).
"""

import logging
import math
from importlib.resources import files
from typing import Any

import yaml

from tuneline.examples import Example
from tuneline.models.fingerprints import describe_base_generation
from tuneline.models.generation import Answer, generate_answers
from tuneline.models.loading import identify_base, load_model
from tuneline.models.rendering import hash_template, render_prompt
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Data, Evaluation, Hardware, Recipe
from tuneline.reporting.pages import count
from tuneline.utils.caches import Cache
from tuneline.utils.hashing import hash_text, hash_value

log = logging.getLogger(__name__)

# How they are answered. Longer ones are left out: they have no end to learn.
LEAST = 32
DECODING = Evaluation(title="replay", generation={"do_sample": False, "max_new_tokens": 128})


def list_general_prompts() -> list[str]:
    """List the general prompts that ship with Tuneline, mixed, in the same order everywhere."""
    text = files("tuneline.pipelines.plan").joinpath("general_prompts.yml").read_text("utf-8")
    prompts = [
        form.format(subject=subject)
        for part in yaml.safe_load(text)
        for form in part["forms"]
        for subject in part["subjects"]
    ]
    return sorted(prompts, key=hash_text)


def answer_general_prompts(
    train: list[Example], answer_cache: Cache, data: Data, recipe: Recipe, hardware: Hardware
) -> list[Example]:
    """Let the base model answer as many general prompts as `data.replay` asks for.

    The model is loaded only if its answers are not in the cache. Examples have no system message;
    answers that did not end by themselves, are empty or too long are left out.
    """
    wanted = math.ceil(data.replay * len(train))
    if not wanted:
        return []
    tokenizer = load_tokenizer(recipe)
    described = describe_base_generation(
        identify_base(recipe.base_model, recipe.revision),
        hash_template(tokenizer),
        recipe,
        DECODING.generation,
        hardware,
    )
    prompts = list_general_prompts()
    asked = {"prompts": prompts, "wanted": wanted, "max_length": recipe.max_length}
    key = hash_value({**described, "replay": asked})
    replay: list[Example] | None = answer_cache.get(key)
    if replay is None:
        model = load_model(recipe, hardware)

        def ask(ids: list[list[int]]) -> list[Answer]:
            return generate_answers(
                model, tokenizer, ids, DECODING, hardware, answer_cache, described
            )

        replay = _collect(prompts, wanted, tokenizer, recipe, ask)
        answer_cache.put(key, replay)
    _report(len(replay), wanted)
    return replay


def _collect(
    prompts: list[str], wanted: int, tokenizer: Any, recipe: Recipe, ask: Any
) -> list[Example]:
    """Ask until there are enough answers, or no more prompts."""
    found: list[Example] = []
    start = 0
    while len(found) < wanted and start < len(prompts):
        # Some answers will be left out: at least so many more at once as fill a batch.
        some = prompts[start : start + max(wanted - len(found), LEAST)]
        messages = [[{"role": "user", "content": prompt}] for prompt in some]
        ids = [render_prompt(tokenizer, one) for one in messages]  # type: ignore[arg-type]
        for number, (prompt, one, answer) in enumerate(
            zip(some, ids, ask(ids), strict=True), start=start + 1
        ):
            if answer.stopped and answer.answer and len(one) + answer.tokens <= recipe.max_length:
                found.append(_make_example(number, prompt, answer.answer))
        start += len(some)
    return found[:wanted]


def _make_example(number: int, prompt: str, answer: str) -> Example:
    return {
        "id": f"replay {number}",
        "prompt": [{"role": "user", "content": prompt}],
        "completion": [{"role": "assistant", "content": answer}],
        "meta": {"line": None},
    }


def _report(found: int, wanted: int) -> None:
    said = f"{count(found, 'answer')} of the base model's own to general prompts"
    if found < wanted:
        log.warning(
            "%s, of the %s that data.replay asks for: it ended no more of the general prompts that "
            "ship with Tuneline by itself.",
            said,
            wanted,
        )
    else:
        log.info("%s are trained on, too.", said)
