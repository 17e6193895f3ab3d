"""Orders in plain words and the codes that a warehouse writes for them: answers that are exact.

    python -m scripts.samples.order_codes --rows 680 --out orders.csv

One rule makes every code, so that a model either has learned it or has not: three letters of the
article, three of the color, the size in three digits, the number, and the day.
"""

import argparse
import csv
import random
from pathlib import Path

ARTICLES = {
    "tea pot": "TPT",
    "milk jug": "JUG",
    "bread board": "BRD",
    "soup bowl": "BWL",
    "oil lamp": "LMP",
    "wall clock": "CLK",
    "garden stool": "STL",
    "letter rack": "RCK",
}
COLORS = {
    "blue": "BLU",
    "green": "GRN",
    "red": "RED",
    "white": "WHT",
    "black": "BLK",
    "gray": "GRY",
}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
FORMS = (
    "{number} {color} {article}s of {size} cm, please, by {day}.",
    "We need {number} {article}s in {color}, {size} cm, on {day}.",
    "By {day}: {article}, {color}, {size} cm, {number} pieces.",
    "Could you send {number} {color} {article}s ({size} cm) on {day}?",
)


def make_orders(rows: int, seed: int) -> list[tuple[str, str]]:
    """Make different orders with their codes."""
    rng = random.Random(seed)
    orders: dict[str, str] = {}
    while len(orders) < rows:
        article, color = rng.choice(list(ARTICLES)), rng.choice(list(COLORS))
        number, size, day = rng.randint(2, 9), 5 * rng.randint(2, 16), rng.choice(DAYS)
        words = rng.choice(FORMS).format(
            number=number, color=color, article=article, size=size, day=day
        )
        code = f"{ARTICLES[article]}-{COLORS[color]}-{size:03}-{number}-{day[:3].upper()}"
        orders[words] = code
    return list(orders.items())


def main() -> None:
    """Write the orders as CSV."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=680)
    parser.add_argument("--seed", type=int, default=3407)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    with given.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["order", "code"])
        writer.writerows(make_orders(given.rows, given.seed))


if __name__ == "__main__":
    main()
