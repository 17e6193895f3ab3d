"""No code of others is run: what names some is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tuneline.errors import Problem, TunelineError

# Keys of an adapter's config that have PEFT or transformers import what they name.
IMPORTING = ("auto_map", "megatron_config")


@contextmanager
def refuse_foreign_code(where: str, value: object) -> Iterator[None]:
    """Word what transformers says of code that it would have to run; it advises to run it.

    Args:
        where: the parameter or file that names the model.
        value: what it names.

    Raises:
        TunelineError: if the model cannot be loaded without its code.
    """
    try:
        yield
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise TunelineError(_comes_with_code(where, value)) from error


def check_adapter_config(where: str, config: dict[str, Any]) -> None:
    """Refuse an adapter's config that names code.

    Args:
        where: the file.
        config: what it states.

    Raises:
        TunelineError: if one of its keys would import something.
    """
    for key in IMPORTING:
        if config.get(key):
            raise TunelineError(_comes_with_code(f"{where}: {key}", config[key]))


def _comes_with_code(where: str, value: object) -> Problem:
    return Problem(
        where=where,
        value=value,
        wrong="it comes with code of its own that would have to be run",
        matters="Tuneline runs no code of others: it could do whatever you can do here",
        remedy="take one that transformers and PEFT know by themselves",
    )
