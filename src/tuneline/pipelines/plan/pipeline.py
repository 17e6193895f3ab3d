"""The plan stage: examples → token_report → plan."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.plan.nodes import make_plan, plan_folds, preview_masks
from tuneline.pipelines.plan.plan_page import render_plan
from tuneline.pipelines.plan.recipe_choice import choose_recipe
from tuneline.pipelines.plan.replay import answer_general_prompts
from tuneline.pipelines.plan.sweep import plan_sweep
from tuneline.pipelines.plan.token_counts import count_tokens, plot_tokens
from tuneline.use_cases import name_fold


def create_pipeline(folds: int = 0) -> Pipeline:
    """List the stage's nodes; each of the `folds` trains an adapter that is only measured."""
    return Pipeline(
        [
            Node(
                choose_recipe,
                name="choose_recipe",
                inputs=[
                    "train",
                    "validation",
                    "earlier_choices",
                    "params:recipe",
                    "params:hardware",
                ],
                outputs=["recipe", "hardware", "recipe_choices"],
            ),
            Node(
                answer_general_prompts,
                name="answer_general_prompts",
                inputs=["train", "answer_cache", "params:data", "recipe", "hardware"],
                outputs="replay",
            ),
            Node(
                count_tokens,
                name="count_tokens",
                inputs=["train", "validation", "test", "recipe", "replay"],
                outputs="token_report",
            ),
            Node(
                plot_tokens,
                name="plot_tokens",
                inputs=["token_report", "recipe"],
                outputs="token_plot",
            ),
            Node(
                make_plan,
                name="make_plan",
                inputs=[
                    "token_report",
                    "train",
                    "validation",
                    "test",
                    "checkpoints",
                    "params:adapter_folder",
                    "training_records",
                    "score_versions",
                    "recipe",
                    "params:prompt",
                    "params:evaluation",
                    "hardware",
                    "replay",
                    "recipe_choices",
                ],
                outputs="plan",
            ),
            Node(
                preview_masks,
                name="preview_masks",
                inputs=["train", "recipe"],
                outputs="mask_preview",
            ),
            Node(
                render_plan,
                name="write_plan",
                inputs=["plan", "token_plot", "params:settings"],
                outputs="plan_page",
            ),
            *([_plan_folds(folds)] if folds else []),
        ]
    )


def create_sweep_pipeline() -> Pipeline:
    """Plan the trials of a sweep, before it starts."""
    return Pipeline(
        [
            Node(
                plan_sweep,
                name="plan_sweep",
                inputs=[
                    "plan",
                    "train",
                    "validation",
                    "sweep_checkpoints",
                    "params:adapter_folder",
                    "recipe",
                    "params:sweep",
                    "params:evaluation",
                    "hardware",
                    "replay",
                ],
                outputs="sweep_plan",
            )
        ]
    )


def _plan_folds(folds: int) -> Node:
    numbers = range(1, folds + 1)
    examples = [name_fold(number, split) for number in numbers for split in ("train", "validation")]
    return Node(
        plan_folds,
        name="plan_folds",
        inputs=["plan", "recipe", "hardware", "replay", *examples],
        outputs=[name_fold(number, "plan") for number in numbers],
    )
