"""The tracked workbook is what the generator makes, and looks as its expert keeps it."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from openpyxl import load_workbook

from samples.archives import read_members
from samples.essential_oils.workbook import HEADER, NO_DATA, SOURCE, main, read_rows, write_effects

TRACKED_FILE = Path(__file__).parents[2] / "data/01_raw/essential_oils/oils.xlsx"


@pytest.fixture(scope="module")
def sheet() -> list[tuple]:
    """All rows of the tracked workbook, as values."""
    return list(load_workbook(TRACKED_FILE).active.iter_rows(values_only=True))


def effects_of(cell: str) -> list[str]:
    """The single effects of a cell, without its dirt."""
    lists = re.sub(r"^[^:\n]+: ", "", cell, flags=re.MULTILINE).replace("\n\n", ", ")
    return [" ".join(effect.split()).casefold() for effect in lists.split(", ")]


def test_tracked_workbook_is_what_the_generator_makes_today(tmp_path: Path):
    path = tmp_path / "deep" / "oils.xlsx"
    main(["--out", str(path)])
    # Its members bit for bit; how they are packed may differ between versions of zlib.
    assert read_members(path.read_bytes()) == read_members(TRACKED_FILE.read_bytes())


def test_header_stands_in_the_third_row_under_a_title_and_a_blank_row(sheet: list[tuple]):
    assert [bool(cell) for cell in sheet[0]] == [True] + [False] * 6
    assert not any(sheet[1])
    assert sheet[2] == HEADER
    assert [row[0] for row in sheet[3:]] == list(range(1, 31))


def test_thirteen_vibrations_and_a_few_effects_have_no_data(sheet: list[tuple]):
    vibrations, body, mind = ([row[column] for row in sheet[3:]] for column in (4, 5, 6))
    assert vibrations.count(NO_DATA) == 13
    assert all(isinstance(value, int) for value in vibrations if value != NO_DATA)
    assert (body.count(NO_DATA), mind.count(NO_DATA)) == (1, 4)


def test_effect_cells_hold_categories_in_capitals_with_their_lists(sheet: list[tuple]):
    cells = [cell for row in sheet[3:] for cell in row[5:] if cell != NO_DATA]
    for cell in cells:
        for part in cell.split("\n\n"):
            category, items = part.split(": ", 1)
            assert category == category.upper()
            assert items.strip()
            assert "\n" not in items


def test_names_and_latin_names_are_unique(sheet: list[tuple]):
    for column in (1, 2, 3):
        assert len({row[column].strip() for row in sheet[3:]}) == 30


def test_most_effects_are_shared_so_that_a_reverse_question_has_several_answers():
    oils = [
        {effect for cell in row[5:] if cell != NO_DATA for effect in effects_of(str(cell))}
        for row in read_rows()
    ]
    counts = Counter(effect for effects in oils for effect in effects)
    assert len(counts) > 90
    assert sum(count >= 2 for count in counts.values()) / len(counts) > 0.9
    assert counts["nadýmání"] >= 8


def test_item_that_holds_a_comma_would_be_read_as_two():
    oils = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    effects = [oil[side] for oil in oils for side in ("body", "mind") if oil[side]]
    assert not any("," in item for cell in effects for items in cell.values() for item in items)


def test_effects_are_written_with_a_blank_line_between_categories():
    assert write_effects({"A": ["x", "y"], "B": ["z"]}) == "A: x, y\n\nB: z"
    assert write_effects(None) == NO_DATA


def test_nine_questions_of_the_domain():
    questions = yaml.safe_load(SOURCE.with_name("questions.yml").read_text(encoding="utf-8"))
    assert len(set(questions)) == 9
