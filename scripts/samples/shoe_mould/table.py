"""Write the rows of all categories as the one JSON array that an expert would hand over.

The tracked sample is made by:

    python -m scripts.samples.shoe_mould.table --out data/01_raw/shoe_mould/questions.json
"""

import json
from collections.abc import Sequence
from pathlib import Path

import yaml

from scripts.samples.command_line import read_out

SOURCE = Path(__file__).with_name("rows")


def read_rows() -> list[dict[str, object]]:
    """The rows of all categories, each file being a category, in the order of their names."""
    rows = []
    for path in sorted(SOURCE.glob("*.yml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        rows += [{"category": content["category"], **row} for row in content["rows"]]
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the array, as told on the command line."""
    path = read_out("Write the questions and answers on moldy shoes.", arguments)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(read_rows(), ensure_ascii=False, indent=2)
    path.write_text(f"{text}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
