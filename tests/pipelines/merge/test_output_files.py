import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import Phi3Config, Phi3ForCausalLM

from tests.conftest import load_parameters
from tests.pipelines.merge.adapters import MERGE, make_adapter
from tests.pipelines.merge.test_merged_weights import SMALL, merge, place_base
from tuneline.datasets import MovedFolderDataset
from tuneline.errors import TunelineError
from tuneline.parameters import Hardware, Merge, Recipe
from tuneline.pipelines.merge.nodes import convert_to_gguf
from tuneline.pipelines.merge.output_files import find_converter, list_commands

pytestmark = pytest.mark.slow

REAL = shutil.which("convert_hf_to_gguf.py")


@pytest.fixture
def merged(recipe: Recipe, tmp_path: Path) -> Path:
    """Stands for a merged model: the tiny base is one as good as any to convert."""
    folder = Path(shutil.copytree(recipe.base_model, tmp_path / "tea_shop/merged"))
    told = {
        "weights": "its weights",
        "dtype": "bfloat16",
        "comparison": {"summary": "8 of 9 equal."},
    }
    (folder / "provenance.json").write_text(json.dumps({"merged": told}))
    return folder


def convert(merged: Path, converter: Path | str | None, **changed: dict) -> dict:
    """Convert with the main use case's parameters, some of them changed."""
    gguf = MERGE.gguf.model_copy(update={"converter": converter and str(converter)})
    settings, use_case = MERGE.model_copy(update={"gguf": gguf}), load_parameters()
    blocks = [
        getattr(use_case, name).model_copy(update=changed.get(name, {}))
        for name in ("prompt", "recipe", "evaluation")
    ]
    folder, told = convert_to_gguf(merged, merged.parent / "merging", settings, *blocks)
    MovedFolderDataset(filepath=str(merged.parent / "gguf")).save(folder)
    return told


def write_program(folder: Path, script: str) -> Path:
    path = folder / "converter.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_without_a_converter_ollama_is_pointed_to_the_merged_folder(
    merged: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", "/nowhere")
    told = convert(merged, None)
    assert told["file"] is None
    assert "No GGUF file was made" in told["summary"]
    modelfile = (merged.parent / "gguf/Modelfile").read_text()
    assert modelfile.startswith(
        "# Merged into its weights; stored in bfloat16.\n# 8 of 9 equal.\n# No GGUF file was made"
    )
    assert "\nFROM ../merged\n" in modelfile
    assert 'PARAMETER stop "<|end|>"' in modelfile
    convert_first, run = list_commands(merged, merged.parent / "gguf", told)["llama_cpp"]
    assert "--outtype f16" in convert_first
    assert run.startswith("llama-cli -m ")


def test_the_model_is_asked_as_it_was_evaluated(merged: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    told = convert(merged, None)
    modelfile = (merged.parent / "gguf/Modelfile").read_text()
    assert modelfile.endswith("PARAMETER temperature 0\nPARAMETER repeat_penalty 1.0\n")
    assert "SYSTEM" not in modelfile
    assert told["options"] == ["--temp", "0"]
    sampled = {"do_sample": True, "temperature": 0.7, "repetition_penalty": 1.05}
    told = convert(
        merged,
        None,
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
    told = convert(merged, None, prompt={"system": "You sell {title}."})
    assert "-sys" not in told["options"]


def test_a_converter_that_is_named_and_not_there():
    named = Merge.model_validate(MERGE.model_dump() | {"gguf": {"type": "f16", "converter": "no"}})
    with pytest.raises(TunelineError, match=r"converter = no: there is no such file; .*; give"):
        find_converter(named.gguf)


def test_a_converter_that_fails_is_quoted_and_leaves_nothing(merged: Path, tmp_path: Path):
    program = write_program(tmp_path, 'echo half > "$3"; echo "cannot read $1" >&2; exit 3')
    with pytest.raises(TunelineError, match=f"it ends with: cannot read {merged}"):
        convert(merged, program)
    assert not list((merged.parent / "merging").iterdir())
    assert not (merged.parent / "gguf").exists()


def test_a_converter_that_makes_nothing_or_may_not_run(merged: Path, tmp_path: Path):
    program = write_program(tmp_path, "exit 0")
    with pytest.raises(TunelineError, match="no word at all"):
        convert(merged, program)
    program.chmod(0o644)
    with pytest.raises(TunelineError, match="it may not be executed"):
        convert(merged, program)


def test_a_converter_on_a_full_disk(merged: Path, tmp_path: Path):
    program = write_program(
        tmp_path, "echo 'OSError: [Errno 28] No space left on device' >&2; exit 1"
    )
    with pytest.raises(TunelineError, match="gguf: the disk takes no more"):
        convert(merged, program)


def test_a_converter_gets_its_arguments_and_its_file_takes_its_place(merged: Path, tmp_path: Path):
    program = write_program(tmp_path, 'echo "$@" > "$3"')
    told = convert(merged, program)
    file = merged.parent / "gguf/model-f16.gguf"
    words = file.read_text().split()
    assert [words[0], words[1], *words[3:]] == [str(merged), "--outfile", "--outtype", "f16"]
    assert told["bytes"] == file.stat().st_size
    assert "\nFROM ./model-f16.gguf\n" in (merged.parent / "gguf/Modelfile").read_text()
    assert "It was not compared with the judged model: f16 rounds" in told["summary"]
    commands = list_commands(merged, merged.parent / "gguf", told)
    assert commands["ollama"][0].startswith("ollama create tea-shop -f ")
    assert len(commands["llama_cpp"]) == 1


@pytest.mark.skipif(not REAL, reason="llama.cpp's converter is not on PATH")
def test_the_real_converter_makes_a_file_of_a_merged_phi(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    sentencepiece = pytest.importorskip("sentencepiece")
    torch.manual_seed(0)
    phi = Phi3ForCausalLM(Phi3Config(**SMALL, pad_token_id=0)).to(torch.bfloat16)
    named = place_base(phi, recipe, tmp_path / "base")
    (tmp_path / "text").write_text("\n".join(f"tea pot number {n}" for n in range(500)))
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "text"),
        model_prefix=str(tmp_path / "base/tokenizer"),
        model_type="bpe",
        vocab_size=300,
        byte_fallback=True,
        hard_vocab_limit=False,
    )
    adapter, _ = make_adapter(named)
    merge(adapter, named, hardware, tmp_path / "merged")
    told = convert(tmp_path / "merged", None)
    file = tmp_path / "gguf" / told["file"]
    assert file.read_bytes()[:4] == b"GGUF"
    assert told["bytes"] == file.stat().st_size > 5e5
