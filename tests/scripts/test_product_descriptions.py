"""The sample file is what the generator makes, and carries the dirt that cleaning must meet."""

import gzip
import json
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from scripts.samples.product_descriptions import generate_lines, main, slots_of, write_gz
from scripts.samples.product_vocabulary import CATEGORIES

ROWS = 20_000
TRACKED_FILE = Path(__file__).parents[2] / "data/01_raw/product_descriptions/trn.json.gz"
TRACKED_ROWS = 8_000
KEYS = {"uid", "title", "content", "target_ind", "target_rel"}


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return list(generate_lines(ROWS))


@pytest.fixture(scope="module")
def values(lines: list[str]) -> list[object]:
    """What each line that is JSON holds."""
    parsed = []
    for line in lines:
        try:
            parsed.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return parsed


@pytest.fixture(scope="module")
def rows(values: list[object]) -> list[dict]:
    """The rows that have a text for a title and a content."""
    objects = [value for value in values if isinstance(value, dict)]
    texts = [row for row in objects if isinstance(row["title"], str)]
    return [row for row in texts if isinstance(row.get("content"), str)]


@pytest.fixture(scope="module")
def contents(rows: list[dict]) -> list[str]:
    return [row["content"] for row in rows if row["content"]]


def share(items: list, condition: Callable[[object], object]) -> float:
    return sum(bool(condition(item)) for item in items) / len(items)


def folded(title: str) -> str:
    return " ".join(title.split()).casefold()


def test_same_seed_makes_same_lines():
    assert list(generate_lines(500, seed=7)) == list(generate_lines(500, seed=7))


def test_another_seed_makes_other_lines():
    assert list(generate_lines(500, seed=7)) != list(generate_lines(500, seed=8))


def test_short_file_is_the_start_of_a_long_one(lines: list[str]):
    assert list(generate_lines(3000)) == lines[:3000]


def test_lines_hold_no_line_end(lines: list[str]):
    assert not any("\n" in line for line in lines)


def test_rows_have_the_schema_of_the_raw_file(rows: list[dict]):
    for row in rows:
        assert set(row) == KEYS
        assert re.fullmatch(r"\d{10}", row["uid"])
        assert len(row["target_ind"]) == len(row["target_rel"]) > 0
        assert all(isinstance(label, int) for label in row["target_ind"])
        assert all(isinstance(relevance, float) for relevance in row["target_rel"])


def test_uids_are_unique(rows: list[dict]):
    assert len({row["uid"] for row in rows}) == len(rows)


def test_few_lines_are_broken_or_empty(lines: list[str], values: list[object]):
    empty = sum(not line for line in lines)
    broken = len(lines) - len(values) - empty
    assert 1 <= empty <= 12
    assert 8 <= broken <= 35


def test_rare_lines_are_json_but_not_usable_rows(values: list[object]):
    objects = [value for value in values if isinstance(value, dict)]
    assert 1 <= len(values) - len(objects) <= 12
    assert 2 <= sum("content" not in row for row in objects) <= 18
    assert 2 <= sum(not isinstance(row["title"], str) for row in objects) <= 18
    assert 2 <= sum(isinstance(row.get("content"), list | dict) for row in objects) <= 18


def test_empty_titles_and_contents_have_their_shares(rows: list[dict]):
    both = share(rows, lambda row: not row["title"] and not row["content"])
    assert share(rows, lambda row: not row["title"]) == pytest.approx(0.056, abs=0.006)
    assert share(rows, lambda row: not row["content"]) == pytest.approx(0.22, abs=0.01)
    assert both == pytest.approx(0.056 * 0.22, abs=0.004)


def test_repeated_titles_have_their_share_and_some_are_in_other_case(rows: list[dict]):
    sentinels = {"na", "none", "null"}
    seen: dict[str, str] = {}
    repeats = []
    for title in (row["title"] for row in rows):
        if title and folded(title) not in sentinels:
            first = seen.setdefault(folded(title), title)
            if first is not title:
                repeats.append((first, title))
    other_case = share(repeats, lambda pair: " ".join(pair[0].split()) != " ".join(pair[1].split()))
    assert len(repeats) / len(rows) == pytest.approx(0.022, abs=0.006)
    assert 0.25 < other_case < 0.65


@pytest.mark.parametrize("word", ["NA", "None", "null"])
def test_titles_that_read_as_missing_have_good_contents(rows: list[dict], word: str):
    named = [row["content"] for row in rows if row["title"] == word]
    assert 4 <= len(named) <= 28
    assert all(len(content) > 10 for content in named)


@pytest.mark.parametrize(
    ("pattern", "expected", "tolerance"),
    [
        (r"&#?\w+;", 0.22, 0.04),
        (r"&#(?:x92|147|151);", 0.045, 0.025),
        (r"<(?:br|p|b|li)\b", 0.024, 0.008),
        (r"&lt;(?:br|p|b|li)\b", 0.014, 0.006),
        (r"&amp;(?:amp|quot|#39|mdash);", 0.008, 0.005),
        (r"text refers to", 0.05, 0.03),
        (r"^This text refers to[^.]*\.$", 0.008, 0.004),
        (r"\S--This text refers to", 0.045, 0.025),
        (r"(?i)(?:copyright|\(c\)).{0,9} (?:19|20)\d\d ", 0.055, 0.015),
        (r"^\s|\s$|  |\t", 0.04, 0.02),
        (r"\w < \d|pH > 7", 0.03, 0.012),
        (r"[é]", 0.01, 0.009),
        (r"\bR&B|salt & pepper", 0.012, 0.01),
        (r"[ͰἀἰΑ-ωぁ-龯]", 0.006, 0.005),
        (r"🎁|🙂|🌱|⭐", 0.002, 0.0015),
    ],
)
def test_pattern_has_its_share_of_contents(
    contents: list[str], pattern: str, expected: float, tolerance: float
):
    found = re.compile(pattern)
    assert share(contents, found.search) == pytest.approx(expected, abs=tolerance)


def test_contents_equal_to_the_title_have_their_share(rows: list[dict]):
    equal = share(rows, lambda row: row["title"] and folded(row["title"]) == folded(row["content"]))
    assert equal == pytest.approx(0.01, abs=0.003)


def test_contents_of_one_or_two_words_have_their_share(contents: list[str]):
    short = share(contents, lambda content: len(content.split()) <= 2)
    assert short == pytest.approx(0.0128, abs=0.004)


def test_lengths_follow_the_real_file(rows: list[dict], contents: list[str]):
    titles = sorted(len(row["title"]) for row in rows if row["title"])
    lengths = sorted(map(len, contents))
    assert 220 < lengths[len(lengths) // 2] < 340
    assert lengths[len(lengths) * 5 // 100] < 80
    assert 1200 < lengths[len(lengths) * 97 // 100] < 2200
    assert 15 <= titles[len(titles) * 5 // 100] <= 40
    assert titles[len(titles) * 95 // 100] <= 125


def test_very_few_contents_are_huge(contents: list[str]):
    huge = [len(content) for content in contents if len(content) > 15_000]
    assert 1 <= len(huge) <= 14
    assert max(huge) < 200_000


def test_every_pattern_can_be_said_of_every_layout_of_its_product():
    for category in CATEGORIES:
        for product in category.products:
            for layout in product.layouts:
                slots = slots_of(layout.title)
                names = {slot: slot for slot in slots} | {f"a_{slot}": slot for slot in slots}
                names |= {slot.capitalize(): slot for slot in slots}
                general = product.facts + category.remarks
                for pattern in layout.openings + layout.briefs + general:
                    pattern.format_map(names)


def test_file_holds_the_lines_in_utf8(tmp_path: Path):
    path = tmp_path / "deep" / "trn.json.gz"
    write_gz(path, 1500, seed=5)
    text = gzip.decompress(path.read_bytes()).decode()
    assert text == "".join(f"{line}\n" for line in generate_lines(1500, seed=5))


def test_two_writes_give_the_same_bytes(tmp_path: Path):
    paths = [tmp_path / "first.gz", tmp_path / "second.gz"]
    for path in paths:
        write_gz(path, 1000)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_command_line_writes_the_rows_it_is_told(tmp_path: Path):
    path = tmp_path / "trn.json.gz"
    main(["--rows", "20", "--out", str(path), "--seed", "3"])
    assert len(gzip.decompress(path.read_bytes()).decode().splitlines()) == 20


def test_tracked_sample_is_what_the_generator_makes_today(lines: list[str]):
    with gzip.open(TRACKED_FILE, "rt", encoding="utf-8", newline="\n") as file:
        tracked = [line.removesuffix("\n") for line in file]
    assert tracked == list(islice(lines, TRACKED_ROWS))


def test_a_description_is_often_repeated_under_another_title(rows: list[dict]):
    seen: dict[str, str] = {}
    repeats = 0
    for row in rows:
        if len(row["content"]) > 40 and folded(row["title"]):
            first = seen.setdefault(row["content"], folded(row["title"]))
            repeats += first != folded(row["title"])
    assert repeats / len(rows) == pytest.approx(0.09, abs=0.03)


def test_a_note_on_the_edition_now_and_then_loses_its_blanks(contents: list[str]):
    notes = [content for content in contents if "This text refers to" in content]
    assert share(notes, re.compile(r"to the\w+edition\.").search) == pytest.approx(0.02, abs=0.018)
