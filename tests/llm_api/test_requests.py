import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.llm_api.requests import find_objects

ONE, TWO = {"id": "a", "text": "Řekl: „{ano}“"}, {"id": "b", "text": 'He said "}" \\'}


def find(text: str) -> list[dict]:
    return find_objects(text, lambda value: isinstance(value.get("id"), str))


BOTH = json.dumps({"items": [ONE, TWO]})


@pytest.mark.parametrize(
    "response",
    [
        BOTH,
        f"```json\n{BOTH}\n```",
        f"Here {{you}} are: {BOTH} — enjoy!",
        json.dumps([ONE, TWO], indent=2),
        f"{json.dumps(ONE)}\n{json.dumps(TWO)}",
        f'{{"items": [{json.dumps(ONE)}, {{"id": "c", "text": oops}}, {json.dumps(TWO)}]}}',
        json.dumps({"result": {"data": [[ONE], {"more": TWO}]}}),
        f'<think>Say {{"id": "a", "text": "draft"}}?</think>{BOTH}',
        f'I try {{"id": "a", "text": "draft"}}\n</think>\n{BOTH}',
        f'[THINK]{{"id": "b"}}[/THINK]```json\n{BOTH}\n```',
        f'<|channel|>analysis<|message|>{{"id": "b"}}<|end|><|channel|>final<|message|>{BOTH}',
        f'<reasoning>{{"id": "z", "text": ""}}</reasoning>\n{BOTH}',
    ],
)
def test_every_whole_object_is_found_whatever_is_around_it(response: str):
    assert find(response) == [ONE, TWO]


def test_a_thought_that_never_ends_holds_no_answer():
    assert find(f"<think>{BOTH}") == []


def test_a_mark_inside_a_text_is_text():
    item = {"id": "a", "text": "He wrote </think> and <think> on the wall"}
    assert find(json.dumps(item)) == [item]


def test_half_an_object_is_none():
    assert find(BOTH[:-8]) == [ONE]


@pytest.mark.parametrize(
    "response",
    ["", "no", "{" * 5000, '{"a":' * 5000, "[1, 2]", '{"id": 3}', '{"a":' * 980 + "1" + "}" * 980],
)
def test_a_response_without_objects_gives_none_in_bounded_time(response: str):
    assert find(response) == []


@given(st.text(), st.text(), st.text(alphabet='{}[]",:\\ab', max_size=60))
def test_no_text_hides_an_object_that_is_alone_on_its_line(name: str, text: str, noise: str):
    item = {"id": name, "text": text}
    found = find(f"{json.dumps(item)}\n{noise}")
    assert found[0] == item
