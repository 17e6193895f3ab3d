"""Nodes of the merge stage."""

import logging
import shutil
import time
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.models.adapter import Adapter, hash_adapter
from tuneline.models.memory import measure_peak, reset_peak
from tuneline.parameters import Evaluation, Hardware, Merge, Prompt, Recipe
from tuneline.pipelines.merge.file_answers import find_obstacle
from tuneline.pipelines.merge.gguf_files import (
    UnknownModelError,
    find_llama_cpp,
    format_result,
    make_files,
    name_file,
)
from tuneline.pipelines.merge.merge_plan import open_base, plan_merge
from tuneline.pipelines.merge.ollama import (
    format_modelfile,
    list_notes,
    list_options,
    list_settings,
)
from tuneline.pipelines.merge.output_files import (
    list_commands,
    read_merged,
    write_provenance,
    write_shards,
    write_sidecar,
)
from tuneline.pipelines.merge.smoke_test import (
    SmokeTest,
    choose_machine,
    refuse_uncompared,
    skip_comparison,
)
from tuneline.prompts import find_stated_system
from tuneline.utils.files import replace_whole_folder

log = logging.getLogger(__name__)

# What the work folder holds until it goes to its place: a merged model, a GGUF file.
MERGED, GGUF = "merged", "gguf"
UNJUDGED = Problem(
    where="scores.json",
    wrong="the evaluation is of another adapter",
    matters="the merged model and its files are compared with the model that was judged",
    remedy="evaluate this adapter first: `kedro run --pipeline=evaluate`",
)


def merge_adapter(
    adapter: Adapter,
    test: list[Example],
    merge_folder: Path,
    recipe: Recipe,
    merge: Merge,
    evaluation: Evaluation,
    hardware: Hardware,
    scores: dict[str, Any],
) -> dict[str, Any]:
    """Merge an adapter into its base model, one file at a time, into the work folder.

    Returns:
        What `MergePlan.describe` says, `seconds`, and `memory_gb` (predicted and peak).

    Raises:
        TunelineError: before any work, if the evaluation judged another adapter, if the base is
            another one, is quantized or incomplete, if memory or disk do not do, or if what is not
            the judged model cannot be compared with it.
    """
    if scores["run"]["adapter"] != hash_adapter(adapter):
        raise TunelineError(UNJUDGED)
    folder = merge_folder / MERGED
    shutil.rmtree(folder, ignore_errors=True)  # of a merge that was stopped before its comparison
    plan = plan_merge(adapter, merge_folder, recipe, merge, hardware)
    examples = test[: merge.prompts]
    machine = choose_machine(plan.checkpoint, adapter, examples, recipe, evaluation, hardware)
    if recipe.quantization and merge.into == "original" and isinstance(machine, str):
        raise TunelineError(refuse_uncompared(machine))
    facts = plan.describe(adapter)
    start = time.monotonic()
    reset_peak("cpu")
    log.info("Merging %s tensors into %s.", len(plan.sizes), facts["weights"])
    with replace_whole_folder(folder) as partial:
        write_shards(plan.weights, plan.split, partial)
        write_sidecar(partial, plan.weights, adapter)
    memory_gb = {"predicted": plan.memory_gb, "peak": round(measure_peak("cpu"), 3)}
    return {**facts, "memory_gb": memory_gb, "seconds": round(time.monotonic() - start, 1)}


def compare_merged(
    merge_stats: dict[str, Any],
    adapter: Adapter,
    test: list[Example],
    merge_folder: Path,
    recipe: Recipe,
    merge: Merge,
    evaluation: Evaluation,
    hardware: Hardware,
) -> tuple[Path, dict[str, Any]]:
    """Compare the merged model with the judged one; a model that fails is removed.

    Returns:
        The folder of the merged model, which has passed and says so in its provenance; and the
        comparison, as `SmokeTest.run` gives it.

    Raises:
        TunelineError: if the merged model answers otherwise.
    """
    folder, examples = merge_folder / MERGED, test[: merge.prompts]
    checkpoint = open_base(recipe, merge)
    machine = choose_machine(checkpoint, adapter, examples, recipe, evaluation, hardware)
    if isinstance(machine, str):
        comparison = skip_comparison(machine)
    else:
        into_judged = bool(merge_stats["quantization"]) or not recipe.quantization
        smoke_test = SmokeTest(
            checkpoint,
            merge_stats["dtype"],
            into_judged,
            adapter,
            examples,
            recipe,
            evaluation,
            machine,
        )
        try:
            comparison = smoke_test.run(folder)
        except TunelineError:
            shutil.rmtree(folder)
            raise
    write_provenance(folder, adapter, {**merge_stats, "comparison": comparison})
    return folder, comparison


def convert_to_gguf(
    merged: Path,
    merge_folder: Path,
    merge: Merge,
    prompt: Prompt,
    recipe: Recipe,
    evaluation: Evaluation,
) -> tuple[Path, dict[str, Any]]:
    """Make the merged model's GGUF files, where llama.cpp is.

    Returns:
        The folder with the GGUF files and a Modelfile for Ollama; and the facts: the `files` as
        `make_files` gives them, the `file` that the Modelfile names or would name, the `modelfile`
        (for whoever has that file), `options` (for llama-cli), `summary`, and the `obstacle` to
        asking the files, if there is one.

    Raises:
        TunelineError: if llama.cpp is not where it is said to be, or if it fails.
    """
    from transformers import AutoTokenizer

    told, first = read_merged(merged), name_file(merge.gguf.types[0])
    tokenizer = AutoTokenizer.from_pretrained(merged, trust_remote_code=False)
    settings, system = list_settings(recipe, evaluation), find_stated_system(prompt)
    obstacle = find_obstacle(find_llama_cpp(merge.gguf), evaluation)
    with replace_whole_folder(merge_folder / GGUF) as folder:
        try:
            files = make_files(merged, folder, merge.gguf, told["dtype"])
            summary = format_result(files, merge.gguf)
        except UnknownModelError as error:
            if merge.gguf.llama_cpp:  # who names it, wants the files
                raise
            obstacle = error.problems[0].wrong
            files, summary = [], f"No GGUF file was made by llama.cpp: {obstacle}."
        file = files[0]["file"] if files else first
        of_file, of_folder = (
            format_modelfile(model, tokenizer, settings, system, list_notes(told, summary))
            for model in (f"./{file}", f"../{merged.name}")
        )
        (folder / "Modelfile").write_text(of_file if files else of_folder, encoding="utf-8")
    log.info("%s", summary)
    return merge_folder / GGUF, {
        "files": files,
        "file": file,
        "options": list_options(settings, system),
        "summary": summary,
        "modelfile": of_file,
        "obstacle": obstacle,
    }


def record_merge(
    merge_stats: dict[str, Any],
    merge_comparison: dict[str, Any],
    gguf_stats: dict[str, Any],
    merged: Path,
    gguf: Path,
    file_scores: dict[str, Any],
) -> dict[str, Any]:
    """Record the merge, with the commands that use its results."""
    record = {
        **merge_stats,
        "comparison": merge_comparison,
        "gguf": gguf_stats,
        "file_scores": file_scores,
        "commands": list_commands(merged, gguf, gguf_stats),
    }
    log.info("Merged into %s. %s", merge_stats["weights"], merge_comparison["summary"])
    log.info("merged   %s", merged)
    for line in record["commands"]["ollama"]:
        log.info("ollama   %s", line)
    return record
