"""A process of its own for llama.cpp: what ends it ends nothing else, and frees its memory."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tuneline.models.generation import Answer
from tuneline.pipelines.merge.llama_library import LlamaError, LlamaModel, Process, quantize
from tuneline.utils.progress import Progress

# Keys of GenerationConfig that greedy decoding in llama.cpp follows; the others leave something to
# chance, or search.
FOLLOWED = {"do_sample", "max_new_tokens", "repetition_penalty", "no_repeat_ngram_size"}
# The model of the process that this module is loaded in.
_opened: dict[str, Any] = {}


class LlamaProcess:
    """Answers with one GGUF file after the other, and rounds them."""

    def __init__(self, pool: ProcessPoolExecutor, library: Path, threads: int) -> None:
        self._pool, self._library, self._threads = pool, library, threads

    def quantize(self, source: Path, file: Path, kind: str) -> int:
        """Round a file of 16-bit numbers to another type; count the tensors kept in a larger one.

        Raises:
            LlamaError: if llama.cpp cannot do it.
        """
        with Progress(f"Rounding to {kind}"):
            return int(
                _read(self._submit(quantize, self._library, source, file, kind, self._threads))
            )

    def open(self, file: Path, context: int, generation: dict[str, Any]) -> dict[str, str | None]:
        """Load a file for so many tokens of prompt and answer; the one before is let go.

        Gives `template`, `bos` and `eos` as `LlamaModel` has them. `generation` may hold what
        `FOLLOWED` has.

        Raises:
            LlamaError: if llama.cpp cannot read it.
        """
        given = self._library, file, context, self._threads, generation
        found: dict[str, str | None] = _read(self._submit(_open, *given))
        return found

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """Read rendered prompts as the file's own tokens."""
        found: list[list[int]] = _read(self._submit(_tokenize, texts))
        return found

    def answer(self, prompt: list[int]) -> Answer:
        """Answer one prompt, as the file was opened to."""
        found: Answer = _read(self._submit(_answer, prompt))
        return found

    def _submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        try:
            return self._pool.submit(work, *arguments)
        except BrokenProcessPool as error:
            raise LlamaError("its process was ended before") from error


@contextmanager
def run_llama(library: Path) -> Iterator[LlamaProcess]:
    """Start the process, and end it."""
    import torch

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        # As many as torch takes, which is what the machine or OMP_NUM_THREADS allows.
        yield LlamaProcess(pool, library, torch.get_num_threads())


def _read(work: Future[Any]) -> Any:
    try:
        return work.result()
    except BrokenProcessPool as error:
        wrong = "its process ended on the way: a fault in llama.cpp, or memory did not do"
        raise LlamaError(wrong) from error


def _open(
    library: Path, file: Path, context: int, threads: int, generation: dict[str, Any]
) -> dict[str, str | None]:
    _opened.clear()
    model = LlamaModel(library, file, context, threads)
    _opened.update(
        model=model, limit=generation["max_new_tokens"], process=_make_process(generation)
    )
    return {"template": model.template, "bos": model.bos, "eos": model.eos}


def _tokenize(texts: list[str]) -> list[list[int]]:
    return [_opened["model"].tokenize(text) for text in texts]


def _answer(prompt: list[int]) -> Answer:
    answer: Answer = _opened["model"].answer(prompt, _opened["limit"], _opened["process"])
    return answer


def _make_process(generation: dict[str, Any]) -> Process | None:
    """Take transformers' own penalties: llama.cpp's look at the last tokens only."""
    penalty = generation.get("repetition_penalty") or 1.0
    size = generation.get("no_repeat_ngram_size") or 0
    if penalty == 1.0 and not size:
        return None
    import torch
    from transformers import (
        LogitsProcessorList,
        NoRepeatNGramLogitsProcessor,
        RepetitionPenaltyLogitsProcessor,
    )

    processors = LogitsProcessorList()
    if penalty != 1.0:
        processors.append(RepetitionPenaltyLogitsProcessor(penalty))
    if size:
        processors.append(NoRepeatNGramLogitsProcessor(size))

    def process(ids: list[int], logits: Any) -> Any:
        return processors(torch.tensor([ids]), torch.from_numpy(logits.copy())[None])[0].numpy()

    return process
