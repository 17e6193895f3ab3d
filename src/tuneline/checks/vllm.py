"""Whether vLLM can answer an evaluation's prompts: it is there, and knows the decoding and LoRA."""

from collections.abc import Iterator

from tuneline.errors import Problem
from tuneline.models.vllm_engine import WHERE, find_version
from tuneline.parameters import Evaluation, Hardware, Recipe

LEAVE_OUT = f"leave it out, or {WHERE}"
# Keys of LoraConfig that vLLM refuses (its `PEFTHelper`), next to values that change nothing.
LORA = {
    "use_dora": (None, False),
    "modules_to_save": (None, []),
    "bias": (None, "none"),
    "lora_bias": (None, False),
    "layer_replication": (None, []),
}


def find_missing_vllm(hardware: Hardware) -> Iterator[Problem]:
    """Find out whether the stated Python has vLLM, if one is stated.

    Yields:
        That it has none.
    """
    if hardware.vllm_python and find_version(hardware.vllm_python) is None:
        yield Problem(
            where=WHERE,
            value=hardware.vllm_python,
            wrong="it is no Python (3.11 or later) that has vLLM",
            matters="vLLM is to answer the evaluation's prompts",
            remedy="make one (`python -m venv .vllm && .vllm/bin/pip install vllm`) and state "
            "`.vllm/bin/python`, or leave it out",
        )


def find_vllm_problems(
    use_case: str, recipe: Recipe, evaluation: Evaluation, hardware: Hardware
) -> Iterator[Problem]:
    """Find what a use case asks of the answers that vLLM cannot do, if it is to give them.

    Yields:
        Keys of the decoding and of the adapter that it does not know.
    """
    if hardware.vllm_python is None:
        return
    from transformers import GenerationConfig

    from tuneline.models.generate_method import resolve_generation
    from tuneline.models.vllm_decoding import find_unknown

    for key in find_unknown(resolve_generation(evaluation.generation, GenerationConfig())):
        yield Problem(
            where=f"{use_case}.evaluation.generation.{key}",
            value=evaluation.generation[key],
            wrong="vLLM does not know it",
            matters="its answers would not be those that are asked for",
            remedy=LEAVE_OUT,
        )
    for key, harmless in LORA.items():
        if recipe.lora.get(key) not in harmless:
            yield Problem(
                where=f"{use_case}.recipe.lora.{key}",
                value=recipe.lora[key],
                wrong="vLLM refuses an adapter with it",
                matters="the tuned model could not answer",
                remedy=LEAVE_OUT,
            )
