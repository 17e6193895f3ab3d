"""llama.cpp's library, called from Python: it rounds GGUF files and answers with them.

Whoever has llama.cpp has this library, from a package manager, a release or a build of their own.
llama.h changes its structures from one version to the next, so nothing here rests on more of them
than their first fields, which have kept their places: they are passed on as the library's own
defaults fill them, in more room than any version takes. A C++ library may end its process: run
these functions in one of their own (`llama_process.py`).
"""

import ctypes
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tuneline.models.generation import Answer
from tuneline.pipelines.merge.llama_structures import (
    SIGNATURES,
    LogFunction,
)

# Types of `enum llama_ftype` that the converter cannot write.
QUANTIZED = {"q6_k": 18, "q5_k_m": 17, "q4_k_m": 15}
WARNING, ERROR, CONTINUED = 3, 4, 5
FALLBACK = re.compile(r"(\d+) of \d+ tensor\(s\) required fallback")
Process = Callable[[list[int], Any], Any]


class LlamaError(Exception):
    """llama.cpp could not do it; the text is what it said."""


class Library:
    """The library, loaded; what it needs lies next to it.

    Raises:
        LlamaError: if it cannot be loaded, or is too old or too new to have these functions.
    """

    def __init__(self, path: Path) -> None:
        self.said: list[tuple[int, str]] = []
        self._listener = LogFunction(self._listen)  # must live as long as the library may call it
        try:
            self._functions = ctypes.CDLL(str(path))
            for name, (result, arguments) in SIGNATURES.items():
                function = getattr(self._functions, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            raise LlamaError(f"{path.name} cannot be used: {error}") from error
        self.call("llama_log_set", self._listener, None)
        # Processors have files of their own in many builds; in others there is nothing to load.
        with suppress(AttributeError):
            self._functions.ggml_backend_load_all_from_path(os.fsencode(path.parent))
        self.call("llama_backend_init")

    def call(self, name: str, *arguments: Any) -> Any:
        """Call one of `SIGNATURES`."""
        return getattr(self._functions, name)(*arguments)

    def explain(self) -> str:
        """Give the first thing that it called an error, which the later ones follow from."""
        errors = [text.strip() for level, text in self.said if level == ERROR and text.strip()]
        return errors[0] if errors else "it gives no reason"

    def _listen(self, level: int, text: bytes, _: Any) -> None:
        if level == CONTINUED and self.said:
            level, before = self.said.pop()
            self.said.append((level, before + text.decode(errors="replace")))
        elif level in (WARNING, ERROR):
            self.said.append((level, text.decode(errors="replace")))


class LlamaModel:
    """A GGUF file, loaded to answer one prompt after the other.

    Attributes:
        template: the file's chat template; None if it has none.
        bos: how the token that begins a text is written; empty if llama.cpp puts none there.
        eos: the same of the token that ends one.

    Raises:
        LlamaError: if the file is not one that this llama.cpp can read, or memory does not do.
    """

    def __init__(self, library: Path, file: Path, context: int, threads: int) -> None:
        self._library = Library(library)
        call = self._call = self._library.call
        self._model = call(
            "llama_model_load_from_file", os.fsencode(file), call("llama_model_default_params")
        )
        if not self._model:
            raise LlamaError(self._library.explain())
        settings = call("llama_context_default_params")
        settings.n_ctx = settings.n_batch = context
        self._context = call("llama_init_from_model", self._model, settings)
        if not self._context:
            raise LlamaError(self._library.explain())
        if min(call("llama_n_ctx", self._context), call("llama_n_batch", self._context)) < context:
            raise LlamaError("this version of llama.cpp takes its settings in another form")
        call("llama_set_n_threads", self._context, threads, threads)
        self._vocab = call("llama_model_get_vocab", self._model)
        template = call("llama_model_chat_template", self._model, None)
        self.template = template.decode() if template else None
        bos, eos = (call(f"llama_vocab_{name}", self._vocab) for name in ("bos", "eos"))
        self._adds_bos = call("llama_vocab_get_add_bos", self._vocab)
        self.bos, self.eos = (
            call("llama_vocab_get_text", self._vocab, token).decode() if token >= 0 else ""
            for token in (bos, eos)
        )

    def tokenize(self, text: str) -> list[int]:
        """Read a rendered prompt as llama.cpp's programs do.

        Control tokens are read wherever they are spelled; one that begins the text is not doubled.
        """
        if self._adds_bos and self.bos:
            text = text.removeprefix(self.bos)
        data = text.encode()
        tokens = (ctypes.c_int32 * (2 * len(data) + 8))()  # blanks are added, too
        count = self._call(
            "llama_tokenize", self._vocab, data, len(data), tokens, len(tokens), True, True
        )
        if count < 0:
            raise LlamaError("it reads a prompt as more tokens than there are bytes")
        return list(tokens[:count])

    def answer(self, prompt: list[int], limit: int, process: Process | None = None) -> Answer:
        """Answer greedily with at most `limit` tokens.

        `process` changes the scores of the next token, given all ids so far.

        Raises:
            LlamaError: if llama.cpp stops.
        """
        import numpy as np

        start, written, stopped = time.perf_counter(), list[int](), False
        self._call("llama_memory_clear", self._call("llama_get_memory", self._context), True)
        size = self._call("llama_vocab_n_tokens", self._vocab)
        read = prompt
        while len(written) < limit and not stopped:
            tokens = (ctypes.c_int32 * len(read))(*read)
            batch = self._call("llama_batch_get_one", tokens, len(read))
            if self._call("llama_decode", self._context, batch):
                raise LlamaError(self._library.explain())
            pointer = self._call("llama_get_logits_ith", self._context, -1)
            logits = np.ctypeslib.as_array(pointer, shape=(size,))
            if process:
                logits = process([*prompt, *written], logits)
            token = int(logits.argmax())
            stopped = bool(self._call("llama_vocab_is_eog", self._vocab, token))
            written.append(token)
            read = [token]
        text = self._write(written[:-1] if stopped else written)
        return Answer(text.strip(), len(written), time.perf_counter() - start, stopped)

    def _write(self, tokens: list[int]) -> str:
        pieces = []
        for token in tokens:
            room = ctypes.create_string_buffer(1024)
            size = self._call("llama_token_to_piece", self._vocab, token, room, len(room), 0, False)
            pieces.append(room.raw[: max(0, size)])
        return b"".join(pieces).decode(errors="replace")


def quantize(library: Path, source: Path, file: Path, kind: str, threads: int) -> int:
    """Round a GGUF file of 16-bit numbers to another type, one of `QUANTIZED`.

    Counts the tensors that had to be kept in a larger type, because the model's width is not a
    multiple of what the type takes together.

    Raises:
        LlamaError: if llama.cpp cannot do it.
    """
    llama = Library(library)
    settings = llama.call("llama_model_quantize_default_params")
    settings.nthread, settings.ftype = threads, QUANTIZED[kind]
    names = os.fsencode(source), os.fsencode(file)
    if llama.call("llama_model_quantize", *names, ctypes.byref(settings)):
        raise LlamaError(llama.explain())
    found = (FALLBACK.search(text) for _, text in llama.said)
    return sum(int(one[1]) for one in found if one)
