"""Shares of styles and slips: planned exactly, counted at the end."""

from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.parameters.synthesis import Quotas


def share_out(total: int, shares: dict[str, float]) -> dict[str, int]:
    """Divide a number by shares, the largest remainders rounded up.

    Args:
        total: the number.
        shares: they add up to 1.

    Returns:
        Whole numbers that add up to the total.
    """
    exact = {name: total * share for name, share in shares.items()}
    counts = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (counts[name] - exact[name], name))
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def spread(total: int, share: float) -> list[bool]:
    """Mark a share of places, evenly spread; of any stretch the share is right within one."""
    return [int((place + 1) * share + 0.5) > int(place * share + 0.5) for place in range(total)]


def count_shares(dialogues: list[dict[str, Any]], quotas: Quotas) -> list[dict[str, Any]]:
    """Count what dialogues are made of, beside what they should be made of.

    Args:
        dialogues: rows with `style` and `slip`.
        quotas: the wanted shares.

    Returns:
        `name`, `wanted`, `count`, `share`, `kept` (within the tolerance) of each quota.
    """
    counts = {style: sum(row["style"] == style for row in dialogues) for style in quotas.styles}
    wanted = {**quotas.styles, "slips": quotas.slips}
    counts["slips"] = sum(row["slip"] != "" for row in dialogues)
    return [
        _compare(name, wanted[name], counts[name], len(dialogues), quotas.tolerance)
        for name in wanted
    ]


def check_shares(shares: list[dict[str, Any]], tolerance: float) -> None:
    """Refuse dialogues that are made of something else than was asked for.

    Raises:
        TunelineError: naming every share that is too far off.
    """
    off = [share for share in shares if not share["kept"]]
    if off:
        raise TunelineError(
            *(
                Problem(
                    where=f"synthesise.quotas: {share['name']}",
                    value=share["wanted"],
                    wrong=f"{share['count']} dialogues have it, a share of {share['share']:.3f}",
                    matters=f"it is off by more than {tolerance:g}, and the model would learn it",
                    remedy="see invalid.jsonl for what was lost; raise `attempts`, or `tolerance`",
                )
                for share in off
            )
        )


def _compare(name: str, wanted: float, count: int, total: int, tolerance: float) -> dict[str, Any]:
    share = count / total if total else 0.0
    kept = total == 0 or abs(share - wanted) <= tolerance
    return {"name": name, "wanted": wanted, "count": count, "share": share, "kept": kept}
