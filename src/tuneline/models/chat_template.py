"""The chat template as it is used: the same on every day, and asking where an answer begins."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from jinja2 import TemplateSyntaxError

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Message
from tuneline.models.control_tokens import TemplateRefusal, render_text

# Line breaks and capitals: a template that changes them changes every text.
QUESTION: Message = {"role": "user", "content": "What is\na Q1W2E3?"}
ANSWER: Message = {"role": "assistant", "content": "It is\na P4O5I6."}
SYSTEM: Message = {"role": "system", "content": "You sell\nZ7X8C9."}

# Llama 3's own date where there is no clock.
DAY = datetime(2024, 7, 26, tzinfo=UTC)
DIRECTIVE = re.compile(r"%-?[aAbBcdfHIjmMpSUwWxXyYZz]")
FIXED_DATE = "{# Tuneline: the same date in training and use #}"
NO_THOUGHT = "{# Tuneline: answers without a thought #}{% set enable_thinking = false %}"
ASKS_ON = "{# Tuneline: the model is asked up to where an answer begins #}"
OPENED = re.compile(r"([<\[])(\w+)([>\]])\s*$")  # a thought that the prompt begins, as R1's does


def complete_template(tokenizer: Any, where: str, value: str) -> None:
    """Make a tokenizer's template render the same always, and ask up to where an answer begins.

    What a template writes between its generation prompt and an answer (an empty thought, the token
    that begins a response) becomes part of the generation prompt, so that a model learns and
    writes the answer alone. The changed template goes wherever the tokenizer goes.

    Args:
        tokenizer: its `chat_template` is replaced.
        where: the parameter that the template comes from.
        value: of that parameter.

    Raises:
        TunelineError: if the template is broken, does not write the texts of messages, or renders
            a prompt in another way once an answer follows.
    """
    template = _fix_date(tokenizer.chat_template.removeprefix("\ufeff"))
    try:
        missing = _find_missing(tokenizer, template)
        if missing and "enable_thinking" in template and NO_THOUGHT not in template:
            silent = NO_THOUGHT + template
            left = _find_missing(tokenizer, silent)
            template, missing = (template, missing) if left is None else (silent, left)
    except TemplateRefusal as refusal:
        raise TunelineError(_format_refusal(refusal, where, value)) from refusal
    except _NotThereError as error:
        raise TunelineError(_format_missing_text(tokenizer, template, where, value)) from error
    if missing is None:
        raise TunelineError(
            Problem(
                where=where,
                value=value,
                wrong="the base model's chat template renders its prompt differently once an "
                "answer follows",
                matters="the model would be trained on another prompt than it is asked with",
                remedy="use a base model whose template keeps the prompt as it is, or give a "
                "template: recipe.chat_template_path",
            )
        )
    tokenizer.chat_template = _add_to_prompt(template, missing) if missing else template


def find_after(tokenizer: Any) -> str:
    """Find what the template writes after an answer that nothing follows."""
    return render_text(tokenizer, [QUESTION, ANSWER]).rpartition(ANSWER["content"])[2]


def describe_template(tokenizer: Any) -> list[str]:
    """Say what a user should know about a tokenizer's template.

    Args:
        tokenizer: with a completed template.

    Returns:
        Sentences, none for a plain template.
    """
    template, sentences = tokenizer.chat_template, []
    if FIXED_DATE in template:
        sentences.append(
            "It writes the date of the day; here it always writes that of "
            f"{DAY:%d %b %Y}, in training, evaluation and use, so that no prompt differs."
        )
    if NO_THOUGHT in template:
        sentences.append("Its thoughts are switched off: answers are trained and asked for alone.")
    if ASKS_ON in template:
        added = re.findall(r'\{\{ (".*") \}\}\{% endif %\}\Z', template)[0]
        sentences.append(
            f"It is asked with {added} at the end of the prompt: what it writes before every "
            "answer is neither trained nor scored."
        )
    system = _find_own_system(tokenizer)
    if system:
        sentences.append(
            f"It writes a system message of its own where there is none: “{system}” "
            "(prompt.system replaces it)."
        )
    return sentences


def _find_own_system(tokenizer: Any) -> str:
    """Find the system message that a template writes where there is none."""
    try:
        given = render_text(tokenizer, [SYSTEM, QUESTION], asks=True)
    except TemplateRefusal:
        return ""
    before, found, after = given.partition(SYSTEM["content"])
    alone = render_text(tokenizer, [QUESTION], asks=True)
    if not found or not alone.startswith(before):
        return ""
    own = alone[len(before) :].partition(QUESTION["content"])[0]
    return own.removesuffix(after.partition(QUESTION["content"])[0]).strip()


class _NotThereError(Exception):
    """The text of a message is not in what the template has rendered."""


def _find_missing(tokenizer: Any, template: str) -> str | None:
    """Find what the generation prompt lacks up to an answer; None if it is another prompt.

    A blank before an answer stays with the answer: tokenizers join it to the first word.
    """
    asked = render_text(tokenizer, [QUESTION], asks=True, template=template)
    whole = render_text(tokenizer, [QUESTION, ANSWER], template=template)
    before, found, _ = whole.rpartition(ANSWER["content"])
    if not found or QUESTION["content"] not in before or QUESTION["content"] not in asked:
        raise _NotThereError
    if before.startswith(asked):
        return before[len(asked) :].rstrip(" ")
    if not asked.startswith(before):
        return None
    opened = OPENED.search(asked[len(before) :])
    return f"\n{opened[1]}/{opened[2]}{opened[3]}\n\n" if opened else ""


def _add_to_prompt(template: str, text: str) -> str:
    """Let a template write more when it asks; Jinja itself drops a line break at its end."""
    word = json.dumps(text, ensure_ascii=False)
    asks_on = f"{ASKS_ON}{{% if add_generation_prompt %}}{{{{ {word} }}}}{{% endif %}}"
    return re.sub(r"\r?\n\Z", "", template) + asks_on


def _fix_date(template: str) -> str:
    if "strftime_now" not in template or FIXED_DATE in template:
        return template
    found = sorted(set(DIRECTIVE.findall(template))) or ["%d", "%b", "%Y", "%m", "%B", "%H", "%M"]
    values = ((one, DAY.strftime(one.replace("-", ""))) for one in found)
    replaced = "".join(
        f"|replace({json.dumps(one)}, {json.dumps(text.lstrip('0') if '-' in one else text)})"
        for one, text in values
    )
    macro = "{% macro strftime_now(format) %}{{ format" + replaced + " }}{% endmacro %}"
    return FIXED_DATE + macro + template


def _format_refusal(refusal: TemplateRefusal, where: str, value: str) -> Problem:
    cause = refusal.__cause__
    line = f", line {cause.lineno}" if isinstance(cause, TemplateSyntaxError) else ""
    return Problem(
        where=where,
        value=value,
        wrong=f"its chat template fails on a question and its answer ({refusal.reason}{line})",
        matters="nothing can be rendered with it",
        remedy="correct the template, or give another one: recipe.chat_template_path",
    )


def _format_missing_text(tokenizer: Any, template: str, where: str, value: str) -> Problem:
    parts: Any = [{**QUESTION, "content": [{"type": "text", "text": QUESTION["content"]}]}]
    try:
        takes_parts = QUESTION["content"] in render_text(tokenizer, parts, template=template)
    except TemplateRefusal:
        takes_parts = False
    how = "it takes lists of parts alone" if takes_parts else "it drops or changes them"
    return Problem(
        where=where,
        value=value,
        wrong=f"its chat template does not write the texts of messages as they are: {how}",
        matters="the model would be trained on other texts than yours, or on none",
        remedy="give a template that writes `message['content']`: recipe.chat_template_path",
    )
