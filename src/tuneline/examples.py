"""Examples: what a model learns to answer, and what is known of each."""

from functools import lru_cache
from math import isfinite
from typing import Any, Literal, cast

import orjson
import regex
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Data, Prompt
from tuneline.parameters.examples import SECTION_COLUMNS, TURN_COLUMNS
from tuneline.utils.hashing import hash_value

# Column of a table's pairs: the groups of a question, as JSON.
GROUPS = "groups"
# Column of rows on their way to examples: the group that the split kept together; null for a row
# that belongs to no other.
SPLIT_GROUP = "_group"
# The same for held-out conversations: how many of the first turns another split has, too.
KNOWN_TURNS = "_known_turns"
# Who answers: the base model, and the same with the adapter.
ModelName = Literal["base", "tuned"]
MODELS: tuple[ModelName, ModelName] = ("base", "tuned")
# The base model with a good prompt: an instruction, and training examples like the prompt.
INSTRUCTED, FEW_SHOT = "instructed", "few_shot"
PROMPTED = (INSTRUCTED, FEW_SHOT)
# The adapter that the training has started from, where it has started from one.
OLD = "old"
ROLES = TURN_COLUMNS
# What files of conversations, as ShareGPT's, call those who speak.
SPEAKERS = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "model", "bot"), "assistant"),
}


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


class Feedback(TypedDict):
    """What somebody thinks of an answer: a row of `feedback.jsonl`.

    `source` is where it was said (`chat`, `rating page`), `date` when (ISO 8601), `adapter` the
    SHA-256 of the adapter that wrote the tuned answer, `templates` the fingerprint of the prompt
    templates that both models were asked with. `context` has the true messages before the `prompt`.
    `answer_of` says whose answer is meant (`base`, `tuned`, `both`), `rating` whether it is `good`
    or `bad`, `better_answer` what it should have been; either may be empty.
    """

    source: str
    date: str
    adapter: str
    templates: str
    context: list[Message]
    prompt: str
    base_answer: str | None
    tuned_answer: str | None
    answer_of: str
    rating: str
    better_answer: str


class Example(TypedDict):
    """A prompt with the completion that is to be learned.

    `meta` holds `line`, the number of the row in the raw source, `templates`, the fingerprint of
    the prompt templates that were filled, and where the use case names them `category`, a text,
    `slices`, texts by column, `key_terms`, a list of texts, `origin`, where the row comes from,
    `rules` that the answer must keep, by the keys of `data.answer_rules`, and `groups`, the
    label of the group that the example belongs to, by the grouping's name: see `fill_templates`.
    Of feedback, which is no raw row, `line` is None and `origin` is always there.
    """

    id: str
    prompt: list[Message]
    completion: list[Message]
    meta: dict[str, Any]


def check_examples(examples: Any) -> list[Example]:
    """Refuse examples that are none; the catalog names this as their validator.

    Raises:
        TunelineError: naming the first example that is none, and what is wrong with it.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(list[Example]).validate_python(examples, strict=True)
    except ValidationError as error:
        number, *path = error.errors()[0]["loc"]
        raise TunelineError(
            Problem(
                where=f"example {int(number) + 1}: {'.'.join(map(str, path))}",
                wrong=f"this is no part of an example ({error.errors()[0]['msg'].lower()})",
                matters="nothing can be learned from it, or asked",
                remedy="run `prepare` again, or state `id`, `prompt` and `completion` (lists of "
                "messages with `role` and `content`) and `meta` in each line",
            )
        ) from error
    return cast(list[Example], examples)


def list_examples(row: dict[str, Any], data: Data, prompt: Prompt) -> list[Example]:
    """List the examples of a row: one, or of a conversation one for each turn that is learned.

    A turn's prompt is all that was said before its answer, word for word as the model is asked in a
    chat: the first question fills the prompt template, later ones are as they are. All turns of a
    conversation are of one group. The example of turn 2 has the id of the row and `-2`. With
    `KNOWN_TURNS`, a row has turns that are not asked.
    """
    if data.conversations is None:
        return [fill_templates(row, data, prompt)]
    system, spoken = read_turns(row[data.conversations.column])
    said: list[Message] = []
    examples: list[Example] = []
    for number, (user, assistant) in enumerate(spoken, start=1):
        texts = {"system": system, "user": user, "assistant": assistant}
        example = fill_templates({**row, **texts}, data, prompt)
        said += [{"role": "user", "content": user}] if said else example["prompt"]
        example |= {"id": f"{example['id']}-{number}", "prompt": list(said)}
        said += example["completion"]
        examples.append(example)
    learned = find_learned(row[data.conversations.column])[row.get(KNOWN_TURNS) or 0 :]
    return [examples[turn] for turn in learned[0 if data.conversations.turns == "all" else -1 :]]


def read_turns(cell: str) -> tuple[str, list[tuple[str, str]]]:
    """Read a clean conversation: its system message, and each question with its answer."""
    texts = [(one["role"], one["content"]) for one in orjson.loads(cell)]
    system = texts.pop(0)[1] if texts[0][0] == "system" else ""
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return system, [(asked, answer) for (_, asked), (_, answer) in pairs]


def find_learned(cell: str) -> list[int]:
    """Find the turns of a clean conversation that are learned: all but those with a weight of 0."""
    answers = [one for one in orjson.loads(cell) if one["role"] == "assistant"]
    return [turn for turn, one in enumerate(answers) if "weight" not in one]


def fill_templates(row: dict[str, Any], data: Data, prompt: Prompt) -> Example:
    """Make an example of a clean row.

    `meta.groups` says which examples depend on each other, so that their scores are not taken for
    independent: those of one value of `data.split.group` (as the split folds it), questions of a
    table on one subject or one item, and what is made of one document or one conversation.
    Categories and slices are no groups: they describe an example, and their values are all there
    are, not a sample of them. A grouping without a label for the example is left out.
    """
    texts = {column: row[column] for column in data.pair_columns}
    stated = (prompt.system or "").format_map(texts)  # of conversations, some may have none
    system: list[Message] = [{"role": "system", "content": stated}] if stated else []
    return {
        "id": str(row[data.id]),
        "prompt": [*system, {"role": "user", "content": prompt.prompt.format_map(texts)}],
        "completion": [{"role": "assistant", "content": prompt.completion.format_map(texts)}],
        "meta": {"line": row["line"], "templates": hash_templates(prompt), **_describe(row, data)},
    }


@lru_cache
def hash_templates(prompt: Prompt) -> str:
    """Fingerprint the templates that a model is asked with: twelve hexadecimal digits."""
    return hash_value([prompt.system or "", prompt.prompt])[:12]


def _describe(row: dict[str, Any], data: Data) -> dict[str, Any]:
    about: dict[str, Any] = {}
    if data.category:
        about["category"] = row[data.category] or ""
    if data.slices:
        about["slices"] = {column: row[column] or "" for column in data.slices}
    if data.key_terms:
        about["key_terms"] = split_terms(row[data.key_terms] or "")
    if data.origin and (origin := row[data.origin]):
        about["origin"] = _read_origin(origin)
    if rules := _read_rules(row, data):
        about["rules"] = rules
    if groups := _name_groups(row, data):
        about["groups"] = groups
    return about


def _read_origin(cell: str) -> Any:
    """Read where a row comes from: an object that travelled as JSON, or a text."""
    try:
        return orjson.loads(cell) if cell.startswith("{") else cell
    except orjson.JSONDecodeError:
        return cell


def _name_groups(row: dict[str, Any], data: Data) -> dict[str, str]:
    groups: dict[str, str] = orjson.loads(row[GROUPS]) if data.table else {}
    if data.documents:
        groups["document"] = str(row[data.id if data.documents.parts else SECTION_COLUMNS[0]])
    if data.conversations:
        groups["conversation"] = str(row[data.id])
    if data.split.group and row.get(SPLIT_GROUP):
        groups[data.split.group] = row[SPLIT_GROUP]
    return groups


def _read_rules(row: dict[str, Any], data: Data) -> dict[str, Any]:
    stated = ((kind, row[column]) for kind, column in data.answer_rules if column)
    read = {kind: read_rule(kind, cell) for kind, cell in stated}
    return {kind: rule for kind, rule in read.items() if rule not in (None, [])}


def read_rule(kind: str, cell: Any) -> list[str] | str | float | None:
    """Read a rule of a single row, `kind` being a key of `data.answer_rules`.

    Gives terms, a pattern or a number; None or no terms where the cell is empty.

    Raises:
        ValueError: if it is no number, or no regular expression.
    """
    if kind in ("contain", "exclude"):
        return split_terms(cell if isinstance(cell, list) else str(cell or ""))
    text = "" if cell is None else str(cell).strip()
    if not text:
        return None
    if kind == "number":
        number = float(text if "." in text else text.replace(",", "."))
        if not isfinite(number):
            raise ValueError(text)
        return number
    try:
        regex.compile(text)
    except regex.error as error:
        raise ValueError(text) from error
    return text


def split_terms(terms: str | list[str]) -> list[str]:
    """Read a list of terms: as it is, as JSON, or a text with semicolons; none of them is empty."""
    if isinstance(terms, str):
        try:
            found = orjson.loads(terms)
        except orjson.JSONDecodeError:
            found = None
        terms = found if isinstance(found, list) else terms.split(";")
    return [text for term in terms if (text := str(term).strip())]
