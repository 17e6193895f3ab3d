"""How a reader of the card makes one model of adapter and base, for Ollama and llama.cpp."""

from typing import Any

LINES = """\
import torch
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer

repo = {repo!r}
model = AutoPeftModelForCausalLM.from_pretrained(repo, dtype=torch.{dtype})
model.merge_and_unload().save_pretrained("merged")
AutoTokenizer.from_pretrained(repo).save_pretrained("merged")
"""


def write_merging(record: dict[str, Any], repo_id: str) -> dict[str, str]:
    """Write what merges the published adapter as it was merged here, and what then runs it.

    Args:
        record: the record of the merge; empty if there was none.
        repo_id: what to load.

    Returns:
        `python`, `shell` and the `modelfile` for Ollama; empty without a record.
    """
    if not record:
        return {}
    kind = record["gguf"]["type"]
    file, name = f"model-{kind}.gguf", repo_id.rpartition("/")[2].lower()
    return {
        "python": LINES.format(repo=repo_id, dtype=record["dtype"]),
        "shell": "\n".join(
            (
                f"python convert_hf_to_gguf.py merged --outfile {file} --outtype {kind}",
                f"llama-cli -m {file}           # llama.cpp",
                f"ollama create {name} -f Modelfile && ollama run {name}",
            )
        ),
        "modelfile": record["gguf"]["modelfile"],
    }
