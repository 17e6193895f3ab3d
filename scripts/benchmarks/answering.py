"""How fast a model of the true shape answers: in batches as the evaluation does, and one by one."""

import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from scripts.benchmarks.cases import (
    Case,
    Options,
    load_settings,
    make_examples,
    measure_memory,
    start_measuring,
)
from scripts.benchmarks.processes import Emit

# Asked one after the other; with a batch's all of them a slow machine would take minutes.
ONE_BY_ONE = 2


def measure_answers(case: Case, options: Options, folder: Path, emit: Emit) -> None:
    """Answer one batch of prompts as the evaluation does, and some of them one by one.

    Args:
        case: the model and the environment.
        options: tokens of each answer.
        folder: where the models are.
        emit: takes `tuned`, `base` and `one_by_one`: how many `prompts` at once, tokens per second
            of all of them together, and the peak.
    """
    from peft import get_peft_model

    from tuneline.models.architecture import make_lora_config
    from tuneline.models.generation import generate_answers
    from tuneline.models.loading import load_model
    from tuneline.models.rendering import render_prompt
    from tuneline.models.tokenizer import load_tokenizer
    from tuneline.utils.caches import Cache

    settings = load_settings(case, folder)
    recipe, hardware = settings.recipe, settings.hardware
    count = hardware.per_device_eval_batch_size
    tokenizer = load_tokenizer(recipe)
    examples = make_examples(count, 3, recipe.max_length)
    prompts = [render_prompt(tokenizer, example["prompt"]) for example in examples]
    length = {"min_new_tokens": options.new_tokens, "max_new_tokens": options.new_tokens}
    generation = {"do_sample": False, **length}
    evaluation = settings.evaluation.model_copy(update={"generation": generation})
    model = load_model(recipe, hardware)
    model = get_peft_model(model, make_lora_config(recipe, model)).eval()
    for who in ("tuned", "base"):
        start_measuring(hardware.device)
        with model.disable_adapter() if who == "base" else nullcontext():
            cache = Cache(Path(tempfile.mkdtemp(dir=folder)) / "answers.jsonl")
            answers = generate_answers(
                model, tokenizer, prompts, evaluation, hardware, cache, {"who": who}
            )
        tokens, seconds = sum(one.tokens for one in answers), sum(one.seconds for one in answers)
        emit(**{who: _describe(count, tokens / seconds, hardware.device)})
    start_measuring(hardware.device)
    start = time.perf_counter()
    ids = ask_one_by_one(model, tokenizer, prompts[:ONE_BY_ONE], generation)
    rate = sum(map(len, ids)) / (time.perf_counter() - start)
    emit(one_by_one=_describe(1, rate, hardware.device))


def ask_one_by_one(
    model: Any, tokenizer: Any, prompts: list[list[int]], generation: dict[str, Any]
) -> list[list[int]]:
    """Answer as the notebooks did: one prompt after the other.

    Args:
        model: the model, in evaluation mode.
        tokenizer: its tokenizer.
        prompts: token ids.
        generation: keys of GenerationConfig.

    Returns:
        Token ids of each answer.
    """
    import torch
    from transformers import GenerationConfig

    from tuneline.models.rendering import find_end_tokens

    decoding = GenerationConfig(
        **generation,
        eos_token_id=find_end_tokens(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
    )
    answers = []
    for prompt in prompts:
        ids = torch.tensor([prompt], device=model.device)
        with torch.no_grad():
            output = model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=decoding
            )
        answers.append(output[0, ids.shape[1] :].tolist())
    return answers


def _describe(prompts: int, rate: float, device: str) -> dict[str, Any]:
    return {"prompts": prompts, "tokens_per_second": round(rate, 1), **measure_memory(device)}
