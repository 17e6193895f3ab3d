"""The model card: the hub's metadata, and a page of what the run recorded."""

from typing import Any

from tuneline.hub.access import find_folder_base_problem
from tuneline.models.adapter import Adapter
from tuneline.parameters import Evaluation, Prompt, Publish
from tuneline.pipelines.publish.card_tables import Records, lay_out_tables, list_licenses
from tuneline.pipelines.publish.usage import write_merging, write_usage
from tuneline.prompts import list_messages
from tuneline.reporting.pages import (
    count,
    count_prompts,
    fence_code,
    format_number,
    render_markdown,
)

# The hub's names of the metrics that it knows.
HUB_METRICS = {"chrf": "chrf", "rouge_l": "rouge", "bleu": "bleu", "perplexity": "perplexity"}
NO_NAME = "owner/name"


def render_card(
    adapter: Adapter,
    records: Records,
    answers: list[dict[str, Any]],
    answer_scores: list[dict[str, Any]],
    publish: Publish,
    prompt: Prompt,
    evaluation: Evaluation,
) -> str:
    """Render the card.

    `records` has `cleaning`, `leaks`, `training`, `scores`, `rubric`, as their stages wrote them;
    `merge` may be empty.
    """
    scores, settings = records["scores"], adapter.provenance["recipe"]["settings"]
    base = adapter.provenance["base"]
    is_toy = any(find_folder_base_problem("", base["name"]))
    questions = [row for row in answers if row["reference"] is None]
    held_out = [
        row | {f"{who}_chrf": _show_chrf(scored[who]) for who in ("base", "tuned")}
        for row, scored in zip(answers, answer_scores, strict=True)
        if row["reference"] is not None
    ][: publish.examples]
    question = list_messages(questions[0]) if questions else None
    usage = write_usage(
        adapter, scores["run"]["generation"], prompt, question, publish.repo_id or NO_NAME
    )
    body = render_markdown(
        "pipelines/publish/card.md.jinja",
        title=evaluation.title,
        base=base,
        is_toy=is_toy,
        provenance=adapter.provenance,
        settings=settings,
        publish=publish,
        prompt=prompt,
        questions=questions,
        held_out=held_out,
        usage=fence_code(usage, "python"),
        count=count,
        basis=count_prompts(scores["prompts"], scores.get("groups")),
        held_out_prompts=count_prompts(scores["prompts"], scores.get("groups"), "held-out prompt"),
        merging=write_merging(records["merge"], publish.repo_id or NO_NAME),
        tables=lay_out_tables(records, adapter) | {"licenses": list_licenses(publish, is_toy)},
        **records,
    )
    metadata = _describe(adapter, scores, publish, evaluation, is_toy)
    return f"---\n{metadata}\n---\n\n{body}"


def _show_chrf(scores: dict[str, Any]) -> str:
    numerator, denominator = scores["metrics"]["chrf"]
    return format_number(numerator / denominator)


def _describe(
    adapter: Adapter, scores: dict[str, Any], publish: Publish, evaluation: Evaluation, is_toy: bool
) -> str:
    """Write the metadata; the YAML writer of the hub's own library quotes every value."""
    from huggingface_hub import EvalResult, ModelCardData

    recipe = adapter.provenance["recipe"]["settings"]
    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type=(publish.datasets or ["own"])[0],
            dataset_name=f"{evaluation.title}: held-out rows",
            dataset_split="test",
            metric_type=HUB_METRICS.get(name, name),
            metric_name=f"{found['label']}, tuned",
            metric_value=round(found["tuned"], 4),
            metric_args={
                "base": round(found["base"], 4),
                "interval_of_difference": found["interval"]
                and [round(end, 4) for end in found["interval"]],
                "confidence": round(found["confidence"], 4),
                "prompts": found["rows"],
                "groups": found.get("groups", found["rows"]),
            },
        )
        for name, found in scores["metrics"].items()
        if name in {*scores["verdict"]["metrics"], "loss", "perplexity"}
        and found["difference"] is not None
    ]
    data = ModelCardData(
        library_name="peft",
        pipeline_tag="text-generation",
        base_model=None if is_toy else adapter.provenance["base"]["name"],
        license=publish.license,
        language=publish.language or None,
        datasets=publish.datasets or None,
        tags=[
            "tuneline",
            "lora",
            *(["qlora"] if recipe["quantization"] else []),
            "trl",
            recipe["method"],
        ],
        model_name=publish.repo_id or evaluation.title,
        eval_results=results or None,
    )
    return str(data.to_yaml())
