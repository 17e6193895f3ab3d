"""The command line of the generators that need to know no more than where to write."""

import argparse
from collections.abc import Sequence
from pathlib import Path


def read_out(description: str, arguments: Sequence[str] | None) -> Path:
    """The path given with `--out`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(arguments).out
