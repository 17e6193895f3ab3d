import shutil
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from tests.pipelines.merge.adapters import MERGE
from tuneline.datasets import FilledFolderDataset
from tuneline.errors import TunelineError
from tuneline.parameters import Merge, Recipe
from tuneline.pipelines.merge.chat_template import read_frame
from tuneline.pipelines.merge.commands import list_commands
from tuneline.pipelines.merge.gguf import find_converter
from tuneline.pipelines.merge.nodes import convert_to_gguf

REAL = shutil.which("convert_hf_to_gguf.py")


@pytest.fixture
def merged(recipe: Recipe, tmp_path: Path) -> Path:
    """Stands for a merged model: the tiny base is one as good as any to convert."""
    return Path(shutil.copytree(recipe.base_model, tmp_path / "tea_shop/merged"))


def convert(merged: Path, converter: Path | str | None) -> dict:
    gguf = MERGE.gguf.model_copy(update={"converter": converter and str(converter)})
    fill, facts = convert_to_gguf(merged, MERGE.model_copy(update={"gguf": gguf}))
    FilledFolderDataset(filepath=str(merged.parent / "gguf")).save(fill)
    (told,) = facts
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
    assert "No GGUF file was made" in told["words"]
    modelfile = (merged.parent / "gguf/Modelfile").read_text()
    assert modelfile.startswith("FROM ../merged\n")
    assert 'PARAMETER stop "<|end|>"' in modelfile
    convert_first, run = list_commands(merged, merged.parent / "gguf", told)["llama_cpp"]
    assert "--outtype f16" in convert_first
    assert run.startswith("llama-cli -m ")


def test_a_converter_that_is_named_and_not_there():
    merge = Merge.model_validate(MERGE.model_dump() | {"gguf": {"type": "f16", "converter": "no"}})
    with pytest.raises(TunelineError, match=r"converter = no: there is no such file; .*; give"):
        find_converter(merge.gguf)


def test_a_converter_that_fails_is_quoted_and_leaves_nothing(merged: Path, tmp_path: Path):
    program = write_program(tmp_path, 'echo half > "$3"; echo "cannot read $1" >&2; exit 3')
    with pytest.raises(TunelineError, match=f"it ends with: cannot read {merged}"):
        convert(merged, program)
    assert [path.name for path in merged.parent.iterdir()] == ["merged"]


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
    assert (merged.parent / "gguf/Modelfile").read_text().startswith("FROM ./model-f16.gguf\n")
    commands = list_commands(merged, merged.parent / "gguf", told)
    assert commands["ollama"][0].startswith("ollama create tea-shop -f ")
    assert len(commands["llama_cpp"]) == 1


@pytest.mark.skipif(not REAL, reason="llama.cpp's converter is not on PATH")
def test_the_real_converter_makes_a_file_of_a_model_with_a_sentencepiece_tokenizer(
    merged: Path, tmp_path: Path
):
    sentencepiece = pytest.importorskip("sentencepiece")
    (tmp_path / "text").write_text("\n".join(f"tea pot number {n}" for n in range(500)))
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "text"),
        model_prefix=str(merged / "tokenizer"),
        model_type="bpe",
        vocab_size=300,
        byte_fallback=True,
        hard_vocab_limit=False,
    )
    told = convert(merged, None)
    file = merged.parent / "gguf" / told["file"]
    assert file.read_bytes()[:4] == b"GGUF"
    assert told["bytes"] == file.stat().st_size > 4e6


def test_the_chat_template_in_ollamas_words_renders_a_conversation_alike(recipe: Recipe):
    tokenizer = AutoTokenizer.from_pretrained(recipe.base_model)
    frame = read_frame(tokenizer)
    talk = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "A spoon?"},
    ]
    rendered = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    assert frame.render(talk) == rendered


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('no') }}",
        "{% for m in messages %}{{ loop.index }}{{ m['role'] }}{{ m['content'] }}{% endfor %}",
        "{% for m in messages %}{{ m['content'] }}{{ '\"\"\"' }}{% endfor %}",
    ],
)
def test_a_template_that_does_more_is_left_to_ollama(recipe: Recipe, template: str):
    tokenizer = AutoTokenizer.from_pretrained(recipe.base_model)
    tokenizer.chat_template = template
    assert read_frame(tokenizer) is None
