"""What cannot be started from is named before anything runs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipelines.evaluate.adapters import wrap_model
from tests.training.small_runs import make_examples
from tuneline.checks.start_from import find_start_from_problems
from tuneline.checks.sweep_space import find_other_starts
from tuneline.datasets.models import write_adapter
from tuneline.errors import TunelineError
from tuneline.examples import hash_templates
from tuneline.models.adapter import read_adapter
from tuneline.models.fingerprints import describe_inputs
from tuneline.models.seen_examples import record_seen
from tuneline.models.start_adapter import describe_start, read_start
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Hardware, Prompt, Recipe, Sweep
from tuneline.utils.hashing import read_sealed, write_sealed

PROMPT = Prompt(prompt="Describe: {title}", completion="{content}")
LORA = {"r": 8, "lora_alpha": 8, "target_modules": "all-linear"}
SEEN = make_examples(6)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Make two folders of the same adapter: as PEFT writes it, and as Tuneline does."""
    from tests.conftest import CPU, load_parameters

    recipe = load_parameters().recipe
    folder = tmp_path_factory.mktemp("made")
    wrap_model(recipe, CPU, effect=True).save_pretrained(folder / "peft")
    path = folder / "peft/adapter_config.json"
    path.write_text(
        json.dumps(json.loads(path.read_text("utf-8")) | {"base_model_name_or_path": "base"})
    )
    tokenizer = load_tokenizer(recipe)
    for example in SEEN:
        example["meta"]["templates"] = hash_templates(PROMPT)
    provenance = {**describe_inputs(SEEN, [], tokenizer, recipe, CPU)}
    adapter = read_adapter(folder / "peft", tokenizer, provenance, record_seen(SEEN))
    (folder / "tuneline").mkdir()
    write_adapter(folder / "tuneline", adapter)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "made"))


def state(recipe: Recipe, folder: Path, **lora: object) -> Recipe:
    return recipe.model_copy(update={"start_from": str(folder), "lora": LORA | lora})


def find(recipe: Recipe, prompt: Prompt = PROMPT, held_out: int = 0) -> list[str]:
    test = make_examples(10)[10 - held_out :]
    return [str(one) for one in find_start_from_problems("mine", recipe, prompt, test)]


def test_an_adapter_of_the_same_kind_is_taken(recipe: Recipe, folder: Path):
    assert find(state(recipe, folder / "tuneline"), held_out=4) == []
    dropout = {**recipe.quantization, "bnb_4bit_quant_type": "fp4"}
    other = state(recipe, folder / "tuneline", lora_dropout=0.1)
    assert find(other.model_copy(update={"quantization": dropout})) == []


def test_all_that_differs_is_named_at_once(recipe: Recipe, folder: Path):
    other = state(recipe, folder / "tuneline", r=16, lora_alpha=32, target_modules=["q_proj"])
    prompt = PROMPT.model_copy(update={"prompt": "Sell: {title}"})
    found = "\n".join(find(other, prompt, held_out=6))
    for words in (
        "mine.recipe.lora.r = 16: the adapter of start_from has 8",
        "mine.recipe.lora.lora_alpha = 32: the adapter of start_from has 8",
        "mine.recipe.lora.target_modules = ['q_proj']: the adapter of start_from adapts",
        "it was trained with another prompt or system message",
        "it was trained on 2 of today's 6 test rows (the first is 4)",
    ):
        assert words in found


def test_a_sweep_tries_nothing_that_could_not_go_on_from_the_adapter(recipe: Recipe, folder: Path):
    sweep = Sweep(space={"lora.r": [8, 16], "lora.lora_dropout": [0.1], "learning_rate": [1e-3]})
    start = state(recipe, folder / "tuneline")
    (problem,) = map(str, find_other_starts("mine", sweep, start, PROMPT))
    assert "mine.sweep.space.lora.r = 16: the adapter of start_from has 8" in problem


def test_another_base_and_another_template_are_named(recipe: Recipe, folder: Path):
    path = folder / "tuneline/provenance.json"
    provenance = read_sealed(path, "")
    provenance["base"] = {"name": "someone/else", "commit": "abc"}
    provenance["chat_template_sha256"] = "0" * 64
    write_sealed(path, provenance)
    base, template = find(state(recipe, folder / "tuneline"))
    assert f"it was trained on someone/else, and this run has {recipe.base_model}" in base
    assert "it was trained with another chat template" in template


def test_of_pefts_own_folder_is_said_what_cannot_be_checked(recipe: Recipe, folder: Path):
    (problem,) = find(state(recipe, folder / "peft"))
    assert f"it was trained on base, and this run has {recipe.base_model}" in problem
    assert "write this one into its adapter_config.json" in problem
    path = folder / "peft/adapter_config.json"
    config = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(config | {"base_model_name_or_path": recipe.base_model}))
    assert find(state(recipe, folder / "peft")) == []
    described = describe_start(state(recipe, folder / "peft"))
    assert described["unknown"] == ["rows", "base", "chat template", "prompt"]


def keep_nothing(folder: Path) -> None:
    shutil.rmtree(folder)


def keep_a_file(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()


def pickle_it(folder: Path) -> None:
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")


def cut_it(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def make_versions(folder: Path) -> None:
    shutil.copytree(folder, folder / "2026-01-01T00.00.00.000Z" / folder.name)
    (folder / "adapter_config.json").unlink()


def make_ia3(folder: Path) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"peft_type": "IA3"}))


@pytest.mark.parametrize(
    ("kind", "damage", "words"),
    [
        ("peft", keep_nothing, "there is no such folder"),
        ("peft", keep_a_file, "it is no adapter: it has no adapter_config.json"),
        ("peft", pickle_it, "its weights are in adapter_model.bin, not in"),
        ("peft", cut_it, "adapter_model.safetensors: it cannot be read"),
        ("tuneline", cut_it, "adapter_model.safetensors: it is not what its SHA-256 says"),
        ("peft", make_versions, "it holds several versions of an adapter"),
        ("peft", make_ia3, "it is an adapter of the kind IA3"),
    ],
)
def test_a_folder_that_cannot_be_read_is_one_sentence(
    kind: str, damage: Callable[[Path], None], words: str, recipe: Recipe, folder: Path
):
    damage(folder / kind)
    (problem,) = find(state(recipe, folder / kind))
    assert words in problem


def test_weights_are_read_without_code_of_others(folder: Path):
    path = folder / "peft/adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"auto_map": {"a": "b"}}))
    with pytest.raises(TunelineError, match="code of its own"):
        read_start(str(folder / "peft"))


def test_folds_and_an_adapter_that_has_seen_them_do_not_go_together(
    recipe: Recipe, hardware: Hardware
):
    from tests.conftest import load_parameters
    from tuneline.parameters import UseCase

    stated = load_parameters().model_dump()
    stated["evaluation"]["cross_fit"] = 5
    stated["recipe"]["start_from"] = "somewhere"
    with pytest.raises(ValueError, match=r"recipe\.start_from` is stated next to"):
        UseCase.model_validate(stated)
