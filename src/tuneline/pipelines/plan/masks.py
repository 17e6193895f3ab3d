"""A page on which one sees which tokens are trained."""

from typing import Any

from tuneline.examples import Example
from tuneline.pages import render_page
from tuneline.rendering import render_example


def render_masks(tokenizer: Any, examples: list[Example]) -> str:
    """Show every token of some examples, the trained ones marked.

    Args:
        tokenizer: the base model's tokenizer.
        examples: a few examples.

    Returns:
        HTML; the texts are escaped.
    """
    return render_page(
        "pipelines/plan/masks.html.jinja",
        examples=[
            {"id": example["id"], "tokens": _list_tokens(tokenizer, example)}
            for example in examples
        ],
    )


def _list_tokens(tokenizer: Any, example: Example) -> list[dict[str, Any]]:
    rendered = render_example(tokenizer, example)
    return [
        {
            "text": tokenizer.decode([token]).replace("\n", "↵"),
            "trained": index >= rendered.prompt_length,
        }
        for index, token in enumerate(rendered.ids)
    ]
