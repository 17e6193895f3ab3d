"""What a run, an adapter and an answer are made of."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from tuneline.errors import Problem
from tuneline.examples import OLD, Example, hash_templates
from tuneline.models.adapter import Adapter, hash_adapter
from tuneline.models.loading import identify_base
from tuneline.models.rendering import hash_template
from tuneline.models.run_differences import Difference, RunInputs, find_differences, list_values
from tuneline.models.start_adapter import describe_start
from tuneline.parameters import Data, Evaluation, Hardware, Prompt, Recipe
from tuneline.utils.hashing import hash_files, hash_value

LIBRARIES = ("tuneline", "torch", "transformers", "peft", "trl", "bitsandbytes", "tokenizers")
# Which machine this is, and where the others and vLLM are, decides nothing.
ADDRESS = {"machine", "rendezvous", "vllm_python"}
# What computes the answers: another machine or version may answer otherwise, or at another speed.
MACHINE = {"name", "device", "dtype", "attn_implementation"}
ANSWERING_LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes")


def describe_inputs(
    train: list[Example],
    validation: list[Example],
    tokenizer: Any,
    recipe: Recipe,
    hardware: Hardware,
    replay: Sequence[Example] = (),
) -> RunInputs:
    """Describe what a run is made of, in plain values; `tokenizer` is the base model's."""
    replayed = {"replay": [*replay]} if replay else {}
    settings = recipe.model_dump()
    templates = {example["meta"].get("templates") for example in train}
    start = describe_start(recipe)
    return {
        "base": identify_base(recipe.base_model, recipe.revision),
        **({"start": start} if start else {}),  # type: ignore[typeddict-item]
        "chat_template_sha256": hash_template(tokenizer),
        "prompt_templates": templates.pop() if len(templates) == 1 else None,
        "examples": _describe_examples(train=train, validation=validation, **replayed),
        "recipe": {"sha256": hash_value(settings), "settings": settings},
        "hardware": describe_hardware(hardware),
        "versions": list_versions(),
    }


def list_versions() -> dict[str, str]:
    """List the versions of the libraries that train."""
    return {name: version(name) for name in LIBRARIES}


def describe_hardware(hardware: Hardware) -> dict[str, Any]:
    """Describe a machine, and not where it is."""
    return hardware.model_dump(exclude=ADDRESS)


def read_inputs(adapter: Adapter) -> RunInputs:
    """Read what an adapter was made of: its provenance."""
    return cast(RunInputs, adapter.provenance)


def _describe_examples(**splits: list[Example]) -> dict[str, dict[str, Any]]:
    return {
        split: {"count": len(examples), "sha256": hash_value(examples)}
        for split, examples in splits.items()
    }


def describe_preparation(
    data: Data, prompt: Prompt, evaluation: Evaluation, start_from: str | None = None
) -> dict[str, Any]:
    """Describe what decides the examples, next to the raw rows, in plain values by block."""
    return {
        **({"recipe": {"start_from": start_from}} if start_from else {}),
        "data": data.model_dump(mode="json", exclude={"replay"}),
        "prompt": prompt.model_dump(mode="json"),
        "evaluation": {
            "questions": list(evaluation.questions),
            "cross_fit": evaluation.cross_fit,
        },
    }


def hash_prompts(rows: list[dict[str, Any]]) -> str:
    """Fingerprint what both models are asked; one row a prompt, as `list_prompts` starts it."""
    return hash_value([[row["context"], row["prompt"], row["reference"]] for row in rows])


def find_changes(
    adapter: Adapter,
    recipe: Recipe | None = None,
    train: list[Example] | None = None,
    prompt: Prompt | None = None,
) -> dict[str, Difference]:
    """Find what differs between an adapter's training and what is at hand today.

    Args:
        adapter: the adapter.
        recipe: names the base model and its quantization; the chat template is the adapter's own.
        train: the training split.
        prompt: the templates.

    Returns:
        Differences by name, `weights` and `4-bit weights` for the part of base model and
        quantization that an adapter depends on. What is not given is not compared.
    """
    here: RunInputs = {}
    if recipe is not None:
        here["base"] = identify_base(recipe.base_model, recipe.revision)
        here["chat_template_sha256"] = hash_template(adapter.tokenizer)
        here["recipe"] = {"settings": recipe.model_dump()}
    if train is not None:
        here["examples"] = _describe_examples(train=train)
    if prompt is not None:
        here["prompt_templates"] = hash_templates(prompt)
    given = list_values(here).keys()
    return {
        one.name: one for one in find_differences(read_inputs(adapter), here, given.__contains__)
    }


def find_incompatibilities(adapter: Adapter, recipe: Recipe) -> Iterator[Problem]:
    """Find what an adapter would be used with and was not trained with.

    Yields:
        That it was trained on another base model, on other 4-bit weights of it, or with another
        chat template than the one it has.
    """
    trained, changes = read_inputs(adapter), find_changes(adapter, recipe)
    if "weights" in changes:
        yield Problem(
            where="recipe.base_model",
            value=_name_base(changes["base model"].now),
            wrong=f"the adapter was trained on {_name_base(trained['base'])}",
            matters="on another base model it means nothing",
            remedy="train again, or use the --env and the recipe it was trained with",
        )
    if "4-bit weights" in changes:
        yield Problem(
            where="recipe.quantization",
            value=recipe.quantization or "null",
            wrong="the adapter was trained with "
            f"{trained['recipe']['settings']['quantization'] or 'null: not quantized'}",
            matters="it belongs to the weights it was trained on; on others it answers otherwise",
            remedy="train again, or state the quantization it was trained with",
        )
    if "chat template" in changes:
        yield Problem(
            where="adapter/chat_template.jinja",
            wrong="it is not the template the adapter was trained with",
            matters="the model would be asked in a form it has not learned",
            remedy="bring the original file back, or train again",
        )


def _name_base(base: dict[str, str]) -> str:
    detail = f"weights {base['sha256'][:12]}" if "sha256" in base else f"commit {base['commit']}"
    return f"{base['name']} ({detail})"


def describe_generation(
    adapter: Adapter, recipe: Recipe, evaluation: Evaluation, hardware: Hardware
) -> dict[str, dict[str, Any]]:
    """Describe everything that decides how base and tuned model answer a prompt.

    Args:
        adapter: its weights, and what it was trained with: `find_incompatibilities` tells whether
            it is used with the same.
        recipe: the quantization.
        evaluation: the decoding.
        hardware: the machine; its speed is part of an answer.

    Returns:
        Plain values for `base`, for `tuned`, and where the training has started from an adapter,
        for that one (`old`). The base model's answers do not depend on the
        adapter, so that those to a prompt are made once for all adapters.
    """
    trained = read_inputs(adapter)
    base = describe_base_generation(
        trained["base"], trained["chat_template_sha256"], recipe, evaluation.generation, hardware
    )
    found = {"base": base, "tuned": {**base, "adapter": hash_adapter(adapter)}}
    if "start" in trained:
        found[OLD] = {**base, "adapter": trained["start"]["adapter"]}
    return found


def describe_base_generation(
    base: dict[str, str],
    template: str,
    recipe: Recipe,
    generation: dict[str, Any],
    hardware: Hardware,
) -> dict[str, Any]:
    """Describe everything that decides how the base model answers a prompt.

    Args:
        base: name and weights, as `identify_base` gives them.
        template: SHA-256 of the chat template.
        recipe: the quantization.
        generation: the decoding.
        hardware: the machine; its speed is part of an answer.
    """
    return {
        "base": base,
        "quantization": recipe.quantization,
        "chat_template": template,
        "generation": generation,
        # What a folder's decoding starts from; a GGUF file has none, a commit tells a repository's.
        "folder_generation": hash_files(
            list(Path(recipe.base_model).glob("generation_config.json"))
        ),
        "hardware": hardware.model_dump(include=MACHINE),
        "versions": {name: version(name) for name in ANSWERING_LIBRARIES},
        "adapter": None,
    }


def _hash_decoding(folder: Path) -> str:
    """Fingerprint what decoding starts from; a repository's has its commit, a GGUF file none."""
    return hash_files(list(folder.glob("generation_config.json")))
