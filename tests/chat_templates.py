"""Chat templates of our own, each with the traits of a family of base models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AddedToken, AutoTokenizer

from tests.conftest import PROJECT, TINY_BASE


@dataclass(frozen=True)
class Family:
    """A family's template and tokens.

    Attributes:
        template: Jinja.
        special: control tokens that its tokenizer holds for special.
        plain: control tokens that it does not hold for special, as Qwen's `<think>`.
        eos: its end-of-text token.
        asked: what a prompt ends with, up to where an answer begins.
        ends: what an answer ends with.
        before: a blank that belongs to the answer.
        system: whether it takes a system message.
    """

    template: str
    special: tuple[str, ...]
    eos: str
    asked: str
    ends: str
    plain: tuple[str, ...] = ()
    before: str = ""
    system: bool = True


def build_tokenizer(folder: Path, family: Family) -> str:
    """Save the tiny base's tokenizer with a family's tokens and template; its model is not."""
    tokenizer: Any = AutoTokenizer.from_pretrained(PROJECT / TINY_BASE, trust_remote_code=False)
    special = [AddedToken(one, normalized=False, special=True) for one in family.special]
    tokenizer.add_special_tokens({"extra_special_tokens": special})
    tokenizer.add_tokens([AddedToken(one, normalized=False) for one in family.plain])
    tokenizer.eos_token = family.eos
    if "<s>" in family.special:
        tokenizer.bos_token = "<s>"
    tokenizer.chat_template = family.template
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    return str(folder)


START = "{% for m in messages %}"
TAKE_SYSTEM = (
    "{% if messages[0].role == 'system' %}{% set system = messages[0].content %}"
    "{% set messages = messages[1:] %}{% else %}{% set system = '' %}{% endif %}"
)
CHATML = (
    START + "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# Keeps a thought only in an answer that no question follows.
WITHOUT_OLD_THOUGHTS = (
    "{% set c = m.content %}{% if '</think>' in c %}{% set c = c.split('</think>')[-1] %}"
    "{% endif %}"
)
QWEN = ("<|im_start|>", "<|im_end|>")
COHERE = (
    "<s>",
    "<|START_OF_TURN_TOKEN|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|USER_TOKEN|>",
    "<|CHATBOT_TOKEN|>",
    "<|SYSTEM_TOKEN|>",
)
COHERE_TURN = (
    "{{ '<|START_OF_TURN_TOKEN|>' + {'user': '<|USER_TOKEN|>', 'system': '<|SYSTEM_TOKEN|>', "
    "'assistant': '<|CHATBOT_TOKEN|>'}[m.role] }}"
)
COHERE_ASK = (
    "{% if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}"
)

FAMILIES = {
    # The day's date in a system turn that is always there; texts are trimmed.
    "llama-3.2": Family(
        "{{ bos_token }}" + TAKE_SYSTEM + "{% set today = strftime_now('%d %b %Y') %}"
        "{{ '<|start_header_id|>system<|end_header_id|>\n\nToday: ' + today + '\n\n' }}"
        "{{ system | trim + '<|eot_id|>' }}" + START + "{{ '<|start_header_id|>' + m.role + "
        "'<|end_header_id|>\n\n' + m.content | trim + '<|eot_id|>' }}{% endfor %}"
        "{% if add_generation_prompt %}"
        "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
        ("<s>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "<|eot_id|>",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|eot_id|>",
    ),
    # Takes texts and lists of parts.
    "llama-4": Family(
        "{{ bos_token }}" + START + "{{ '<|header_start|>' + m.role + '<|header_end|>\n\n' }}"
        "{% if m.content is string %}{{ m.content }}{% else %}{% for part in m.content %}"
        "{% if part.type == 'image' %}{{ '<|image|>' }}{% else %}{{ part.text }}{% endif %}"
        "{% endfor %}{% endif %}{{ '<|eot|>' }}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|header_start|>assistant<|header_end|>\n\n' }}{% endif %}",
        ("<s>", "<|header_start|>", "<|header_end|>", "<|eot|>", "<|image|>"),
        "<|eot|>",
        "<|header_start|>assistant<|header_end|>\n\n",
        "<|eot|>",
    ),
    "gemma-2": Family(
        "{{ bos_token }}{% if messages[0].role == 'system' %}"
        "{{ raise_exception('System role not supported') }}{% endif %}"
        + START
        + "{% if (m.role == "
        "'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}"
        "{% endif %}{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' + "
        "m.content | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
        ("<s>", "<start_of_turn>", "<end_of_turn>"),
        "</s>",
        "<start_of_turn>model\n",
        "<end_of_turn>",
        system=False,
    ),
    # The system message begins the first question.
    "gemma-3": Family(
        "{{ bos_token }}" + TAKE_SYSTEM + START + "{{ '<start_of_turn>' + ('model' if m.role == "
        "'assistant' else m.role) + '\n' }}{% if loop.first and system %}{{ system + '\n\n' }}"
        "{% endif %}{{ m.content | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
        ("<s>", "<start_of_turn>", "<end_of_turn>"),
        "</s>",
        "<start_of_turn>model\n",
        "<end_of_turn>",
    ),
    # Opens and closes turns by different tokens; thoughts are off unless they are asked for.
    "gemma-4": Family(
        "{{ bos_token }}" + START + "{{ '<|turn>' + ('model' if m.role == 'assistant' else m.role) "
        "+ '\n' }}{% if enable_thinking and m.role == 'system' %}{{ '<|think|>' }}{% endif %}"
        "{{ m.content | trim + '<turn|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|turn>model\n' }}{% endif %}",
        ("<s>", "<|turn>", "<turn|>", "<|think|>"),
        "<turn|>",
        "<|turn>model\n",
        "<turn|>",
    ),
    # [INST] is plain text; a blank before the answer.
    "mistral-0.1": Family(
        "{{ bos_token }}" + START + "{% if m.role == 'user' %}{{ '[INST] ' + m.content + "
        "' [/INST]' }}{% elif m.role == 'assistant' %}{{ ' ' + m.content + eos_token }}{% else %}"
        "{{ raise_exception('Only user and assistant roles!') }}{% endif %}{% endfor %}",
        ("<s>", "</s>"),
        "</s>",
        "[/INST]",
        "</s>",
        before=" ",
        system=False,
    ),
    "mistral-0.2": Family(
        "{{ bos_token }}" + TAKE_SYSTEM + START + "{% if m.role == 'user' %}{{ ' [INST] ' }}"
        "{% if loop.first and system %}{{ system + '\n\n' }}{% endif %}{{ m.content + ' [/INST]' }}"
        "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}",
        ("<s>", "</s>"),
        "</s>",
        " [/INST]",
        "</s>",
        before=" ",
    ),
    # The system message goes into the last question.
    "mistral-0.3": Family(
        "{{ bos_token }}"
        + TAKE_SYSTEM
        + "{% set ns = namespace(last=0) %}"
        + START
        + "{% if m.role "
        "== 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}"
        + START
        + "{% if m.role "
        "== 'user' %}{{ '[INST] ' }}{% if loop.index0 == ns.last and system %}"
        "{{ system + '\n\n' }}{% endif %}{{ m.content + '[/INST]' }}{% else %}"
        "{{ ' ' + m.content | trim + eos_token }}{% endif %}{% endfor %}",
        ("<s>", "</s>", "[INST]", "[/INST]"),
        "</s>",
        "[/INST]",
        "</s>",
        before=" ",
    ),
    # Ends a finished conversation with a second end token.
    "phi-3": Family(
        START + "{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
        (),
        "<|endoftext|>",
        "<|assistant|>\n",
        "<|end|>",
    ),
    "phi-4": Family(
        START + "{{ '<|im_start|>' + m.role + '<|im_sep|>' + m.content + '<|im_end|>' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}"
        "{% endif %}",
        (*QWEN, "<|im_sep|>"),
        "<|im_end|>",
        "<|im_start|>assistant<|im_sep|>",
        "<|im_end|>",
    ),
    "qwen-2.5": Family(
        "{% if messages[0].role != 'system' %}"
        "{{ '<|im_start|>system\nYou are Qwen.<|im_end|>\n' }}{% endif %}" + CHATML,
        QWEN,
        "<|im_end|>",
        "<|im_start|>assistant\n",
        "<|im_end|>",
        plain=("<tool_call>", "</tool_call>"),
    ),
    # An empty thought before the last answer; a switch asks for none.
    "qwen-3": Family(
        START + "{% if m.role == 'assistant' %}{% set r = '' %}" + WITHOUT_OLD_THOUGHTS + "{{ "
        "'<|im_start|>assistant\n' + ('<think>\n' + r + '\n</think>\n\n' if loop.last else '') + "
        "c.lstrip('\n') + '<|im_end|>\n' }}{% else %}{{ '<|im_start|>' + m.role + '\n' + m.content "
        "+ '<|im_end|>\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|im_start|>assistant\n' }}{% if enable_thinking is defined and enable_thinking is "
        "false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}",
        QWEN,
        "<|im_end|>",
        "<|im_start|>assistant\n<think>\n\n</think>\n\n",
        "<|im_end|>",
        plain=("<think>", "</think>", "<tool_call>"),
    ),
    # The same without a switch.
    "qwen-3, no switch": Family(
        START + "{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' and loop.last %}"
        "{{ '<think>\n\n</think>\n\n' }}{% endif %}{{ m.content + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}\n",
        QWEN,
        "<|im_end|>",
        "<|im_start|>assistant\n<think>\n\n</think>\n\n",
        "<|im_end|>",
        plain=("<think>", "</think>"),
    ),
    # Asks for a thought unless it is switched off.
    "qwen-3.5": Family(
        START + "{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' and loop.last %}"
        "{{ '<think>\n\n</think>\n\n' }}{% endif %}{{ m.content + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n' }}"
        "{% if enable_thinking is defined and not enable_thinking %}{{ '\n</think>\n\n' }}"
        "{% endif %}{% endif %}",
        QWEN,
        "<|im_end|>",
        "<|im_start|>assistant\n<think>\n\n</think>\n\n",
        "<|im_end|>",
        plain=("<think>", "</think>"),
    ),
    # Answers in a channel; the last one ends otherwise than those before; a date.
    "gpt-oss": Family(
        "{{ '<|start|>system<|message|>You are ChatGPT.\nCurrent date: ' + "
        "strftime_now('%Y-%m-%d') + '<|end|>' }}" + START + "{% if m.role == 'assistant' %}"
        "{{ '<|start|>assistant<|channel|>final<|message|>' + m.content + ('<|return|>' if "
        "loop.last else '<|end|>') }}{% else %}{{ '<|start|>' + ('developer' if m.role == 'system' "
        "else m.role) + '<|message|>' + m.content + '<|end|>' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}",
        ("<|start|>", "<|message|>", "<|channel|>", "<|return|>"),
        "<|return|>",
        "<|start|>assistant<|channel|>final<|message|>",
        "<|return|>",
    ),
    "command-r": Family(
        "{{ bos_token }}" + START + COHERE_TURN + "{{ m.content | trim + '<|END_OF_TURN_TOKEN|>' }}"
        "{% endfor %}" + COHERE_ASK,
        COHERE,
        "<|END_OF_TURN_TOKEN|>",
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
        "<|END_OF_TURN_TOKEN|>",
    ),
    # Tokens before and after a response.
    "command-r7b": Family(
        "{{ bos_token }}" + START + COHERE_TURN + "{% if m.role == 'assistant' %}"
        "{{ '<|START_RESPONSE|>' + m.content + '<|END_RESPONSE|>' }}{% else %}{{ m.content }}"
        "{% endif %}{{ '<|END_OF_TURN_TOKEN|>' }}{% endfor %}" + COHERE_ASK,
        (*COHERE, "<|START_RESPONSE|>", "<|END_RESPONSE|>"),
        "<|END_OF_TURN_TOKEN|>",
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|><|START_RESPONSE|>",
        "<|END_RESPONSE|><|END_OF_TURN_TOKEN|>",
    ),
    # Begins a thought in the prompt and keeps none in an answer.
    "deepseek-r1": Family(
        "{{ bos_token }}" + TAKE_SYSTEM + "{{ system }}" + START + "{% if m.role == 'user' %}"
        "{{ '<｜User｜>' + m.content }}{% else %}"
        + WITHOUT_OLD_THOUGHTS
        + "{{ '<｜Assistant｜>' + c "
        "+ '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\n' }}{% endif %}",
        ("<s>", "<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>"),
        "<｜end▁of▁sentence｜>",
        "<｜Assistant｜><think>\n\n</think>\n\n",
        "<｜end▁of▁sentence｜>",
        plain=("<think>", "</think>"),
    ),
    "smollm2": Family(
        "{% if messages[0].role != 'system' %}"
        "{{ '<|im_start|>system\nYou are SmolLM.<|im_end|>\n' }}{% endif %}" + CHATML,
        QWEN,
        "<|im_end|>",
        "<|im_start|>assistant\n",
        "<|im_end|>",
    ),
    # Says in its system turn whether it thinks, with a date.
    "smollm3": Family(
        "{% if enable_thinking is not defined %}{% set enable_thinking = true %}{% endif %}"
        + TAKE_SYSTEM
        + "{{ '<|im_start|>system\nToday: ' + strftime_now('%d %B %Y') + '\nMode: ' + ('/think' if "
        "enable_thinking else '/no_think') + '\n\n' + system + '<|im_end|>\n' }}"
        + START
        + "{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' and not enable_thinking "
        "%}{{ '<think>\n\n</think>\n' }}{% elif m.role == 'assistant' %}{{ '\n' }}{% endif %}"
        "{{ m.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|im_start|>assistant\n' }}{% if not enable_thinking %}{{ '<think>\n\n</think>\n' }}"
        "{% endif %}{% endif %}",
        QWEN,
        "<|im_end|>",
        "<|im_start|>assistant\n<think>\n\n</think>\n",
        "<|im_end|>",
        plain=("<think>", "</think>"),
    ),
    # An end of turn that its tokenizer does not hold for special.
    "chatml by hand": Family(
        CHATML,
        (),
        "<|endoftext|>",
        "<|im_start|>assistant\n",
        "<|im_end|>",
        plain=QWEN,
    ),
    # Takes no notice of `add_generation_prompt`.
    "no generation prompt": Family(
        START + "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}\n",
        QWEN,
        "<|im_end|>",
        "<|im_start|>assistant\n",
        "<|im_end|>",
    ),
}
