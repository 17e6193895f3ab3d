import json
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import load_parameters
from tests.pipelines.merge.adapters import MERGE
from tests.pipelines.merge.gguf_base import LLAMA_CPP, make_gguf_base
from tuneline.datasets import MovedFolderDataset
from tuneline.errors import TunelineError
from tuneline.parameters import Gguf, Recipe
from tuneline.pipelines.merge.gguf_files import find_llama_cpp
from tuneline.pipelines.merge.llama_library import LlamaError
from tuneline.pipelines.merge.llama_process import run_llama
from tuneline.pipelines.merge.nodes import convert_to_gguf
from tuneline.pipelines.merge.output_files import list_commands

pytestmark = pytest.mark.slow
NEEDS_LLAMA_CPP = pytest.mark.skipif(
    not LLAMA_CPP.is_dir(),
    reason="llama.cpp is not installed (python -m scripts.llama_cpp.install)",
)
TOLD = {"weights": "its weights", "dtype": "bfloat16", "comparison": {"summary": "8 of 9 equal."}}


@pytest.fixture
def merged(recipe: Recipe, tmp_path: Path) -> Path:
    """Take a base model for a merged one: it is as good as any to convert."""
    make_gguf_base(recipe, tmp_path / "base")
    folder = Path(shutil.copytree(tmp_path / "base", tmp_path / "tea_shop/merged"))
    (folder / "provenance.json").write_text(json.dumps({"merged": TOLD}))
    return folder


def convert(merged: Path, llama_cpp: Path | None, types: list[str], **changed: dict) -> dict:
    """Convert with the main use case's parameters, some of them changed."""
    gguf = Gguf(types=types, llama_cpp=llama_cpp and str(llama_cpp))
    settings, use_case = MERGE.model_copy(update={"gguf": gguf}), load_parameters()
    blocks = [
        getattr(use_case, name).model_copy(update=changed.get(name, {}))
        for name in ("prompt", "recipe", "evaluation")
    ]
    folder, told = convert_to_gguf(merged, merged.parent / "merging", settings, *blocks)
    MovedFolderDataset(filepath=str(merged.parent / "gguf")).save(folder)
    return told


def write_converter(folder: Path, script: str) -> Path:
    """Write a converter that goes wrong; answer with the folder of that llama.cpp."""
    folder = folder / "broken"
    folder.mkdir()
    (folder / "convert_hf_to_gguf.py").write_text(f"import sys\n{script}\n")
    return folder


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("nowhere")
def test_without_llama_cpp_ollama_is_pointed_to_the_merged_folder(merged: Path):
    told = convert(merged, None, ["f16"])
    assert told["files"] == []
    assert "No GGUF file was made: llama.cpp is not there; `python -m" in told["summary"]
    assert told["obstacle"].startswith("llama.cpp's library is not there; `python -m")
    modelfile = (merged.parent / "gguf/Modelfile").read_text()
    assert modelfile.startswith(
        "# Merged into its weights; stored in bfloat16.\n# 8 of 9 equal.\n# No GGUF file was made"
    )
    assert "\nFROM ../merged\n" in modelfile
    assert 'PARAMETER stop "<|end|>"' in modelfile
    convert_first, run = list_commands(merged, merged.parent / "gguf", told)["llama_cpp"]
    assert convert_first.endswith("model-f16.gguf")
    assert run.startswith("llama-cli -m ")


@pytest.mark.usefixtures("nowhere")
def test_the_model_is_asked_as_it_was_evaluated(merged: Path):
    told = convert(merged, None, ["f16"])
    modelfile = (merged.parent / "gguf/Modelfile").read_text()
    assert modelfile.endswith("PARAMETER temperature 0\nPARAMETER repeat_penalty 1.0\n")
    assert 'SYSTEM """' not in modelfile
    assert told["options"] == ["--temp", "0"]
    sampled = {"do_sample": True, "temperature": 0.7, "repetition_penalty": 1.05}
    told = convert(
        merged,
        None,
        ["f16"],
        prompt={"system": "You sell {{tea}}."},
        recipe={"max_length": 8192},
        evaluation={"generation": sampled},
    )
    modelfile = (merged.parent / "gguf/Modelfile").read_text()
    assert 'SYSTEM """You sell {tea}."""\n' in modelfile
    assert [line for line in modelfile.splitlines() if "stop" not in line][-5:] == [
        "PARAMETER temperature 0.7",
        "PARAMETER top_k 50",
        "PARAMETER top_p 1.0",
        "PARAMETER repeat_penalty 1.05",
        "PARAMETER num_ctx 8192",
    ]
    run = list_commands(merged, merged.parent / "gguf", told)["llama_cpp"][-1]
    assert run.endswith("--temp 0.7 --top-k 50 --top-p 1.0 -sys 'You sell {tea}.'")
    told = convert(merged, None, ["f16"], prompt={"system": "You sell {title}."})
    assert "-sys" not in told["options"]


def test_a_folder_of_llama_cpp_that_is_named_and_is_none(tmp_path: Path):
    for path, wrong in ((tmp_path / "no", "there is no such folder"), (tmp_path, "it holds no")):
        with pytest.raises(TunelineError, match=rf"llama_cpp = {path}: {wrong}.*; .*; name the"):
            find_llama_cpp(Gguf(types=["f16"], llama_cpp=str(path)))


def test_a_converter_that_fails_is_quoted_and_leaves_nothing(merged: Path, tmp_path: Path):
    broken = write_converter(tmp_path, 'open(sys.argv[3], "w").write("half"); sys.exit("cannot")')
    with pytest.raises(TunelineError, match="it ends with: cannot"):
        convert(merged, broken, ["f16"])
    assert not list((merged.parent / "merging").iterdir())
    assert not (merged.parent / "gguf").exists()


def test_a_converter_that_makes_nothing(merged: Path, tmp_path: Path):
    with pytest.raises(TunelineError, match="no word at all"):
        convert(merged, write_converter(tmp_path, ""), ["f16"])


def test_a_converter_alone_makes_what_it_can(merged: Path, tmp_path: Path):
    writes = 'open(sys.argv[3], "w").write("GGUF" + sys.argv[5])'
    told = convert(merged, write_converter(tmp_path, writes), ["q4_k_m", "f16"])
    assert [one["file"] for one in told["files"]] == ["model-f16.gguf"]
    assert "q4_k_m need llama.cpp's library as well; `python -m" in told["summary"]
    assert (merged.parent / "gguf/model-f16.gguf").read_text() == "GGUFf16"
    assert "\nFROM ./model-f16.gguf\n" in (merged.parent / "gguf/Modelfile").read_text()
    commands = list_commands(merged, merged.parent / "gguf", told)
    assert commands["ollama"][0].startswith("ollama create tea-shop -f ")
    assert len(commands["llama_cpp"]) == 1


@NEEDS_LLAMA_CPP
def test_the_real_converter_and_quantizer_make_whole_files(merged: Path):
    told = convert(merged, LLAMA_CPP, ["q8_0", "q4_k_m"])
    folder = merged.parent / "gguf"
    assert sorted(path.name for path in folder.iterdir()) == [
        "Modelfile",
        "model-q4_k_m.gguf",
        "model-q8_0.gguf",
    ]
    for one in told["files"]:
        file = folder / one["file"]
        assert file.read_bytes()[:4] == b"GGUF"
        assert one["bytes"] == file.stat().st_size > 50_000
    # 64 weights in a row are no multiple of 256, which a block of q4_k takes.
    assert [one["larger"] > 0 for one in told["files"]] == [False, True]
    assert told["obstacle"] is None


@NEEDS_LLAMA_CPP
def test_what_the_real_converter_does_not_know_is_named(merged: Path):
    config = json.loads((merged / "config.json").read_text())
    (merged / "config.json").write_text(json.dumps({**config, "architectures": ["Unheard"]}))
    with pytest.raises(TunelineError, match="version does not know the architecture Unheard"):
        convert(merged, LLAMA_CPP, ["f16"])
    assert not (merged.parent / "gguf").exists()


@NEEDS_LLAMA_CPP
def test_the_tokenizer_of_the_tiny_base_is_not_known(recipe: Recipe, tmp_path: Path):
    folder = Path(shutil.copytree(recipe.base_model, tmp_path / "tea_shop/merged"))
    (folder / "provenance.json").write_text(json.dumps({"merged": TOLD}))
    with pytest.raises(TunelineError, match="version does not know this model's tokenizer"):
        convert(folder, LLAMA_CPP, ["f16"])


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let no file become larger than 60 kB, as if the disk were full then."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@NEEDS_LLAMA_CPP
def test_a_disk_that_fills_up_keeps_the_files_that_were_there(
    merged: Path, request: pytest.FixtureRequest
):
    convert(merged, LLAMA_CPP, ["q8_0"])
    before = (merged.parent / "gguf/model-q8_0.gguf").read_bytes()
    request.getfixturevalue("small_files")
    with pytest.raises(TunelineError, match="gguf: the disk takes no more"):
        convert(merged, LLAMA_CPP, ["f16"])
    assert (merged.parent / "gguf/model-q8_0.gguf").read_bytes() == before
    assert not list((merged.parent / "merging").iterdir())


@NEEDS_LLAMA_CPP
def test_a_quantizer_on_a_full_disk_ends_nothing_else(merged: Path, request: pytest.FixtureRequest):
    convert(merged, LLAMA_CPP, ["f16"])
    source, file = merged.parent / "gguf/model-f16.gguf", merged.parent / "gguf/model-q4_k_m.gguf"
    library = find_llama_cpp(Gguf(types=["f16"], llama_cpp=str(LLAMA_CPP))).library
    request.getfixturevalue("small_files")
    with run_llama(library) as llama, pytest.raises(LlamaError, match=r"write|iostream"):
        llama.quantize(source, file, "q4_k_m")
