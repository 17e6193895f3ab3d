"""Better answers of people, from the file that the chat writes to the examples that are learned."""

from typing import Any

import orjson
import polars as pl
import pytest

from tests.pipelines.prepare.cleaning import ALL_CLEAN
from tuneline.chat.feedback import Collector
from tuneline.examples import Example, Message, hash_templates
from tuneline.parameters import Data, Evaluation, Prompt
from tuneline.pipelines.prepare.cross_fitting import cross_fit_examples, split_all_rows
from tuneline.pipelines.prepare.data_page import check_data
from tuneline.pipelines.prepare.feedback import clean_feedback
from tuneline.pipelines.prepare.nodes import build_examples, check_leaks, split_rows
from tuneline.prompts import start_messages

PROMPT = Prompt(system="Sell.", prompt="Describe: {title}", completion="{content}")
EVALUATION = Evaluation(title="Pots", questions=["What is the best pot of all?"], generation={})
LONG = "A round teapot of clay that pours four cups and keeps its lid on"
KNOWN: dict[str, Any] = {
    "id": "asin",
    "columns": ["title", "content"],
    "feedback": True,
    "rules": {"min_words": {"content": 2}},
    "split": {"test": 8, "validation": 8},
}
DATA = Data.model_validate(KNOWN)
ADAPTER = "b" * 64


def say(
    question: str, better: str, *before: str, prompt: Prompt = PROMPT, **more: Any
) -> dict[str, Any]:
    """Give the feedback that somebody gives in the chat after the texts that were said before."""
    kept: list[Any] = []
    collector = Collector(ADAPTER, prompt, kept.extend)
    texts = [*before, question, "Bad."]
    said = start_messages(texts[0], prompt, "Sell.")
    for number, text in enumerate(texts[1:]):
        said.append({"role": ("assistant", "user")[number % 2], "content": text})
    messages: Any = {"base": said, "tuned": said}
    row = collector.rate(messages, True, "tuned", len(said) - 2, liked=False)
    if better:
        collector.improve(row, better)
    return {**kept[-1], **more}


def make_clean(count: int = 60) -> pl.LazyFrame:
    """Make clean rows of texts that no other has."""
    rows = [
        {
            "line": str(number),
            "asin": f"a{number}",
            "title": f"Pot {chr(97 + number % 26) * 3} {chr(97 + number // 26) * 4}",
            "content": " ".join(f"w{number}x{word}" for word in range(14)),
        }
        for number in range(1, count + 1)
    ]
    return pl.LazyFrame(rows)


def prepare(
    feedback: list[dict[str, Any]], data: Data = DATA
) -> tuple[list[list[Example]], Any, dict[str, Any]]:
    examples, _ = clean_feedback(feedback, data, PROMPT)
    rows = split_rows(make_clean(), data, ALL_CLEAN)
    left, leaks, copies, report = check_leaks(rows, data, PROMPT, EVALUATION, examples)
    splits = list(build_examples(left, data, PROMPT, examples, leaks))
    check_data(
        *(left, *splits, leaks, copies, report),
        {**ALL_CLEAN, "clean": 60, "rules": {"mask_personal_data": {"rows": 0}}},
        *(data, PROMPT, EVALUATION),
    )
    return splits, leaks, report


def list_learned(splits: list[list[Example]]) -> list[Example]:
    return [one for one in splits[0] if "origin" in one["meta"]]


def test_a_better_answer_is_learned_with_the_true_turns_before_it_and_its_origin():
    row = say("And in red?", LONG, "Teapot", "Blue one.")
    splits, leaks, report = prepare([row])
    (learned,) = list_learned(splits)
    assert [(one["role"], one["content"]) for one in learned["prompt"]] == [
        ("system", "Sell."),
        ("user", "Describe: Teapot"),
        ("assistant", "Blue one."),
        ("user", "And in red?"),
    ]
    assert learned["completion"] == [{"role": "assistant", "content": LONG}]
    assert learned["meta"]["origin"] == {
        "source": "feedback",
        "line": 1,
        "date": row["date"],
        "adapter": ADAPTER,
        "answer_of": "tuned",
    }
    assert learned["meta"]["templates"] == splits[0][0]["meta"]["templates"]
    assert (len(leaks), report["feedback"]) == (0, {"learned": 1, "left_out": 0})


def test_without_the_switch_nothing_is_taken():
    off = Data.model_validate({**KNOWN, "feedback": False})
    examples, rejected = clean_feedback([say("Teapot", LONG)], off, PROMPT)
    assert (examples, len(rejected)) == ([], 0)


def test_every_row_is_an_example_or_rejected_with_its_reason():
    other = Prompt(prompt="Tell of: {title}", completion="{content}")
    rows = [
        say("Teapot", ""),
        say("Teapot", "An older answer."),
        say("Teapot", "<b>Round</b>  and   red."),
        say("Spoon", "Short"),
        say("Bowl", "<p></p>"),
        say("Cup", "A fine cup.", prompt=other),
        {"better_answer": "Mine."},
        say("Jug", "A fine jug.", context="none"),
        say("Lid", "A fine lid.", context=[{"role": "assistant", "content": "Hm"}]),
        say("Teapot", "Another person's answer.", rater="Ann"),
    ]
    examples, rejected = clean_feedback(rows, DATA, PROMPT)
    assert len(examples) + len(rejected) == len(rows)
    assert [one["completion"][0]["content"] for one in examples] == [
        "Round and red.",
        "Another person's answer.",
    ]
    reasons = dict(zip(rejected["line"], rejected["reason"], strict=True))
    assert reasons == {
        1: "no better answer",
        2: "a later better answer replaces it",
        4: "content is too short",
        5: "conversation has an empty message: message 3",
        6: "asked with other prompt templates",
        7: "no feedback: source: field required",
        8: "no feedback: context: input should be a valid list",
        9: "conversation begins with the assistant: message 1",
    }
    assert [orjson.loads(one) for one in rejected["original"]] == [
        row for number, row in enumerate(rows, start=1) if number in reasons
    ]


def test_personal_data_is_masked_in_all_turns_and_no_placeholder_is_one_of_the_rows():
    data = Data.model_validate({**KNOWN, "rules": {"mask_personal_data": True}})
    row = say("Mail jan@firma.cz again", "I mail jan@firma.cz and eva@firma.cz.")
    (one,), _ = clean_feedback([row], data, PROMPT)
    assert one["prompt"][-1]["content"] == "Describe: Mail [MAIL_F1] again"
    assert one["completion"][0]["content"] == "I mail [MAIL_F1] and [MAIL_F2]."


def test_a_template_of_completions_is_around_better_answers_too():
    prompt = Prompt(prompt="Describe: {title}", completion="Answer: {content}")
    rows = [say("Pot", "A fine pot.", prompt=prompt), say("Cup", "Answer: A cup.", prompt=prompt)]
    examples, _ = clean_feedback(rows, DATA, prompt)
    texts = [one["completion"][0]["content"] for one in examples]
    assert texts == ["Answer: A fine pot.", "Answer: A cup."]


def test_the_splits_are_the_same_with_feedback_and_no_held_out_row_is_given_away():
    without, _, _ = prepare([])
    test, validation, train = without[2][0], without[1][0], without[0][0]
    asked = [one["prompt"][-1]["content"].removeprefix("Describe: ") for one in (test, validation)]
    nearly = test["completion"][0]["content"].replace("x3", "xthree")
    rows = [
        say(asked[0], LONG),
        say(asked[1], f"{LONG} too"),
        say("Something else", nearly),
        say("What is the best POT of all", "This one is."),
        say(train["prompt"][-1]["content"].removeprefix("Describe: "), "A better one."),
    ]
    splits, leaks, report = prepare(rows)
    assert splits[1:] == without[1:]
    assert [one["id"] for one in list_learned(splits)] == ["feedback-5"]
    assert splits[0][: len(without[0])] == without[0]
    found = leaks[leaks["split"] == "feedback"]
    assert list(zip(found["line"], found["compared"], found["duplicate_split"], strict=True)) == [
        (1, "prompt", "test"),
        (2, "prompt", "validation"),
        (3, "completion", "test"),
        (4, "prompt", "question"),
    ]
    assert set(found["done"]) == {"dropped"}
    assert found["duplicate_id"].tolist()[0] == test["id"]
    assert report["feedback"] == {"learned": 1, "left_out": 4}
    assert "1 learned, 4 left out because they are about held-out rows" in report["summary"]


def test_it_is_moved_into_no_test_split_whatever_the_policy():
    data = Data.model_validate({**KNOWN, "leaks": {"policy": "move"}})
    without, _, _ = prepare([], data)
    answer = without[2][0]["completion"][0]["content"]
    splits, _, report = prepare([say("Something else", answer)], data)
    assert splits == without
    assert report["feedback"]["left_out"] == 1


def test_a_prompt_of_the_template_alone_gives_nothing_away():
    prompt = Prompt(prompt="Invent a pot.", completion="{content}")
    kept: list[Any] = []
    said: list[Message] = [
        {"role": "user", "content": "Invent a pot."},
        {"role": "assistant", "content": "Bad."},
    ]
    collector = Collector(ADAPTER, prompt, kept.extend)
    collector.improve(collector.rate({"base": said, "tuned": said}, True, "base", 1, False), LONG)
    examples, _ = clean_feedback(kept, DATA, prompt)
    rows = split_rows(make_clean(), DATA, ALL_CLEAN)
    _, _, _, report = check_leaks(rows, DATA, prompt, EVALUATION, examples)
    assert report["feedback"] == {"learned": 1, "left_out": 0}


def test_each_fold_learns_what_is_not_about_its_own_rows():
    evaluation = Evaluation(title="", generation={}, cross_fit=3, resamples=100)
    data = Data.model_validate({**KNOWN, "split": {"test": 1, "validation": 6}})
    rows = split_all_rows(make_clean(), data, ALL_CLEAN)
    made = cross_fit_examples(rows, data, PROMPT, evaluation)
    watching = {one["id"] for one in made[1]}
    test = next(one for one in made[2] if one["id"] not in watching)
    title = test["prompt"][-1]["content"].removeprefix("Describe: ")
    examples, _ = clean_feedback([say(title, LONG), say("Else", f"{LONG} too")], data, PROMPT)
    train, _, tested, _, leaks, _, report, *folds = cross_fit_examples(
        rows, data, PROMPT, evaluation, examples
    )
    assert tested == made[2]
    assert [one["id"] for one in train if "origin" in one["meta"]] == ["feedback-1", "feedback-2"]
    for number in range(3):
        learned = {one["id"] for one in folds[3 * number] if "origin" in one["meta"]}
        held_out = {one["id"] for one in folds[3 * number + 1] + folds[3 * number + 2]}
        assert learned == {"feedback-1", "feedback-2"} - {
            "feedback-1" if test["id"] in held_out else ""
        }
    assert len(leaks) >= 1
    assert set(leaks["fold"]) <= {1, 2, 3}
    assert report["feedback"] == {"learned": 2, "left_out": 0}


@pytest.mark.parametrize("turns", ["all", "last"])
def test_of_a_conversation_only_the_better_answer_is_learned(turns: str):
    prompt = Prompt(system="{system}", prompt="{user}", completion="{assistant}")
    data = Data.model_validate(
        {
            "id": "line",
            "columns": ["talk"],
            "feedback": True,
            "conversations": {"column": "talk", "turns": turns},
            "split": {"test": 2, "validation": 2},
        }
    )
    talks = [
        [f"ask {number} {word}" for word in ("one", "two", "three", "four")] for number in range(12)
    ]
    roles = ("user", "assistant") * 2
    cells = [
        orjson.dumps([{"role": r, "content": t} for r, t in zip(roles, talk, strict=True)]).decode()
        for talk in talks
    ]
    lines = [str(number) for number in range(1, 13)]
    clean = pl.LazyFrame({"line": lines, "talk": cells})
    row = say("And then?", "Then it is over.", "Hello", "Good day.", prompt=prompt)
    examples, rejected = clean_feedback([row], data, prompt)
    assert len(rejected) == 0
    assert row["templates"] == hash_templates(prompt)
    rows = split_rows(clean, data, ALL_CLEAN)
    left, leaks, _, _ = check_leaks(rows, data, prompt, EVALUATION, examples)
    splits = list(build_examples(left, data, prompt, examples, leaks))
    (learned,) = list_learned(splits)
    assert [one["content"] for one in learned["prompt"]][-3:] == ["Hello", "Good day.", "And then?"]
    assert learned["completion"][0]["content"] == "Then it is over."


def test_rows_that_name_their_origin_are_no_feedback():
    named = Data.model_validate({**KNOWN, "origin": "title"})
    splits, _, report = prepare([say("And in red?", LONG, "Teapot", "Blue one.")], named)
    assert all("origin" in one["meta"] for split in splits for one in split)
    assert report["feedback"] == {"learned": 1, "left_out": 0}
