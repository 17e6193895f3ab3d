"""How many inventions the rules find in answers about documents, and how many they imagine.

Sentences of documents are taken as they are, and with a number, a name or a quotation planted that
their chunk does not hold.

    PYTHONPATH=. python scripts/benchmarks/grounding.py docs data/01_raw/development_plans
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator

from tuneline.datasets import RawDocumentsDataset
from tuneline.pipelines.synthesize.chunks import ENDS, divide_source
from tuneline.pipelines.synthesize.grounding import NUMBER, find_invention, quotes

NAMES = ("Kowalski", "Nguyen", "Oyelaran", "Tesar")
LEAST_CHARACTERS, QUOTED_WORDS = 40, 5


def plant(sentence: str, chunk: str, choose: random.Random) -> Iterator[tuple[str, str]]:
    """Plant one invention of each kind in a sentence; a number only where there is one."""
    words = sentence.split(" ")
    if numbers := list(NUMBER.finditer(sentence)):
        match = choose.choice(numbers)
        other = str(int("".join(filter(str.isdigit, match[0]))) + 7)
        if other not in chunk:
            yield "number", sentence[: match.start()] + other + sentence[match.end() :]
    name, place = choose.choice(NAMES), choose.randrange(2, max(3, len(words)))
    yield "name", " ".join([*words[:place], name, *words[place:]])
    yield "name that begins a sentence", f"{name} says so. {sentence}"
    quoted = " ".join(choose.sample(words, min(QUOTED_WORDS, len(words))))
    if not quotes(chunk, quoted):
        yield "quotation", f"{sentence} “{quoted}”"


def measure(folders: list[str]) -> None:
    """Count what is found in the documents of some folders."""
    choose, found, planted = random.Random(3407), Counter[str](), Counter[str]()  # noqa: S311
    for folder in folders:
        dataset = RawDocumentsDataset(filepath=folder, mark_headings=True, mark_pages=True)
        for chunk in divide_source(dataset.load(), 2000).chunks:
            text, language = chunk["text"], chunk["language"]
            for sentence in filter(None, ENDS[0].split(text)):
                planted["as it is"] += 1
                found["as it is"] += find_invention(sentence, text, language) is not None
                if len(sentence) < LEAST_CHARACTERS or set("`|") & set(sentence):
                    continue
                for kind, changed in plant(sentence, text, choose):
                    invention = str(find_invention(changed, text, language))
                    planted[kind] += 1
                    found[kind] += kind.partition(" ")[0] in invention
    for kind, count in planted.items():
        sys.stdout.write(f"{kind}: {found[kind]:,} of {count:,} refused\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+")
    measure(parser.parse_args().folders)
