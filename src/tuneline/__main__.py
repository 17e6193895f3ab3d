"""Run Tuneline as a module: ``python -m tuneline`` is ``kedro run``."""

from pathlib import Path
from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main(*args: str, **kwargs: Any) -> Any:
    """Run the project's ``run`` command with what one would type after ``kedro run``."""
    package_name = Path(__file__).parent.name
    configure_project(package_name)
    return find_run_command(package_name)(*args, **kwargs)


if __name__ == "__main__":
    main()
