"""The commands that use a merged model."""

import shlex
from pathlib import Path
from typing import Any


def list_commands(merged: Path, gguf: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """List the commands, for someone who stands in the project's folder.

    Args:
        merged: the merged model's folder.
        gguf: the folder of Modelfile and GGUF file.
        facts: whether there is a GGUF file, its type, and the options of llama-cli.

    Returns:
        Lines for a shell: one for `transformers`, lists for `ollama` and `llama_cpp`.
    """
    name = merged.parent.name.replace("_", "-")
    file = gguf / (facts["file"] or f"model-{facts['type']}.gguf")
    convert = [
        f"python convert_hf_to_gguf.py {_quote(merged)} --outfile {_quote(file)} "
        f"--outtype {facts['type']}"
    ]
    return {
        "transformers": f"transformers serve {_quote(merged)}",
        "ollama": [f"ollama create {name} -f {_quote(gguf / 'Modelfile')}", f"ollama run {name}"],
        "llama_cpp": [
            *([] if facts["file"] else convert),
            f"llama-cli -m {_quote(file)} {shlex.join(facts['options'])}",
        ],
    }


def _quote(path: Path) -> str:
    inside = path.is_absolute() and path.is_relative_to(Path.cwd())
    return shlex.quote(str(path.relative_to(Path.cwd()) if inside else path))
