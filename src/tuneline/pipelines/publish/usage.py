"""The code that loads a published adapter and asks it once, as the evaluation asked it."""

from string import Formatter
from typing import Any

from tuneline.adapters import Adapter
from tuneline.examples import Message
from tuneline.parameters import Prompt
from tuneline.rendering import find_end_tokens

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


def write_usage(
    adapter: Adapter,
    generation: dict[str, Any],
    prompt: Prompt,
    question: list[Message] | None,
    repo_id: str,
) -> str:
    """Write Python that loads the adapter with its base and generates one answer.

    Args:
        adapter: states quantisation, number format and end tokens.
        generation: the decoding of the evaluation.
        prompt: the templates of the training.
        question: what to ask, as the evaluation asked it; None asks with the templates, their
            columns to be filled in.
        repo_id: what to load.

    Returns:
        Code. Every value in it is a literal that Python itself has written.
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
    return LINES.format(
        imports=", BitsAndBytesConfig" if quantization else "",
        repo=repo_id,
        dtype=provenance["hardware"]["dtype"],
        quantization=write_quantization(quantization, provenance["hardware"]["dtype"]),
        messages="\n".join(
            f'    {{"role": "{role}", "content": {content}}},' for role, content in messages
        ),
        generation="\n".join(f"    {name}={value!r}," for name, value in decoding.items()),
    )


def write_quantization(settings: dict[str, Any], dtype: str) -> str:
    """Write the argument that has `from_pretrained` load a base model as it was trained on.

    Args:
        settings: keys of BitsAndBytesConfig; empty for a base model that was not quantized.
        dtype: the number format of the training.

    Returns:
        Lines that follow another argument; empty without settings.
    """
    if not settings:
        return ""
    lines = [f"        {name}={value!r}," for name, value in settings.items()]
    if "bnb_4bit_compute_dtype" not in settings:
        lines.append(f"        bnb_4bit_compute_dtype=torch.{dtype},")
    return "\n    quantization_config=BitsAndBytesConfig(\n" + "\n".join(lines) + "\n    ),"


def _fill(template: str) -> str:
    """Write a template as an expression in which the reader puts values for its columns."""
    columns = sorted({name for _, name, _, _ in Formatter().parse(template) if name})
    if not columns:
        return repr(template.format())
    return f"{template!r}.format_map({dict.fromkeys(columns, '…')!r})"
