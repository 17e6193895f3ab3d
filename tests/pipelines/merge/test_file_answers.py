"""GGUF files of a small model, asked in a real llama.cpp."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from transformers import AutoModelForCausalLM

from tests.conftest import CPU, load_parameters
from tests.pipelines.merge.adapters import EXAMPLES, MERGE, judge, make_adapter
from tests.pipelines.merge.gguf_base import LLAMA_CPP, make_gguf_base
from tuneline.datasets import MovedFolderDataset
from tuneline.errors import TunelineError
from tuneline.models.adapter import Adapter
from tuneline.models.generation import generate_ids, read_answer
from tuneline.models.rendering import find_end_tokens, render_prompt
from tuneline.parameters import Evaluation, Gguf, Merge
from tuneline.pipelines.evaluate.answering_nodes import answer_prompts
from tuneline.pipelines.evaluate.file_scores import score_file_answers
from tuneline.pipelines.merge.file_answers import ask_files, find_obstacle
from tuneline.pipelines.merge.gguf_files import LlamaCpp, find_llama_cpp
from tuneline.pipelines.merge.llama_library import LlamaError
from tuneline.pipelines.merge.llama_process import run_llama
from tuneline.pipelines.merge.nodes import compare_merged, convert_to_gguf, merge_adapter
from tuneline.utils.caches import Cache

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LLAMA_CPP.is_dir(), reason="llama.cpp is not installed"),
]
MERGING: Merge = MERGE.model_copy(
    update={"gguf": Gguf(llama_cpp=str(LLAMA_CPP), types=["f16", "q8_0", "q4_k_m"])}
)
EVALUATION = Evaluation(
    title="Tea",
    questions=["Write a product description for: Oak Scarf", "for: Blue Spoon"],
    generation={"do_sample": False, "max_new_tokens": 24},
    retention=None,
)


@dataclass
class Exported:
    """An adapter that was evaluated, merged and exported."""

    folder: Path
    adapter: Adapter
    answers: list[dict[str, Any]]
    stats: dict[str, Any]

    def ask(self, stats: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        cache = Cache(self.folder / "cache.jsonl")
        return ask_files(
            self.folder / "gguf",
            stats or self.stats,
            self.answers,
            self.adapter,
            cache,
            MERGING,
            EVALUATION,
        )


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("exported")
    use_case = load_parameters()
    recipe = make_gguf_base(use_case.recipe, folder / "base")
    adapter, _ = make_adapter(recipe, scale=0.02)
    cache = Cache(folder / "judged.jsonl")
    asked = adapter, cache, recipe, use_case.prompt, EVALUATION, CPU
    answers, _ = answer_prompts(EXAMPLES, [], *asked)
    given = EXAMPLES, folder / "merging", recipe, MERGING, EVALUATION, CPU
    merged, _ = compare_merged(merge_adapter(adapter, *given, judge(adapter)), adapter, *given)
    gguf, stats = convert_to_gguf(
        merged, folder / "merging", MERGING, use_case.prompt, recipe, EVALUATION
    )
    MovedFolderDataset(filepath=str(folder / "gguf")).save(gguf)
    return Exported(folder, adapter, answers, stats)


def test_the_files_answer_what_the_adapter_was_asked_and_are_scored_next_to_it(exported: Exported):
    rows = exported.ask()
    files = [one["file"] for one in exported.stats["files"]]
    ids = [row["id"] for row in exported.answers]
    assert [(row["file"], row["id"]) for row in rows] == [
        (file, name) for file in files for name in ids
    ]
    # The system message that the template inserts, and the token that begins a text, among them.
    assert all(row["same_prompt"] for row in rows)
    assert any(row["answer"] for row in rows)
    scores = {"run": judge(exported.adapter)["run"]}
    found = score_file_answers(rows, exported.stats, exported.answers, [], scores, EVALUATION)
    f16, q8_0, q4_k_m = found["files"]
    assert f16["equal"] >= 4
    assert f16["bytes"] > q8_0["bytes"]
    assert f16["metrics"]["chrf"]["adapter"] == q4_k_m["metrics"]["chrf"]["adapter"]
    assert found["summary"].startswith(("Take model-", "All files are worse"))
    # What is there is not asked again: not even a file that has gone.
    (exported.folder / "gguf/model-q8_0.gguf").rename(exported.folder / "q8_0")
    try:
        with pytest.raises(TunelineError, match=r"q8_0\.gguf: llama\.cpp cannot answer with it: "):
            exported.ask()
    finally:
        (exported.folder / "q8_0").rename(exported.folder / "gguf/model-q8_0.gguf")
    assert exported.ask() == rows


def test_a_file_that_llama_cpp_cannot_read_is_one_sentence(exported: Exported):
    broken = exported.folder / "gguf/model-broken.gguf"
    whole = (exported.folder / "gguf/model-f16.gguf").read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    stats = exported.stats | {"files": [{"file": broken.name, "sha256": "0"}]}
    try:
        with pytest.raises(TunelineError, match=r"cannot answer with it: .+; nobody knows whether"):
            exported.ask(stats)
    finally:
        broken.unlink()


def test_penalties_are_those_of_the_evaluation(exported: Exported):
    library = find_llama_cpp(MERGING.gguf).library
    # So high a penalty that the sentence learned by heart cannot be said twice.
    generation = {"max_new_tokens": 12, "no_repeat_ngram_size": 2, "repetition_penalty": 50.0}
    tokenizer = exported.adapter.tokenizer
    merged = AutoModelForCausalLM.from_pretrained(
        exported.folder / "merging/merged", dtype="float32", trust_remote_code=False
    )
    file = exported.folder / "gguf/model-f16.gguf"
    talk = [EXAMPLES[0]["prompt"][0], EXAMPLES[0]["completion"][0], EXAMPLES[0]["prompt"][0]]
    prompt = render_prompt(tokenizer, talk)
    with run_llama(library) as llama:
        llama.open(file, 256, {"max_new_tokens": 12})
        free = llama.answer(prompt)
        llama.open(file, 256, generation)
        answer = llama.answer(prompt)
    (expected,) = generate_ids([prompt], merged, tokenizer, generation)
    ends = find_end_tokens(tokenizer)
    assert answer.answer == read_answer(expected, tokenizer, ends, 1.0).answer != free.answer


def test_llama_cpp_that_is_killed_is_one_sentence(exported: Exported):
    library = find_llama_cpp(MERGING.gguf).library
    before = set(psutil.Process().children())
    with run_llama(library) as llama:
        llama.open(exported.folder / "gguf/model-f16.gguf", 64, EVALUATION.generation)
        for child in set(psutil.Process().children()) - before:
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
        with pytest.raises(LlamaError, match=r"its process (ended on the way|was ended)"):
            llama.tokenize(["Oak"])


@pytest.mark.parametrize(
    ("generation", "obstacle"),
    [
        ({"max_new_tokens": 8}, None),
        ({"max_new_tokens": 8, "repetition_penalty": 1.1}, None),
        ({"max_new_tokens": 8, "do_sample": True}, "draws its answers at random"),
        ({"max_new_tokens": 8, "num_beams": 4}, "does not decode with num_beams"),
        ({}, "states no max_new_tokens"),
    ],
)
def test_what_stops_the_files_from_being_asked(generation: dict, obstacle: str | None):
    evaluation = Evaluation(title="Tea", generation=generation)
    found = find_obstacle(LlamaCpp(Path("c.py"), Path("libllama.so")), evaluation)
    assert (found is None) == (obstacle is None)
    assert obstacle is None or obstacle in found
    assert "library is not there" in find_obstacle(LlamaCpp(Path("c.py"), None), evaluation)


def test_files_are_not_compared_with_the_answers_of_other_adapters():
    evaluation = Evaluation(title="t", generation={"max_new_tokens": 9}, cross_fit=5)
    found = find_obstacle(LlamaCpp(Path("c.py"), Path("libllama.so")), evaluation)
    assert "5 other adapters" in str(found)


def test_files_that_cannot_be_asked_are_not(exported: Exported):
    assert exported.ask(exported.stats | {"obstacle": "no library"}) == []
