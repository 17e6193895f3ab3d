"""Nodes of the publish stage."""

import json
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuneline.adapters import Adapter
from tuneline.errors import TunelineError
from tuneline.examples import Example
from tuneline.parameters import Evaluation, Prompt, Publish
from tuneline.pipelines.publish.card import render_card
from tuneline.pipelines.publish.checks import find_release_problems, list_files
from tuneline.pipelines.publish.matching import find_other_records
from tuneline.pipelines.publish.uploading import upload
from tuneline.release import CARD, Release
from tuneline.sealing import check_files

log = logging.getLogger(__name__)
COMMIT = re.compile(r"[0-9a-f]{40}")


def write_card(
    adapter: Adapter,
    cleaning_report: dict[str, Any],
    leak_report: dict[str, Any],
    train: list[Example],
    training_record: dict[str, Any],
    scores: dict[str, Any],
    answers: list[dict[str, Any]],
    rubric: dict[str, Any],
    merge_record: dict[str, Any],
    publish: Publish,
    prompt: Prompt,
    evaluation: Evaluation,
) -> str:
    """Write the model card from what the run recorded; what no record holds is said to be missing.

    Args:
        adapter: the adapter; its provenance is the recipe's source.
        cleaning_report: rows in, kept and rejected.
        leak_report: sides, and what was found on two of them.
        train: the training side, to make sure that the reports are of this adapter's data.
        training_record: what the training took, epoch by epoch.
        scores: before and after.
        answers: base and tuned answers; of held-out rows only as many as are asked for are shown.
        rubric: ratings; empty without any.
        merge_record: how it was merged; empty if it was not. That of another adapter is not shown.
        publish: what no record can know: licences, origin, limits.
        prompt: the templates.
        evaluation: the title.

    Returns:
        Markdown with the hub's metadata; everything that a user or a model wrote is escaped.

    Raises:
        TunelineError: if scores, records, examples or templates are those of another adapter.
    """
    problems = list(find_other_records(adapter, train, training_record, scores, prompt))
    if problems:
        raise TunelineError(*problems)
    records = {
        "cleaning": cleaning_report,
        "leaks": leak_report,
        "training": training_record,
        "scores": scores,
        "rubric": rubric,
        # One without `weights` is of an older version, which did not say into which it merged.
        "merge": merge_record
        if merge_record.get("adapter") == scores["run"]["adapter"] and "weights" in merge_record
        else {},
    }
    return render_card(adapter, records, answers, publish, prompt, evaluation)


def assemble_release(
    adapter: Adapter, card: str, scores: dict[str, Any], training_record: dict[str, Any]
) -> Release:
    """Put together what goes to the hub: no checkpoints, no rows, no answers but the card's.

    Args:
        adapter: the adapter.
        card: the model card.
        scores: before and after.
        training_record: what the training took.

    Returns:
        The release. Its adapter names the very commit of the base model that it was trained on.
    """
    commit = adapter.provenance["base"].get("commit", "")
    if COMMIT.fullmatch(commit):
        adapter = replace(adapter, config=adapter.config | {"revision": commit})
    return Release(
        adapter=adapter,
        texts={
            CARD: card,
            "scores.json": _write(scores),
            "training_record.json": _write(training_record),
        },
    )


def check_release(release_folder: Path, publish: Publish) -> dict[str, Any]:
    """Look through the files that would be uploaded, one by one.

    Args:
        release_folder: holds them.
        publish: where they would go.

    Returns:
        `repo_id`, `private`, the `files` with `path`, `bytes` and `sha256`, the `bytes` of all,
        and the `problems` in words.

    Raises:
        TunelineError: if something is wrong and this is no dry run. Nothing has been sent then.
    """
    problems = list(find_release_problems(release_folder))
    if problems and not publish.dry_run:
        raise TunelineError(*problems)
    files = list_files(release_folder)
    return {
        "repo_id": publish.repo_id,
        "private": publish.private,
        "files": files,
        "bytes": sum(file["bytes"] for file in files),
        "problems": [str(problem) for problem in problems],
    }


def publish_release(
    release_folder: Path, release: dict[str, Any], publish: Publish
) -> dict[str, Any]:
    """Upload the release in one commit, unless this is a dry run.

    Args:
        release_folder: holds the files.
        release: lists them.
        publish: where they go.

    Returns:
        `dry_run`; of a real run also `repo_id`, `private`, `url`, `commit` and the `files`.

    Raises:
        TunelineError: if the upload stops; nothing is visible on the hub then.
    """
    if publish.dry_run or publish.repo_id is None:
        return {"dry_run": True}
    log.info("Uploading %s files to %s.", len(release["files"]), publish.repo_id)
    hashes = {file["path"]: file["sha256"] for file in release["files"]}
    check_files(release_folder, hashes, "run the same command again: it makes the folder anew")
    done = upload(release_folder, list(hashes), publish.repo_id, publish.private)
    return {
        "dry_run": False,
        "repo_id": publish.repo_id,
        "private": publish.private,
        **done,
        "files": release["files"],
    }


def _write(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
