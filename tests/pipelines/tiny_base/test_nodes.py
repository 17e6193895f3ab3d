import json

import polars as pl
import pytest
from kedro.config import OmegaConfigLoader

from tests.conftest import PROJECT, RAW, TINY_BASE
from tuneline.datasets import BaseModelDataset, RawJSONDataset
from tuneline.examples import Example
from tuneline.hashing import hash_value
from tuneline.parameters import TinyBase, UseCase
from tuneline.pipelines.prepare.clean_nodes import clean_rows
from tuneline.pipelines.prepare.nodes import build_examples, check_leaks
from tuneline.pipelines.tiny_base.nodes import collect_texts, train_base_model
from tuneline.rendering import find_end_tokens
from tuneline.settings import CONFIG_LOADER_ARGS

SMALL = TinyBase(
    vocab_size=400,
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    max_position_embeddings=128,
    steps=6,
    batch_size=4,
    sequence_length=32,
    learning_rate=5e-3,
)
TEXTS = [f"Pot {number}\nA pot of oak for {number} litres of tea.<|end|>" for number in range(40)]


def prepare(env: str) -> tuple[pl.LazyFrame, list[list[Example]], UseCase]:
    """Prepare the tracked sample as an environment does."""
    loader = OmegaConfigLoader(str(PROJECT / "conf"), env=env, **CONFIG_LOADER_ARGS)
    use_case = UseCase.model_validate(loader["parameters"]["product_descriptions"])
    raw = RawJSONDataset(filepath=str(PROJECT / RAW)).load()
    kept, _, _ = clean_rows(raw, use_case.data)
    clean = pl.concat(kept).with_columns(pl.col("line").cast(pl.String)).lazy()
    divided = build_examples(clean, use_case.data, use_case.prompt)
    *sides, leaks, _ = check_leaks(
        *divided, clean, use_case.data, use_case.prompt, use_case.evaluation
    )
    assert leaks.empty  # siblings there are many, and none of them is a copy
    return clean, sides, use_case


def ids(examples: list[Example]) -> set[str]:
    return {example["id"] for example in examples}


def test_the_tracked_base_has_read_exactly_the_training_side_of_the_tracked_sample():
    clean, (train, _, _), use_case = prepare("laptop")
    provenance = json.loads((PROJECT / TINY_BASE / "provenance.json").read_text())
    texts = collect_texts(clean, train, use_case.data)
    assert provenance == {"texts": len(texts), "texts_sha256": hash_value(texts)}


@pytest.mark.parametrize("env", ["laptop", "test"])
def test_the_tracked_base_has_read_no_row_that_is_held_out(env: str):
    _, (read, _, _), _ = prepare("laptop")
    _, (_, validation, test), _ = prepare(env)
    assert not ids(read) & ids(test)
    assert not ids(read) & ids(validation)


def test_the_base_reads_raw_text_and_no_prompt():
    clean, (train, _, _), use_case = prepare("laptop")
    texts = collect_texts(clean, train, use_case.data)
    assert not [text for text in texts if "<|user|>" in text or "Write a product" in text]


def test_training_learns_and_the_model_survives_the_round_trip(tmp_path):
    base = train_base_model(TEXTS, SMALL)
    dataset = BaseModelDataset(filepath=str(tmp_path / "base"))
    assert not dataset.exists()
    dataset.save(base)
    assert dataset.exists()
    loaded = dataset.load()
    ends = find_end_tokens(loaded.tokenizer)
    assert len({loaded.tokenizer.pad_token_id, *ends}) == 3
    assert loaded.model.generation_config.eos_token_id == ends
    assert loaded.tokenizer.decode(loaded.tokenizer("čaj ☕ 茶")["input_ids"]) == "čaj ☕ 茶"
    assert loaded.provenance["texts"] == len(TEXTS)


def test_the_same_texts_give_the_same_base():
    first, second = (train_base_model(TEXTS, SMALL).model.state_dict() for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)
