"""What transformers' `generate` makes of a decoding: the rules for each token, or whole answers.

Needs PyTorch and transformers at once: import it where a model is at hand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache, GenerationConfig, set_seed
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer
from transformers.generation import EosTokenCriteria, GenerationMode, MaxLengthCriteria


@dataclass(frozen=True)
class Prepared:
    """What `generate` has prepared for a prompt.

    Attributes:
        config: transformers' GenerationConfig, complete.
        processor: of the scores; empty for plain greedy decoding.
        criteria: that end an answer.
        cache: of what the model keeps.
    """

    config: Any
    processor: Any
    criteria: Any
    cache: Any

    @property
    def is_plain(self) -> bool:
        """Whether one token is chosen after the other, with keys and values kept."""
        modes = (GenerationMode.GREEDY_SEARCH, GenerationMode.SAMPLE)
        return (
            self.config.get_generation_mode() in modes
            and self.config.num_return_sequences == 1
            and all(isinstance(one, MaxLengthCriteria | EosTokenCriteria) for one in self.criteria)
            and self.keeps_keys_and_values
        )

    @property
    def keeps_keys_and_values(self) -> bool:
        """Whether the model keeps keys and values of the tokens, and nothing else."""
        return isinstance(self.cache, DynamicCache) and all(
            type(one) in (DynamicLayer, DynamicSlidingWindowLayer) for one in self.cache.layers
        )


@dataclass(frozen=True)
class Generate:
    """A model's `generate`.

    Attributes:
        model: in evaluation mode.
        ends: token ids that end an answer.
        generation: keys of GenerationConfig.
        pad: token id that fills up.
        watch: takes the tokens of each step; says whether to stop.
    """

    model: Any
    ends: list[int]
    generation: dict[str, Any]
    pad: int
    watch: Callable[[list[int]], bool]

    def prepare(self, prompt: list[int]) -> Prepared:
        """Let it prepare everything for a prompt, and decode nothing."""
        found: list[Prepared] = []

        def take(
            model: Any,
            input_ids: Any,
            logits_processor: Any,
            stopping_criteria: Any,
            generation_config: Any,
            **others: Any,
        ) -> Any:
            cache = others.get("past_key_values")
            found.append(Prepared(generation_config, logits_processor, stopping_criteria, cache))
            return input_ids

        self._call([prompt], custom_generate=take)
        return found[0]

    def answer(self, prompts: list[list[int]], seed: int) -> list[list[int]]:
        """Let it answer prompts at once.

        Args:
            prompts: token ids.
            seed: for answers that are drawn.

        Returns:
            Token ids of each answer, up to the one that ended it.
        """
        set_seed(seed)
        width = max(map(len, prompts))
        output = self._call(prompts, stopping_criteria=[self._watch])
        return [self._cut(ids) for ids in output[:, width:].tolist()]

    def _watch(self, ids: Any, scores: Any, **_: Any) -> Any:
        stopped = self.watch(ids[:, -1].tolist())
        return torch.full(ids.shape[:1], stopped, dtype=torch.bool, device=ids.device)

    def _cut(self, ids: list[int]) -> list[int]:
        """Take off what pads an answer that ended before others of its batch."""
        length = next((i + 1 for i, token in enumerate(ids) if token in self.ends), None)
        return ids[:length]

    @torch.inference_mode()
    def _call(self, prompts: list[list[int]], **others: Any) -> Any:
        width = max(map(len, prompts))
        ids, mask = (
            torch.tensor([[fill] * (width - len(one)) + make(one) for one in prompts])
            for fill, make in ((self.pad, list), (0, lambda one: [1] * len(one)))
        )
        decoding = GenerationConfig(
            **self.generation, eos_token_id=self.ends or None, pad_token_id=self.pad
        )
        return self.model.generate(
            input_ids=ids.to(self.model.device),
            attention_mask=mask.to(self.model.device),
            generation_config=decoding,
            **others,
        )


def resolve_generation(stated: dict[str, Any], own: Any) -> Any:
    """Fill in what is not stated, as `generate` does: what the model says, then its defaults.

    Args:
        stated: keys of GenerationConfig.
        own: the model's GenerationConfig.
    """
    config = GenerationConfig(**stated)
    for values in (own.to_dict(), own._get_default_generation_params()):
        config.update(**values, defaults_only=True)
    return config


def find_limit(config: Any, prompt: list[int]) -> int:
    """Find how many tokens the answer to a prompt may have."""
    return int(config.max_new_tokens or config.max_length - len(prompt))
