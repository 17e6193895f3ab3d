"""The code that loads a published adapter and asks it once, as the evaluation asked it."""

import re
import shlex
from collections.abc import Iterable, Sequence
from string import Formatter
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tuneline.examples import Message
from tuneline.models.adapter import Adapter
from tuneline.models.rendering import find_end_tokens
from tuneline.parameters import Prompt

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
        adapter: states quantization, number format and end tokens.
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
                f"python convert_hf_to_gguf.py merged --outfile {file} --outtype {gguf['type']}",
                f"llama-cli -m {file} {shlex.join(gguf['options'])}           # llama.cpp",
                f"ollama create {name} -f Modelfile && ollama run {name}",
            )
        ),
        "modelfile": gguf["modelfile"],
    }


# Signs that begin something in GitHub's Markdown, HTML among it. A backslash makes a sign of each.
SIGNS = re.compile(r"([\\`*_\[\]<>&|~#!$])")
# What begins a list, a ruler or an underlined heading where it is first: `- a`, `1. a`, `===`.
START = re.compile(r"^(\d+(?=[.)])|(?=[-+=]))(.)(?=[-+=\s]|$)")
BACKTICKS = re.compile(r"`+")


def escape(text: str) -> Markup:
    """Make one line of a text that Markdown shows as it is, in a sentence or in a table's cell."""
    line = START.sub(r"\1\\\2", SIGNS.sub(r"\\\1", " ".join(text.split())))
    return Markup(line)  # noqa: S704 - escaped just now


def code(text: str) -> Markup:
    """Show a short text as code. A pipe would end a table's cell even in code, so it is escaped."""
    line = " ".join(text.split())
    if "|" in line or not line:
        return escape(line)
    mark = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return Markup(f"{mark}{space}{line}{space}{mark}")  # noqa: S704 - no run of backticks ends it


def fence(text: str, language: str = "text") -> Markup:
    """Show a text of several lines between fences that no run of backticks in it closes."""
    mark = "`" * max(3, _longest_run(text) + 1)
    lines = "\n".join(text.splitlines())  # also of separators that Markdown does not know
    return Markup(f"{mark}{language}\n{lines}\n{mark}")  # noqa: S704 - nothing in it ends the fence


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markup:
    """Lay out a table; the first column is text, the others are numbers or words."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return Markup("\n").join(
        Markup("| ") + Markup(" | ").join(_cell(cell, row == 1) for cell in line) + Markup(" |")
        for row, line in enumerate(lines)
    )


def render(template: str, **values: Any) -> str:
    """Render a template of this package to Markdown.

    Args:
        template: its path in the package.
        values: what it shows; every text is escaped but `Markup`.

    Returns:
        Markdown.
    """
    environment = Environment(
        loader=PackageLoader("tuneline", ""),
        finalize=_finalize,
        autoescape=False,  # noqa: S701 - this is Markdown; `finalize` escapes for it
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = code
    environment.filters["fence"] = fence
    return environment.get_template(template).render(**values)


def _finalize(value: Any) -> Any:
    return escape(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _cell(value: Any, is_ruler: bool) -> Markup:
    if is_ruler or isinstance(value, Markup):
        return Markup(value)  # noqa: S704 - our own, or escaped before
    return escape("not known" if value is None else str(value))


def _longest_run(text: str) -> int:
    return max((len(run) for run in BACKTICKS.findall(text)), default=0)
