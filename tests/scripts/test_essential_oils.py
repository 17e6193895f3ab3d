"""The tracked workbook is what the generator makes, and looks as its expert keeps it."""

import re
from pathlib import Path

import pytest
import yaml
from openpyxl import load_workbook

from scripts.samples.archives import read_members
from scripts.samples.essential_oils.workbook import HEADER, NO_DATA, SOURCE, main, write_effects

TRACKED_FILE = Path(__file__).parents[2] / "data/01_raw/essential_oils/oils.xlsx"


@pytest.fixture(scope="module")
def sheet() -> list[tuple]:
    """All rows of the tracked workbook, as values."""
    return list(load_workbook(TRACKED_FILE).active.iter_rows(values_only=True))


def test_tracked_workbook_is_what_the_generator_makes_today(tmp_path: Path):
    path = tmp_path / "deep" / "oils.xlsx"
    main(["--out", str(path)])
    # Its members bit for bit; how they are packed may differ between versions of zlib.
    assert read_members(path.read_bytes()) == read_members(TRACKED_FILE.read_bytes())


def test_header_is_in_the_third_row_under_a_title_and_a_blank_row(sheet: list[tuple]):
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
    parts = [part.split(": ", 1) for cell in cells for part in cell.split("\n\n")]
    assert all(items.strip() for _, items in parts)
    # One heading is typed in mixed case, as happens to an expert, and one list has bullets.
    assert [name for name, _ in parts if name != name.upper()] == ["Nálada"]
    assert [name for name, items in parts if "•" in items] == ["HLAVA"]


def test_names_and_latin_names_are_unique(sheet: list[tuple]):
    for column, filled in ((1, 30), (2, 30), (3, 29)):
        names = [row[column].strip() for row in sheet[3:] if row[column]]
        assert len(set(names)) == len(names) == filled


def test_effects_have_the_traits_of_the_real_workbook(sheet: list[tuple]):
    cells = "\n".join(cell for row in sheet[3:] for cell in row[5:])
    assert len(re.findall(r"\([^()]*,[^()]*\)", cells)) > 15  # commas inside brackets
    assert len(re.findall(r", (?:když|která|které|který)\b", cells)) > 10  # clauses
    assert {"Na kašel", "proti kašli", "Pomáhá při kašli"} <= set(re.split(r"[,:\n] ?", cells))
    assert "Navozuje klid před spaním. Pomáhá při" in cells
    assert "; Při pocitu osamění; " in cells


def test_effects_are_written_with_a_blank_line_between_categories():
    assert write_effects({"A": ["x", "y"], "B": "z; w"}) == "A: x, y\n\nB: z; w"
    assert write_effects(None) == NO_DATA


def test_nine_questions_of_the_domain():
    questions = yaml.safe_load(SOURCE.with_name("questions.yml").read_text(encoding="utf-8"))
    assert len(set(questions)) == 9
