"""The one commit that makes a release."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.hub.access import read_token, shorten_error
from tuneline.hub.permissions import find_public_problem
from tuneline.release import CARD

AGAIN = "run the same command again; files that have arrived are not sent again"


def upload(folder: Path, names: list[str], repo_id: str, private: bool) -> dict[str, Any]:
    """Publish a release in one commit: either all of it is there or nothing.

    The repository is made private. Large files go up first, and the hub shows them only with the
    commit; after an interruption they are there already and are not sent again. Only then, and only
    if it is asked for, the repository becomes public.

    Args:
        folder: holds the files.
        names: which of them.
        repo_id: where to.
        private: whether the repository stays private.

    Returns:
        `url` of the repository and `commit`.

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
        repo_id,
        "the release is there, but not checked",
        "a file of it may be damaged",
        AGAIN,
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
