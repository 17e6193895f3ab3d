"""A program of its own that answers prompts with vLLM.

vLLM and Tuneline ask for different versions of transformers, so that they share no environment. It
is run as a script by the Python that has vLLM, and imports nothing of Tuneline.

    python -P vllm_program.py

The first line of its input has the `engine` (arguments of `vllm.LLM`) and the folders of the
`adapters` by name; it answers with a line once the model is loaded. Each further line asks for
answers: `who` (an adapter, or null for the base model), `prompts` (token ids) and for each of them
the `sampling` (arguments of `vllm.SamplingParams`). Of each step of the model it then prints the
`tokens` that it has added, and of the answers that `ended` the place of the prompt, the token ids
and the seconds. It ends with its input.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO


def take_output() -> TextIO:
    """Take standard output for the answers; what vLLM prints there goes where its errors go."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return output


def main() -> None:
    """Load the model and answer."""
    output = take_output()
    from vllm import LLM
    from vllm.lora.request import LoRARequest

    settings = json.loads(sys.stdin.readline())
    llm = LLM(**settings["engine"])
    adapters = {
        name: LoRARequest(name, number, folder)
        for number, (name, folder) in enumerate(settings["adapters"].items(), start=1)
    }
    print("{}", file=output, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        for step in answer(llm.llm_engine, asked, adapters.get(asked["who"])):
            print(json.dumps(step), file=output, flush=True)


def answer(engine: Any, asked: dict[str, Any], adapter: Any) -> Iterator[dict[str, Any]]:
    """Answer prompts; the seconds of a step are shared by the answers that it has gone on with.

    Args:
        engine: vLLM's.
        asked: prompts and sampling.
        adapter: None for the base model.

    Yields:
        What is printed of each step.
    """
    from vllm import SamplingParams

    for place, (ids, sampling) in enumerate(zip(asked["prompts"], asked["sampling"], strict=True)):
        prompt = {"prompt_token_ids": ids}
        parameters = SamplingParams(detokenize=False, **sampling)
        engine.add_request(str(place), prompt, parameters, lora_request=adapter)
    seconds = [0.0] * len(asked["prompts"])
    while engine.has_unfinished_requests():
        start = time.perf_counter()
        outputs = engine.step()
        share = (time.perf_counter() - start) / max(1, len(outputs))
        tokens, ended = [], []
        for one in outputs:
            place, ids = int(one.request_id), list(one.outputs[0].token_ids)
            seconds[place] += share
            tokens.append(ids[-1])
            if one.finished:
                ended.append((place, ids, seconds[place]))
        yield {"tokens": tokens, "ended": ended}


if __name__ == "__main__":
    main()
