"""The model card: the hub's metadata, and a page of what the run recorded."""

from typing import Any

from tuneline.hub.access import find_folder_base_problem
from tuneline.models.adapter import Adapter
from tuneline.parameters import Evaluation, Prompt, Publish
from tuneline.pipelines.publish.usage import write_merging, write_usage
from tuneline.prompts import list_messages
from tuneline.reporting.pages import (
    count,
    count_prompts,
    fence_code,
    format_code,
    format_interval,
    format_number,
    format_table,
    render_markdown,
)
from tuneline.utils.disks import format_bytes

# The hub's names of the metrics that it knows.
HUB_METRICS = {"chrf": "chrf", "rouge_l": "rouge", "bleu": "bleu", "perplexity": "perplexity"}
NO_NAME = "owner/name"
Records = dict[str, dict[str, Any]]


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
        row | {f"{who}_chrf": _show_score(scored[who], "chrf") for who in ("base", "tuned")}
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
        tables=_lay_out_tables(records, adapter) | {"licenses": _list_licenses(publish, is_toy)},
        **records,
    )
    metadata = _describe(adapter, scores, publish, evaluation, is_toy)
    return f"---\n{metadata}\n---\n\n{body}"


def _show_score(scores: dict[str, Any], metric: str) -> str:
    numerator, denominator = scores["metrics"][metric]
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


def _lay_out_tables(records: Records, adapter: Adapter) -> dict[str, Any]:
    scores, training = records["scores"], records["training"]
    counting = scores["verdict"]["metrics"]
    metrics = scores["metrics"]
    return {
        "verdict": _compare({name: metrics[name] for name in counting}),
        "old": _compare(scores["old"]["metrics"], "old adapter") if scores.get("old") else None,
        "description": _compare(
            {name: found for name, found in metrics.items() if name not in counting}
        ),
        "categories": _list_categories(scores),
        "agreement": records["rubric"].get("judge", {}).get("agreement", {}).get("summary", ""),
        "ratings": {
            who: _compare_ratings(found["criteria"])
            for who, found in records["rubric"].items()
            if found.get("criteria")
        },
        "files": compare_files(records["merge"].get("file_scores", {})),
        "cleaning": format_table(["reason", "rows"], _count(records["cleaning"]["reasons"])),
        "splits": format_table(["split", "examples"], _count(records["leaks"]["sizes"])),
        "recipe": format_table(
            ["setting", "value"],
            [
                (format_code(key), format_code(value))
                for key, value in _flatten(_pick_recipe(adapter))
            ],
        ),
        "comparison": format_table(
            ["", "planned", "actual"],
            [
                (
                    f"{row['name']}{', ' if row['unit'] else ''}{row['unit']}",
                    _show(row["planned"]),
                    _show(row["actual"]),
                )
                for row in training["comparison"]
            ],
        ),
        "epochs": format_table(
            [key.replace("_", " ") for key in training["epochs"][0]],
            [[_show(value) for value in epoch.values()] for epoch in training["epochs"]],
        ),
        "decoding": format_table(
            ["setting", "value"],
            [
                (format_code(key), format_code(str(value)))
                for key, value in scores["run"]["generation"].items()
            ],
        ),
        "versions": format_table(["library", "version"], adapter.provenance["versions"].items()),
        # Those that the verdict rests on have a higher one each, so that they hold together.
        "confidence": format_number(100 * min(one["confidence"] for one in metrics.values()), 0),
    }


def _list_licenses(publish: Publish, is_toy: bool) -> Any:
    """List what is stated. The base's license is that of the real base, not of a stand-in."""
    licenses = {
        "this adapter": publish.license,
        "the base model": None if is_toy else publish.base_license,
        "the training data": publish.data_license,
    }
    return format_table(
        ["of", "license"], [(of, said or "not stated") for of, said in licenses.items()]
    )


def _compare(metrics: dict[str, dict[str, Any]], before: str = "base") -> Any:
    return format_table(
        ["metric", before, "tuned", "difference", "its interval", "average", "over", "result"],
        [
            (
                found["label"] + (", %" if found["percent"] else ""),
                format_number(found["base"], found["decimals"]),
                format_number(found["tuned"], found["decimals"]),
                format_number(found["difference"], found["decimals"], True),
                format_interval(found, found["decimals"]),
                found.get("average"),
                _name_basis(found),
                found["result"],
            )
            for found in metrics.values()
        ],
    )


def _compare_ratings(criteria: dict[str, dict[str, Any]]) -> Any:
    return format_table(
        ["criterion, 0 to 10", "base", "tuned", "difference", "its interval", "result"],
        [
            (
                name,
                format_number(found["base"]),
                format_number(found["tuned"]),
                format_number(found["difference"], 1, True),
                format_interval(found, 1),
                found["result"],
            )
            for name, found in criteria.items()
        ],
    )


def compare_files(file_scores: dict[str, Any]) -> Any:
    """Lay out how alike each exported file is to the adapter, and what it scores; None for none."""
    if not file_scores.get("files"):
        return None
    metrics = file_scores["files"][0]["metrics"].values()
    return format_table(
        ["file", "size", "answers as the adapter's", *(found["label"] for found in metrics)],
        [
            (
                one["file"],
                format_bytes(one["bytes"]),
                f"{one['equal']} of {file_scores['prompts']}",
                *(
                    _show_file(found, one["equal"] == file_scores["prompts"])
                    for found in one["metrics"].values()
                ),
            )
            for one in file_scores["files"]
        ],
    )


def _show_file(found: dict[str, Any], same: bool) -> str:
    places = found["decimals"]
    if same:
        return f"{format_number(found['file'], places)}, the same"
    change = f"{format_number(found['adapter'], places)} → {format_number(found['file'], places)}"
    return f"{change} ({format_interval(found, places)})"


def _list_categories(scores: dict[str, Any]) -> Any:
    counting = scores["verdict"]["metrics"]
    labels = [scores["metrics"][name]["label"] for name in counting]
    return format_table(
        ["category", *labels],
        [
            [category, *(_show_change(found.get(name)) for name in counting)]
            for category, found in scores["categories"].items()
        ],
    )


def _show_change(found: dict[str, Any] | None) -> str:
    if found is None:
        return "not measured"
    places = found["decimals"]
    change = f"{format_number(found['base'], places)} → {format_number(found['tuned'], places)}"
    shown = "too few to tell" if found["interval"] is None else found["result"]
    return f"{change} ({shown}, {_name_basis(found)})"


def _name_basis(found: dict[str, Any]) -> str:
    return count_prompts(found["rows"], found.get("groups"))


def _pick_recipe(adapter: Adapter) -> dict[str, Any]:
    """Leave out what is not set, and base model and old adapter, which are named above."""
    settings = adapter.provenance["recipe"]["settings"]
    return {
        key: value
        for key, value in settings.items()
        if value is not None and key not in ("base_model", "revision", "start_from")
    }


def _flatten(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, dict):
            rows += _flatten(value, f"{prefix}{key}.")
        else:
            rows.append((f"{prefix}{key}", str(value)))
    return rows


def _count(counts: dict[str, int]) -> list[tuple[str, str]]:
    return [(name, f"{count:,}") for name, count in counts.items()]


def _show(value: Any) -> str | None:
    """Write a number of the training's record; an unknown one stays unknown."""
    if value is None:
        return None
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
