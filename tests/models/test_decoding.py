from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    GPT2Config,
    MistralConfig,
    Qwen3Config,
    set_seed,
)

from tuneline.models.decoding import SCORE_BYTES, Decoder
from tuneline.models.memory import KEPT_SHARE
from tuneline.models.places import ROOM

PAD, WORDS = 0, 64
ENDS = list(range(1, WORDS, 9))  # several: a model with random weights writes some of them
SHAPE: dict[str, Any] = {
    "vocab_size": WORDS,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "eos_token_id": ENDS,
}
CONFIGS = {
    "grouped queries": Qwen3Config(**SHAPE),
    "sliding window": MistralConfig(**SHAPE, sliding_window=9),
    "learned positions": GPT2Config(
        vocab_size=WORDS, n_embd=32, n_layer=2, n_head=4, eos_token_id=ENDS
    ),
}
# All begin alike, as prompts of a use case do; one comes twice.
BEGINNING = list(range(2, 12))
PROMPTS = [[*BEGINNING, *range(20, 20 + n % 5)] for n in range(1, 12)] + [[*BEGINNING, 20]]
DECODINGS = {
    "greedy": {"do_sample": False},
    "penalty": {"do_sample": False, "repetition_penalty": 1.3, "min_new_tokens": 9},
    "drawn": {"do_sample": True, "temperature": 1.5, "top_k": 20},
    "beams": {"do_sample": False, "num_beams": 2},
}


def make_model(config: Any) -> Any:
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(config, trust_remote_code=False).eval()
    for weights in model.parameters():
        weights.data.mul_(8)  # sure of its next token, not the same for all prompts
    return model


def decode(model: Any, generation: dict[str, Any], at_once: int, tokens: int = 40) -> list:
    decoder = Decoder(model, ENDS, generation, PAD, at_once, tokens)
    found = {index: ids for index, ids, _ in decoder.decode(PROMPTS, list(range(len(PROMPTS))))}
    return [found[index] for index in range(len(PROMPTS))]


def ask_alone(model: Any, generation: dict[str, Any]) -> list:
    """Ask `generate` for one answer after the other."""
    decoding = GenerationConfig(**generation, eos_token_id=ENDS, pad_token_id=PAD)
    answers = []
    for seed, prompt in enumerate(PROMPTS):
        set_seed(seed)
        with torch.inference_mode():
            found = model.generate(torch.tensor([prompt]), generation_config=decoding)
        answers.append(found[0, len(prompt) :].tolist())
    return answers


@pytest.mark.parametrize("decoding", DECODINGS)
@pytest.mark.parametrize("config", CONFIGS)
def test_answers_are_those_of_prompts_asked_alone(config: str, decoding: str):
    model = make_model(CONFIGS[config])
    generation = DECODINGS[decoding] | {"max_new_tokens": 24}
    expected = ask_alone(model, generation)
    assert len({len(ids) for ids in expected}) > 1, "all end at once: nothing is filled again"
    for at_once in (1, 3, 20):
        assert decode(model, generation, at_once) == expected


def test_no_more_is_read_at_once_than_stated():
    model = make_model(CONFIGS["grouped queries"])
    seen: list[torch.Size] = []
    model.register_forward_pre_hook(
        lambda _, __, given: seen.append(given["input_ids"].shape), with_kwargs=True
    )
    decode(model, {"do_sample": False, "max_new_tokens": 8}, at_once=5, tokens=8)
    assert max(rows for rows, _ in seen) == 5
    assert all(rows * tokens <= max(8, tokens) for rows, tokens in seen if tokens > 1)


def test_nothing_is_computed_for_answers_that_have_ended():
    model = make_model(CONFIGS["grouped queries"])
    rows: list[int] = []
    model.register_forward_pre_hook(
        lambda _, __, given: rows.append(len(given["input_ids"])), with_kwargs=True
    )
    answers = decode(model, {"do_sample": False, "max_new_tokens": 24}, at_once=20, tokens=1000)
    beginning, read, *written = rows
    assert (beginning, read) == (1, len(PROMPTS))
    assert sum(written) == sum(len(ids) - 1 for ids in answers)


@pytest.mark.parametrize("beams", [1, 2])
@pytest.mark.parametrize("places", [1, 3])
def test_no_more_are_answered_at_once_than_memory_holds(places: int, beams: int):
    model, most = make_model(CONFIGS["grouped queries"]), len(PROMPTS)
    # Keys and values of two layers, two heads of 8 numbers each, in float32; see `KEPT_SHARE`.
    token, longest, new = 2 * 2 * 2 * 8 * 4, max(map(len, PROMPTS)), 15
    place = beams * ((longest + new + ROOM) * token + SCORE_BYTES * WORDS)
    generation = {"do_sample": False, "max_new_tokens": new, "num_beams": beams}
    expected = dict(enumerate(decode(model, generation, most)))
    together: list[int] = []
    model.register_forward_pre_hook(
        lambda _, __, given: together.append(len(given["input_ids"])), with_kwargs=True
    )
    decoder = Decoder(model, ENDS, generation, PAD, most, 1000, places * place / KEPT_SHARE)
    found = {index: ids for index, ids, _ in decoder.decode(PROMPTS, [0] * most)}
    assert max(together) == places * beams
    assert found == expected
