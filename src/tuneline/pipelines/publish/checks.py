"""What must be true of the files of a release before any of them leaves the machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneline.errors import Problem
from tuneline.hashing import hash_file
from tuneline.hub.bases import find_folder_base_problem
from tuneline.pipelines.publish.secrets import find_leaked
from tuneline.pipelines.publish.weights import find_weight_problems
from tuneline.release import CARD

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
REQUIRED = (
    CARD,
    WEIGHTS,
    CONFIG,
    "tokenizer_config.json",
    "chat_template.jinja",
    "provenance.json",
    "scores.json",
    "training_record.json",
)
# A tokenizer is one of these.
TOKENIZERS = ("tokenizer.json", "tokenizer.model")
# What runs no code when it is read. Pickles are not among them, and checkpoints are pickles.
SAFE_ENDINGS = {".json", ".jinja", ".md", ".model", ".safetensors", ".txt"}
# Vocabularies hold strings of every kind, `/home/` among them, and nothing of ours.
VOCABULARIES = {*TOKENIZERS, "vocab.json", "merges.txt", "added_tokens.json"}
REMEDY = "run `kedro run --pipeline=train` and `--pipeline=evaluate` again, then this"


def list_files(folder: Path) -> list[dict[str, Any]]:
    """List a release's files.

    Args:
        folder: holds them.

    Returns:
        `path`, `bytes` and `sha256` of each, in alphabetical order.
    """
    return [
        {"path": path.name, "bytes": path.stat().st_size, "sha256": hash_file(path)}
        for path in sorted(folder.iterdir())
        if path.is_file()
    ]


def find_release_problems(folder: Path) -> Iterator[Problem]:
    """Find what is wrong with a release: files, weights, base model, secrets.

    Args:
        folder: holds its files.

    Yields:
        All problems.
    """
    names = {path.name for path in folder.iterdir()}
    for name in sorted({*REQUIRED} - names):
        yield _problem(name, "it is missing", "the release could not be used")
    if not names & {*TOKENIZERS}:
        yield _problem(TOKENIZERS[0], "it is missing", "the release could not be used")
    for path in sorted(folder.iterdir()):
        if path.is_dir() or path.suffix not in SAFE_ENDINGS:
            yield _problem(
                path.name, "it is no file of a release", "only safe formats are published"
            )
        elif path.stat().st_size == 0:
            yield _problem(path.name, "it is empty", "the release could not be used")
        elif path.suffix != ".safetensors" and path.name not in VOCABULARIES:
            yield from find_leaked(path)
    if {CONFIG, WEIGHTS} <= names:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        yield from find_folder_base_problem(
            f"{CONFIG}: base_model_name_or_path", config["base_model_name_or_path"]
        )
        yield from find_weight_problems(folder / WEIGHTS, config)


def _problem(name: str, wrong: str, matters: str) -> Problem:
    return Problem(where=name, wrong=wrong, matters=matters, remedy=REMEDY)
