"""Templates over the columns of a source, as a user states them."""

from tuneline.errors import Problem, TunelineError
from tuneline.new_use_case.headers import find_unfit
from tuneline.new_use_case.sources import Source
from tuneline.parameters.examples import list_placeholders


def escape_braces(text: str) -> str:
    """Make a template of a text that is no template."""
    return text.replace("{", "{{").replace("}", "}}")


def brace(column: str) -> str:
    """Make the placeholder of a column."""
    return "{" + column + "}"


def exchange(template: str, old: str, new: str) -> str:
    """Put a column in the place of another; without the old one, the new one is the template."""
    changed = template.replace(brace(old), brace(new))
    return changed if brace(new) in changed else brace(new)


def check_template(where: str, template: str, source: Source) -> None:
    """Refuse a template that cannot be filled from the columns of text.

    Raises:
        TunelineError: naming what no column has.
    """
    columns = [name for name in source.rows.columns if name not in source.numbers]
    try:
        unknown = [name for name in list_placeholders(template) if name not in columns]
    except ValueError:
        raise TunelineError(_no_template(where, template)) from None
    problems = [_no_such_column(where, name, columns) for name in unknown]
    unfit = (find_unfit(source.path, name, list(source.header)) for name in columns)
    problems += [one for one in unfit if one and one.value in list_placeholders(template)]
    if problems:
        raise TunelineError(*problems)


def _no_template(where: str, template: str) -> Problem:
    return Problem(
        where=where,
        value=template,
        wrong="a brace is opened and never closed, or the other way round",
        matters="the template could not be filled; nothing was written",
        remedy="write a column's name in braces, as in `{title}`, and a brace itself as `{{` or "
        "`}}`",
    )


def _no_such_column(where: str, name: str, columns: list[str]) -> Problem:
    return Problem(
        where=where,
        value=brace(name),
        wrong="no column with text has this name",
        matters="the template could not be filled; nothing was written",
        remedy="name one of " + ", ".join(f"`{brace(one)}`" for one in columns),
    )
