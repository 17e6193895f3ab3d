"""Generating answers: many at once, each kept as soon as it is there, or one that is watched."""

import logging
import sys
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from threading import Event
from typing import Any

from tuneline.models.memory import derive_free_memory
from tuneline.models.rendering import find_end_tokens
from tuneline.models.vllm_engine import VllmModel
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
        seconds: its share of the time: of each step an equal part of those that took it together.
        stopped: whether it ended by itself rather than at the length limit.
    """

    answer: str
    tokens: int
    seconds: float
    stopped: bool

    @property
    def tokens_per_second(self) -> float:
        """Speed, as one of several at once."""
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
    """Answer every prompt; as an answer ends, the next prompt takes its place.

    An answer follows from its prompt, so that a run that resumes gives the answers, and draws the
    tokens, of one that was never interrupted (see `Decoder.decode`).

    Args:
        model: the model, in evaluation mode, or as vLLM has it.
        tokenizer: its tokenizer.
        prompts: token ids.
        evaluation: the decoding.
        hardware: device, prompts side by side.
        cache: answers that are already there; each new one is added as it ends.
        fingerprint: everything that decides the answers, next to the prompt and the seed.

    Returns:
        Answers in the order of the prompts.
    """
    told = _tell_apart(prompts)
    keys = [hash_value({**fingerprint, "seed": evaluation.seed, **one}) for one in told]
    answers = {index: kept for index, key in enumerate(keys) if (kept := cache.get(key))}
    left = [index for index in range(len(prompts)) if index not in answers]
    if answers:
        log.info("%s of %s answers are there already.", len(answers), len(prompts))
    if left:
        warm_up(model, tokenizer, prompts[left[0]], evaluation)
    ends = find_end_tokens(tokenizer)
    seeds = [_make_seed(evaluation, told[index]) for index in left]
    with Progress("Answering", "prompts", len(left)) as progress:
        watch = _count_tokens(progress)
        decoder = _make_decoder(model, tokenizer, evaluation.generation, hardware, watch=watch)
        for number, ids, seconds in decoder.decode([prompts[index] for index in left], seeds):
            index = left[number]
            answers[index] = asdict(read_answer(ids, tokenizer, ends, seconds))
            # After a power cut the answers of the last seconds are given again.
            cache.put(keys[index], answers[index], sync=False)
            progress.describe("")
            progress.update()
    return [Answer(**answers[index]) for index in range(len(prompts))]


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
        The answer, the same as `generate_answers` gives to this prompt alone.
    """
    import torch
    from transformers import TextIteratorStreamer

    streamer = TextIteratorStreamer(
        tokenizer, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    unheard = Event()

    def hand_out(tokens: list[int]) -> bool:
        streamer.put(torch.tensor(tokens))
        return unheard.is_set()

    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(_answer, prompt, model, tokenizer, evaluation, hand_out)
        # Ends the stream after a failure too, which `result` then raises here.
        work.add_done_callback(lambda _: streamer.end())
        try:
            yield from streamer
        finally:
            unheard.set()
        return work.result()


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
    _answer(prompt, model, tokenizer, short)


def generate_ids(
    prompts: list[list[int]],
    model: Any,
    tokenizer: Any,
    generation: dict[str, Any],
    hardware: Hardware | None = None,
    **others: Any,
) -> list[list[int]]:
    """Generate the answers to prompts.

    Args:
        prompts: token ids.
        model: in evaluation mode.
        tokenizer: its tokenizer.
        generation: keys of GenerationConfig.
        hardware: prompts side by side; None for all of them.
        **others: `ends`, the token ids that end an answer, if not all that the tokenizer has.

    Returns:
        Token ids of each answer, up to the one that ended it, in the order of the prompts.
    """
    decoder = _make_decoder(model, tokenizer, generation, hardware, **others)
    seeds = [0] * len(prompts)
    found = {index: ids for index, ids, _ in decoder.decode(prompts, seeds)}
    return [found[index] for index in range(len(prompts))]


def _make_decoder(
    model: Any,
    tokenizer: Any,
    generation: dict[str, Any],
    hardware: Hardware | None = None,
    **others: Any,
) -> Any:
    others = {"ends": find_end_tokens(tokenizer), **others}
    if isinstance(model, VllmModel):
        from tuneline.models.vllm_decoding import VllmDecoder

        return VllmDecoder(model=model, generation=generation, **others)
    from tuneline.models.decoding import Decoder

    return Decoder(
        **others,
        model=model,
        generation=generation,
        pad=tokenizer.pad_token_id,
        at_once=hardware.per_device_eval_batch_size if hardware else sys.maxsize,
        tokens_at_once=hardware.tokens_per_batch if hardware else sys.maxsize,
        memory=derive_free_memory(model, hardware) if hardware else None,
    )


def _answer(
    prompt: list[int],
    model: Any,
    tokenizer: Any,
    evaluation: Evaluation,
    watch: Callable[[list[int]], bool] = lambda _: False,
) -> Answer:
    decoder = _make_decoder(model, tokenizer, evaluation.generation, watch=watch)
    seed = _make_seed(evaluation, *_tell_apart([prompt]))
    ((_, ids, seconds),) = decoder.decode([prompt], [seed])
    return read_answer(ids, tokenizer, find_end_tokens(tokenizer), seconds)


def _tell_apart(prompts: list[list[int]]) -> list[dict[str, Any]]:
    """Say of each prompt how often it came before: drawn answers to the same one shall differ."""
    before: Counter[tuple[int, ...]] = Counter()
    told = []
    for prompt in prompts:
        told.append({"prompt": prompt, "before": before[tuple(prompt)]})
        before[tuple(prompt)] += 1
    return told


def _make_seed(evaluation: Evaluation, told: dict[str, Any]) -> int:
    """Make the seed of an answer: the same for both models, whatever was answered before it."""
    return int(hash_value([evaluation.seed, told])[:8], 16)


def _count_tokens(progress: Progress) -> Callable[[list[int]], bool]:
    """Say how many tokens there are by now: the first answer may take minutes."""
    tokens = 0

    def note(step: list[int]) -> bool:
        nonlocal tokens
        tokens += len(step)
        progress.describe(f"{tokens:,} tokens, {len(step)} of the answers at once")
        return False

    return note
