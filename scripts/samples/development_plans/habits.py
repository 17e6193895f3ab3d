"""The untidy habits of the people who wrote the documents: the dirt that readers must bear."""

import re
from collections.abc import Callable, Iterator
from itertools import count

from scripts.samples.development_plans.blocks import Block

Habit = Callable[[list[Block]], list[Block]]

SECTION_LEVEL = 3
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
# The letters with a cedilla that old keyboards typed where Romanian has a comma below.
CEDILLAS = str.maketrans("șțȘȚ", "şţŞŢ")


def use_cedillas(blocks: list[Block]) -> list[Block]:
    """Type ş and ţ for ș and ț."""
    return [block.saying(block.text.translate(CEDILLAS)) for block in blocks]


def mix_cedillas(blocks: list[Block]) -> list[Block]:
    """Type them in every third block only, as after pasting from an older offer."""
    return [
        block.saying(block.text.translate(CEDILLAS)) if number % 3 == 0 else block
        for number, block in enumerate(blocks)
    ]


def double_spaces(blocks: list[Block]) -> list[Block]:
    """Type two spaces after the first sentence of a paragraph."""
    return [
        block.saying(block.text.replace(". ", ".  ", 1)) if block.kind == "paragraph" else block
        for block in blocks
    ]


def tie_numbers(blocks: list[Block]) -> list[Block]:
    """Put a no-break space between a figure and its unit."""
    return [
        block.saying(re.sub(r"(?<=\d) (?=EUR|lei|zile|săptămâni)", NO_BREAK_SPACE, block.text))
        for block in blocks
    ]


def empty_paragraphs(blocks: list[Block]) -> list[Block]:
    """Push headings down with the return key."""
    return list(_with_empty_paragraphs(blocks))


def _with_empty_paragraphs(blocks: list[Block]) -> Iterator[Block]:
    for block in blocks:
        if block.kind == "heading":
            yield Block("paragraph", "")
        yield block


def number_sections(blocks: list[Block]) -> list[Block]:
    """Number the four sections of the offer by hand."""
    numbers = count(1)
    return [
        block.saying(f"{next(numbers)}. {block.text}") if block.level == SECTION_LEVEL else block
        for block in blocks
    ]


def capital_headings(blocks: list[Block]) -> list[Block]:
    """Shout the headings."""
    return [
        block.saying(block.text.upper()) if block.kind == "heading" else block for block in blocks
    ]


def bold_headings(blocks: list[Block]) -> list[Block]:
    """Make headings by setting a paragraph in bold, without a heading style."""
    return [Block("bold", block.text) if block.kind == "heading" else block for block in blocks]


HABITS: dict[int, tuple[Habit, ...]] = {
    2: (number_sections,),
    3: (capital_headings,),
    4: (double_spaces,),
    5: (use_cedillas,),
    8: (tie_numbers,),
    9: (empty_paragraphs,),
    10: (bold_headings,),
    11: (number_sections, double_spaces),
    13: (mix_cedillas, tie_numbers),
    15: (empty_paragraphs, double_spaces),
}
