"""Decoding: prompts are answered side by side, and the next ones fill the places of ended answers.

Needs PyTorch and transformers at once: import it where a model is at hand.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import DynamicCache, GenerationConfig, set_seed
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer
from transformers.generation import EosTokenCriteria, GenerationMode, MaxLengthCriteria

from tuneline.models.places import ROOM, Places
from tuneline.models.prefixes import Prefix, list_arguments

# Places that are free before prompts are read: each reading costs a pass, each free place its part
# of every pass.
FREE_SHARE = 1 / 8
# Answers that are left, as a share of the places, when the others' places are given up.
LEFT_SHARE = 3 / 4
# Of the memory next to the weights, for keys, values and scores; the rest is for what a pass makes.
KEPT_SHARE = 1 / 2
# Of each place, next to keys and values: the scores of the next token, as the model computes them
# and in float32.
SCORE_BYTES = 8
# Answers at once where a model keeps more than keys and values of every token, so that nobody
# knows how much one takes.
UNMEASURED_AT_ONCE = 16


@dataclass(eq=False)
class Row:
    """A prompt that is being answered.

    Attributes:
        index: of the prompt.
        prompt: its token ids.
        limit: tokens of the longest answer.
        processor: transformers' processors of the scores; empty for plain greedy decoding.
        generator: draws the tokens; None for greedy decoding.
        ids: token ids of the answer.
        seconds: its share of the time.
    """

    index: int
    prompt: list[int]
    limit: int
    processor: Any
    generator: Any
    ids: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def choose(self, scores: Any) -> int:
        """Choose the next token, as `generate` does for a prompt that is alone.

        Args:
            scores: of shape (tokens of the vocabulary,), float32.
        """
        ids = torch.tensor([[*self.prompt, *self.ids]], device=scores.device)
        scores = self.processor(ids, scores[None])
        if self.generator is None:
            return int(scores.argmax())
        return int(torch.multinomial(scores.softmax(-1), 1, generator=self.generator))


@dataclass(frozen=True)
class Decoder:
    """A model with the decoding of its answers.

    Attributes:
        model: in evaluation mode.
        ends: token ids that end an answer.
        generation: keys of GenerationConfig.
        pad: token id that fills up.
        at_once: prompts that are answered side by side, at most.
        memory: bytes that there are next to what the model's process holds; None for no bound.
        tokens_at_once: tokens of prompts that are read in one pass, unless one alone has more.
        watch: takes the tokens of each step; says whether to stop.
    """

    model: Any
    ends: list[int]
    generation: dict[str, Any]
    pad: int
    at_once: int
    tokens_at_once: int
    memory: float | None = None
    watch: Callable[[list[int]], bool] = lambda _: False

    def decode(
        self, prompts: list[list[int]], seeds: list[int]
    ) -> Iterator[tuple[int, list[int], float]]:
        """Answer prompts, longest first, so that a lack of memory shows at once.

        An answer follows from its prompt and its seed alone, up to the rounding of products of
        matrices, which another number of rows may change. Where `generate` has more to do than to
        choose one token after the other, or the model keeps more than keys and values, `generate`
        itself answers.

        Args:
            prompts: token ids.
            seeds: one a prompt, for answers that are drawn.

        Yields:
            Of each answer as it ends the index of its prompt, its token ids, up to the one that
            ended it, and its seconds; together they are the time that all took.
        """
        if not prompts:
            return
        order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
        found = self._prepare(prompts[order[0]])
        if not _is_plain(**found):
            yield from self._generate(prompts, seeds, order, found)
            return
        rows = (self._start(found, index, prompts[index], seeds[index]) for index in order)
        yield from self._answer(list(rows))

    def _answer(self, waiting: list[Row]) -> Iterator[tuple[int, list[int], float]]:
        waiting.reverse()
        longest = max(len(row.prompt) + row.limit for row in waiting)
        size = min(len(waiting), self._count_places(longest))
        places = Places(size, self.model.device)
        prompts = [row.prompt for row in waiting]
        prefix = Prefix(self.model, prompts, min(map(len, prompts)) - 1)
        rows: list[Row | None] = [None] * size
        stopped = False
        while (waiting or any(rows)) and not stopped:
            start = time.perf_counter()
            free = [place for place, row in enumerate(rows) if row is None]
            if waiting and (len(free) == len(rows) or len(free) >= len(rows) * FREE_SHARE):
                logits, step = self._read(places, rows, free, waiting, prefix)
            else:
                kept = [place for place, row in enumerate(rows) if row is not None]
                if len(kept) <= len(rows) * LEFT_SHARE and not waiting:
                    places.keep(kept)
                    rows = [rows[place] for place in kept]
                logits, step = self._write(places, rows)
            tokens = self._choose(logits, step)
            for row, token in zip(step, tokens, strict=True):
                if row is not None:
                    row.ids.append(token)
            stopped = self.watch([t for t, row in zip(tokens, step, strict=True) if row])
            self._share(time.perf_counter() - start, step)
            for place, row in enumerate(rows):
                if row is not None and self._has_ended(row, stopped):
                    rows[place] = None
                    yield row.index, row.ids, row.seconds

    def _count_places(self, tokens: int, sequences: int = 1) -> int:
        """Count the answers for whose keys, values and scores there is memory.

        Args:
            tokens: of the longest prompt and its answer.
            sequences: that are written for each answer.
        """
        if self.memory is None:
            return self.at_once
        cache = DynamicCache()
        one = torch.ones((1, 1), dtype=torch.long)
        scores = self._pass(one * self.pad, one, one - 1, cache)
        token = sum(kept.nbytes for layer in cache.layers for kept in (layer.keys, layer.values))
        place = (tokens + ROOM) * token + SCORE_BYTES * scores.shape[-1]
        return min(self.at_once, max(1, int(self.memory * KEPT_SHARE / (place * sequences))))

    def _has_ended(self, row: Row, stopped: bool) -> bool:
        return stopped or row.ids[-1] in self.ends or len(row.ids) >= row.limit

    def _read(
        self,
        places: Places,
        rows: list[Row | None],
        free: list[int],
        waiting: list[Row],
        prefix: Prefix,
    ) -> Any:
        """Read the next prompts into free places; give the scores of their first tokens."""
        width = len(waiting[-1].prompt) - prefix.tokens
        count = min(len(free), len(waiting), max(1, self.tokens_at_once // width))
        new = [waiting.pop() for _ in range(count)]
        ids = torch.full((count, width), self.pad)
        mask = torch.ones((count, prefix.tokens + width), dtype=torch.long)
        for number, row in enumerate(new):
            rest = row.prompt[prefix.tokens :]
            ids[number, width - len(rest) :] = torch.tensor(rest)
            mask[number, prefix.tokens : -len(rest)] = 0
            rows[free[number]] = row
        cache = prefix.begin(count)
        positions = (mask.cumsum(1) - 1)[:, prefix.tokens :].clamp(min=0)
        logits = self._pass(ids, mask, positions, cache)
        places.fill(free[:count], cache, mask)
        return logits, new

    def _write(self, places: Places, rows: list[Row | None]) -> Any:
        """Pass the last tokens; give the scores of the next ones."""
        last = [self.pad if row is None else row.ids[-1] for row in rows]
        mask, positions = places.step([row is not None for row in rows])
        logits = self._pass(torch.tensor(last)[:, None], mask, positions, places.cache)
        places.count_step()
        return logits, rows

    @torch.inference_mode()
    def _pass(self, ids: Any, mask: Any, positions: Any, cache: Any) -> Any:
        """Give the scores after each row's last token, of shape (rows, vocabulary)."""
        device = self.model.device
        known = list_arguments(self.model)
        inputs = {
            "attention_mask": mask.to(device),
            "position_ids": positions.to(device),
            # An index, not a number: a slice would not be contiguous, and on a CPU PyTorch would
            # then copy the head's weights once for every row.
            "logits_to_keep": torch.tensor([ids.shape[1] - 1], device=device),
        }
        output = self.model(
            input_ids=ids.to(device),
            past_key_values=cache,
            use_cache=True,
            **{name: value for name, value in inputs.items() if name in known},
        )
        return output.logits[:, -1].float()

    def _choose(self, logits: Any, rows: list[Row | None]) -> list[int]:
        chosen: list[int] = logits.argmax(-1).tolist()
        for number, row in enumerate(rows):
            if row is not None and (row.processor or row.generator):
                chosen[number] = row.choose(logits[number])
        return chosen

    def _share(self, seconds: float, rows: list[Row | None]) -> None:
        there = [row for row in rows if row is not None]
        for row in there:
            row.seconds += seconds / len(there)

    def _start(self, found: dict[str, Any], index: int, prompt: list[int], seed: int) -> Row:
        """Start a row; transformers' processors may count from its prompt."""
        config = found["config"]
        limit = _find_limit(config, prompt)
        processor = found["processor"] and self._prepare(prompt)["processor"]
        generator = None
        if config.do_sample:
            generator = torch.Generator(self.model.device).manual_seed(seed)
        return Row(index, prompt, limit, processor, generator)

    def _prepare(self, prompt: list[int]) -> dict[str, Any]:
        """Let `generate` prepare everything for a prompt, and decode nothing."""
        found: dict[str, Any] = {}

        def take(
            model: Any,
            input_ids: Any,
            logits_processor: Any,
            stopping_criteria: Any,
            generation_config: Any,
            **others: Any,
        ) -> Any:
            found.update(
                processor=logits_processor,
                criteria=stopping_criteria,
                config=generation_config,
                cache=others.get("past_key_values"),
            )
            return input_ids

        self._call([prompt], custom_generate=take)
        return found

    def _generate(
        self, prompts: list[list[int]], seeds: list[int], order: list[int], found: dict[str, Any]
    ) -> Iterator[tuple[int, list[int], float]]:
        """Let `generate` answer, one after the other where tokens are drawn."""
        config = found["config"]
        if config.do_sample:
            size = 1
        elif _keeps_keys_and_values(found["cache"]):
            tokens = max(len(one) + _find_limit(config, one) for one in prompts)
            sequences = max(config.num_beams or 1, config.num_return_sequences or 1)
            size = self._count_places(tokens, sequences)
        else:
            size = min(self.at_once, UNMEASURED_AT_ONCE)
        for first in range(0, len(order), size):
            batch = order[first : first + size]
            start = time.perf_counter()
            set_seed(seeds[batch[0]])
            width = max(len(prompts[index]) for index in batch)
            output = self._call(
                [prompts[index] for index in batch], stopping_criteria=[self._watch]
            )
            answers = [self._cut(ids) for ids in output[:, width:].tolist()]
            for_a_token = (time.perf_counter() - start) / sum(map(len, answers))
            for index, ids in zip(batch, answers, strict=True):
                yield index, ids, len(ids) * for_a_token

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


def _is_plain(processor: Any, criteria: Any, config: Any, cache: Any) -> bool:
    """Tell whether decoding is to choose one token after the other, with keys and values kept."""
    modes = (GenerationMode.GREEDY_SEARCH, GenerationMode.SAMPLE)
    return (
        config.get_generation_mode() in modes
        and config.num_return_sequences == 1
        and all(isinstance(one, MaxLengthCriteria | EosTokenCriteria) for one in criteria)
        and _keeps_keys_and_values(cache)
    )


def _keeps_keys_and_values(cache: Any) -> bool:
    """Tell whether a model keeps keys and values of the tokens, and nothing else."""
    return isinstance(cache, DynamicCache) and all(
        type(one) in (DynamicLayer, DynamicSlidingWindowLayer) for one in cache.layers
    )


def _find_limit(config: Any, prompt: list[int]) -> int:
    """Find how many tokens the answer to a prompt may have."""
    return int(config.max_new_tokens or config.max_length - len(prompt))
