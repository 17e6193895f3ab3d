"""The tracked documents are what the generator makes, whole, and not clones of each other."""

import re
from pathlib import Path

import pytest
import yaml
from docx import Document
from docx.table import Table
from docx.text.paragraph import Paragraph

from scripts.samples.archives import read_members
from scripts.samples.development_plans.blocks import PASSAGES, Block, parse_line, read_blocks
from scripts.samples.development_plans.documents import (
    NUMBERS,
    SOURCE,
    TEXT_NUMBERS,
    build_text,
    main,
    name_file,
    read_plan,
)
from scripts.samples.development_plans.habits import (
    HABITS,
    double_spaces,
    tie_numbers,
    use_cedillas,
)

TRACKED_FOLDER = Path(__file__).parents[2] / "data/01_raw/development_plans"
PARTS = ["Cerințele clientului", "Oferta"]
SECTIONS = ["Scopul documentului", "Structura proiectului", "Sugestii suplimentare", "Preț și timp"]
LENGTHS = (7_200, 16_900)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the generator has just written."""
    folder = tmp_path_factory.mktemp("plans")
    main(["--out", str(folder)])
    return folder


def read_source(number: int) -> list[Block]:
    """The blocks of a plan before its author's habits."""
    return read_blocks(SOURCE / f"plan_{number:02}.md")


def read_lines(path: Path) -> list[str]:
    """What a reader sees: the lines of a text, the paragraphs and cells of a Word document."""
    if path.suffix == ".txt":
        return path.read_text(encoding="utf-8-sig").splitlines()
    parts = Document(str(path)).iter_inner_content()
    return [line for part in parts for line in read_part(part)]


def read_part(part: Paragraph | Table) -> list[str]:
    """The lines of a paragraph or a table."""
    if isinstance(part, Paragraph):
        return [part.text]
    return ["|".join(cell.text for cell in row.cells) for row in part.rows]


def headline(line: str) -> str:
    """A line without the dirt that headings have."""
    plain = line.translate(str.maketrans("şţŞŢ", "șțȘȚ"))
    return re.sub(r"^\d+\. ", "", plain).strip().capitalize()


def test_tracked_documents_are_what_the_generator_makes_today(made: Path):
    assert sorted(path.name for path in TRACKED_FOLDER.iterdir()) == sorted(map(name_file, NUMBERS))
    for number in NUMBERS:
        new, tracked = (folder / name_file(number) for folder in (made, TRACKED_FOLDER))
        if number in TEXT_NUMBERS:
            assert new.read_bytes() == tracked.read_bytes()
        else:
            # Its members bit for bit; how they are packed may differ between versions of zlib.
            assert read_members(new.read_bytes()) == read_members(tracked.read_bytes())


@pytest.mark.parametrize("number", NUMBERS)
def test_document_has_its_parts_and_sections_in_order(number: int):
    lines = [headline(line) for line in read_lines(TRACKED_FOLDER / name_file(number))]
    assert [line for line in lines if line in PARTS + SECTIONS] == PARTS + SECTIONS


@pytest.mark.parametrize("number", NUMBERS)
def test_document_has_the_length_of_the_real_ones(number: int):
    text = "\n".join(read_lines(TRACKED_FOLDER / name_file(number)))
    assert LENGTHS[0] <= len(text) <= LENGTHS[1]


@pytest.mark.parametrize("number", NUMBERS)
def test_at_most_a_quarter_of_a_document_is_shared_wording(number: int):
    blocks = read_plan(number)
    shared = sum(len(block.text) for block in blocks if block.passage)
    assert 0 < shared < 0.25 * len(build_text(blocks))


def test_no_other_sentence_is_in_two_documents():
    seen: dict[str, int] = {}
    for number in NUMBERS:
        for block in read_source(number):
            if block.kind in ("paragraph", "item") and not block.passage:
                for sentence in re.split(r"(?<=[.!?]) ", block.text):
                    assert len(sentence) < 30 or seen.setdefault(sentence, number) == number


@pytest.mark.parametrize("number", NUMBERS)
def test_prices_and_weeks_add_up(number: int):
    rows = [block.cells for block in read_source(number) if block.kind == "row"]
    amounts = [int(row[-1].split()[0].replace(".", "")) for row in rows[1:]]
    assert rows[-1][0] == "Total"
    assert sum(amounts[:-1]) == amounts[-1]
    weeks = [int(found[1]) for row in rows if (found := re.match(r"(\d+) săptămân", row[1]))]
    assert len(weeks) < len(rows) - 1 or sum(weeks[:-1]) == weeks[-1]


def test_every_passage_has_a_user():
    sources = "".join(path.read_text(encoding="utf-8") for path in SOURCE.glob("*.md"))
    passages = yaml.safe_load(PASSAGES.read_text(encoding="utf-8"))
    assert {name for name in passages if f"@{name}\n" not in sources} == set()


def test_habits_leave_their_marks(made: Path):
    texts = {number: "\n".join(read_lines(made / name_file(number))) for number in NUMBERS}
    assert [letter in texts[5] for letter in "şș"] == [True, False]
    assert [letter in texts[13] for letter in "şș"] == [True, True]
    assert ".  " in texts[4]
    assert "\N{NO-BREAK SPACE}EUR" in texts[8]
    assert "\n\n" in texts[9]
    assert "SCOPUL DOCUMENTULUI" in texts[3]
    assert "1. Scopul documentului" in texts[2]
    assert (made / "plan_11.txt").read_bytes().startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in (made / "plan_11.txt").read_bytes()
    styles = {paragraph.style.name for paragraph in Document(str(made / "plan_10.docx")).paragraphs}
    assert not any(name.startswith("Heading") for name in styles)


def test_habits_change_no_word():
    for number in HABITS:
        before, after = (read_source(number), read_plan(number))
        assert [words_of(block) for block in after if block.text] == [words_of(b) for b in before]


def words_of(block: Block) -> list[str]:
    return re.findall(r"[^\W\d_]+", block.text.translate(str.maketrans("şţŞŢ", "șțȘȚ")).casefold())


@pytest.mark.parametrize(
    ("line", "block"),
    [
        ("### Preț și timp", Block("heading", "Preț și timp", level=3)),
        ("- o listă", Block("item", "o listă")),
        ("| a | 2 EUR |", Block("row", "a | 2 EUR")),
        ("Text.", Block("paragraph", "Text.")),
    ],
)
def test_line_becomes_its_block(line: str, block: Block):
    assert parse_line(line) == block


def test_habits_on_a_line_small_enough_to_read():
    line = [Block("paragraph", "Costă 5 EUR. Și ține 3 zile. Bine.")]
    assert use_cedillas(line)[0].text == "Costă 5 EUR. Şi ţine 3 zile. Bine."
    assert double_spaces(line)[0].text == "Costă 5 EUR.  Și ține 3 zile. Bine."
    assert tie_numbers(line)[0].text.count("\N{NO-BREAK SPACE}") == 2


def test_three_requests_of_new_clients():
    requests = yaml.safe_load(SOURCE.with_name("questions.yml").read_text(encoding="utf-8"))
    assert len(set(requests)) == 3
