from pathlib import Path

from tuneline.utils.hashing import hash_files, hash_value, seeded_order


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
