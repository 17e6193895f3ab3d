"""What divides the documents of a folder: two headings that all have, or each its own."""

from collections import Counter

from tuneline.parameters import Data
from tuneline.parameters.examples import SECTION_COLUMNS, Documents, Part
from tuneline.utils.sections import find_sections
from tuneline.utils.text import fold_heading

# Of the documents, those that must have a heading for it to be a part of them all.
COMMON = 0.8


def guess_parts(texts: list[str]) -> dict[str, Part]:
    """Find the two parts that documents have in common, such as a request and its offer.

    By the names of their columns, in order; none where documents have other headings, or more of
    them.
    """
    headings = [[section.heading for section in find_sections(text)[0]] for text in texts]
    counts = Counter(name for found in headings for name in {fold_heading(one) for one in found})
    common = [name for name, times in counts.items() if times >= COMMON * len(texts)]
    alike = len(texts) > 1 and len(common) == 2 and all(len(found) <= 2 for found in headings)
    if not alike:
        return {}
    spelled = {fold_heading(one): one for found in reversed(headings) for one in found}
    first = next(found for found in headings if len(found) == 2)
    return {_name(spelled[fold_heading(one)]): Part(headings=[one]) for one in first}


def make_data(documents: Documents) -> Data:
    """Make the block `data` of a folder of documents."""
    return Data.model_validate(
        {
            "id": "id",
            "columns": [documents.column],
            "documents": documents,
            "split": {"test": 0.1, "validation": 0.1},
        }
    )


def _name(heading: str) -> str:
    """Make a column's name of a heading: its words, in small letters."""
    words = "".join(one if one.isalnum() else " " for one in heading.casefold()).split()
    name = "_".join(words)
    return f"{name}_part" if name in SECTION_COLUMNS or name.isdecimal() else name
