"""Nodes of the merge stage."""

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tuneline.errors import TunelineError
from tuneline.examples import Example, find_stated_system
from tuneline.models.adapter import Adapter
from tuneline.models.memory import measure_peak, reset_peak
from tuneline.parameters import Evaluation, Hardware, Merge, Prompt, Recipe
from tuneline.pipelines.merge.base_checkpoint import prepare_job
from tuneline.pipelines.merge.gguf import (
    find_converter,
    format_unchecked,
    list_commands,
    name_file,
    run_converter,
)
from tuneline.pipelines.merge.model_folder import (
    read_merged,
    write_provenance,
    write_shards,
    write_sidecar,
)
from tuneline.pipelines.merge.ollama import (
    format_modelfile,
    list_notes,
    list_options,
    list_settings,
)
from tuneline.pipelines.merge.smoke_test import Trial, leave_out, plan_trial, refuse_untried
from tuneline.streaming import Stream

log = logging.getLogger(__name__)


def merge_adapter(
    adapter: Adapter,
    test: list[Example],
    merge_disk_space: dict[str, dict[str, Any]],
    recipe: Recipe,
    merge: Merge,
    evaluation: Evaluation,
    hardware: Hardware,
) -> tuple[Callable[[Path], None], Stream[dict[str, Any]]]:
    """Merge an adapter into its base model, and compare it with the judged model before it counts.

    What can be refused is refused here; the work is done while the dataset is written.

    Args:
        adapter: the trained adapter.
        test: the held-out examples; the first of them are what both models are asked.
        merge_disk_space: free space where the results go.
        recipe: names the base model of the training.
        merge: what to merge into, and how.
        evaluation: the decoding.
        hardware: the machine.

    Returns:
        What fills the folder of the merged model, and the facts once it has done so: those of
        `prepare_job`, `seconds`, `memory_gb` (predicted and peak), and the `comparison`.

    Raises:
        TunelineError: if the base is another one, is quantized or incomplete, if memory or disk do
            not do, if what is not the judged model cannot be compared with it, or if the merged
            model answers otherwise.
    """
    job = prepare_job(adapter, merge_disk_space, recipe, merge, hardware)
    trial = plan_trial(job.weights, adapter, test[: merge.prompts], recipe, evaluation, hardware)
    if merge.into == "original" and isinstance(trial, str):
        raise TunelineError(refuse_untried(trial))
    facts = job.describe(adapter)

    def fill(folder: Path) -> None:
        start = time.monotonic()
        reset_peak("cpu")
        log.info("Merging %s tensors into %s.", len(job.sizes), facts["weights"])
        write_shards(job.weights, job.split, folder)
        write_sidecar(folder, job.weights, adapter)
        facts["memory_gb"] = {"predicted": job.memory_gb, "peak": round(measure_peak("cpu"), 3)}
        facts["seconds"] = round(time.monotonic() - start, 1)
        facts["comparison"] = trial.run(folder) if isinstance(trial, Trial) else leave_out(trial)
        write_provenance(folder, adapter, facts)

    return fill, _tell(facts)


def convert_to_gguf(
    merged: Path, merge: Merge, prompt: Prompt, recipe: Recipe, evaluation: Evaluation
) -> tuple[Callable[[Path], None], Stream[dict[str, Any]]]:
    """Make the merged model's GGUF file, where llama.cpp's converter is installed.

    Args:
        merged: the merged model's folder.
        merge: names converter and type.
        prompt: the system message.
        recipe: the length it was trained on.
        evaluation: the decoding of the report.

    Returns:
        What fills the folder with the GGUF file and a Modelfile for Ollama, and the facts once it
        has done so: `file`, `type`, `bytes`, `modelfile` (for whoever has the file), `options` (for
        llama-cli), `summary`.

    Raises:
        TunelineError: if the converter is named and not there, or if it fails.
    """
    converter, name = find_converter(merge.gguf), name_file(merge.gguf)
    settings, system = list_settings(recipe, evaluation), find_stated_system(prompt)
    facts: dict[str, Any] = {
        "file": None,
        "type": merge.gguf.type,
        "bytes": None,
        "options": list_options(settings, system),
    }

    def fill(folder: Path) -> None:
        from transformers import AutoTokenizer

        told = read_merged(merged)
        if converter is None:
            facts["summary"] = (
                "No GGUF file was made: llama.cpp's convert_hf_to_gguf.py is not on PATH, and "
                "merge.gguf.converter names none."
            )
        else:
            run_converter(converter, merged, folder / name, merge.gguf)
            facts["file"], facts["bytes"] = name, (folder / name).stat().st_size
            checked = format_unchecked(merge.gguf, told["dtype"])
            facts["summary"] = f"llama.cpp's converter made {name}. {checked}"
        tokenizer = AutoTokenizer.from_pretrained(merged, trust_remote_code=False)
        notes = list_notes(told, facts["summary"])
        source = f"../{merged.name}" if converter is None else f"./{name}"
        facts["modelfile"], here = (
            format_modelfile(model, tokenizer, settings, system, notes)
            for model in (f"./{name}", source)
        )
        (folder / "Modelfile").write_text(here, encoding="utf-8")
        log.info("%s", facts["summary"])

    return fill, _tell(facts)


def record_merge(
    merge_stats: dict[str, Any], gguf_stats: dict[str, Any], merged: Path, gguf: Path
) -> dict[str, Any]:
    """Record the merge, with the commands that use its results.

    Args:
        merge_stats: what was merged and what the comparison found.
        gguf_stats: what was made for llama.cpp and Ollama.
        merged: the merged model's folder.
        gguf: the folder of the GGUF file.

    Returns:
        The record.
    """
    record = {
        **merge_stats,
        "gguf": gguf_stats,
        "commands": list_commands(merged, gguf, gguf_stats),
    }
    log.info("Merged into %s. %s", merge_stats["weights"], merge_stats["comparison"]["summary"])
    log.info("merged   %s", merged)
    for line in record["commands"]["ollama"]:
        log.info("ollama   %s", line)
    return record


def _tell(facts: dict[str, Any]) -> Stream[dict[str, Any]]:
    """Tell the facts when they are asked for, which is after the folder was filled."""

    def tell() -> Iterator[dict[str, Any]]:
        yield facts

    return Stream(tell())
