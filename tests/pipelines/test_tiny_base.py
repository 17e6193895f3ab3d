import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

import polars as pl
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from omegaconf import OmegaConf

from tests.conftest import PROJECT, TINY_BASE, copy_project, link_samples
from tuneline.datasets import BaseModelDataset, JSONLinesDataset, LazyCSVDataset
from tuneline.examples import SPLIT_GROUP, Example
from tuneline.models.rendering import find_end_tokens
from tuneline.parameters import TinyBase, UseCase
from tuneline.pipelines.prepare.splitting import assign_splits
from tuneline.pipelines.tiny_base import balance_texts, collect_texts, train_base_model
from tuneline.utils.hashing import hash_value

pytestmark = pytest.mark.slow

USE_CASES = [
    "development_plans",
    "essential_oils",
    "persona_dialogues",
    "product_descriptions",
    "shoe_mould",
]
SMALL = TinyBase(
    vocab_size=400,
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    max_position_embeddings=128,
    balance=0.7,
    steps=6,
    batch_size=4,
    sequence_length=32,
    learning_rate=5e-3,
)
READ = "what the tiny base has read"
TEXTS = [f"Pot {number}\nA pot of oak for {number} litres of tea.<|end|>" for number in range(40)]


@dataclass(frozen=True)
class Prepared:
    """A use case whose examples have been made.

    Attributes:
        pairs: what its examples are made of.
        splits: examples by split.
        parameters: its blocks.
    """

    pairs: pl.LazyFrame
    splits: dict[str, list[Example]]
    parameters: UseCase

    def texts(self, split: str) -> list[str]:
        return collect_texts(self.pairs, self.splits[split], self.parameters.prompt)

    def groups(self, split: str) -> set[str]:
        lines = [one["meta"]["line"] for one in self.splits[split]]
        rows = assign_splits(self.pairs, self.parameters.data).filter(pl.col("line").is_in(lines))
        return set(rows[SPLIT_GROUP].drop_nulls())


Prepare = Callable[[str], dict[str, Prepared]]


@pytest.fixture(scope="module")
def prepare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepare]:
    """Prepare the tracked samples of all use cases once each, as an environment or `READ` does."""
    folder = link_samples(copy_project(tmp_path_factory.mktemp("prepared") / "project"))
    done: dict[str, dict[str, Prepared]] = {}

    def run(env: str) -> dict[str, Prepared]:
        if env not in done:
            bootstrap_project(folder)
            stated = find_stated() if env == READ else {}
            named = "laptop" if env == READ else env
            with KedroSession.create(folder, env=named, runtime_params=stated) as session:
                session.run(pipeline_names=["all"], tags=["synthesize", "prepare"])
                parameters = session.load_context().config_loader["parameters"]
            data = folder / ("data/test" if env == "test" else "data")
            done[env] = {name: read(name, data, parameters) for name in USE_CASES}
        return done[env]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield run


def find_stated() -> dict[str, Any]:
    """Read what the command that makes the tiny base states."""
    command = re.search(r"--pipeline=tiny_base --params=(\S+)", (PROJECT / "Makefile").read_text())
    return OmegaConf.to_object(OmegaConf.from_dotlist(command[1].split(",")))


def read(use_case: str, data: Path, parameters: dict[str, Any]) -> Prepared:
    made = data / "04_feature" / use_case / "pairs.csv"
    pairs = made if made.exists() else data / "03_primary" / use_case / "clean.csv"
    inputs = data / "05_model_input" / use_case
    return Prepared(
        LazyCSVDataset(filepath=str(pairs)).load().collect().lazy(),
        {
            split: JSONLinesDataset(filepath=str(inputs / f"{split}.jsonl")).load()
            for split in ("train", "validation", "test")
        },
        UseCase.model_validate(parameters[use_case]),
    )


@pytest.mark.parametrize("use_case", USE_CASES)
def test_the_tracked_base_has_read_exactly_the_training_splits(prepare: Prepare, use_case: str):
    provenance = json.loads((PROJECT / TINY_BASE / "provenance.json").read_text())
    texts = prepare(READ)[use_case].texts("train")
    assert provenance[use_case] == {"texts": len(texts), "texts_sha256": hash_value(texts)}


@pytest.mark.parametrize("env", ["laptop", "test"])
@pytest.mark.parametrize("use_case", USE_CASES)
def test_the_tracked_base_has_read_no_row_that_is_held_out(
    prepare: Prepare, use_case: str, env: str
):
    read, asked = prepare(READ)[use_case], prepare(env)[use_case]
    if asked.parameters.recipe.base_model != str(TINY_BASE):
        pytest.skip("trains another base model")
    for split in ("validation", "test"):
        assert asked.texts(split)
        assert not set(read.texts("train")) & set(asked.texts(split))
        assert not read.groups("train") & asked.groups(split)


@pytest.mark.parametrize("use_case", USE_CASES)
def test_the_base_reads_raw_text_and_no_prompt(prepare: Prepare, use_case: str):
    prepared = prepare(READ)[use_case]
    prompt, text = prepared.parameters.prompt, "\n".join(prepared.texts("train"))
    templates = [prompt.prompt, prompt.completion, prompt.system or ""]
    words = {part.strip() for one in templates for part, *_ in Formatter().parse(one)} - {""}
    assert not [one for one in {*words, "<|user|>", "<|assistant|>"} if one in text]


def test_small_use_cases_are_repeated_until_none_drowns():
    texts = {"large": ["a" * 1000], "small": ["b" * 10, "c" * 10]}
    assert balance_texts(texts, 1) == [*texts["large"], *texts["small"]]
    assert balance_texts(texts, 0).count("b" * 10) == 50
    assert balance_texts(texts, 0.5).count("c" * 10) == round(50**0.5)
    assert balance_texts(texts, 0).count("a" * 1000) == 1


def test_training_learns_and_the_model_survives_the_round_trip(tmp_path):
    base = train_base_model(SMALL, pots=TEXTS)
    dataset = BaseModelDataset(filepath=str(tmp_path / "base"))
    assert not dataset.exists()
    dataset.save(base)
    assert dataset.exists()
    loaded = dataset.load()
    ends = find_end_tokens(loaded.tokenizer)
    assert len({loaded.tokenizer.pad_token_id, *ends}) == 3
    assert loaded.model.generation_config.eos_token_id == ends
    assert loaded.tokenizer.decode(loaded.tokenizer("čaj ☕ 茶")["input_ids"]) == "čaj ☕ 茶"
    assert loaded.provenance["pots"]["texts"] == len(TEXTS)


def test_the_same_texts_give_the_same_base():
    first, second = (train_base_model(SMALL, pots=TEXTS).model.state_dict() for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)
