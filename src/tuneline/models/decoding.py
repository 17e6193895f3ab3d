"""Decoding: prompts are answered side by side, and the next ones fill the places of ended answers.

Needs PyTorch and transformers at once: import it where a model is at hand.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from transformers import DynamicCache

from tuneline.models.generate_method import Generate, Prepared, find_limit
from tuneline.models.memory import KEPT_SHARE
from tuneline.models.places import ROOM, Places
from tuneline.models.prefixes import Prefix, list_arguments

# Places that are free before prompts are read: each reading costs a pass, and each pass the less a
# row the more rows there are.
FREE_SHARE = 1 / 8
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
        prepared = self._generate.prepare(prompts[order[0]])
        if not prepared.is_plain:
            yield from self._answer_upstream(prompts, seeds, order, prepared)
            return
        rows = (self._start(index, prompts[index], seeds[index], prepared) for index in order)
        yield from self._answer(list(rows))

    def _answer(self, waiting: list[Row]) -> Iterator[tuple[int, list[int], float]]:
        waiting.reverse()
        longest = max(len(row.prompt) + row.limit for row in waiting)
        size = min(len(waiting), self._count_places(longest))
        places = Places(size, self.model.device)
        prompts = [row.prompt for row in waiting]
        prefix = Prefix(self.model, prompts, min(map(len, prompts)) - 1)
        rows: list[Row] = []
        stopped = False
        while (waiting or rows) and not stopped:
            start = time.perf_counter()
            free = size - len(rows)
            if waiting and (not rows or free >= size * FREE_SHARE):
                logits, step = self._read(places, free, waiting, prefix)
                rows += step
            else:
                logits, step = self._write(places, rows), rows
            tokens = self._choose(logits, step)
            for row, token in zip(step, tokens, strict=True):
                row.ids.append(token)
            stopped = self.watch(tokens)
            ended = [place for place, row in enumerate(rows) if self._has_ended(row, stopped)]
            done = [rows[place] for place in ended]
            rows = [rows[place] for place in places.remove(ended)]
            seconds = (time.perf_counter() - start) / len(step)
            for row in step:
                row.seconds += seconds
            for row in done:
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
        self, places: Places, free: int, waiting: list[Row], prefix: Prefix
    ) -> tuple[Any, list[Row]]:
        """Read the next prompts into free places; give the scores of their first tokens."""
        width = len(waiting[-1].prompt) - prefix.tokens
        count = min(free, len(waiting), max(1, self.tokens_at_once // width))
        new = [waiting.pop() for _ in range(count)]
        ids = torch.full((count, width), self.pad)
        mask = torch.ones((count, prefix.tokens + width), dtype=torch.long)
        for number, row in enumerate(new):
            rest = row.prompt[prefix.tokens :]
            ids[number, width - len(rest) :] = torch.tensor(rest)
            mask[number, prefix.tokens : -len(rest)] = 0
        cache = prefix.begin(count)
        positions = (mask.cumsum(1) - 1)[:, prefix.tokens :].clamp(min=0)
        logits = self._pass(ids, mask, positions, cache)
        places.add(cache, mask)
        return logits, new

    def _write(self, places: Places, rows: list[Row]) -> Any:
        """Pass the last tokens; give the scores of the next ones."""
        mask, positions = places.step()
        last = torch.tensor([row.ids[-1:] for row in rows])
        logits = self._pass(last, mask, positions, places.cache)
        places.count_step()
        return logits

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

    def _choose(self, logits: Any, rows: list[Row]) -> list[int]:
        chosen: list[int] = find_best(logits).tolist()
        for number, row in enumerate(rows):
            if row.processor or row.generator:
                chosen[number] = row.choose(logits[number])
        return chosen

    def _start(self, index: int, prompt: list[int], seed: int, prepared: Prepared) -> Row:
        """Start a row; transformers' processors may count from its prompt."""
        processor = prepared.processor and self._generate.prepare(prompt).processor
        generator = None
        if prepared.config.do_sample:
            generator = torch.Generator(self.model.device).manual_seed(seed)
        return Row(index, prompt, find_limit(prepared.config, prompt), processor, generator)

    @cached_property
    def _generate(self) -> Generate:
        return Generate(self.model, self.ends, self.generation, self.pad, self.watch)

    def _answer_upstream(
        self, prompts: list[list[int]], seeds: list[int], order: list[int], prepared: Prepared
    ) -> Iterator[tuple[int, list[int], float]]:
        """Let `generate` answer, one after the other where tokens are drawn."""
        config = prepared.config
        if config.do_sample:
            size = 1
        elif prepared.keeps_keys_and_values:
            tokens = max(len(one) + find_limit(config, one) for one in prompts)
            sequences = max(config.num_beams or 1, config.num_return_sequences or 1)
            size = self._count_places(tokens, sequences)
        else:
            size = min(self.at_once, UNMEASURED_AT_ONCE)
        for first in range(0, len(order), size):
            batch = order[first : first + size]
            start = time.perf_counter()
            answers = self._generate.answer([prompts[index] for index in batch], seeds[batch[0]])
            for_a_token = (time.perf_counter() - start) / sum(map(len, answers))
            for index, ids in zip(batch, answers, strict=True):
                yield index, ids, len(ids) * for_a_token


def find_best(scores: Any) -> Any:
    """Find the token of the highest score in each row.

    Args:
        scores: of shape (rows, vocabulary), float32.
    """
    if scores.device.type == "cpu":  # numpy is ten times as fast as PyTorch (2.13)
        return torch.from_numpy(scores.numpy().argmax(-1))
    return scores.argmax(-1)
