"""Nodes of the publish stage."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.hub.access import read_token, shorten_error
from tuneline.hub.permissions import find_public_problem
from tuneline.models.adapter import CARD, Adapter, Release
from tuneline.parameters import Evaluation, Prompt, Publish
from tuneline.pipelines.publish.card import render_card
from tuneline.pipelines.publish.release_checks import (
    find_other_records,
    find_other_scores,
    find_release_problems,
    list_release_files,
)
from tuneline.utils.hashing import check_files

log = logging.getLogger(__name__)


AGAIN = "run the same command again; files that have arrived are not sent again"
COMMIT = re.compile(r"[0-9a-f]{40}")


def upload(folder: Path, names: list[str], repo_id: str, private: bool) -> dict[str, Any]:
    """Publish a release in one commit: either all of it is there or nothing.

    The repository is made private. Large files go up first, and the hub shows them only with the
    commit; after an interruption they are there already and are not sent again. Only then, and only
    if it is asked for, the repository becomes public.

    Raises:
        TunelineError: if the hub refuses, the connection breaks, or the repository has become
            public since it was asked about.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, ModelCard

    api = HfApi(token=read_token())
    nothing = "nothing was published: all files appear at once, with the last step"
    with _explain(repo_id, "the upload stopped", nothing, AGAIN):
        ModelCard.load(folder / CARD).validate()
        url = api.create_repo(repo_id, private=True, exist_ok=True)
        there = api.model_info(repo_id)
    # Asked once more: a training may lie between the checks and now.
    if private and (problem := find_public_problem(repo_id, there)):
        raise TunelineError(problem)
    with _explain(repo_id, "the upload stopped", nothing, AGAIN):
        # Not `upload_folder`: with hf_xet it makes several commits of a large folder.
        commit = api.create_commit(
            repo_id,
            [CommitOperationAdd(name, folder / name) for name in names],
            commit_message="Adapter with its card and its records",
        )
    with _explain(
        repo_id, "the release is there, but not checked", "a file of it may be damaged", AGAIN
    ):
        _check_arrived(api, repo_id, commit.oid, {name: folder / name for name in names})
    if not private:
        with _explain(
            repo_id,
            "the release is there, whole, but still private",
            "only you can see it",
            "make it public on its settings page on the hub",
        ):
            api.update_repo_settings(repo_id, private=False)
    return {"url": str(url), "commit": commit.oid}


@contextmanager
def _explain(repo_id: str, wrong: str, matters: str, remedy: str) -> Iterator[None]:
    """Turn whatever hf_xet and httpx2 raise into one sentence; they have many kinds of errors."""
    try:
        yield
    except Exception as error:
        said = f"{wrong} ({shorten_error(error)})"
        raise TunelineError(
            Problem(where=repo_id, wrong=said, matters=matters, remedy=remedy)
        ) from error


def _check_arrived(api: Any, repo_id: str, commit: str, files: dict[str, Path]) -> None:
    """Compare what the hub says it has with what was sent."""
    there = api.model_info(repo_id, revision=commit, files_metadata=True).siblings
    sizes = {file.rfilename: file.size for file in there}
    wrong = [name for name, path in files.items() if sizes.get(name) != path.stat().st_size]
    if wrong:
        raise ValueError(f"the hub has another size of {', '.join(wrong)}")


def write_card(
    adapter: Adapter,
    cleaning_report: dict[str, Any],
    leak_report: dict[str, Any],
    train: list[Example],
    training_record: dict[str, Any],
    scores: dict[str, Any],
    answers: list[dict[str, Any]],
    answer_scores: list[dict[str, Any]],
    merge_record: dict[str, Any],
    publish: Publish,
    prompt: Prompt,
    evaluation: Evaluation,
    rubric: dict[str, Any] | None = None,
) -> str:
    """Write the model card from what the run recorded; what no record holds is said to be missing.

    The provenance of the adapter is the recipe's source; a record of a merge that is another
    adapter's is not shown. Everything that a user or a model wrote is escaped.

    Raises:
        TunelineError: if scores, records, examples or templates are those of another adapter.
    """
    problems = [
        *find_other_records(adapter, train, training_record, scores, prompt),
        *find_other_scores(answers, answer_scores),
    ]
    if problems:
        raise TunelineError(*problems)
    records = {
        "cleaning": cleaning_report,
        "leaks": leak_report,
        "training": training_record,
        "scores": scores,
        "rubric": rubric or {},
        # One without `file_scores` is of an older version, which asked no exported file.
        "merge": merge_record
        if merge_record.get("adapter") == scores["run"]["adapter"] and "file_scores" in merge_record
        else {},
    }
    return render_card(adapter, records, answers, answer_scores, publish, prompt, evaluation)


def assemble_release(
    adapter: Adapter, card: str, scores: dict[str, Any], training_record: dict[str, Any]
) -> Release:
    """Put together what goes to the hub: no checkpoints, no rows, no answers but the card's.

    The adapter names the very commit of the base model that it was trained on, and leaves out the
    hashes of what it has seen: whoever guesses a row could check it.
    """
    adapter = replace(adapter, seen=None)
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

    Returns:
        `repo_id`, `private`, the `files` with `path`, `bytes` and `sha256`, the `bytes` of all,
        and the `problems` in words.

    Raises:
        TunelineError: if something is wrong and this is no dry run. Nothing has been sent then.
    """
    problems = list(find_release_problems(release_folder))
    if problems and not publish.dry_run:
        raise TunelineError(*problems)
    files = list_release_files(release_folder)
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
