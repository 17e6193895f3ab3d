"""The page on the architecture names what there is: stages, datasets, modules and layers."""

import re
import tomllib

from tests.documentation import PROJECT
from tuneline.pipeline_registry import STAGES

PAGE = (PROJECT / "docs/architecture.md").read_text("utf-8")
SOURCE = PROJECT / "src/tuneline"


def read_section(heading: str) -> str:
    return PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]


def list_modules() -> set[str]:
    """List the modules and packages of the package; templates and pages are neither."""
    files = {path.stem for path in SOURCE.glob("*.py")} - {"__init__", "__main__"}
    return files | {path.parent.name for path in SOURCE.glob("*/__init__.py")}


def list_layers() -> list[set[str]]:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one["type"] == "layers")
    return [set(re.findall(r"tuneline\.(\w+)", layer)) for layer in layers]


def test_every_module_has_its_layer():
    assert set().union(*list_layers()) == list_modules()


def test_the_page_names_every_module_in_the_order_of_the_layers():
    rows = re.findall(r"^\|.+?\|(.+)\|$", read_section("Layers"), flags=re.MULTILINE)
    named = [set(re.findall(r"`(\w+)/?(?:<stage>/)?`", row)) & list_modules() for row in rows]
    assert set().union(*named) == list_modules()
    place = {module: number for number, row in enumerate(named) for module in row}
    order = [one for layer in list_layers() for one in sorted(place[module] for module in layer)]
    assert order == sorted(order)


def test_the_flow_names_every_stage():
    rows = re.findall(r"^\| `(\w+)`", read_section("The flow"), flags=re.MULTILINE)
    assert set(rows) == set(STAGES)


def test_the_datasets_of_the_flow_are_in_the_catalog():
    patterns = [path.read_text("utf-8") for path in (PROJECT / "conf/base").rglob("catalog*.yml")]
    known = set(re.findall(r"^\"?[\w{}]+\.(\w+)\"?:", "\n".join(patterns), flags=re.MULTILINE))
    rows = re.findall(r"^\| `.+?\|(.+)\|(.+)\|$", read_section("The flow"), flags=re.MULTILINE)
    named = {one.strip() for row in rows for cell in row for one in cell.split(",")}
    assert named - known - {"base model"} == set()
