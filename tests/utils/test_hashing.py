import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.io import Version

from tuneline.datasets import JSONDataset, OptionalPartitionsDataset
from tuneline.errors import TunelineError
from tuneline.utils.caches import Cache
from tuneline.utils.hashing import (
    RECORD,
    apportion,
    check_files,
    hash_all,
    hash_files,
    hash_value,
    open_seal,
    order_versions,
    read_sealed,
    record_version,
    seal_value,
    seeded_order,
    write_sealed,
)


def test_the_order_of_keys_does_not_matter_but_that_of_rows_does():
    assert hash_value({"a": 1, "b": 2}) == hash_value({"b": 2, "a": 1})
    assert hash_value([1, 2]) != hash_value([2, 1])


def test_files_are_told_apart_by_name_and_content(tmp_path: Path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("x")
    two.write_text("y")
    before = hash_files([one, two])
    assert hash_files([two, one]) == before
    two.write_text("z")
    assert hash_files([one, two]) != before


def test_an_order_depends_on_the_seed_and_the_values_alone():
    # Other numbers would be other splits for everybody.
    assert seeded_order(3407, "blue teapot") == 10276844496001529967
    assert seeded_order(3408, "blue teapot") != seeded_order(3407, "blue teapot")
    assert seeded_order("3407", "blue", "teapot") == seeded_order(3407, "blue\x00teapot")


WEIGHTS = st.dictionaries(st.text("abcdef", min_size=1), st.integers(1, 60), min_size=1)


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        (10, {"a": 50, "b": 50}, {"a": 5, "b": 5}),
        (10, {"a": 97, "b": 2, "c": 1}, {"a": 8, "b": 1, "c": 1}),
        (2, {"a": 9, "b": 5, "c": 7}, {"a": 1, "b": 0, "c": 1}),
        (5, {"a": 3, "b": 2}, {"a": 3, "b": 2}),
        (0, {"a": 3}, {"a": 0}),
        (0, {}, {}),
        (3, {"a": 1, "b": 1}, {"a": 1, "b": 2}),  # of equal remainders, that of the last name
    ],
)
def test_all_get_in_proportion_and_nobody_goes_without(total, weights, expected):
    assert apportion(total, weights, at_least_one=True) == expected


def test_without_a_minimum_a_small_weight_may_get_nothing():
    assert apportion(10, {"a": 0.98, "b": 0.02, "c": 0}) == {"a": 10, "b": 0, "c": 0}


@given(WEIGHTS, st.integers(0, 400))
def test_of_what_there_is_nobody_gets_more_than_there_is(rows, total):
    total = min(total, sum(rows.values()))
    given_to = apportion(total, rows, at_least_one=True)
    assert set(given_to) == set(rows)
    assert sum(given_to.values()) == total
    assert all(0 <= given_to[name] <= rows[name] for name in rows)
    if len(rows) <= total:
        assert all(given_to.values())


@given(st.integers(0, 5000), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_shares_add_up_to_the_number_and_are_off_by_less_than_one(total: int, weights: list[int]):
    shares = {str(n): weight / sum(weights) for n, weight in enumerate(weights)}
    counts = apportion(total, shares)
    assert sum(counts.values()) == total
    assert all(abs(counts[name] - total * share) < 1 + 1e-6 for name, share in shares.items())


LATE, EARLY = "2026-11-26T10.00.00.000Z", "2020-01-01T00.00.00.000Z"


def make_dataset(folder: Path, save: str | None = None, load: str | None = None) -> JSONDataset:
    return JSONDataset(filepath=str(folder / "scores.json"), version=Version(load, save))


def test_the_last_one_made_is_the_latest_though_the_clock_was_set_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    make_dataset(tmp_path, LATE).save({"made": 1})
    assert "clock" not in caplog.text
    second = make_dataset(tmp_path, EARLY)
    second.save({"made": 2})
    assert f"scores.json = {EARLY}: an older name than {LATE}" in caplog.text
    assert second.load() == {"made": 2}
    assert make_dataset(tmp_path).load() == {"made": 2}
    assert make_dataset(tmp_path, load=LATE).load() == {"made": 1}
    listed = OptionalPartitionsDataset(
        path=str(tmp_path / "scores.json"),
        filename_suffix="/scores.json",
        dataset="tuneline.datasets.JSONDataset",
    ).load()
    assert [load()["made"] for load in listed.values()] == [1, 2]


def test_versions_of_before_there_was_a_record_come_first_by_name(tmp_path: Path):
    for name in ("2021", "2025"):
        (tmp_path / name).mkdir()
    record_version(tmp_path, "2024")
    (tmp_path / "2024").mkdir()
    (tmp_path / "2026").mkdir()  # copied from elsewhere
    there = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    assert order_versions(tmp_path, there) == ["2026", "2021", "2025", "2024"]


def test_a_version_that_a_kill_kept_from_being_there_is_passed_over(tmp_path: Path):
    make_dataset(tmp_path, LATE).save({"made": 1})
    record_version(tmp_path / "scores.json", "2027")  # the kill: recorded, and not yet renamed
    assert make_dataset(tmp_path).load() == {"made": 1}


def test_a_broken_record_is_told_and_names_count(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    make_dataset(tmp_path, EARLY).save({"made": 1})
    make_dataset(tmp_path, LATE).save({"made": 2})
    (tmp_path / "scores.json" / RECORD).write_bytes(b"[")
    with caplog.at_level(logging.WARNING):
        assert make_dataset(tmp_path).load() == {"made": 2}
    assert f"{RECORD} cannot be read" in caplog.text


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


@pytest.mark.slow
def test_a_sealed_value_comes_back_as_json_gives_it():
    value = {"tuple": (1, 2), "keys": {1: "one"}}
    assert open_seal(json.loads(json.dumps(seal_value(value)))) == json.loads(json.dumps(value))
    assert open_seal({"by": "hand"}) == {"by": "hand"}


@pytest.mark.slow
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


@pytest.mark.slow
def test_no_bit_of_a_dataset_can_change_its_value_unnoticed(tmp_path: Path):
    dataset = JSONDataset(filepath=str(tmp_path / "plan.json"))
    dataset.save(VALUE)
    for _ in flip_each_bit(tmp_path / "plan.json"):
        found, said = attempt(dataset.load)
        assert "plan.json: it cannot be read" in said or {key: found[key] for key in VALUE} == VALUE


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_damaged_line_is_done_again_and_the_others_stay(tmp_path: Path):
    path = tmp_path / "cache.jsonl"
    for key in "abc":
        Cache(path).put(key, key)
    path.write_bytes(path.read_bytes().replace(b'"value":"b"', b'"value":"x"'))
    cache = Cache(path)
    assert [cache.get(key) for key in "abc"] == ["a", None, "c"]
    cache.put("b", "b")
    assert [Cache(path).get(key) for key in "abc"] == ["a", "b", "c"]


@pytest.mark.slow
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
