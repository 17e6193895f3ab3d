"""The nodes that count the tokens of every example, and draw them."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from tuneline.examples import Example
from tuneline.models.rendering import render_all
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Recipe
from tuneline.reporting.pages import BASE_COLOR, TUNED_COLOR, WARNING_COLOR, style

BARS = 60


def count_tokens(
    train: list[Example],
    validation: list[Example],
    test: list[Example],
    recipe: Recipe,
    replay: Sequence[Example] = (),
) -> pd.DataFrame:
    """Count the tokens of every example as training and evaluation will render it.

    `replay`, the base model's own answers, counts as training examples.

    Returns:
        One row an example: `split`, `id`, `prompt_tokens`, `completion_tokens`, `tokens`, `fits`,
        `control_tokens` (those that its texts spell out).

    Raises:
        TunelineError: if the chat template does not render the examples as they are.
    """
    trained = [*train, *replay]
    examples = [*trained, *validation, *test]
    rendered = render_all(load_tokenizer(recipe), examples)
    splits = ["train"] * len(trained) + ["validation"] * len(validation) + ["test"] * len(test)
    report = pd.DataFrame(
        {
            "split": splits,
            "id": [example["id"] for example in examples],
            "prompt_tokens": [one.prompt_length for one in rendered],
            "completion_tokens": [len(one.ids) - one.prompt_length for one in rendered],
            "tokens": [len(one.ids) for one in rendered],
        }
    )
    typed = [" ".join(dict.fromkeys(one.typed)) for one in rendered]
    return report.assign(fits=report["tokens"] <= recipe.max_length, control_tokens=typed)


def plot_tokens(token_report: pd.DataFrame, recipe: Recipe) -> go.Figure:
    """Draw how long prompts and completions are."""
    figure = go.Figure()
    width = max(1, round(token_report["tokens"].max() / BARS))
    for column, name, color in (
        ("prompt_tokens", "prompt", BASE_COLOR),
        ("tokens", "prompt and completion", TUNED_COLOR),
    ):
        figure.add_histogram(
            x=token_report[column],
            name=name,
            marker_color=color,
            opacity=0.75,
            xbins={"start": 0, "size": width},
        )
    figure.add_vline(
        x=recipe.max_length,
        line={"dash": "dash", "color": WARNING_COLOR},
        annotation_text=f"max_length {recipe.max_length}",
        annotation_position="top left",
    )
    figure.update_layout(barmode="overlay")
    return style(figure, "Tokens per example", x="tokens", y="examples")
