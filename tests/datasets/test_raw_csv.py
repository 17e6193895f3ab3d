from pathlib import Path

import polars as pl
import pytest

from tuneline.datasets import RawCSVDataset
from tuneline.errors import TunelineError
from tuneline.rows import NOT_UTF8, Fields

FIELDS = Fields("uid", ("title",))


def read(path: Path, **options: str) -> pl.DataFrame:
    return pl.concat(RawCSVDataset(filepath=str(path), **options).load().map(FIELDS, lambda t: t))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def test_words_and_line_ends_in_cells_survive_and_lines_are_those_of_the_file(path: Path):
    path.write_text('uid,title,more\n1,NA,x\n2,"two\nlines ""quoted""",x\n3,null,x\n', "utf-8")
    table = read(path)
    assert table["title"].to_list() == ["NA", 'two\nlines "quoted"', "null"]
    assert table["line"].to_list() == [2, 3, 5]
    assert table["problem"].null_count() == 3


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_in_the_header(path: Path, separator: str):
    path.write_text(f"uid{separator}title\n1{separator}a b\n", "utf-8")
    assert read(path)["title"].to_list() == ["a b"]


def test_an_unreadable_record_keeps_its_text_and_its_neighbours(path: Path):
    path.write_bytes(b'uid,title\n1,a\n2,b,c\n\n3,\xe8\n4,"open\n5,e\n6,f\n')
    table = read(path)
    assert table["line"].to_list() == [2, 3, 4, 5, 6, 7, 8]
    assert [problem and problem.split(":")[0] for problem in table["problem"]] == [
        None,
        "cells not as in the header",
        "empty line",
        NOT_UTF8,
        "a quote is never closed",
        None,
        None,
    ]
    assert b"\n".join(table["original"]) == b'1,a\n2,b,c\n\n3,\xe8\n4,"open\n5,e\n6,f'


def test_another_encoding_can_be_named(path: Path):
    path.write_bytes("uid,title\n1,kůň\n".encode("cp1250"))
    assert read(path, encoding="cp1250")["title"].to_list() == ["kůň"]


def test_a_misspelt_column_is_refused_before_the_work(path: Path):
    path.write_text("uid,titel\n1,a\n", "utf-8")
    with pytest.raises(TunelineError, match="did you mean `titel`"):
        read(path)


def test_the_name_of_a_column_may_have_several_lines(path: Path):
    path.write_text('uid,"the\ntitle"\n1,a\n2,b\n', "utf-8")
    (table,) = (
        RawCSVDataset(filepath=str(path)).load().map(Fields("uid", ("the title",)), lambda t: t)
    )
    assert table["the title"].to_list() == ["a", "b"]
    assert table["line"].to_list() == [3, 4]


def test_a_column_that_stands_twice_is_refused_only_if_it_is_wanted(path: Path):
    path.write_text("uid,title,more,more\n1,a,b,c\n", "utf-8")
    assert read(path)["title"].to_list() == ["a"]
    path.write_text("uid,title,title\n1,a,b\n", "utf-8")
    with pytest.raises(TunelineError, match="`title` stands twice"):
        read(path)


def test_a_header_without_rows_is_a_table_without_rows(path: Path):
    path.write_text("uid,title\n", "utf-8")
    assert read(path).select("line", "title").shape == (0, 2)
