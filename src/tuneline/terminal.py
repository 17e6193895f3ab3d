"""What others wrote, made safe to be shown: in a terminal, in the log, in an error message.

A column's name, a file's name or a model's answer can hold codes that clear a terminal, fill its
clipboard or turn a line around. Whatever is shown goes through `show`, which makes them visible.
"""

import logging
import re
import sys
import threading
import traceback
import warnings
from io import TextIOWrapper
from types import TracebackType
from typing import Any

# Control characters but for line break and tab, signs that turn the direction of writing, other
# line separators, and halves of characters, which no terminal takes.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
# How a cell begins that a spreadsheet takes for a formula (OWASP, CSV injection).
FORMULA_START = r"[=+\-@\t\r]"
# As wide as the time before a message: a line break in it begins no line that looks like another's.
CONTINUED = "\n" + " " * 10


def show(text: object, line_break: str = "\n") -> str:
    """Write characters that a terminal would obey as Python escapes; leave all others alone.

    Args:
        text: whatever is shown.
        line_break: what stands for a line break, where the text is to be one line.

    Returns:
        The text, which can be written in any encoding that has its letters.
    """
    return UNSAFE.sub(_escape, str(text)).replace("\n", line_break)


def protect_terminal() -> None:
    """Show safely whatever this process logs, warns of and fails with, its libraries included."""
    logging.setLogRecordFactory(ShownRecord)
    sys.excepthook = _show_traceback
    threading.excepthook = _show_traceback_of_thread
    warnings.formatwarning = _show_warning
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a notebook's are not, and take every letter
            stream.reconfigure(errors="backslashreplace")


class ShownRecord(logging.LogRecord):
    """A log record whose message and traceback can be shown.

    A record rather than a formatter: handlers of libraries show it as well, and Kedro takes no
    formatter of a project's own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info:
            self.exc_text = show(logging.Formatter().formatException(self.exc_info))

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        """Give the message, made safe to be shown."""
        return show(super().getMessage(), CONTINUED)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


_format_warning = warnings.formatwarning


def _show_warning(*args: Any, **kwargs: Any) -> str:
    return show(_format_warning(*args, **kwargs))


def _show_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    sys.stderr.write(show("".join(traceback.format_exception(kind, error, trace))))


def _show_traceback_of_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value and not isinstance(failed.exc_value, SystemExit):
        _show_traceback(failed.exc_type, failed.exc_value, failed.exc_traceback)
