"""What the GGUF files answer to the prompts of the evaluation, in llama.cpp."""

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.models.adapter import Adapter
from tuneline.models.rendering import render_prompt
from tuneline.parameters import Evaluation, Merge
from tuneline.pipelines.merge.gguf_files import INSTALL, LlamaCpp, find_llama_cpp
from tuneline.pipelines.merge.llama_library import LlamaError
from tuneline.pipelines.merge.llama_process import FOLLOWED, LlamaProcess, run_llama
from tuneline.prompts import list_messages
from tuneline.utils.caches import Cache
from tuneline.utils.hashing import hash_file, hash_value
from tuneline.utils.progress import Progress

log = logging.getLogger(__name__)

GONE = Problem(
    where="merge.gguf.llama_cpp",
    wrong="llama.cpp's library is not there any more",
    matters="the files that were made with it cannot be asked",
    remedy=f"install it again: {INSTALL}",
)


def find_obstacle(llama_cpp: LlamaCpp | None, evaluation: Evaluation) -> str | None:
    """Say why the files cannot be asked; None if they can."""
    if llama_cpp is None or llama_cpp.library is None:
        return f"llama.cpp's library is not there; {INSTALL}"
    if evaluation.cross_fit:
        return (
            f"the evaluation's answers are those of {evaluation.cross_fit} other adapters "
            "(evaluation.cross_fit)"
        )
    generation = evaluation.generation
    if generation.get("do_sample"):
        return "the evaluation draws its answers at random, so that no two runs of it are the same"
    if other := sorted(generation.keys() - FOLLOWED):
        return f"llama.cpp does not decode with {', '.join(other)} as the evaluation did"
    if "max_new_tokens" not in generation:
        return "evaluation.generation states no max_new_tokens"
    return None


def ask_files(
    gguf: Path,
    gguf_stats: dict[str, Any],
    answers: list[dict[str, Any]],
    adapter: Adapter,
    file_answer_cache: Cache,
    merge: Merge,
    evaluation: Evaluation,
) -> list[dict[str, Any]]:
    """Ask each GGUF file, in llama.cpp, what the adapter was asked, as the adapter was asked it.

    The file's own chat template renders the prompt, llama.cpp reads it, and the likeliest token
    comes next until llama.cpp itself takes one for an end.

    Returns:
        One row a file and prompt: `file`, the prompt's `id`, `answer`, `tokens`, `seconds`,
        `stopped`, and whether llama.cpp read the same tokens as the adapter (`same_prompt`). None
        if nothing can be asked.

    Raises:
        TunelineError: if llama.cpp cannot read a file, or ends while it answers.
    """
    if gguf_stats["obstacle"]:
        log.warning("The GGUF files were not asked: %s.", gguf_stats["obstacle"])
        return []
    llama_cpp = find_llama_cpp(merge.gguf)
    if llama_cpp is None or llama_cpp.library is None:
        raise TunelineError(GONE)
    own = [render_prompt(adapter.tokenizer, list_messages(row), row["id"]) for row in answers]
    version = hash_file(llama_cpp.library)
    rows = []
    with run_llama(llama_cpp.library) as llama:
        for one in gguf_stats["files"]:
            log.info("llama.cpp answers %s prompts with %s.", len(answers), one["file"])
            key = {"file": one["sha256"], "library": version, "generation": evaluation.generation}
            try:
                prompts = _open(llama, gguf / one["file"], answers, own, evaluation)
                found = _answer(llama, prompts, file_answer_cache, key)
            except LlamaError as error:
                raise TunelineError(_format_failure(gguf / one["file"], error)) from error
            rows += [
                {"file": one["file"], "id": row["id"], **answer, "same_prompt": prompt == expected}
                for row, answer, prompt, expected in zip(answers, found, prompts, own, strict=True)
            ]
    return rows


def _open(
    llama: LlamaProcess,
    file: Path,
    answers: list[dict[str, Any]],
    own: list[list[int]],
    evaluation: Evaluation,
) -> list[list[int]]:
    """Open a file and read all prompts by its chat template and its tokens."""
    # Other tokens than the adapter's may be more of them.
    longest = 2 * max(map(len, own)) + evaluation.generation["max_new_tokens"] + 64
    facts = llama.open(file, longest, evaluation.generation)
    prompts = llama.tokenize([_render(facts, list_messages(row)) for row in answers])
    most = longest - evaluation.generation["max_new_tokens"]
    for row, prompt in zip(answers, prompts, strict=True):
        if len(prompt) > most:
            raise LlamaError(f"it reads the prompt of {row['id']} as twice as many tokens")
    return prompts


def _render(facts: dict[str, str | None], messages: list[Any]) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    if not facts["template"]:
        raise LlamaError("it holds no chat template")
    (rendered,), _ = render_jinja_template(
        [messages],
        chat_template=facts["template"],
        add_generation_prompt=True,
        bos_token=facts["bos"],
        eos_token=facts["eos"],
    )
    return str(rendered)


def _answer(
    llama: LlamaProcess, prompts: list[list[int]], cache: Cache, fingerprint: dict[str, Any]
) -> list[dict[str, Any]]:
    keys = [hash_value({**fingerprint, "prompt": prompt}) for prompt in prompts]
    left = sum(cache.get(key) is None for key in keys)
    if left < len(prompts):
        log.info("%s of %s answers are there already.", len(prompts) - left, len(prompts))
    found = []
    with Progress("Answering", "prompts", left) as progress:
        for prompt, key in zip(prompts, keys, strict=True):
            kept = cache.get(key)
            if kept is None:
                kept = asdict(llama.answer(prompt))
                cache.put(key, kept)
                progress.update()
            found.append(kept)
    return found


def _format_failure(file: Path, error: LlamaError) -> Problem:
    return Problem(
        where=str(file),
        wrong=f"llama.cpp cannot answer with it: {error}",
        matters="nobody knows whether the file is the model that was judged",
        remedy="take another llama.cpp for merge.gguf.llama_cpp, or leave this type out of "
        "merge.gguf.types; the merged model is whole, and answers so far are kept",
    )
