"""Which rows in the manner of others are kept: of a like length, with their labels, no copies."""

from typing import Any

from rapidfuzz import fuzz, process

from tuneline.pipelines.synthesize.filters import LEFTOVER, Item, fold_words

Row = dict[str, str]
# A new text is not shorter than this share of the shortest own one, nor longer than so many times
# the longest.
SHORTEST, LONGEST = 0.5, 2.0
# A column with at most so many different texts for each row holds labels.
LABEL_SHARE = 0.5
MOST_CANDIDATES = 20


class RowCheck:
    """Keeps rows as long as the own ones, with known labels, and like no own or earlier row.

    Two rows are near-copies if all their texts are alike, labels aside. `similarity` is by
    rapidfuzz's ratio.
    """

    def __init__(self, own: list[Row], columns: list[str], similarity: float) -> None:
        self._columns, self._similarity = columns, similarity
        self._labels = {
            column: labels
            for column in columns
            if len(labels := {row[column].strip() for row in own}) <= LABEL_SHARE * len(own)
        }
        if len(self._labels) == len(columns):
            self._labels = {}
        free = [column for column in columns if column not in self._labels]
        self._limits = {
            column: (
                SHORTEST * min(len(row[column]) for row in own),
                LONGEST * max(len(row[column]) for row in own),
            )
            for column in free
        }
        self._signs = {column: "\n".join(row[column] for row in own) for column in free}
        self._names = [row["id"] for row in own]
        self._kept = {column: [fold_words(row[column]) for row in own] for column in free}

    def __call__(self, item: Item, found: dict[str, Any]) -> str | None:
        """Say why a row is not kept."""
        texts = {column: found[column].strip() for column in self._columns}
        problem = (
            self._find_strange_label(texts)
            or self._find_strange_text(texts)
            or self._find_near_copy(texts)
        )
        if problem is None:
            self._names.append(item["id"])
            for column, kept in self._kept.items():
                kept.append(fold_words(texts[column]))
        return problem

    def _find_strange_label(self, texts: Row) -> str | None:
        for column, labels in self._labels.items():
            if texts[column] not in labels:
                return f"its {column} is none of the own rows': `{texts[column][:60]}`"
        return None

    def _find_strange_text(self, texts: Row) -> str | None:
        for column, (least, most) in self._limits.items():
            text = texts[column]
            leftover = LEFTOVER.search(text)
            if leftover and not LEFTOVER.search(self._signs[column]):
                return f"its {column} was not filled: `{leftover.group()}`"
            if not least <= len(text) <= most:
                limits = f"{least:.0f} to {most:.0f}"
                return f"its {column} has {len(text)} characters, not {limits}"
        return None

    def _find_near_copy(self, texts: Row) -> str | None:
        first, *others = self._kept
        folded = {column: fold_words(texts[column]) for column in self._kept}
        cutoff = 100 * self._similarity
        for _, _, place in process.extract(
            folded[first],
            self._kept[first],
            scorer=fuzz.ratio,
            score_cutoff=cutoff,
            limit=MOST_CANDIDATES,
        ):
            rest = (fuzz.ratio(folded[name], self._kept[name][place]) for name in others)
            if all(similarity >= cutoff for similarity in rest):
                return f"it is a near-copy of `{self._names[place]}`"
        return None
