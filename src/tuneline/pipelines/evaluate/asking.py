"""What both models are asked: the held-out prompts, then the field's own questions."""

from importlib.metadata import version
from typing import Any

from tuneline.adapters import Adapter, hash_adapter
from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, Message
from tuneline.modelling import identify_base
from tuneline.parameters import Evaluation, Hardware, Prompt, Recipe
from tuneline.rendering import hash_template

# What computes the answers: another machine or version may answer otherwise, or at another speed.
MACHINE = {"name", "device", "dtype", "attn_implementation"}
LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes")


def list_prompts(
    test: list[Example], prompt: Prompt, evaluation: Evaluation
) -> list[dict[str, Any]]:
    """List everything that is asked.

    Args:
        test: the held-out examples.
        prompt: states the system message, which questions share with the examples.
        evaluation: states the questions.

    Returns:
        The start of one row each: `id`, `line`, `category`, `key_terms`, `context` (the messages
        before the last), `prompt` (the last) and `reference` (None for a question).

    Raises:
        TunelineError: if nothing was held out.
    """
    if not test:
        raise TunelineError(
            Problem(
                where="test.jsonl",
                wrong="it holds no row",
                matters="without held-out rows nothing can be compared",
                remedy="raise `data.split.test` and run `kedro run --pipeline=prepare` again",
            )
        )
    questions = [
        _start_row(f"question {number}", _ask(question, prompt), None, {})
        for number, question in enumerate(evaluation.questions, start=1)
    ]
    return [
        *(
            _start_row(
                example["id"],
                example["prompt"],
                example["completion"][-1]["content"],
                example["meta"],
            )
            for example in test
        ),
        *questions,
    ]


def describe_makers(
    adapter: Adapter, recipe: Recipe, evaluation: Evaluation, hardware: Hardware
) -> dict[str, dict[str, Any]]:
    """Describe everything that decides how base and tuned model answer a prompt.

    Args:
        adapter: its weights and its chat template.
        recipe: base model and quantisation.
        evaluation: the decoding.
        hardware: the machine; its speed is part of an answer.

    Returns:
        Plain values for `base` and for `tuned`. The base model's answers do not depend on the
        adapter, so that those to a prompt are made once for all adapters.
    """
    shared = {
        "base": identify_base(recipe),
        "quantization": recipe.quantization,
        "chat_template": hash_template(adapter.tokenizer),
        "generation": evaluation.generation,
        "hardware": hardware.model_dump(include=MACHINE),
        "versions": {name: version(name) for name in LIBRARIES},
    }
    return {
        "base": {**shared, "adapter": None},
        "tuned": {**shared, "adapter": hash_adapter(adapter)},
    }


def _ask(question: str, prompt: Prompt) -> list[Message]:
    # `format` turns doubled braces into single ones, as in the examples.
    system: list[Message] = (
        [{"role": "system", "content": prompt.system.format()}] if prompt.system else []
    )
    return [*system, {"role": "user", "content": question}]


def _start_row(
    name: str, messages: list[Message], reference: str | None, meta: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": name,
        "line": meta.get("line"),
        "category": meta.get("category"),
        "key_terms": meta.get("key_terms", []),
        "context": messages[:-1],
        "prompt": messages[-1]["content"],
        "reference": reference,
    }
