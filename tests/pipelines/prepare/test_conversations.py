"""Conversations of several turns, from files as people have them to examples."""

import csv
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from tests.pipelines.prepare.cleaning import clean
from tuneline.datasets import RawCSVDataset, RawJSONDataset, RawParquetDataset
from tuneline.errors import TunelineError
from tuneline.examples import list_examples
from tuneline.parameters import Data, Evaluation, Prompt
from tuneline.pipelines.prepare.cross_fitting import cross_fit_examples, split_all_rows
from tuneline.pipelines.prepare.nodes import build_examples, check_leaks, split_rows
from tuneline.prompts import start_messages

WORDS = Path(__file__).parents[3].joinpath("CONTRIBUTING.md").read_text("utf-8").split()
PROMPT = Prompt(system="{system}", prompt="{user}", completion="{assistant}")
EVALUATION = Evaluation.model_validate({"title": "Talk", "generation": {"max_new_tokens": 8}})
USER, ANSWER = {"role": "user", "content": "How?"}, {"role": "assistant", "content": "So."}
SYSTEM = {"role": "system", "content": "Be brief."}


def state(column: str = "messages", **conversations: Any) -> Data:
    return Data.model_validate(
        {
            "id": "line",
            "columns": [column],
            "conversations": {"column": column, **conversations},
            "split": {"test": 0.1, "validation": 0.1},
        }
    )


def talk(turns: int, seed: int = 0) -> list[dict[str, str]]:
    """Write a conversation of texts that no other has."""
    chosen = random.Random(seed)
    texts = (" ".join(chosen.choices(WORDS, k=12)) for _ in range(2 * turns))
    pairs = zip(("user", "assistant") * turns, texts, strict=True)
    return [{"role": role, "content": text} for role, text in pairs]


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def list_texts(cell: str) -> list[str]:
    return [one["content"] for one in json.loads(cell)]


@dataclass(frozen=True)
class Many:
    """A prepared file: what was cleaned, the examples of each split, the leak report."""

    talks: list[Any]
    cleaned: Any
    splits: list[Any]
    leaks: dict[str, Any]
    seconds: float


def prepare(
    path: Path, data: Data, evaluation: Evaluation = EVALUATION
) -> tuple[Any, list[Any], dict[str, Any]]:
    kept, rejected, report = clean(RawJSONDataset(filepath=str(path)), data)
    rows = split_rows(kept.lazy(), data, report)
    left, _, _, leaks = check_leaks(rows, data, PROMPT, evaluation)
    splits = build_examples(left, data, PROMPT)
    return (kept, rejected, report), list(splits), leaks


SAID = ["Is it hot?", "It is.", "And now?", "Now it is cold."]


def write_messages(path: Path) -> Any:
    roles = ("user", "assistant") * 2
    pairs = zip(roles, SAID, strict=True)
    messages = [{"role": role, "content": text} for role, text in pairs]
    return RawJSONDataset(filepath=str(write_lines(path / "talk.jsonl", [{"messages": messages}])))


def write_sharegpt(path: Path) -> Any:
    pairs = zip(("human", "gpt") * 2, SAID, strict=True)
    turns = [{"from": who, "value": text} for who, text in pairs]
    (path / "talk.json").write_text(json.dumps([{"id": "a", "messages": turns}]), "utf-8")
    return RawJSONDataset(filepath=str(path / "talk.json"))


def write_column_of_turns(path: Path) -> Any:
    with (path / "talk.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["topic", "messages"], ["tea", json.dumps(SAID)]])
    return RawCSVDataset(filepath=str(path / "talk.csv"))


def write_parquet(path: Path) -> Any:
    pairs = zip(("user", "assistant") * 2, SAID, strict=True)
    messages = [{"role": role, "content": text} for role, text in pairs]
    pl.DataFrame({"messages": [messages]}).write_parquet(path / "talk.parquet")
    return RawParquetDataset(filepath=str(path / "talk.parquet"))


@pytest.mark.parametrize(
    "write", [write_messages, write_sharegpt, write_column_of_turns, write_parquet]
)
def test_every_answer_is_learned_given_the_true_turns_before_it(tmp_path: Path, write: Any):
    data = state()
    kept, rejected, report = clean(write(tmp_path), data)
    assert (kept.height, rejected.height) == (1, 0)
    assert report["turns"] == {"rows": 2, "clean": 2, "rejected": 0, "cut": 0}
    first, second = list_examples(kept.row(0, named=True), data, PROMPT)
    assert [one["content"] for one in first["prompt"]] == SAID[:1]
    assert [one["content"] for one in second["prompt"]] == SAID[:3]
    assert [one["role"] for one in second["prompt"]] == ["user", "assistant", "user"]
    assert [one["completion"][0]["content"] for one in (first, second)] == [SAID[1], SAID[3]]
    assert first["meta"]["groups"] == second["meta"]["groups"]
    assert [one["id"] for one in (first, second)] == [
        f"{kept['line'][0]}-1",
        f"{kept['line'][0]}-2",
    ]


def test_only_the_last_answer_is_learned_by_a_switch(tmp_path: Path):
    data = state(turns="last")
    kept, _, _ = clean(write_messages(tmp_path), data)
    (only,) = list_examples(kept.row(0, named=True), data, PROMPT)
    assert [one["content"] for one in (*only["prompt"], *only["completion"])] == SAID


@pytest.mark.parametrize(("turns", "learned"), [("all", [0, 2]), ("last", [2])])
def test_an_answer_of_weight_0_is_said_but_not_learned(
    tmp_path: Path, turns: str, learned: list[int]
):
    messages = talk(4)
    for turn, weight in enumerate((None, 0, 1, 0)):
        messages[2 * turn + 1]["weight"] = weight
    raw = RawJSONDataset(
        filepath=str(write_lines(tmp_path / "talk.jsonl", [{"messages": messages}]))
    )
    data = state(turns=turns)
    kept, _, report = clean(raw, data)
    assert report["turns"] == {"rows": 2, "clean": 2, "rejected": 0, "cut": 0}
    examples = list_examples(kept.row(0, named=True), data, PROMPT)
    texts = [one["content"] for one in messages]
    assert [one["completion"][0]["content"] for one in examples] == [
        texts[2 * turn + 1] for turn in learned
    ]
    assert [one["content"] for one in examples[-1]["prompt"]] == texts[:5]
    assert {key for one in examples for said in one["prompt"] for key in said} == {
        "role",
        "content",
    }


BAD = {
    "conversation begins with the assistant: message 1": [ANSWER, USER, ANSWER],
    "conversation has two user messages in a row: message 2": [USER, USER, ANSWER],
    "conversation has two assistant messages in a row: message 3": [USER, ANSWER, ANSWER],
    "conversation has an empty message: message 4": [
        USER,
        ANSWER,
        USER,
        {"role": "assistant", "content": " \n"},
    ],
    "conversation has more than 50 turns: 200": [USER, ANSWER] * 200,
    "conversation has a message without a known role: message 2": [
        USER,
        {"role": "narrator", "content": "x"},
    ],
    "conversation calls a tool, which is not learned: message 2": [
        USER,
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "3"},
        ANSWER,
    ],
    "conversation has a system message that is not its first: message 3": [USER, ANSWER, SYSTEM],
    "conversation has a message that is no text: message 1": [
        {"role": "user", "content": [{"type": "image"}]},
        ANSWER,
    ],
    "conversation has no answer": [SYSTEM, USER],
    "conversation has no answer that is to be learned": [USER, ANSWER | {"weight": 0}],
    "conversation has a weight other than 0 and 1: message 2": [USER, ANSWER | {"weight": 0.5}],
    "conversation is no JSON list of messages": "none",
    "messages is empty": "",
    "messages is not text but dict": {"role": "user"},
}


def test_bad_conversations_have_one_reason_each_and_are_counted(tmp_path: Path):
    rows = [{"messages": one} for one in (*BAD.values(), [SYSTEM, USER, ANSWER])]
    raw = RawJSONDataset(filepath=str(write_lines(tmp_path / "talk.jsonl", rows)))
    kept, rejected, report = clean(raw, state())
    assert dict(zip(rejected["reason"], rejected["line"], strict=True)) == {
        reason: line for line, reason in enumerate(BAD, start=1)
    }
    assert kept["line"].to_list() == [len(rows)]
    assert report["reasons"] == {reason.partition(":")[0]: 1 for reason in BAD}
    said = [one for one in BAD.values() if isinstance(one, list)]
    turns = sum(
        one["role"] == "assistant" and "tool_calls" not in one and one.get("weight") != 0
        for row in said
        for one in row
    )
    assert report["turns"] == {"rows": turns + 1, "clean": 1, "rejected": turns, "cut": 0}
    assert f"{turns:,} in rejected conversations" in report["summary"]


def test_too_many_turns_are_cut_at_a_turn_and_counted(tmp_path: Path):
    rows = [{"messages": [SYSTEM, *talk(200)]}, {"messages": talk(3, seed=1)}]
    raw = RawJSONDataset(filepath=str(write_lines(tmp_path / "talk.jsonl", rows)))
    kept, _, report = clean(raw, state(max_turns=4, overlong="cut"))
    long, short = map(list_texts, kept["messages"])
    assert long == ["Be brief.", *(one["content"] for one in talk(200)[:8])]
    assert len(short) == 6
    assert report["turns"] == {"rows": 203, "clean": 7, "rejected": 0, "cut": 196}


def test_a_question_at_the_end_that_nothing_answers_is_left_out(tmp_path: Path):
    rows = [{"messages": [USER, ANSWER, USER]}]
    raw = RawJSONDataset(filepath=str(write_lines(tmp_path / "talk.jsonl", rows)))
    kept, _, _ = clean(raw, state())
    assert list_texts(kept["messages"][0]) == ["How?", "So."]


def test_every_message_is_cleaned_and_one_that_is_nothing_then_rejects_its_row(tmp_path: Path):
    marked = {"role": "assistant", "content": 'It  is <b>hot</b> &amp; "red".'}
    gone = {"role": "assistant", "content": "<!-- nothing -->"}
    rows = [{"messages": [USER, marked]}, {"messages": [USER, ANSWER, USER, gone]}]
    raw = RawJSONDataset(filepath=str(write_lines(tmp_path / "talk.jsonl", rows)))
    kept, rejected, report = clean(raw, state())
    assert list_texts(kept["messages"][0]) == ["How?", 'It is hot & "red".']
    assert rejected["reason"].to_list() == ["conversation has an empty message: message 4"]
    assert report["rules"]["strip_tags"]["rows"] == 2
    assert report["lengths"]["messages"]["after"]["longest"] == len('How?\nIt is hot & "red".')


def test_a_system_message_stays_and_a_conversation_without_one_has_none(tmp_path: Path):
    rows = [{"messages": [SYSTEM, USER, ANSWER]}, {"messages": [USER, ANSWER]}]
    raw = RawJSONDataset(filepath=str(write_lines(tmp_path / "talk.jsonl", rows)))
    data = state()
    kept, _, _ = clean(raw, data)
    found = [list_examples(row, data, PROMPT)[0]["prompt"] for row in kept.to_dicts()]
    assert found == [[SYSTEM, USER], [USER]]


def test_an_empty_system_message_is_none_and_parts_of_text_are_one_text(tmp_path: Path):
    parts = [{"type": "text", "text": "How "}, {"type": "text", "text": "hot?"}]
    empty = {"role": "system", "content": ""}
    rows = [{"messages": [empty, {"role": "user", "content": parts}, ANSWER]}]
    raw = RawJSONDataset(filepath=str(write_lines(tmp_path / "talk.jsonl", rows)))
    kept, _, _ = clean(raw, state())
    assert list_texts(kept["messages"][0]) == ["How hot?", "So."]


def test_the_template_words_the_first_question_as_the_chat_does(tmp_path: Path):
    data = state()
    kept, _, _ = clean(write_messages(tmp_path), data)
    prompt = Prompt(prompt="Answer: {user}", completion="{assistant}")
    _, second = list_examples(kept.row(0, named=True), data, prompt)
    assert [one["content"] for one in second["prompt"]] == ["Answer: Is it hot?", *SAID[1:3]]
    assert second["prompt"][:1] == start_messages("Is it hot?", prompt, None)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Many:
    """Prepare 1,500 conversations of one to six turns, of which some are repeated or bad."""
    chosen = random.Random(7)
    talks = [talk(chosen.randint(1, 6), seed) for seed in range(1500)]
    for number in range(0, 90, 3):
        talks[number] = [*talks[number + 1]]
    for number in range(100, 140):
        talks[number] = talks[number][1:]
    path = tmp_path_factory.mktemp("many") / "talk.jsonl"
    write_lines(path, [{"messages": one} for one in talks])
    start = time.process_time()
    return Many(talks, *prepare(path, state()), time.process_time() - start)


def test_1500_conversations_take_seconds_and_all_are_accounted_for_by_turns_too(many: Many):
    kept, rejected, report = many.cleaned
    assert many.seconds < 20
    assert (kept.height + rejected.height, rejected.height) == (1500, 40)
    turns, leaks = report["turns"], many.leaks
    assert turns["rows"] == sum(one["role"] == "assistant" for row in many.talks for one in row)
    assert turns["rows"] == turns["clean"] + turns["rejected"]
    assert leaks["dropped"] + sum(leaks["sizes"].values()) == kept.height
    left_out = turns["clean"] - sum(map(len, many.splits))
    assert 0 < leaks["dropped"] <= left_out <= 6 * leaks["dropped"]


def test_all_turns_of_a_conversation_are_in_one_split(many: Many):
    lines = [{one["meta"]["line"] for one in split} for split in many.splits]
    assert all(lines)
    assert sum(map(len, lines)) == len(set.union(*lines))
    trained, _, asked = ({one["prompt"][0]["content"] for one in split} for split in many.splits)
    assert not trained & asked


def test_turns_that_training_has_word_for_word_are_not_asked(tmp_path: Path):
    talks = [talk(4, seed) for seed in range(60)]
    talks += [[*one[:6], *talk(1, 100 + number)] for number, one in enumerate(talks)]
    path = write_lines(tmp_path / "talk.jsonl", [{"messages": one} for one in talks])
    _, splits, leaks = prepare(path, state())
    trained, watched, asked = (
        {json.dumps([one["prompt"], one["completion"]]) for one in split} for split in splits
    )
    assert not trained & asked
    assert not trained & watched
    assert not watched & asked
    sizes = leaks["sizes"]
    assert len(asked) == 4 * sizes["test"] - leaks["known_turns"]["test"] < 3 * sizes["test"]
    assert "turns begin their conversations as others do" in leaks["summary"]


@pytest.mark.parametrize("turns", ["all", "last"])
def test_of_a_conversation_that_training_has_and_goes_on_with_no_turn_is_asked(
    tmp_path: Path, turns: str
):
    talks = [talk(6, seed) for seed in range(60)]
    talks += [one[:4] for one in talks]
    path = write_lines(tmp_path / "talk.jsonl", [{"messages": one} for one in talks])
    _, splits, leaks = prepare(path, state(turns=turns))
    held_out = [one for split in splits[1:] for one in split]
    assert held_out
    learned = {json.dumps([one["prompt"], one["completion"]]) for one in splits[0]}
    assert not learned & {json.dumps([one["prompt"], one["completion"]]) for one in held_out}
    assert min(leaks["known_turns"].values()) > 0


def test_a_greeting_that_many_begin_with_is_trained_and_not_asked(tmp_path: Path):
    hello = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hello, this is the tea shop. " + " ".join(WORDS[:20])},
    ]
    talks = [[*hello, *talk(3, seed)] for seed in range(60)]
    path = write_lines(tmp_path / "talk.jsonl", [{"messages": one} for one in talks])
    _, splits, leaks = prepare(path, state())
    assert leaks["dropped"] == 0
    assert [len(one) for one in splits] == [4 * 48, 3 * 6, 3 * 6]
    assert leaks["known_turns"] == {"validation": 6, "test": 6}


def test_a_conversation_that_begins_with_a_fixed_question_is_a_leak(tmp_path: Path):
    talks = [talk(2, seed) for seed in range(60)]
    path = write_lines(tmp_path / "talk.jsonl", [{"messages": one} for one in talks])
    asked = EVALUATION.model_copy(update={"questions": [talks[50][0]["content"]]})
    _, splits, leaks = prepare(path, state(), asked)
    assert 51 not in {one["meta"]["line"] for split in splits for one in split}
    assert (leaks["found"], leaks["dropped"]) == ({"exact": 1, "near": 0}, 1)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"rules": {"min_words": {"messages": 2}}}, "has many texts"),
        ({"key_terms": "terms"}, "which of the answers"),
        ({"columns": ["messages", "user"]}, "both a column and a part"),
        ({"documents": {"column": "messages"}}, "in one way only"),
        ({"conversations": {"column": "talks"}}, "none of the columns"),
    ],
)
def test_settings_that_do_not_fit_conversations_are_refused(block: dict[str, Any], message: str):
    stated = state().model_dump(exclude_defaults=True) | block
    with pytest.raises(ValidationError, match=message):
        Data.model_validate(stated)


def test_a_file_of_which_nearly_all_is_rejected_says_what_helps(tmp_path: Path):
    rows = [{"messages": [USER, ANSWER] * 60}] * 20
    raw = RawJSONDataset(filepath=str(write_lines(tmp_path / "talk.jsonl", rows)))
    data = state()
    kept, _, report = clean(raw, data)
    with pytest.raises(TunelineError, match=r"raise `data\.conversations\.max_turns`"):
        split_rows(kept.lazy(), data, report)


def test_conversations_are_held_out_whole_by_one_fold_each(tmp_path: Path):
    """A greeting that all begin with is learned, and asked of no adapter that has seen it."""
    greeting = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
    talks = [{"messages": greeting + talk(2, seed)} for seed in range(12)]
    data = state()
    kept, _, report = clean(
        RawJSONDataset(filepath=str(write_lines(tmp_path / "talks.jsonl", talks))), data
    )
    rows = split_all_rows(kept.lazy(), data, report)
    evaluation = EVALUATION.model_copy(update={"cross_fit": 3})
    made = cross_fit_examples(rows, data, PROMPT, evaluation)
    tested = [one["id"] for one in made[2]]
    folds = [made[7 + 3 * fold : 10 + 3 * fold] for fold in range(3)]
    assert sorted(tested) == sorted(one["id"] for _, _, test in folds for one in test)
    assert len(tested) == len(set(tested)) == 12 * 2
    for train, validation, test in folds:
        seen, held_out = (
            {one["meta"]["groups"]["conversation"] for one in some}
            for some in ([*train, *validation], test)
        )
        assert not seen & held_out
    assert made[6]["known_turns"]["test"] == 12
