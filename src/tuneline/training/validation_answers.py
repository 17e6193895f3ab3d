"""Answers to the validation prompts while a model is trained, and what they are worth."""

from pathlib import Path
from typing import Any

from tuneline.examples import Example
from tuneline.models.generation import generate_ids, read_answer
from tuneline.models.rendering import find_end_tokens, render_all
from tuneline.parameters import Hardware
from tuneline.utils.hashing import read_sealed, write_sealed

# Keys of GenerationConfig that greedy decoding knows: a sampled answer would be another each time.
GREEDY_KEYS = ("max_new_tokens", "min_new_tokens", "repetition_penalty", "no_repeat_ngram_size")
REMEDY = "nothing to do: the answers are generated again"


def make_greedy(generation: dict[str, Any], longest: int) -> dict[str, Any]:
    """Derive how validation prompts are answered from how the test prompts will be."""
    kept = {key: generation[key] for key in GREEDY_KEYS if key in generation}
    return {**kept, "max_new_tokens": longest, "do_sample": False}


def list_asked(tokenizer: Any, examples: list[Example]) -> list[dict[str, list[int] | str]]:
    """List token ids (`prompt`) and `reference` of what is asked, whole as the test prompts."""
    return [
        {"prompt": one.ids[: one.prompt_length], "reference": example["completion"][-1]["content"]}
        for one, example in zip(render_all(tokenizer, examples), examples, strict=True)
    ]


def score_share(
    model: Any,
    tokenizer: Any,
    asked: list[dict[str, Any]],
    share: range,
    generation: dict[str, Any],
    hardware: Hardware,
) -> Any:
    """Answer a share of the prompts, and compare the answers with the references.

    Gives a float64 tensor of shape (prompts,): chrF from 0 to 100, and 0 for what others answer.
    """
    import torch

    from tuneline.metrics.overlap import score_chrf

    scores = torch.zeros(len(asked), dtype=torch.float64, device=model.device)
    ends = find_end_tokens(tokenizer)
    prompts = [asked[index]["prompt"] for index in share]
    found = generate_ids(prompts, model, tokenizer, generation, hardware)
    for index, ids in zip(share, found, strict=True):
        answer = read_answer(ids, tokenizer, ends, 0.0).answer
        scores[index] = score_chrf(answer, asked[index]["reference"])
    return scores


def keep_scores(run: Path, step: int, found: dict[str, Any]) -> None:
    """Keep what was measured after a step, prompt by prompt."""
    write_sealed(_locate(run, step), found)


def read_scores(run: Path, step: int) -> dict[str, Any] | None:
    """Read what was measured after a step; None if it is not there.

    Raises:
        TunelineError: if it is no longer what was written.
    """
    path = _locate(run, step)
    return read_sealed(path, REMEDY) if path.exists() else None


def _locate(run: Path, step: int) -> Path:
    return run / f"answers-{step}.json"
