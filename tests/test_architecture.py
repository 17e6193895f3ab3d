"""The page on the architecture names what there is: stages, datasets, modules and layers."""

import importlib
import re
import tomllib

import pytest

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


def find_missing_imports(text: str) -> set[str]:
    """Find what a text imports from Tuneline, its tests or its scripts that is not there."""
    imports = r"from ((?:tuneline|tests|scripts)[.\w]*) import (\([^)]*\)|[^\n\\\"';`#]+)"
    pairs = {
        (module, name)
        for module, names in re.findall(imports, text)
        for name in re.findall(r"\w+", re.sub(r" as \w+|#.*", "", names))
    }
    return {f"{module}.{name}" for module, name in pairs if not is_there(module, name)}


def is_there(module: str, name: str) -> bool:
    try:
        if not hasattr(importlib.import_module(module), name):
            importlib.import_module(f"{module}.{name}")
    except ModuleNotFoundError as error:
        # A package that is not installed here, as pyspark, tells nothing.
        return not str(error.name).startswith(("tuneline", "tests", "scripts"))
    return True


# Programs for child processes and pages are texts, whose imports neither mypy nor ruff reads.
@pytest.mark.parametrize("folder", ["docs", "notebooks", "scripts", "src", "tests"])
def test_what_a_text_imports_from_tuneline_exists(folder: str):
    kinds = {".py", ".md", ".ipynb", ".html", ".j2"}
    files = [one for one in (PROJECT / folder).rglob("*") if one.suffix in kinds]
    missing = {path.name: find_missing_imports(path.read_text("utf-8")) for path in files}
    assert {name: imports for name, imports in missing.items() if imports} == {}


def test_an_import_of_what_has_moved_is_found():
    program = "text = 'from tuneline.models.loading " + "import load_model, load_tokenizer'"
    assert find_missing_imports(program) == {"tuneline.models.loading.load_tokenizer"}
    assert find_missing_imports("from tuneline.models " + "import loading as other") == set()
