"""Adapters, the pair of models that answer, base and tuned, and the tokens they have for it."""

import hashlib
import logging
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneline.errors import Problem
from tuneline.examples import MODELS, Message, ModelName
from tuneline.models.architecture import measure_context
from tuneline.models.generation import Answer, stream_answer, warm_up
from tuneline.models.loading import load_model, load_model_config
from tuneline.models.rendering import render_prompt
from tuneline.models.seen_examples import SeenExamples
from tuneline.parameters import Evaluation, Hardware, Recipe
from tuneline.utils.hashing import hash_value

log = logging.getLogger(__name__)
CARD = "README.md"  # the hub shows this file as the model card
# What PEFT calls the adapter that is put on a model first.
ADAPTERS = {"tuned": "default"}
NAMES: dict[ModelName, str] = {"base": "base model", "tuned": "tuned model"}


@dataclass(frozen=True)
class Adapter:
    """A trained LoRA adapter.

    Attributes:
        config: LoraConfig as plain values.
        tensors: weights by name, float32, on the CPU.
        tokenizer: the tokenizer it was trained with, chat template included.
        provenance: what it was made from: hashes of examples, recipe, base and template; versions.
        seen: the examples that it was trained or watched on, and those that the adapter it has
            started from had seen; None where that is not recorded.
    """

    config: dict[str, Any]
    tensors: dict[str, Any]
    tokenizer: Any
    provenance: dict[str, Any]
    seen: SeenExamples | None = None


def read_adapter(
    folder: Path,
    tokenizer: Any,
    provenance: dict[str, Any],
    seen: SeenExamples | None = None,
) -> Adapter:
    """Read an adapter as PEFT has saved it.

    Args:
        folder: with `adapter_config.json` and `adapter_model.safetensors`.
        tokenizer: the tokenizer it was trained with.
        provenance: what it was made from.
        seen: which examples.

    Returns:
        The adapter, in float32.
    """
    from peft import LoraConfig
    from safetensors.torch import load_file

    state = load_file(folder / "adapter_model.safetensors")
    tensors = {name: state[name].float() for name in sorted(state)}
    config = make_plain(LoraConfig.from_pretrained(str(folder)).to_dict())
    config |= {"inference_mode": True, "base_model_name_or_path": provenance["base"]["name"]}
    return Adapter(config, tensors, tokenizer, provenance, seen)


def hash_adapter(adapter: Adapter) -> str:
    """Fingerprint an adapter by its config and its weights: SHA-256, hexadecimal."""
    digest = hashlib.sha256(hash_value(adapter.config).encode())
    for name in sorted(adapter.tensors):
        digest.update(name.encode())
        digest.update(adapter.tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def attach_adapter(model: Any, adapter: Adapter) -> Any:
    """Put an adapter on a base model.

    Args:
        model: the base model.
        adapter: the adapter.

    Returns:
        A PeftModel; `with model.disable_adapter():` makes it the base model again.
    """
    from peft import get_peft_model, set_peft_model_state_dict

    model = get_peft_model(model, restore_config(adapter, model))
    set_peft_model_state_dict(model, adapter.tensors)
    return model.eval()


@contextmanager
def become(model: Any, who: str) -> Iterator[Any]:
    """Have a model answer as one of several, as long as the block lasts.

    Args:
        model: a PeftModel.
        who: `base`, `tuned`, or the name of its second adapter.

    Yields:
        The model.
    """
    if who == "base":
        with model.disable_adapter():
            yield model
        return
    model.set_adapter(ADAPTERS.get(who, who), inference_mode=True)
    yield model


def attach_second(model: Any, name: str, adapter: Adapter, tensors: dict[str, Any]) -> None:
    """Put the weights of a second adapter on a model.

    Args:
        model: a PeftModel that has the first one.
        name: of the second.
        adapter: the first, whose layers, rank and alpha the second has, too.
        tensors: the weights of the second.
    """
    from peft import set_peft_model_state_dict

    model.add_adapter(name, restore_config(adapter, model.get_base_model()))
    set_peft_model_state_dict(model, tensors, adapter_name=name)
    model.eval()


@contextmanager
def merge_if_exact(model: Any) -> Iterator[None]:
    """Have an adapter in the weights while the block lasts, where that changes nothing.

    The same product, up to the rounding of float32, without three more operations in every layer.
    In 16 bits rounding would change what the adapter has learned; embeddings that are the head,
    too, would take over what the adapter adds to one of them. Afterwards the weights are what they
    were, up to their last bits.

    Args:
        model: a PeftModel.
    """
    import torch
    from peft.tuners.tuners_utils import BaseTunerLayer

    ends = (model.get_input_embeddings(), model.get_output_embeddings())
    exact = all(one.dtype == torch.float32 for one in model.parameters())
    if not exact or any(isinstance(one, BaseTunerLayer) for one in ends):
        yield
        return
    model.merge_adapter()
    try:
        yield
    finally:
        model.unmerge_adapter()


def restore_config(adapter: Adapter, model: Any) -> Any:
    """Make the `LoraConfig` that puts an adapter on a model.

    It names the model as it was loaded: a GGUF file is loaded from the folder it is converted into.
    """
    from peft import LoraConfig

    loaded = {"inference_mode": False, "base_model_name_or_path": model.name_or_path}
    return LoraConfig(**{**adapter.config, **loaded})


def make_plain(value: Any) -> Any:
    """Turn sets into sorted lists, so that the same adapter gives the same file."""
    if isinstance(value, dict):
        return {key: make_plain(one) for key, one in value.items()}
    return sorted(value) if isinstance(value, set | frozenset) else value


@dataclass(frozen=True)
class BaseModel:
    """A causal language model with its tokenizer.

    Attributes:
        model: the model, on the CPU.
        tokenizer: its tokenizer, with a chat template.
        provenance: what it was trained on, as hashes.
    """

    model: Any
    tokenizer: Any
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Release:
    """An adapter with what belongs to it.

    Attributes:
        adapter: the adapter.
        texts: further files by name, the model card among them.
    """

    adapter: Adapter
    texts: dict[str, str]


@dataclass(frozen=True)
class ModelPair:
    """Base and tuned model: one model in memory, its adapter switched off or on.

    Only one of them can answer at a time.

    Attributes:
        model: a PeftModel, in evaluation mode.
        tokenizer: the adapter's, chat template included.
        evaluation: the decoding, the same for both.
    """

    model: Any
    tokenizer: Any
    evaluation: Evaluation

    def become(self, who: ModelName) -> AbstractContextManager[Any]:
        """Make the model base or tuned as long as the block lasts."""
        return become(self.model, who)

    def stream(self, who: ModelName, messages: list[Message]) -> Generator[str, None, Answer]:
        """Let one of the two answer; see `stream_answer`."""
        prompt = render_prompt(self.tokenizer, messages)
        with self.become(who):
            return (yield from stream_answer(self.model, self.tokenizer, prompt, self.evaluation))

    def warm_up(self) -> None:
        """Pay for what only the first answer of each costs, so that no speed shown holds it."""
        prompt = render_prompt(self.tokenizer, [{"role": "user", "content": "?"}])
        for who in MODELS:
            with self.become(who):
                warm_up(self.model, self.tokenizer, prompt, self.evaluation)


def load_tuned(adapter: Adapter, recipe: Recipe, hardware: Hardware) -> Any:
    """Load the base model as it was trained on, quantized or not, and put the adapter on it.

    Args:
        adapter: the adapter; `find_incompatibilities` tells whether it belongs to this base model.
        recipe: names base model and quantization.
        hardware: the machine.

    Returns:
        A PeftModel, in evaluation mode. Where it computes in another number format than the
        training did, the log says so.
    """
    trained = adapter.provenance["hardware"]
    if trained["dtype"] != hardware.dtype:
        log.info(
            "The adapter was trained in %s (%s), and %s computes in %s: late in an answer a few "
            "tokens may differ.",
            trained["dtype"],
            trained["name"],
            hardware.name,
            hardware.dtype,
        )
    return attach_adapter(load_model(recipe, hardware), adapter)


def load_pair(
    adapter: Adapter, recipe: Recipe, evaluation: Evaluation, hardware: Hardware
) -> ModelPair:
    """Load the base model once and put the adapter on it.

    Args:
        adapter: the adapter; `find_incompatibilities` tells whether it belongs to this base model.
        recipe: names the base model.
        evaluation: the decoding.
        hardware: the machine.

    Returns:
        The pair.
    """
    model = load_tuned(adapter, recipe, hardware)
    return ModelPair(model=model, tokenizer=adapter.tokenizer, evaluation=evaluation)


@dataclass(frozen=True)
class ContextBudget:
    """How many tokens there are for a prompt.

    Attributes:
        context: tokens that the base model reads, prompt and answer together; None for any number.
        answer: tokens that the answer may have.
    """

    context: int | None
    answer: int

    def find_overlong(self, where: str, tokens: int) -> Iterator[Problem]:
        """Find out whether a prompt leaves no room for its answer.

        Args:
            where: where the prompt comes from, for the message.
            tokens: of the prompt.

        Yields:
            The problem, if it is one.
        """
        if self.context is not None and tokens + self.answer > self.context:
            yield Problem(
                where=where,
                wrong=f"its prompt has {tokens:,} tokens and the answer may have {self.answer:,}; "
                f"the base model reads {self.context:,} together",
                matters="the model would lose its beginning, or the answer its end",
                remedy=f"shorten it to {max(0, self.context - self.answer):,} tokens, or lower "
                "`evaluation.generation.max_new_tokens`",
            )


def measure_context_budget(recipe: Recipe, evaluation: Evaluation) -> ContextBudget:
    """Measure how long a prompt may be, from the base model's config and the decoding.

    Args:
        recipe: names the base model.
        evaluation: states `max_new_tokens`.

    Returns:
        The budget.
    """
    return ContextBudget(
        context=measure_context(load_model_config(recipe)),
        answer=evaluation.generation.get("max_new_tokens") or 0,
    )
