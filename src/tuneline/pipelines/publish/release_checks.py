"""What must be true of the files of a release before any of them leaves the machine."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneline.errors import Problem
from tuneline.examples import Example
from tuneline.hub.access import find_folder_base_problem
from tuneline.models.adapter import CARD, Adapter, hash_adapter
from tuneline.models.fingerprints import find_changes
from tuneline.parameters import Prompt
from tuneline.utils.hashing import hash_file

# How the hub's, OpenAI's and GitHub's keys look.
TOKENS = re.compile(
    r"\b(?:hf_(?:oauth_|jwt_)?[A-Za-z0-9]{20,}|sk-[\w-]{20,}|gh[pousr]_[A-Za-z0-9]{30,})"
)
# A text of JSON that is a path from the root of a disk: records have no use for one.
ABSOLUTE = re.compile(r'"((?:/[^/\s"]+){2,}|[A-Z]:\\[^"]*)')
A, B = ".lora_A.weight", ".lora_B.weight"
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
MATTERS = "the card would describe what is not published"


def find_leaked(path: Path) -> Iterator[Problem]:
    """Find what a text would publish by mistake: a token, not repeated; a path of this machine."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if TOKENS.search(text):
        yield Problem(
            where=path.name,
            wrong="it holds what looks like a secret token",
            matters="everybody who reads the release could use it",
            remedy="take it out of the data or the parameters, and make it invalid",
        )
    found = ABSOLUTE.findall(text) if path.suffix == ".json" else []
    found += [own for own in _list_own_folders() if re.search(rf"{re.escape(own)}(?!\w)", text)]
    if found:
        yield Problem(
            where=path.name,
            value=found[0],
            wrong="it is a path on this machine",
            matters="it tells of your machine, and nobody else has it",
            remedy="state the path relative to the project's folder, and train again",
        )


def _list_own_folders() -> list[str]:
    """List the folders that tell of a person. `/root` and `/app` are the same for everybody."""
    return [str(own) for own in (Path.home(), Path.cwd()) if len(own.parts) > 2]


def find_weight_problems(path: Path, config: dict[str, Any]) -> Iterator[Problem]:
    """Find what is wrong with an adapter's safetensors, by the LoraConfig `config`.

    It may be an unreadable or cut file, a wrong rank, whole layers that nobody asked for, numbers
    that are none, an adapter that was never trained.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    except (SafetensorError, OSError) as error:
        yield _name_fault(path, f"it cannot be read ({error})", "it was cut or changed")
        return
    yield from _find_shape_problems(path, tensors, config)
    odd = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if odd:
        yield _name_fault(
            path, f"`{odd[0]}` holds values that are no numbers", "no answer would come of it"
        )
    if not any(tensor.any() for name, tensor in tensors.items() if name.endswith(B)):
        yield _name_fault(path, "every B of it is zero", "it was never trained and changes nothing")


def _find_shape_problems(
    path: Path, tensors: dict[str, Any], config: dict[str, Any]
) -> Iterator[Problem]:
    if not config.get("modules_to_save"):
        for name in sorted(name for name in tensors if ".lora_" not in name):
            megabytes = tensors[name].numel() * tensors[name].element_size() / 1e6
            yield _name_fault(
                path,
                f"`{name}` is a whole layer of the base model ({megabytes:,.1f} MB)",
                "an adapter of that size is no adapter any more",
            )
    if config.get("rank_pattern"):
        return
    rank = config["r"]
    for name, tensor in tensors.items():
        found = {A: tensor.shape[0], B: tensor.shape[-1]}
        wrong = [size for ending, size in found.items() if name.endswith(ending) and size != rank]
        if wrong:
            yield _name_fault(
                path,
                f"`{name}` has rank {wrong[0]}, the config says r = {rank}",
                "weights and config belong to two adapters",
            )
            return


def _name_fault(path: Path, wrong: str, matters: str) -> Problem:
    remedy = "run `kedro run --pipeline=train` again, then evaluate and publish"
    return Problem(where=path.name, wrong=wrong, matters=matters, remedy=remedy)


def list_release_files(folder: Path) -> list[dict[str, Any]]:
    """List `path`, `bytes` and `sha256` of a release's files, in alphabetical order."""
    return [
        {"path": path.name, "bytes": path.stat().st_size, "sha256": hash_file(path)}
        for path in sorted(folder.iterdir())
        if path.is_file()
    ]


def find_release_problems(folder: Path) -> Iterator[Problem]:
    """Find what is wrong with a release: files, weights, base model, secrets."""
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


def find_other_records(
    adapter: Adapter,
    train: list[Example],
    training_record: dict[str, Any],
    scores: dict[str, Any],
    prompt: Prompt,
) -> Iterator[Problem]:
    """Find records that a later or an earlier run has left: stages run apart."""
    fingerprint = hash_adapter(adapter)
    if scores["run"]["adapter"] != fingerprint:
        yield Problem(
            where="scores.json",
            wrong="they were made with another adapter than the latest one",
            matters=MATTERS,
            remedy="run `kedro run --pipeline=evaluate` first, with the same --env",
        )
    if training_record.get("adapter") != fingerprint:
        yield Problem(
            where="training_record.json",
            wrong="it was written of another adapter than the latest one",
            matters=MATTERS,
            remedy="run `kedro run --pipeline=train` again, then evaluate and publish",
        )
    changes = find_changes(adapter, train=train, prompt=prompt)
    if "training examples" in changes:
        yield Problem(
            where="train.jsonl",
            wrong="the latest adapter was trained on other examples",
            matters=MATTERS,
            remedy="prepare again with the settings of its training, or train again",
        )
    if "prompt templates" in changes:
        yield Problem(
            where="prompt",
            wrong="the examples were made with other templates",
            matters="whoever uses the adapter would ask it in a form it has not learned",
            remedy="bring the templates of the training back, or prepare and train again",
        )


def find_other_scores(
    answers: list[dict[str, Any]], answer_scores: list[dict[str, Any]]
) -> Iterator[Problem]:
    """Find scores of an evaluation that was stopped before it had scored its last answers."""
    if [row["id"] for row in answers] != [row["id"] for row in answer_scores]:
        yield Problem(
            where="answer_scores.jsonl",
            wrong="they are of other answers than those of answers.jsonl",
            matters=MATTERS,
            remedy="run `kedro run --pipeline=evaluate` again, with the same --env",
        )
