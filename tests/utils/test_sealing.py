"""One changed bit is noticed, wherever it is."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tuneline.datasets import JSONDataset
from tuneline.errors import TunelineError
from tuneline.utils.caches import Cache
from tuneline.utils.hashing import (
    check_files,
    hash_all,
    open_seal,
    read_sealed,
    seal_value,
    write_sealed,
)

pytestmark = pytest.mark.slow

VALUE = {"b": [1.5, None, "čaj", {"2": True}], "a": {"x": -0.1}, "n": float("inf")}


def flip_each_bit(path: Path) -> Iterator[None]:
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            yield
    path.write_bytes(whole)


def attempt(read: Callable[[], Any]) -> tuple[Any, str]:
    """Read; give what was read, or what was said."""
    try:
        return read(), ""
    except TunelineError as error:
        return None, str(error)


def test_a_sealed_value_comes_back_as_json_gives_it():
    value = {"tuple": (1, 2), "keys": {1: "one"}}
    assert open_seal(json.loads(json.dumps(seal_value(value)))) == json.loads(json.dumps(value))
    assert open_seal({"by": "hand"}) == {"by": "hand"}


def test_no_bit_of_a_sealed_file_can_change_its_value_unnoticed(tmp_path: Path):
    path = tmp_path / "finished.json"
    write_sealed(path, VALUE)
    told = 0
    for _ in flip_each_bit(path):
        found, said = attempt(lambda: read_sealed(path, "make it again"))
        told += str(path) in said
        # Silent only of white space, or of the seal's own key, which then is one more key.
        assert said or {key: found[key] for key in VALUE} == VALUE
    assert told > 8 * 100


def test_no_bit_of_a_dataset_can_change_its_value_unnoticed(tmp_path: Path):
    dataset = JSONDataset(filepath=str(tmp_path / "plan.json"))
    dataset.save(VALUE)
    for _ in flip_each_bit(tmp_path / "plan.json"):
        found, said = attempt(dataset.load)
        assert "plan.json: it cannot be read" in said or {key: found[key] for key in VALUE} == VALUE


def test_no_bit_of_a_cached_answer_can_change_it_unnoticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = tmp_path / "cache.jsonl"
    cache = Cache(path)
    cache.put("a", [{"text": "one"}])
    cache.put("b", [{"text": "two"}])
    size, told = path.read_bytes().index(b"\n"), 0
    for number, _ in enumerate(flip_each_bit(path)):
        caplog.clear()
        again = Cache(path)
        found = [again.get("a"), again.get("b")]
        assert found[0] in (None, [{"text": "one"}])
        assert found[1] in (None, [{"text": "two"}])
        if number // 8 < size and found[0] is None and again.get("b"):
            assert "cache.jsonl: line 1 is not what was written there" in caplog.text
            told += 1
    assert told > 8 * 20


def test_a_damaged_line_is_done_again_and_the_others_stay(tmp_path: Path):
    path = tmp_path / "cache.jsonl"
    for key in "abc":
        Cache(path).put(key, key)
    path.write_bytes(path.read_bytes().replace(b'"value":"b"', b'"value":"x"'))
    cache = Cache(path)
    assert [cache.get(key) for key in "abc"] == ["a", None, "c"]
    cache.put("b", "b")
    assert [Cache(path).get(key) for key in "abc"] == ["a", "b", "c"]


def test_each_broken_and_each_missing_file_of_a_folder_is_named(tmp_path: Path):
    for name in ("a", "b", "c", "deep/d"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    hashes = hash_all(tmp_path)
    check_files(tmp_path, hashes, "")
    (tmp_path / "a").write_bytes(b"A")
    (tmp_path / "deep/d").unlink()
    with pytest.raises(TunelineError) as caught:
        check_files(tmp_path, hashes, "make it again")
    assert [problem.where for problem in caught.value.problems] == [
        str(tmp_path / "a"),
        str(tmp_path / "deep/d"),
    ]
