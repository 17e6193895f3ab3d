"""Rows of answers as `answer_prompts` gives them, for tests that need no model."""

from typing import Any


def make_row(number: int, base: str, tuned: str, reference: str | None, **more: Any) -> dict:
    """Make one row; whatever is not given is the same for both models."""
    row = {
        "id": str(number),
        "line": number + 1 if reference is not None else None,
        "category": None,
        "slices": {},
        "key_terms": [],
        "context": [],
        "prompt": f"Describe pot {number}.",
        "reference": reference,
        "reference_tokens": None if reference is None else 12,
    }
    for who, text in (("base", base), ("tuned", tuned)):
        row |= {
            f"{who}_answer": text,
            f"{who}_tokens": 10,
            f"{who}_seconds": 0.5,
            f"{who}_stopped": True,
            f"{who}_loss": None if reference is None else 24.0,
            f"{who}_entropy": None if reference is None else 6.0,
            f"{who}_correct": None if reference is None else 8,
        }
    return row | more
