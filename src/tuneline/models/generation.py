"""Generating answers: in batches, each kept as soon as it is there, or one while it is watched."""

import logging
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from threading import Event
from typing import Any

from tuneline.models.rendering import find_end_tokens
from tuneline.parameters import Evaluation, Hardware
from tuneline.utils.caches import Cache
from tuneline.utils.hashing import hash_value
from tuneline.utils.progress import Progress

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    Attributes:
        answer: the text.
        tokens: tokens generated, the end token included.
        seconds: its share of the time its batch took, by its tokens: were all shares alike, a
            short answer would look slow next to long ones.
        stopped: whether it ended by itself rather than at the length limit.
    """

    answer: str
    tokens: int
    seconds: float
    stopped: bool

    @property
    def tokens_per_second(self) -> float:
        """Speed; of an answer in a batch, the batch's."""
        return self.tokens / max(self.seconds, 1e-9)

    def describe(self) -> str:
        """Say how long it is, how fast it came, and how it ended."""
        ended = "ended by itself" if self.stopped else "cut at the length limit"
        return (
            f"{self.tokens} tokens in {self.seconds:.1f} s, "
            f"{self.tokens_per_second:.1f} tokens/s, {ended}"
        )


def generate_answers(
    model: Any,
    tokenizer: Any,
    prompts: list[list[int]],
    evaluation: Evaluation,
    hardware: Hardware,
    cache: Cache,
    fingerprint: dict[str, Any],
) -> list[Answer]:
    """Answer every prompt, prompts of like length together.

    Batches follow from the prompts alone, so that a run that resumes answers in the batches, and
    with the seeds, of one that was never interrupted.

    Args:
        model: the model, in evaluation mode.
        tokenizer: its tokenizer.
        prompts: token ids.
        evaluation: the decoding.
        hardware: device and batch.
        cache: answers that are already there; new ones are added batch by batch.
        fingerprint: everything that decides the answers, next to the prompts and the seed.

    Returns:
        Answers in the order of the prompts.
    """
    batches = list(make_batches(prompts, hardware.per_device_eval_batch_size))
    asked = [[prompts[index] for index in batch] for batch in batches]
    keys = [hash_value({**fingerprint, "seed": evaluation.seed, "prompts": one}) for one in asked]
    new = [one for one, key in zip(asked, keys, strict=True) if cache.get(key) is None]
    left = sum(map(len, new))
    if left < len(prompts):
        log.info("%s of %s answers are there already.", len(prompts) - left, len(prompts))
    if new:
        warm_up(model, tokenizer, new[0][0], evaluation)
    answers: dict[int, Answer] = {}
    with Progress("Answering", "prompts", left) as progress:
        for batch, one, key in zip(batches, asked, keys, strict=True):
            kept = cache.get(key)
            if kept is None:
                watch = _count_tokens(progress, len(batch))
                found = _answer(one, model, tokenizer, evaluation, stopping_criteria=watch)
                kept = [asdict(answer) for answer in found]
                cache.put(key, kept)
                progress.describe("")
                progress.update(len(batch))
            answers |= dict(zip(batch, (Answer(**values) for values in kept), strict=True))
    return [answers[index] for index in range(len(prompts))]


def stream_answer(
    model: Any, tokenizer: Any, prompt: list[int], evaluation: Evaluation
) -> Generator[str, None, Answer]:
    """Answer one prompt and hand out the text while it is written.

    The model works in a thread of its own. It stops at its next token once nobody listens any
    more, and has stopped when the generator is closed.

    Args:
        model: the model, in evaluation mode.
        tokenizer: its tokenizer.
        prompt: token ids.
        evaluation: the decoding.

    Yields:
        Pieces of the text, in order.

    Returns:
        The answer, the same as `generate_answers` gives to this prompt in a batch of one.
    """
    from transformers import TextIteratorStreamer

    streamer = TextIteratorStreamer(
        tokenizer,
        skip_prompt=True,
        skip_special_tokens=True,
        clean_up_tokenization_spaces=False,
    )
    unheard = Event()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(
            _answer,
            [prompt],
            model,
            tokenizer,
            evaluation,
            streamer=streamer,
            stopping_criteria=_stop_when(unheard),
        )
        # Ends the stream after a failure too, which `result` then raises here.
        work.add_done_callback(lambda _: streamer.end())
        try:
            yield from streamer
        finally:
            unheard.set()
        return work.result()[0]


def read_answer(ids: list[int], tokenizer: Any, ends: list[int], seconds: float) -> Answer:
    """Read what a model has written.

    Args:
        ids: token ids, up to the one that ended the answer.
        tokenizer: its tokenizer.
        ends: token ids that end an answer; they need not be special ones.
        seconds: that it took.

    Returns:
        The answer, its text as it was written: no blank before a full stop is tidied away.
    """
    stopped = ids[-1] in ends
    written = [token for token in ids if token not in ends]
    text = tokenizer.decode(
        written, skip_special_tokens=True, clean_up_tokenization_spaces=False
    ).strip()
    return Answer(answer=text, tokens=len(ids), seconds=seconds, stopped=stopped)


def warm_up(model: Any, tokenizer: Any, prompt: list[int], evaluation: Evaluation) -> None:
    """Pay for what only a first call costs, so that neither model's time holds it."""
    short = evaluation.model_copy(
        update={"generation": evaluation.generation | {"max_new_tokens": 2, "min_new_tokens": 0}}
    )
    _answer([prompt], model, tokenizer, short)


def make_batches(prompts: list[list[int]], size: int) -> Iterator[list[int]]:
    """Cut the prompts' indices, longest first, so that a lack of memory shows at once.

    Args:
        prompts: token ids.
        size: prompts in a batch.

    Yields:
        Indices of the prompts of a batch.
    """
    order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def generate_ids(
    prompts: list[list[int]],
    model: Any,
    tokenizer: Any,
    generation: dict[str, Any],
    **watching: Any,
) -> list[list[int]]:
    """Generate the answers to a batch of prompts.

    Args:
        prompts: token ids.
        model: in evaluation mode.
        tokenizer: its tokenizer.
        generation: keys of GenerationConfig.
        **watching: passed on to `generate`.

    Returns:
        Token ids of each answer, up to the one that ended it.
    """
    import torch
    from transformers import GenerationConfig

    ends = find_end_tokens(tokenizer)
    decoding = GenerationConfig(
        **generation, eos_token_id=ends, pad_token_id=tokenizer.pad_token_id
    )
    padded = tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt")
    with torch.inference_mode():
        output = model.generate(**padded.to(model.device), generation_config=decoding, **watching)
    completions = output[:, padded["input_ids"].shape[1] :].tolist()
    return [_cut_after_end(ids, ends) for ids in completions]


def _answer(
    prompts: list[list[int]],
    model: Any,
    tokenizer: Any,
    evaluation: Evaluation,
    **watching: Any,
) -> list[Answer]:
    from transformers import set_seed

    # The same for both models, and for a batch whatever was answered before it.
    set_seed(int(hash_value([evaluation.seed, prompts])[:8], 16))
    start = time.perf_counter()
    found = generate_ids(prompts, model, tokenizer, evaluation.generation, **watching)
    for_a_token = (time.perf_counter() - start) / sum(map(len, found))
    ends = find_end_tokens(tokenizer)
    return [read_answer(ids, tokenizer, ends, len(ids) * for_a_token) for ids in found]


def _cut_after_end(ids: list[int], ends: list[int]) -> list[int]:
    """Take off what pads an answer that ended before others of its batch."""
    length = next((i + 1 for i, token in enumerate(ids) if token in ends), None)
    return ids[:length]


def _stop_when(event: Event) -> list[Callable[..., Any]]:
    return _after_each_token(event.is_set)


def _count_tokens(progress: Progress, prompts: int) -> list[Callable[..., Any]]:
    """Say how long the answers of a batch are by now: one batch may take minutes."""
    tokens = 0

    def note() -> bool:
        nonlocal tokens
        tokens += 1
        progress.describe(f"{tokens:,} tokens of each of the next {prompts}")
        return False

    return _after_each_token(note)


def _after_each_token(is_over: Callable[[], bool]) -> list[Callable[..., Any]]:
    import torch

    def ask(ids: Any, scores: Any, **_: Any) -> Any:
        return torch.full(ids.shape[:1], is_over(), dtype=torch.bool, device=ids.device)

    return [ask]
