"""The adapter that a training starts from, instead of one without effect."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.models.adapter import Adapter, hash_adapter
from tuneline.models.foreign_code import check_adapter_config
from tuneline.models.seen_examples import SeenExamples, read_seen
from tuneline.parameters import Recipe
from tuneline.utils.files import name_unreadable
from tuneline.utils.hashing import PROVENANCE, order_versions, read_sealed, read_sealed_folder

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
SEEN = "seen.safetensors"
WHERE = "recipe.start_from"
# Keys of LoraConfig that a training that goes on from an adapter takes from it.
SHAPE = ("r", "lora_alpha", "target_modules")
MATTERS = "the training goes on from its weights"
COPY_AGAIN = "copy it again from where it was made, or start from another adapter"
# What is wrong, why it matters, what to do.
Words = tuple[str, str, str]
# What is not recorded next to an adapter, and what nobody can tell then.
UNKNOWN = {
    "rows": "which rows it has seen (test prompts may be among them, and the scores too good)",
    "base": "whether it was trained on these weights (the name of its base model is the same)",
    "chat template": "whether it was trained with this chat template",
    "prompt": "whether it was trained with this prompt",
}


def find_folder_problem(start_from: str) -> Iterator[Problem]:
    """Find what is wrong with the folder of an adapter to start from, by its files' names.

    Yields:
        That it is no such folder, and what is there instead.
    """
    words = _find_in_names(Path(start_from))
    if words:
        yield Problem(WHERE, *words, value=start_from)


def _find_in_names(folder: Path) -> Words | None:
    if not folder.is_dir():
        return (
            f"there is no such folder, seen from {Path.cwd().name}/",
            MATTERS,
            "correct the path; fetch an adapter of the hub first: "
            "`hf download owner/name --local-dir data/06_models/name`",
        )
    names = {path.name for path in folder.iterdir()}
    if versions := [path.parent.parent.name for path in folder.glob(f"*/*/{CONFIG}")]:
        latest = folder / order_versions(folder, versions)[-1] / folder.name
        return (
            "it holds several versions of an adapter",
            "the last one changes with each training, and so would the start",
            f"name one of them, the last of which is {latest}",
        )
    if CONFIG not in names:
        kind = "a whole model" if "config.json" in names else "no adapter"
        return (
            f"it is {kind}: it has no {CONFIG}",
            MATTERS,
            "name the folder of an adapter that Tuneline or PEFT has written",
        )
    if WEIGHTS not in names and "adapter_model.bin" in names:
        return (
            f"its weights are in adapter_model.bin, not in {WEIGHTS}",
            "such a file can run code as it is read, so Tuneline reads none",
            "if you trust it, load it with PEFT once and save it with save_pretrained",
        )
    if WEIGHTS not in names:
        return (f"it has no {WEIGHTS}", MATTERS, COPY_AGAIN)
    return None


def read_shape(start_from: str | None) -> dict[str, Any]:
    """Read what a recipe that goes on from an adapter must have in common with it.

    Args:
        start_from: the adapter's folder, if there is one.

    Returns:
        Values by recipe key: of `SHAPE`, and the `quantization` where it is recorded, since an
        adapter corrects the rounding of the weights that it was trained on; none without an
        adapter.

    Raises:
        TunelineError: if it is no folder of an adapter, or its config cannot be read.
    """
    if start_from is None:
        return {}
    folder = _find_folder(start_from)
    config = _read_config(folder)
    shape = {f"lora.{key}": config[key] for key in SHAPE if config.get(key) is not None}
    if not (folder / PROVENANCE).is_file():
        return shape
    settings = read_sealed(folder / PROVENANCE, COPY_AGAIN)["recipe"]["settings"]
    return shape | {"quantization": settings.get("quantization")}


def _find_folder(start_from: str) -> Path:
    problems = list(find_folder_problem(start_from))
    if problems:
        raise TunelineError(*problems)
    return Path(start_from)


def _read_config(folder: Path) -> dict[str, Any]:
    with name_unreadable(folder / CONFIG, COPY_AGAIN):
        return dict(json.loads((folder / CONFIG).read_bytes()))


def read_start(start_from: str) -> Adapter:
    """Read an adapter to start from.

    Args:
        start_from: a folder that Tuneline or PEFT has written.

    Returns:
        The adapter, in float32, without its tokenizer; without provenance where PEFT has written
        it, and with what it has `seen` where that is recorded.

    Raises:
        TunelineError: naming the file that is missing, damaged, or comes with code.
    """
    from safetensors.torch import load_file

    folder = _find_folder(start_from)
    recorded = (folder / PROVENANCE).is_file()
    provenance = read_sealed_folder(folder, COPY_AGAIN) if recorded else {}
    config = _read_config(folder)
    check_adapter_config(str(folder / CONFIG), config)
    if config.get("peft_type") != "LORA":
        raise TunelineError(
            Problem(
                where=WHERE,
                value=start_from,
                wrong=f"it is an adapter of the kind {config.get('peft_type')}",
                matters="Tuneline trains LoRA adapters",
                remedy="name the folder of a LoRA adapter",
            )
        )
    with name_unreadable(folder / WEIGHTS, COPY_AGAIN):
        state = load_file(folder / WEIGHTS)
    seen: SeenExamples | None = None
    if (folder / SEEN).is_file():
        with name_unreadable(folder / SEEN, COPY_AGAIN):
            seen = read_seen(folder / SEEN)
    tensors = {name: state[name].float() for name in sorted(state)}
    return Adapter(config, tensors, None, provenance, seen)


def describe_start(recipe: Recipe) -> dict[str, Any]:
    """Describe the adapter that a training starts from, for its provenance.

    Args:
        recipe: may name it.

    Returns:
        `adapter`, its fingerprint; `ancestors`, those that it goes back to in turn, the oldest
        first; and what of it and of them is `unknown`, by the keys of `UNKNOWN`. Nothing where the
        training starts from none.
    """
    if recipe.start_from is None:
        return {}
    return describe_adapter(read_start(recipe.start_from))


def describe_adapter(start: Adapter) -> dict[str, Any]:
    """Describe an adapter as one to start from; see `describe_start`."""
    before = start.provenance.get("start", {})
    recorded = {
        "rows": start.seen is not None,
        "base": "base" in start.provenance,
        "chat template": "chat_template_sha256" in start.provenance,
        "prompt": start.provenance.get("prompt_templates") is not None,
    }
    lacking = {name for name, there in recorded.items() if not there}
    return {
        "adapter": hash_adapter(start),
        "ancestors": [*before.get("ancestors", []), *([before["adapter"]] if before else [])],
        "unknown": [name for name in UNKNOWN if name in lacking | {*before.get("unknown", [])}],
    }


def describe_unknown(start: dict[str, Any]) -> str:
    """Say what cannot be checked about an adapter that a training starts from; may be empty."""
    if not start or not start["unknown"]:
        return ""
    found = "; ".join(UNKNOWN[name] for name in start["unknown"])
    return f"Not recorded of the adapter that it starts from: {found}."


def find_start(adapter: Adapter, recipe: Recipe) -> Adapter | None:
    """Find the adapter that a trained one has started from, to compare the two.

    Args:
        adapter: the trained one; its provenance holds the fingerprint and the folder.
        recipe: may name another folder, if it was moved.

    Returns:
        The adapter; None if the trained one has started from none.

    Raises:
        TunelineError: if it is not there any more.
    """
    recorded = adapter.provenance.get("start")
    if not recorded:
        return None
    stated = adapter.provenance["recipe"]["settings"].get("start_from")
    for folder in dict.fromkeys((recipe.start_from, stated)):
        if folder and not any(find_folder_problem(folder)):
            start = read_start(folder)
            if hash_adapter(start) == recorded["adapter"]:
                return start
    raise TunelineError(
        Problem(
            where=WHERE,
            value=recipe.start_from or stated,
            wrong=f"the adapter {recorded['adapter'][:12]}, which the trained one has started "
            "from, is not there",
            matters="nobody could say whether the new adapter is better than the old one",
            remedy="bring it back, or state the folder where it is now",
        )
    )


def load_weights(model: Any, path: Path) -> None:
    """Put an adapter's weights in the place of those that a new one begins with.

    Args:
        model: a PeftModel; changed in place.
        path: safetensors, whose names and shapes are those of the model's adapter.
    """
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    set_peft_model_state_dict(model, load_file(path))
