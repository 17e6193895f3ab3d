"""Whether the planned run fits, and the plan as a page with its token masks."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tuneline.examples import Example
from tuneline.models.rendering import render_example
from tuneline.parameters.base import AUTO
from tuneline.pipelines.plan.run_card import format_duration, list_card, name_readiness
from tuneline.reporting.pages import TUNED_COLOR, embed_plot, render_page, style

COMPONENTS = (
    "weights",
    "gathered",
    "adapter",
    "gradients",
    "optimizer",
    "activations",
    "fragmentation",
    "context",
)


def render_plan(plan: dict[str, Any], token_plot: go.Figure, settings: list[Any]) -> str:
    """Write the plan as a page for people: HTML that opens offline."""
    return render_page(
        "pipelines/plan/plan.html.jinja",
        plan=plan,
        ready=name_readiness(plan),
        card=list_card(plan),
        rules=[one | {"yaml": _write_yaml(one)} for one in _list_rules(plan)],
        settings=list(_show_chosen(settings, plan.get("chosen", []))),
        components=_list_components(plan["memory_gb"]),
        format_duration=format_duration,
        memory_plot=embed_plot(_plot_memory(plan["memory_gb"]), height=260),
        token_plot=embed_plot(token_plot),
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - plotly's own script
    )


def _list_rules(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """List what was chosen, then what is stated, with what `auto` would have become."""
    yield from (one | {"would": ""} for one in plan.get("chosen", []))
    for one in plan.get("stated", []):
        same = one["auto"] == one["value"]
        yield one | {"would": "the same" if same else json.dumps(one["auto"])}


def _write_yaml(choice: dict[str, Any]) -> str:
    """Write a choice as one would state it, in the block that is its own or `recipe`."""
    key = choice["key"] if choice["key"].startswith("hardware.") else f"recipe.{choice['key']}"
    return f"{key}: {json.dumps(choice['value'])}"


def _show_chosen(settings: list[Any], chosen: list[dict[str, Any]]) -> Iterator[Any]:
    """Show in the table of all settings what `auto` has become."""
    values = {one["key"].removeprefix("hardware."): json.dumps(one["value"]) for one in chosen}
    for setting in settings:
        key = setting.key.partition(".")[2].removeprefix("recipe.")
        left = setting.value == AUTO and key in values
        yield replace(setting, value=values[key], source="chosen above") if left else setting


def _list_components(memory: dict[str, float]) -> list[str]:
    """List the components; only a divided model is gathered."""
    return [name for name in COMPONENTS if memory[name] or name != "gathered"]


def _plot_memory(memory: dict[str, float]) -> go.Figure:
    figure = go.Figure()
    names = list(reversed(_list_components(memory)))
    figure.add_bar(
        y=names, x=[memory[name] for name in names], orientation="h", marker_color=TUNED_COLOR
    )
    return style(figure, "Memory by component", x="GB", y="")


def render_masks(tokenizer: Any, examples: list[Example]) -> str:
    """Show every token of some examples, the trained ones marked."""
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


def judge(plan: dict[str, Any]) -> dict[str, Any]:
    """Say whether the run fits, and why not.

    Returns:
        `label`: fits, with warnings or without, does not fit, or cannot tell; and `summary`: a
        sentence for each obstacle, or what the run will be and what to know about it.
    """
    obstacles = [
        *_judge_overlong(plan),
        *_judge_context(plan),
        *_judge_learning(plan),
        *_judge_memory(plan),
        *_judge_disk(plan),
    ]
    if obstacles:
        return {"label": "does not fit", "summary": " ".join(obstacles)}
    words = " ".join([_describe(plan), *plan["warnings"]])
    if plan["memory_gb"]["worst_case"] > plan["memory_gb"]["device"]:
        return {"label": "cannot tell", "summary": f"{_format_doubt(plan)} {words}"}
    return {"label": "fits, with warnings" if plan["warnings"] else "fits", "summary": words}


def _judge_overlong(plan: dict[str, Any]) -> Iterator[str]:
    overlong = plan["overlong"]
    where = f"recipe.max_length = {overlong['max_length']}"
    for split, shown in (("train", "training"), ("validation", "validation")):
        if plan["examples"].get(split) and not overlong["used"][split]:
            yield (
                f"{where}: no {shown} example is used: "
                + (
                    "no prompt leaves room for an answer"
                    if overlong["policy"] == "truncate"
                    else "all of them are longer"
                )
                + "; nothing could be learned or measured; raise max_length, or shorten the texts."
            )
            return
    if overlong["policy"] == "fail" and overlong["share"] > overlong["allowed_share"]:
        yield (
            f"{where}: {overlong['share']:.1%} of the training examples are longer; more than "
            f"{overlong['allowed_share']:.1%} would be left out; raise max_length, shorten the "
            "texts (data.rules.max_characters), allow more with recipe.max_overlong_fraction, or "
            "choose recipe.overlong: drop or truncate."
        )


def _judge_context(plan: dict[str, Any]) -> Iterator[str]:
    context = plan["context"]
    longer = sum(map(len, context["longer"].values()))
    if context["fails"] and longer:
        yield (
            f"recipe.base_model = {plan['inputs']['base']['name']}: {longer:,} examples are "
            f"longer than the {context['tokens']:,} tokens that it has positions for; it fails at "
            f"the next one; set recipe.max_length: {context['tokens']} with recipe.overlong: drop, "
            "shorten the texts (data.rules.max_characters), or take a model that reads more."
        )
    if plan["packing"]:
        yield (
            "recipe.packing = True: the base model cannot keep packed examples apart: it "
            f"{plan['packing']}; the adapter would learn from texts that no prompt has before it; "
            "set recipe.packing: false."
        )


def _judge_learning(plan: dict[str, Any]) -> Iterator[str]:
    warmup = plan["learning_rate"]["warmup_steps"]
    if plan["learning_rate"]["peak"] == 0 and plan["overlong"]["used"]["train"]:
        yield (
            f"recipe.warmup_steps: the learning rate is 0 in every step of the run "
            f"({plan['steps']['total']} in all), since it rises from 0 in {warmup}; nothing would "
            "be learned; bring more examples, lower recipe.global_batch_size, or set "
            "recipe.warmup_steps: 0."
        )


def _judge_memory(plan: dict[str, Any]) -> Iterator[str]:
    memory = plan["memory_gb"]
    if memory["total"] > memory["device"]:
        yield (
            f"hardware.memory_gb = {memory['device']:g}: the run is predicted to need "
            f"{memory['total']:.1f} GB; it would end in an out-of-memory error; "
            f"{_format_savings(plan['savings'], memory['device'])}."
        )


def _judge_disk(plan: dict[str, Any]) -> Iterator[str]:
    for place in plan["disk"]:
        if not place["fits"]:
            yield (
                f"{place['folder']} = {place['free_gb']:g} GB free: the run needs "
                f"{place['needed_gb']:g} GB there for {place['purpose']}, and more for what else "
                "goes to the same disk; it would end with a full one; free space there, or move "
                "`data` in globals.yml or the hub's cache (storage.hub_cache) to another disk "
                "(`kedro storage` shows what fills it)."
            )


def _format_savings(savings: list[dict[str, Any]], device_gb: float) -> str:
    """Name the savings up to the first that fits."""
    steps = []
    for saving in savings:
        steps.append(f"{saving['change']} (then {saving['total_gb']:.1f} GB)")
        if saving["total_gb"] <= device_gb:
            return "change, in this order, " + ", ".join(steps)
    return (
        f"even {', '.join(steps)} does not suffice: lower recipe.max_length or take a smaller "
        "base model"
        if steps
        else "lower recipe.max_length or take a smaller base model"
    )


def _format_doubt(plan: dict[str, Any]) -> str:
    memory = plan["memory_gb"]
    return (
        f"cannot tell: {memory['total']:.1f} GB are predicted, and up to "
        f"{memory['worst_case']:.1f} GB with much fragmentation, of {memory['device']:g} GB; "
        "the measured first step decides."
    )


def _describe(plan: dict[str, Any]) -> str:
    steps, memory = plan["steps"], plan["memory_gb"]
    return (
        f"{steps['total']:,} steps of {steps['global_batch_size']} examples, "
        f"{plan['parameters']['trainable']:,} trainable parameters "
        f"({plan['parameters']['trainable_share']:.2%}), "
        f"{memory['total']:.2f} of {memory['device']:g} GB."
    )
