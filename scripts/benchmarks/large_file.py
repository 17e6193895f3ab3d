"""A large raw file that compresses as badly as a real one.

The sample's generator writes few words and few labels, so its rows compress four times as well as
those of AmazonTitles-1.3MM, and decompressing them costs next to nothing. Here most words of a
content are drawn from 500,000 made-up ones, titles are made distinct, and a row has some
sixteen labels, as real rows have: 2,250,000 rows are 1.8 GB of JSON lines and 0.9 GB of gzip.
"""

import gzip
import re
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from random import Random

from scripts.samples.product_descriptions import LABEL_COUNT, generate_lines

VOCABULARY = 500_000
# Long enough that gzip, which looks 32 kB back, never meets the same row of words again.
DRAWN_WORDS = 1_000_003
DRAWN_LABELS = 100_003
LABELS = 16
# Titles repeat within this many rows (scripts.samples.product_descriptions.REPEAT_WINDOW).
BLOCK = 1024
LINES_PER_WRITE = 1000

# Boilerplate, entities, tags and escapes stay as they are: they are what cleaning is about.
CONTENT_WORD = re.compile(r"This text refers to [^.]*\.|(?<![&#</\\\w])[a-z]{3,}(?![;>\w])")
TITLE_WORD = re.compile(r"(?<![&#\\\w])[A-Z][a-z]{3,}(?![;\w])")
PARTS = re.compile(r'^(\{"uid": "\d+", "title": ")(.*)(", "content": ")(.*)(", "target_ind": ).*$')


def make_words(rng: Random) -> list[str]:
    """Make up words of four to nine letters."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(rng.choices(letters, k=rng.randint(4, 9))) for _ in range(VOCABULARY)]


def enrich_lines(rows: int, seed: int) -> Iterator[str]:
    """Give the sample's rows the variety of words and labels that real rows have.

    Args:
        rows: how many.
        seed: of the rows and of the words.

    Yields:
        JSON lines; broken and odd ones as the sample's generator makes them.
    """
    rng = Random(seed)  # noqa: S311
    words = make_words(rng)
    drawn = cycle(rng.choices(words, k=DRAWN_WORDS))
    labels = cycle([_draw_labels(rng) for _ in range(DRAWN_LABELS)])
    for number, line in enumerate(generate_lines(rows, seed)):
        parts = PARTS.match(line)
        yield _enrich(parts, words, drawn, labels, number // BLOCK) if parts else line


def _enrich(
    parts: re.Match[str],
    words: list[str],
    drawn: Iterator[str],
    labels: Iterator[str],
    block: int,
) -> str:
    start, title, between, content, end = parts.groups()
    title = TITLE_WORD.sub(lambda match: _rename(match.group(), words, block), title)
    content = CONTENT_WORD.sub(
        lambda match: match.group() if match.group()[0] == "T" else next(drawn), content
    )
    return f"{start}{title}{between}{content}{end}{next(labels)}"


def _rename(word: str, words: list[str], block: int) -> str:
    # The same word keeps its new name within a block, so that repeated titles stay repeated.
    place = sum(map(ord, word)) * 7919 + len(word) * 104_729 + block * 1_299_709
    return words[place % len(words)].capitalize()


def _draw_labels(rng: Random) -> str:
    count = 1 + int(rng.random() * 2 * LABELS)
    return (
        f"{sorted(int(rng.random() * LABEL_COUNT) for _ in range(count))}, "
        f'"target_rel": {[1.0] * count}}}'
    )


def write_large_gz(path: Path, rows: int, seed: int = 3407) -> None:
    """Write the rows as one gzip file."""
    lines = enrich_lines(rows, seed)
    with gzip.open(path, "wb", compresslevel=6) as packed:
        while batch := list(islice(lines, LINES_PER_WRITE)):
            packed.write("".join(f"{line}\n" for line in batch).encode())
