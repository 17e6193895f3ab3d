"""What Ollama and llama.cpp are told, so that a merged model is asked as it was evaluated."""

from typing import Any

from tuneline.parameters import Evaluation, Recipe
from tuneline.pipelines.merge.chat_template import read_frame
from tuneline.rendering import find_end_tokens

# Tokens that Ollama keeps in view unless it is told; what goes beyond is cut silently.
OLLAMA_CONTEXT = 4096
LLAMA_CLI = {"temperature": "--temp", "top_k": "--top-k", "top_p": "--top-p"}


def list_settings(recipe: Recipe, evaluation: Evaluation) -> dict[str, Any]:
    """List decoding and context by Ollama's names, its own being others than transformers'.

    Args:
        recipe: the length of the longest example.
        evaluation: the decoding that the report is about.

    Returns:
        Values by name.
    """
    generation = evaluation.generation
    settings: dict[str, Any] = {"temperature": 0}
    if generation.get("do_sample"):
        usual = {"temperature": 1.0, "top_k": 50, "top_p": 1.0}
        settings = {name: generation.get(name, value) for name, value in usual.items()}
    settings["repeat_penalty"] = generation.get("repetition_penalty", 1.0)
    if recipe.max_length > OLLAMA_CONTEXT:
        settings["num_ctx"] = recipe.max_length
    return settings


def list_options(settings: dict[str, Any], system: str | None) -> list[str]:
    """List the words that tell llama-cli the same.

    Args:
        settings: as `list_settings` gives them.
        system: the system message.

    Returns:
        Words for a command line.
    """
    decoding = [
        word
        for name, flag in LLAMA_CLI.items()
        if name in settings
        for word in (flag, str(settings[name]))
    ]
    return [*decoding, *(["-sys", system] if system else [])]


def list_notes(merged: dict[str, Any], file: str) -> list[str]:
    """List what whoever takes the model home should know of it.

    Args:
        merged: `weights`, `dtype` and `comparison` of the merged model.
        file: what is known of the GGUF file, in words.

    Returns:
        Sentences.
    """
    return [
        f"Merged into {merged['weights']}; stored in {merged['dtype']}.",
        merged["comparison"]["words"],
        file,
    ]


def word_modelfile(
    model: str, tokenizer: Any, settings: dict[str, Any], system: str | None, notes: list[str]
) -> str:
    """Word what Ollama makes a model of.

    Args:
        model: the GGUF file or the merged folder, as seen from the Modelfile.
        tokenizer: its chat template and end tokens.
        settings: as `list_settings` gives them.
        system: the system message.
        notes: sentences to put above, as comments.

    Returns:
        The Modelfile. Where the chat template cannot be put into Ollama's words it has no TEMPLATE:
        Ollama compares the template in the GGUF file with those it knows.
    """
    frame = read_frame(tokenizer)
    ends = tokenizer.convert_ids_to_tokens(find_end_tokens(tokenizer))
    lines = [
        *(f"# {note}" for note in notes),
        f"FROM {model}",
        *([f'TEMPLATE """{frame.word_for_ollama()}"""'] if frame else []),
        *([f'SYSTEM """{system}"""'] if system else []),
        *(f'PARAMETER stop "{token}"' for token in ends),
        *(f"PARAMETER {name} {value}" for name, value in settings.items()),
    ]
    return "\n".join([*lines, ""])
