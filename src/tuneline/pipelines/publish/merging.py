"""How a reader of the card makes one model of adapter and base, for Ollama and llama.cpp."""

import shlex
from typing import Any

from tuneline.pipelines.publish.usage import write_quantization

LINES = """\
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer{imports}

repo = {repo!r}
base = AutoModelForCausalLM.from_pretrained(
    {base},
    dtype=torch.{loaded},{quantization}
    use_safetensors=True,
    trust_remote_code=False,
)
base = base{dequantized}.float()
model = PeftModel.from_pretrained(base, repo).merge_and_unload()
model.to(torch.{dtype}).save_pretrained("merged")
AutoTokenizer.from_pretrained(repo, trust_remote_code=False).save_pretrained("merged")
"""


def write_merging(record: dict[str, Any], repo_id: str) -> dict[str, str]:
    """Write what merges the published adapter as it was merged here, and what then runs it.

    The base model is named, because the one of the training may be a 4-bit repository.

    Args:
        record: the record of the merge; empty if there was none.
        repo_id: what to load.

    Returns:
        `python`, `shell` and the `modelfile` for Ollama; empty without a record.
    """
    if not record:
        return {}
    base, commit = record["merged_into"]["name"], record["merged_into"].get("commit")
    quantized = record["quantization"]
    loaded = quantized["dtype"] if quantized else record["dtype"]
    gguf = record["gguf"]
    # The converter needs this vocabulary, and transformers does not save it.
    fetch = f"hf download {base} tokenizer.model --revision {commit} --local-dir merged"
    file, name = f"model-{gguf['type']}.gguf", repo_id.rpartition("/")[2].lower()
    return {
        "python": LINES.format(
            repo=repo_id,
            base=f"{base!r}, revision={commit!r}" if commit else repr(base),
            imports=", BitsAndBytesConfig" if quantized else "",
            loaded=loaded,
            quantization=write_quantization(quantized["settings"], loaded) if quantized else "",
            dequantized=".dequantize()" if quantized else "",
            dtype=record["dtype"],
        ),
        "shell": "\n".join(
            (
                *([fetch] if commit and record["tokenizer_model"] else []),
                f"python convert_hf_to_gguf.py merged --outfile {file} --outtype {gguf['type']}",
                f"llama-cli -m {file} {shlex.join(gguf['options'])}           # llama.cpp",
                f"ollama create {name} -f Modelfile && ollama run {name}",
            )
        ),
        "modelfile": gguf["modelfile"],
    }
