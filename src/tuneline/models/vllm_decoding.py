"""How vLLM is asked for what `generate` would do.

Needs PyTorch and transformers at once: import it where a model is at hand.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from transformers import GenerationConfig

from tuneline.errors import Problem, TunelineError
from tuneline.models.generate_method import find_limit, resolve_generation
from tuneline.models.vllm_engine import WHERE, VllmModel

# Keys of GenerationConfig that `make_sampling` passes on.
KNOWN = {
    *("do_sample", "max_new_tokens", "max_length", "min_new_tokens"),
    *("temperature", "top_k", "top_p", "min_p", "repetition_penalty"),
}
# Keys that change no token: Tuneline says what ends an answer.
WITHOUT_EFFECT = {
    *("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"),
    *("use_cache", "cache_implementation", "cache_config", "transformers_version"),
}


@dataclass(frozen=True)
class VllmDecoder:
    """Decodes as `Decoder` does.

    Attributes:
        model: which one answers.
        ends: token ids that end an answer.
        generation: keys of GenerationConfig.
        watch: takes the tokens of each step.
    """

    model: VllmModel
    ends: list[int]
    generation: dict[str, Any]
    watch: Callable[[list[int]], bool] = field(default=lambda _: False)

    def decode(
        self, prompts: list[list[int]], seeds: list[int]
    ) -> Iterator[tuple[int, list[int], float]]:
        """Answer prompts; see `Decoder.decode`."""
        engine = self.model.engine
        config = resolve_generation(self.generation, engine.generation)
        unknown = find_unknown(config)
        if unknown:
            raise TunelineError(*(_make_problem(key, config) for key in unknown))
        sampling = [
            make_sampling(config, self.ends, ids, seed)
            for ids, seed in zip(prompts, seeds, strict=True)
        ]
        engine.tell({"who": self.model.adapter, "prompts": prompts, "sampling": sampling})
        left = len(prompts)
        while left:
            step = engine.hear()
            self.watch(step["tokens"])
            left -= len(step["ended"])
            yield from map(tuple, step["ended"])


def find_unknown(config: Any) -> list[str]:
    """Find what of a decoding vLLM would not do.

    Args:
        config: as `resolve_generation` gives it.

    Returns:
        Keys of GenerationConfig with another value than transformers' default.
    """
    default = resolve_generation({}, GenerationConfig())
    return sorted(
        key
        for key, value in vars(config).items()
        if not key.startswith("_")
        and key not in KNOWN | WITHOUT_EFFECT
        and value not in (None, False, getattr(default, key, None))
    )


def _make_problem(key: str, config: Any) -> Problem:
    return Problem(
        where=f"generation_config.json: {key}",
        value=getattr(config, key),
        wrong="the base model is to be asked with it, and vLLM does not know it",
        matters="its answers would not be those of this model",
        remedy=f"state the key in `evaluation.generation`, or leave {WHERE} out",
    )


def make_sampling(config: Any, ends: list[int], prompt: list[int], seed: int) -> dict[str, Any]:
    """Say in arguments of `vllm.SamplingParams` what `generate` would do.

    Args:
        config: as `resolve_generation` gives it.
        ends: token ids that end an answer.
        prompt: token ids.
        seed: of an answer that is drawn.
    """
    drawn = {
        "temperature": config.temperature,
        "top_k": config.top_k,
        "top_p": config.top_p,
        "min_p": config.min_p or 0.0,
        "seed": seed,
    }
    return {
        **(drawn if config.do_sample else {"temperature": 0.0}),
        "repetition_penalty": config.repetition_penalty,
        "max_tokens": find_limit(config, prompt),
        "min_tokens": config.min_new_tokens or 0,
        "stop_token_ids": ends,
        "ignore_eos": True,  # what ends an answer is in `stop_token_ids`
    }
