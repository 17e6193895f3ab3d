from pathlib import Path

from tuneline.examples import Example
from tuneline.models.seen_examples import read_seen, record_seen, write_seen


def make(prompt: str, answer: str) -> Example:
    return {
        "id": prompt,
        "prompt": [{"role": "user", "content": prompt}],
        "completion": [{"role": "assistant", "content": answer}],
        "meta": {},
    }


def test_what_was_seen_is_found_whatever_its_case_and_punctuation():
    seen = record_seen([make("Blue teapot?", "It holds a liter.")])
    same, other = make("blue  TEAPOT", "it holds a liter"), make("Red teapot?", "It holds a liter.")
    assert seen.find([same, other]) == [True, False]


def test_a_prompt_with_a_corrected_answer_was_seen_one_with_several_answers_was_not():
    seen = record_seen([make("Blue teapot", "Wrong."), make("Hello", "Hi."), make("Hello", "Yes?")])
    assert seen.find([make("Blue teapot", "Right."), make("Hello", "Good day.")]) == [True, False]
    assert seen.find([make("Hello", "Hi.")]) == [True]


def test_what_two_have_seen_is_joined_kept_once_and_read_back_without_any_text(tmp_path: Path):
    first, second = make("Blue teapot", "A."), make("Red teapot", "B.")
    joined = record_seen([first]) | record_seen([first, second])
    write_seen(tmp_path / "seen.safetensors", joined)
    again = read_seen(tmp_path / "seen.safetensors")
    assert again.hashes.shape == (2, 2)
    assert again.find([first, second, make("Green teapot", "A.")]) == [True, True, False]
    assert b"teapot" not in (tmp_path / "seen.safetensors").read_bytes()


def test_nothing_seen_is_nothing_found():
    assert record_seen([]).find([make("Blue teapot", "A.")]) == [False]
