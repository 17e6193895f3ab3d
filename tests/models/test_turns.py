"""Each turn of a conversation is masked as the generation marks of its family's template say.

TRL's variants of the families' own templates mark what an assistant generates.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import trl

from tests.chat_templates import Family, build_tokenizer
from tuneline.examples import list_examples
from tuneline.models.rendering import render_example, render_prompt
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Data, Prompt, Recipe
from tuneline.training.batches import render_examples

TEMPLATES = Path(trl.__file__).parent / "chat_templates"
# Each with the token that ends an answer.
MARKED = {
    **{"cohere": "<|END_OF_TURN_TOKEN|>", "cohere2": "<|END_OF_TURN_TOKEN|>"},
    **{"deepseekv3": "<｜end▁of▁sentence｜>", "deepseek_r1_distill": "<｜end▁of▁sentence｜>"},
    **{"gemma": "<end_of_turn>", "gemma3": "<end_of_turn>", "glm4moe": "<|user|>"},
    **{"gptoss": "<|return|>", "lfm2": "<|im_end|>", "llama3": "<|eot_id|>"},
    **{"phi3": "<|end|>", "phi3_5": "<|end|>", "qwen2_5": "<|im_end|>", "qwen3": "<|im_end|>"},
    **{"qwen3_5_think": "<|im_end|>", "qwen3_5_nothink": "<|im_end|>", "qwen3_6": "<|im_end|>"},
    "qwen3_instruct_2507": "<|im_end|>",
}
CONTROL = re.compile(r"<[|｜]?[\w▁]+[|｜]?>")
SAID = ["Is it hot?", "Rinse it: <hot> water .", "And then?", "Dry it.\n\nSlowly .", "Why?", "So ."]
DATA = Data.model_validate(
    {
        "id": "line",
        "columns": ["talk"],
        "conversations": {"column": "talk"},
        "split": {"test": 1, "validation": 1},
    }
)


@pytest.fixture(scope="module", params=MARKED)
def tokenizer(request: pytest.FixtureRequest, parameters: Any, tmp_path_factory: Any) -> Any:
    """Give the tiny base's tokenizer with a family's marked template and its control tokens."""
    text = (TEMPLATES / f"{request.param}_training.jinja").read_text("utf-8")
    controls = ("<s>", *dict.fromkeys(CONTROL.findall(text)))
    family = Family(text, controls, MARKED[request.param], "", MARKED[request.param])
    base = build_tokenizer(tmp_path_factory.mktemp("base"), family)
    return load_tokenizer(parameters.recipe.model_copy(update={"base_model": base}))


def list_turns() -> list[Any]:
    pairs = zip(("user", "assistant") * 3, SAID, strict=True)
    cell = json.dumps([{"role": role, "content": text} for role, text in pairs])
    prompt = Prompt(prompt="{user}", completion="{assistant}")
    return list_examples({"line": 1, "talk": cell}, DATA, prompt)


def find_marked(tokenizer: Any, messages: list[Any]) -> list[str]:
    """Find what the marks say is generated: a text for each answer."""
    found = tokenizer.apply_chat_template(
        messages, return_dict=True, return_assistant_tokens_mask=True
    )
    spans: list[list[int]] = []
    before = 0
    for token, mask in zip(found["input_ids"], found["assistant_masks"], strict=True):
        if mask and not before:
            spans.append([])
        if mask:
            spans[-1].append(token)
        before = mask
    return [tokenizer.decode(span) for span in spans]


def test_of_each_turn_what_the_family_marks_is_trained_and_nothing_before_it(tokenizer: Any):
    for turn, example in enumerate(list_turns(), start=1):
        rendered = render_example(tokenizer, example)
        learned = [token for token in rendered.labels if token != -100]
        assert rendered.labels[-len(learned) :] == learned
        asked, text = (
            tokenizer.decode(rendered.ids[: rendered.prompt_length]),
            tokenizer.decode(learned),
        )
        marked = find_marked(tokenizer, [*example["prompt"], *example["completion"]])
        assert len(marked) == turn
        before, found, after = marked[-1].partition(text)
        assert found, (marked[-1], text)
        # What the model is asked with, an empty thought for one, and what follows the end.
        assert asked.endswith(before) or before.strip() in asked
        assert after.strip() in ("", tokenizer.eos_token)
        assert text.startswith(SAID[2 * turn - 1].strip())
        assert rendered.ids[: rendered.prompt_length] == render_prompt(tokenizer, example["prompt"])


def test_the_rows_of_the_trainer_have_the_masks_of_their_turns(tokenizer: Any, recipe: Recipe):
    longer = recipe.model_copy(update={"max_length": 4096})
    rows = render_examples(tokenizer, list_turns(), longer)
    learned = [
        tokenizer.decode([token for token in labels if token != -100]) for labels in rows["labels"]
    ]
    assert [text.startswith(SAID[2 * turn + 1]) for turn, text in enumerate(learned)] == [True] * 3


def test_a_conversation_is_cut_at_the_turn_that_is_too_long(tokenizer: Any, recipe: Recipe):
    lengths = [len(render_example(tokenizer, one).ids) for one in list_turns()]
    assert lengths == sorted(lengths)
    short = recipe.model_copy(update={"max_length": lengths[1], "overlong": "drop"})
    assert len(render_examples(tokenizer, list_turns(), short)) == 2
