"""A base model's tokenizer, with a chat template and a token to pad with."""

from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.hub.gguf import locate_base
from tuneline.models.chat_template import complete_template
from tuneline.models.foreign_code import refuse_foreign_code
from tuneline.models.rendering import find_end_tokens
from tuneline.parameters import Recipe


def load_tokenizer(recipe: Recipe) -> Any:
    """Load the base model's tokenizer, its template completed, padded with what ends nothing.

    Args:
        recipe: names the base model.

    Returns:
        The tokenizer.

    Raises:
        TunelineError: if there is no chat template, none that can be used, or code to be run.
    """
    from transformers import AutoTokenizer

    where, value = "recipe.base_model", recipe.base_model
    with refuse_foreign_code(where, value):
        tokenizer = AutoTokenizer.from_pretrained(
            locate_base(recipe.base_model),
            revision=recipe.revision,
            local_files_only=True,
            trust_remote_code=False,
        )
    if recipe.chat_template_path:
        where, value = "recipe.chat_template_path", recipe.chat_template_path
        tokenizer.chat_template = _read_template(Path(value))
    elif isinstance(tokenizer.chat_template, dict):  # one for tools as well, say
        tokenizer.chat_template = _choose_template(tokenizer.chat_template, value)
    if not tokenizer.chat_template:
        raise TunelineError(
            Problem(
                where=where,
                value=value,
                wrong="it has no chat template",
                matters="nothing would tell the prompt from the answer",
                remedy="take its instruct variant, or give a file with a template: "
                "recipe.chat_template_path",
            )
        )
    complete_template(tokenizer, where, value)
    _set_pad_token(tokenizer)
    return tokenizer


def _read_template(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TunelineError(
            Problem(
                where="recipe.chat_template_path",
                value=path,
                wrong=f"the template is not UTF-8 (byte {error.start + 1:,})",
                matters="its words would reach the model garbled",
                remedy="save it as UTF-8",
            )
        ) from error


def _choose_template(templates: dict[str, str], base: str) -> str:
    if "default" not in templates:
        raise TunelineError(
            Problem(
                where="recipe.base_model",
                value=base,
                wrong=f"it has several chat templates ({', '.join(templates)}) and none of them "
                "is its default",
                matters="nothing tells which of them it was trained with",
                remedy="save one of them as a file: recipe.chat_template_path",
            )
        )
    return templates["default"]


def _set_pad_token(tokenizer: Any) -> None:
    """Pad with an existing token that ends nothing: a new one would need new embeddings."""
    ends = set(find_end_tokens(tokenizer))
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id not in ends:
        return
    special = [tokenizer.unk_token, *(str(t) for t in tokenizer.added_tokens_decoder.values())]
    for token in special:
        if token and tokenizer.convert_tokens_to_ids(token) not in {*ends, tokenizer.bos_token_id}:
            tokenizer.pad_token = token
            return
    raise TunelineError(
        Problem(
            where="recipe.base_model",
            wrong="its tokenizer has no token to pad with",
            matters="padding with an end token would teach the model never to end, or always",
            remedy="take a base model whose tokenizer has a padding or an unknown token",
        )
    )
