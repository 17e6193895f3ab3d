"""Generating answers in batches."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tqdm.auto import tqdm

from tuneline.examples import Example
from tuneline.parameters import Evaluation, Hardware
from tuneline.rendering import find_end_tokens, render_prompt


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    Attributes:
        answer: the text.
        tokens: tokens generated, the end token included.
        seconds: its share of the time its batch took.
        stopped: whether it ended by itself rather than at the length limit.
    """

    answer: str
    tokens: int
    seconds: float
    stopped: bool


def generate_answers(
    model: Any,
    tokenizer: Any,
    examples: list[Example],
    evaluation: Evaluation,
    hardware: Hardware,
) -> list[Answer]:
    """Answer every prompt, prompts of like length together.

    Args:
        model: the model, in evaluation mode.
        tokenizer: its tokenizer.
        examples: their prompts are asked.
        evaluation: the decoding.
        hardware: device and batch.

    Returns:
        Answers in the order of the examples.
    """
    from transformers import set_seed

    set_seed(evaluation.seed)
    decoding = _make_decoding(evaluation.generation, tokenizer)
    prompts = [render_prompt(tokenizer, example["prompt"]) for example in examples]
    # Pay for what only a first call costs, so that neither model's time holds it.
    warm_up = _make_decoding(evaluation.generation | {"max_new_tokens": 2}, tokenizer)
    _answer(prompts[:1], model, tokenizer, warm_up)
    answers: dict[int, Answer] = {}
    with tqdm(total=len(prompts), unit="answer", leave=False, disable=None) as bar:
        for batch in _batches(prompts, hardware.per_device_eval_batch_size):
            found = _answer([prompts[i] for i in batch], model, tokenizer, decoding)
            answers |= dict(zip(batch, found, strict=True))
            bar.update(len(batch))
    return [answers[index] for index in range(len(prompts))]


def _make_decoding(settings: dict[str, Any], tokenizer: Any) -> Any:
    from transformers import GenerationConfig

    ends = find_end_tokens(tokenizer)
    return GenerationConfig(**settings, eos_token_id=ends, pad_token_id=tokenizer.pad_token_id)


def _batches(prompts: list[list[int]], size: int) -> Iterator[list[int]]:
    """Cut the prompts' indices, longest first, so that a lack of memory shows at once."""
    order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _answer(prompts: list[list[int]], model: Any, tokenizer: Any, decoding: Any) -> list[Answer]:
    import torch

    padded = tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt")
    start = time.perf_counter()
    with torch.inference_mode():
        output = model.generate(**padded.to(model.device), generation_config=decoding)
    seconds = (time.perf_counter() - start) / len(prompts)
    completions = output[:, padded["input_ids"].shape[1] :].tolist()
    return [_read(ids, tokenizer, decoding.eos_token_id, seconds) for ids in completions]


def _read(ids: list[int], tokenizer: Any, ends: list[int], seconds: float) -> Answer:
    length = next((i for i, token in enumerate(ids) if token in ends), None)
    text = tokenizer.decode(ids[:length], skip_special_tokens=True).strip()
    tokens = len(ids) if length is None else length + 1
    return Answer(answer=text, tokens=tokens, seconds=seconds, stopped=length is not None)
