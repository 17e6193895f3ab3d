"""Which use cases there are: the folders of `conf/base` that hold a `parameters.yml`."""

from pathlib import Path

from kedro.utils import find_kedro_project

MAIN_USE_CASE = "product_descriptions"


def list_use_cases() -> list[str]:
    """Find the use cases of the project one stands in.

    Returns:
        Names in alphabetical order; outside a project only the main one.
    """
    project = find_kedro_project(Path.cwd()) or Path(__file__).parents[2]
    found = {path.parent.name for path in project.glob("conf/base/*/parameters.yml")}
    return sorted(found | {MAIN_USE_CASE})
