"""How many rows of each category a side gets."""


def allot(total: int, rows: dict[str, int], least: set[str]) -> dict[str, int]:
    """Divide a number of rows among categories, in proportion to their sizes.

    The largest remainders win what is left over (Hamilton's method), but a category of `least`
    gets at least one, as long as there are enough for all.

    Args:
        total: rows to give away.
        rows: rows of each category.
        least: categories that should not be left out.

    Returns:
        Rows by category; together `total`, or all the rows there are.
    """
    total = min(total, sum(rows.values()))
    if total < len(least):
        first = sorted(least, key=lambda name: (-rows[name], name))[:total]
        return {name: int(name in first) for name in rows}
    ideal = {name: total * count / sum(rows.values()) for name, count in rows.items()}
    given = {name: max(int(ideal[name]), int(name in least)) for name in rows}
    while sum(given.values()) < total:
        given[max(rows, key=lambda name: (ideal[name] - given[name], name))] += 1
    while sum(given.values()) > total:
        generous = [name for name in rows if given[name] > int(name in least)]
        given[max(generous, key=lambda name: (given[name] - ideal[name], name))] -= 1
    return given
