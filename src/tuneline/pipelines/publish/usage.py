"""The code that loads a published adapter and asks it once, as the evaluation asked it."""

import shlex
from pathlib import Path
from typing import Any

from tuneline.examples import Message
from tuneline.hub.gguf import find_converted, find_gguf
from tuneline.models.adapter import Adapter
from tuneline.models.rendering import find_end_tokens
from tuneline.parameters import Prompt
from tuneline.parameters.examples import list_placeholders

LINES = """\
import torch
from peft import AutoPeftModelForCausalLM
from transformers import AutoTokenizer{imports}

repo = {repo!r}
tokenizer = AutoTokenizer.from_pretrained(repo, trust_remote_code=False)
model = AutoPeftModelForCausalLM.from_pretrained(
    repo,
    dtype=torch.{dtype},{quantization}
    device_map="auto",
    trust_remote_code=False,
)

messages = [
{messages}
]
inputs = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
).to(model.device)
output = model.generate(
    **inputs,
{generation}
)
print(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
"""
# Where the base model is a GGUF file, it is loaded as it was converted.
FROM_GGUF = {
    "from peft import AutoPeftModelForCausalLM\nfrom transformers import AutoTokenizer": (
        "from huggingface_hub.constants import HF_HUB_CACHE\n"
        "from peft import PeftModel\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer"
    ),
    "model = AutoPeftModelForCausalLM.from_pretrained(\n    repo,": (
        'base = AutoModelForCausalLM.from_pretrained(\n    f"{HF_HUB_CACHE}/{folder}",'
    ),
    ")\n\nmessages = [": ")\nmodel = PeftModel.from_pretrained(base, repo)\n\nmessages = [",
}
MERGED_LINES = """\
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


def write_usage(
    adapter: Adapter,
    generation: dict[str, Any],
    prompt: Prompt,
    question: list[Message] | None,
    repo_id: str,
) -> str:
    """Write Python that loads the adapter with its base and generates one answer.

    Without a question, the templates are asked, their columns to be filled in. Every value is a
    literal that Python itself has written.
    """
    provenance = adapter.provenance
    quantization = provenance["recipe"]["settings"]["quantization"]
    decoding = {
        **generation,
        "eos_token_id": find_end_tokens(adapter.tokenizer),
        "pad_token_id": adapter.tokenizer.pad_token_id,
    }
    messages = [(one["role"], repr(one["content"])) for one in question or []]
    if not question:
        messages = [("system", _fill(prompt.system))] if prompt.system else []
        messages.append(("user", _fill(prompt.prompt)))
    code = LINES.format(
        imports=", BitsAndBytesConfig" if quantization else "",
        repo=repo_id,
        dtype=provenance["hardware"]["dtype"],
        quantization=write_quantization(quantization, provenance["hardware"]["dtype"]),
        messages="\n".join(
            f'    {{"role": "{role}", "content": {content}}},' for role, content in messages
        ),
        generation="\n".join(f"    {name}={value!r}," for name, value in decoding.items()),
    )
    path = find_gguf(provenance["base"]["name"])
    return _load_gguf(code, path) if path else code


def _load_gguf(code: str, path: Path) -> str:
    folder = find_converted(path)
    named = f"{folder.parent.name}/{folder.name}"
    for usual, converted in FROM_GGUF.items():
        code = code.replace(usual, converted.replace("{folder}", named))
    return code


def write_quantization(settings: dict[str, Any], dtype: str) -> str:
    """Write the argument that has `from_pretrained` load a base model as it was trained on."""
    if not settings:
        return ""
    lines = [f"        {name}={value!r}," for name, value in settings.items()]
    if "bnb_4bit_compute_dtype" not in settings:
        lines.append(f"        bnb_4bit_compute_dtype=torch.{dtype},")
    return "\n    quantization_config=BitsAndBytesConfig(\n" + "\n".join(lines) + "\n    ),"


def _fill(template: str) -> str:
    """Write a template as an expression in which the reader puts values for its columns."""
    columns = sorted(list_placeholders(template))
    if not columns:
        return repr(template.format())
    return f"{template!r}.format_map({dict.fromkeys(columns, '…')!r})"


def write_merging(record: dict[str, Any], repo_id: str) -> dict[str, str]:
    """Write what merges the published adapter as it was merged here, and what then runs it.

    The base model is named, because the one of the training may be a 4-bit repository. Gives
    `python`, `shell` and the `modelfile` for Ollama; nothing without a record.
    """
    if not record:
        return {}
    base, commit = record["merged_into"]["name"], record["merged_into"].get("commit")
    quantized = record["quantization"]
    loaded = quantized["dtype"] if quantized else record["dtype"]
    gguf = record["gguf"]
    # The converter needs this vocabulary, and transformers does not save it.
    fetch = f"hf download {base} tokenizer.model --revision {commit} --local-dir merged"
    file, name = gguf["file"], repo_id.rpartition("/")[2].lower()
    return {
        "python": MERGED_LINES.format(
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
                *_write_conversion(file),
                f"llama-cli -m {file} {shlex.join(gguf['options'])}           # llama.cpp",
                f"ollama create {name} -f Modelfile && ollama run {name}",
            )
        ),
        "modelfile": gguf["modelfile"],
    }


def _write_conversion(file: str) -> list[str]:
    """Write what makes a GGUF file of the merged folder; some types the converter cannot write."""
    kind = file.removeprefix("model-").removesuffix(".gguf")
    converted = kind if kind in ("f16", "bf16", "q8_0") else "f16"
    made = f"model-{converted}.gguf"
    lines = [f"python convert_hf_to_gguf.py merged --outfile {made} --outtype {converted}"]
    return lines if made == file else [*lines, f"llama-quantize {made} {file} {kind.upper()}"]
