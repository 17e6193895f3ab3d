"""Whether a base model can be trained and used, from its small files alone."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tuneline.checks.base_model_files import Words, find_in_files, format_unreachable
from tuneline.errors import Problem, TunelineError
from tuneline.hub.download import fetch_base
from tuneline.hub.gguf import locate_base
from tuneline.models.architecture import build_empty, make_lora_config
from tuneline.models.loading import load_model_config
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Recipe
from tuneline.utils.terminal import shorten

# Of an error's own words, in the sentence about it.
ERROR_CHARACTERS = 200

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
UNSUITABLE = "the run needs a language model that continues a text"
TAKE_ANOTHER = "take a chat model of its family, whose card says text generation"


def find_base_problems(use_case: str, recipe: Recipe, weights: bool = True) -> Iterator[Problem]:
    """Find what would stop a base model from being loaded, adapted or asked.

    Of a model on the hub, config and tokenizer are downloaded. Only the first is given, since what
    is looked at next rests on what was found before.
    """
    where = f"{use_case}.recipe.base_model"
    try:
        words = find_in_files(recipe, weights)
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


def _find_in_config(recipe: Recipe) -> Words | None:
    from transformers import PreTrainedConfig

    try:
        stated, _ = PreTrainedConfig.get_config_dict(
            locate_base(recipe.base_model), revision=recipe.revision, local_files_only=True
        )
    except (OSError, ValueError) as error:
        if Path(locate_base(recipe.base_model)).is_dir():
            return _format_config(error)
        return format_unreachable(f"its config.json cannot be fetched ({_summarize(error)})")
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
