"""Prompts that depend on each other, so that their scores are not taken for independent."""

from typing import Any

import numpy as np

# By grouping, the number of each row's group: shape (rows,).
Groupings = dict[str, np.ndarray]

SAME_PROMPT = "prompt"


def find_groups(answers: list[dict[str, Any]]) -> Groupings:
    """Find the groups of every grouping that the examples name.

    Args:
        answers: one row a prompt; `groups` holds the row's label in each grouping. A row without a
            label is a group of its own.

    Returns:
        Group numbers by grouping. Rows whose prompts are word for word the same are in one group
        whatever their labels: a model answers them alike. Without any label there is one grouping,
        of the same prompts.
    """
    names = sorted({name for row in answers for name in row.get("groups") or {}})
    prompts = [_name_prompt(row) for row in answers]
    if not names:
        return {SAME_PROMPT: _join(prompts, [None] * len(answers))}
    return {
        name: _join(prompts, [(row.get("groups") or {}).get(name) for row in answers])
        for name in names
    }


def count_groups(groupings: Groupings, rows: np.ndarray) -> dict[str, int]:
    """Count the groups that some of the rows fall into.

    Args:
        groupings: group numbers by grouping.
        rows: which rows: shape (rows,), true or false.

    Returns:
        How many groups, by grouping.
    """
    return {name: len(np.unique(numbers[rows])) for name, numbers in groupings.items()}


def _name_prompt(row: dict[str, Any]) -> str:
    said = [*(f"{message['role']}: {message['content']}" for message in row["context"])]
    return "\n".join(" ".join(text.split()) for text in (*said, row["prompt"]))


def _join(prompts: list[str], labels: list[str | None]) -> np.ndarray:
    """Number the connected components of rows that share a prompt or a label."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes: dict[tuple[str, str | None], int] = {}
    edges = [
        (row, len(prompts) + nodes.setdefault(key, len(nodes)))
        for row, (prompt, label) in enumerate(zip(prompts, labels, strict=True))
        for key in (("prompt", prompt), ("label", label))
        if key[1] is not None
    ]
    size = len(prompts) + len(nodes)
    starts, ends = np.array(edges, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(starts)), (starts, ends)), shape=(size, size))
    _, numbers = connected_components(graph, directed=False)
    return np.unique(numbers[: len(prompts)], return_inverse=True)[1]
