"""Nothing that comes with a model or an adapter is run, or asks to be run."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.base_models import change_json
from tests.documentation import PROJECT, list_pages
from tests.test_bad_input import kedro_run
from tuneline.datasets import AdapterDataset
from tuneline.errors import TunelineError
from tuneline.models.loading import load_model_config
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Recipe
from tuneline.pipelines.merge.base_weights import Checkpoint

pytestmark = pytest.mark.slow

# What reads JSON or builds from what was read, and has no such argument.
WITHOUT_CODE = {
    "LoraConfig": "PEFT: the class is named here, not in the file",
    "PeftModel": "PEFT: adds tensors to a model that is loaded already",
    "GenerationConfig": "transformers: numbers and names",
    "AutoHfQuantizer": "transformers: takes settings, no folder",
    "DataCatalog": "Kedro",
}
LOADERS = {"from_pretrained", "from_config"}
PICKLES = {"torch.load", "pickle.load", "pickle.loads", "joblib.load", "np.load", "pd.read_pickle"}
PLANT = """
from pathlib import Path
Path({sign!r}).write_text("run")
from transformers import PreTrainedConfig, PreTrainedTokenizerFast
class Planted(PreTrainedTokenizerFast): pass
class PlantedConfig(PreTrainedConfig): model_type = "planted"
"""


def list_trees() -> Iterator[tuple[str, ast.AST]]:
    for folder in ("src", "tests", "benchmarks", "reference", "samples"):
        for path in sorted((PROJECT / folder).rglob("*.py")):
            yield str(path.relative_to(PROJECT)), ast.parse(path.read_text("utf-8"))
    for where, code in list_shown():
        if "from_pretrained" in code:
            yield where, ast.parse(code)


def list_shown() -> Iterator[tuple[str, str]]:
    for page in list_pages():
        for code in re.findall(r"```python\n(.+?)```", page.read_text("utf-8"), re.DOTALL):
            yield page.name, code
    for path in sorted((PROJECT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield path.name, "".join(cell["source"])


def find_calls(tree: ast.AST) -> Iterator[ast.Call]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            yield call


def test_every_call_that_loads_a_model_states_that_no_code_is_run():
    for where, tree in list_trees():
        for call in find_calls(tree):
            if call.func.attr not in LOADERS or ast.unparse(call.func.value) in WITHOUT_CODE:
                continue
            stated = {one.arg: ast.unparse(one.value) for one in call.keywords}
            assert stated.get("trust_remote_code") == "False", f"{where}: {ast.unparse(call)}"
            loads = "Model" in ast.unparse(call.func) and call.func.attr == "from_pretrained"
            if loads and where.startswith("src"):
                assert stated.get("use_safetensors") == "True", f"{where}: {ast.unparse(call)}"


def test_every_snippet_that_is_written_for_others_states_it_as_well():
    for path in (PROJECT / "src").rglob("*.py"):
        for text in re.findall(r'= """\\\n(.+?)"""', path.read_text("utf-8"), re.DOTALL):
            calls = re.findall(r"(\w+)\.from_pretrained\(", text)
            wanted = [name for name in calls if name not in WITHOUT_CODE]
            assert text.count("trust_remote_code=False") == len(wanted), path


def test_nothing_of_ours_reads_a_pickle():
    for path in (PROJECT / "src").rglob("*.py"):
        for call in find_calls(ast.parse(path.read_text("utf-8"))):
            stated = {one.arg: ast.unparse(one.value) for one in call.keywords}
            if stated.get("weights_only") != "True":  # so PyTorch builds tensors alone
                assert ast.unparse(call.func) not in PICKLES, path


def plant(folder: Path, file: str, **keys: object) -> Path:
    """Put code into a folder that writes a file when it is run, and name it in a config."""
    sign = folder.parent / "was_run"
    (folder / "planted.py").write_text(PLANT.format(sign=str(sign)), "utf-8")
    change_json(folder / file, **keys)
    return sign


TOKENIZER = {
    "tokenizer_class": "PlantedTokenizer",
    "auto_map": {"AutoTokenizer": [None, "planted.Planted"]},
}
CONFIG = {"model_type": "planted", "auto_map": {"AutoConfig": "planted.PlantedConfig"}}


@pytest.mark.parametrize(
    ("file", "keys"), [("tokenizer_config.json", TOKENIZER), ("config.json", CONFIG)]
)
def test_code_of_a_base_model_is_refused_by_a_sentence(project: Path, file: str, keys: dict):
    sign = plant(project / "data/06_models/tiny_base", file, **keys)
    done = kedro_run(project, "--pipelines=prepare,plan")
    assert done.returncode == 1
    assert "Tuneline runs no code" in done.stderr
    assert "trust_remote_code" not in done.stdout + done.stderr
    assert not sign.exists()


def test_whoever_loads_a_base_model_refuses_its_code(recipe: Recipe, project: Path):
    folder = project / "data/06_models/tiny_base"
    own = recipe.model_copy(update={"base_model": str(folder)})
    sign = plant(folder, "tokenizer_config.json", **TOKENIZER)
    with pytest.raises(TunelineError, match="comes with code"):
        load_tokenizer(own)
    plant(folder, "config.json", **CONFIG)
    with pytest.raises(TunelineError, match="comes with code"):
        load_model_config(own)
    with pytest.raises(TunelineError, match="comes with code"):
        Checkpoint(str(folder), "main", "merge.base_model")
    assert not sign.exists()


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("tokenizer_config.json", TOKENIZER),
        ("tokenizer_config.json", {**TOKENIZER, "auto_map": ["planted.Planted", None]}),
        ("adapter_config.json", {"auto_map": {"AutoModel": "planted.Planted"}}),
        ("adapter_config.json", {"megatron_config": {"a": 1}, "megatron_core": "planted"}),
    ],
)
def test_code_of_an_adapter_is_refused_by_a_sentence(
    adapter_folder: Path, file: str, keys: dict, monkeypatch: pytest.MonkeyPatch
):
    sign = plant(adapter_folder, file, **keys)
    monkeypatch.chdir(adapter_folder)
    with pytest.raises(TunelineError, match="comes with code"):
        AdapterDataset(filepath=str(adapter_folder)).load()
    assert not sign.exists()


@pytest.fixture
def adapter_folder(recipe: Recipe, tmp_path: Path) -> Path:
    """Write an adapter as another person's training might have left it."""
    from safetensors.torch import save_file

    folder = tmp_path / "adapter"
    folder.mkdir()
    save_file({}, folder / "adapter_model.safetensors")
    load_tokenizer(recipe).save_pretrained(folder)
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4}
    (folder / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    (folder / "provenance.json").write_text("{}", "utf-8")
    return folder


def test_an_adapter_without_code_is_loaded(adapter_folder: Path):
    assert AdapterDataset(filepath=str(adapter_folder)).load().config["r"] == 4


def test_nobody_is_asked_on_a_terminal(adapter_folder: Path):
    """A question would wait for an answer, and `y` would run the code."""
    sign = plant(adapter_folder, "tokenizer_config.json", **TOKENIZER)
    code = (
        "from tuneline.datasets import AdapterDataset\n"
        f"AdapterDataset(filepath={str(adapter_folder)!r}).load()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input="y\n", capture_output=True, text=True, check=False
    )
    assert "comes with code" in done.stderr
    assert "Do you wish" not in done.stdout + done.stderr
    assert not sign.exists()
