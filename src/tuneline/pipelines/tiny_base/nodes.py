"""Nodes of the tiny_base pipeline."""

import polars as pl

from tuneline.base_models import BaseModel
from tuneline.examples import Example
from tuneline.hashing import hash_value
from tuneline.parameters import Data, TinyBase
from tuneline.pipelines.tiny_base.tokenizer import END_OF_TURN, train_tokenizer
from tuneline.pipelines.tiny_base.training import create_model, train_on_texts


def collect_texts(clean: pl.LazyFrame, train: list[Example], data: Data) -> list[str]:
    """Collect the raw text of the training side: no prompts, no test or validation rows.

    Args:
        clean: the clean rows.
        train: the examples of the training side.
        data: names the columns.

    Returns:
        One text a row: its columns, one under the other, and the token that ends a turn, so that
        the base knows it as an end, as a real base model does.
    """
    lines = pl.LazyFrame({"line": [str(example["meta"]["line"]) for example in train]})
    rows = clean.join(lines, on="line", how="semi").collect(engine="streaming")
    text = pl.concat_str(data.columns, separator="\n") + END_OF_TURN
    return rows.sort(pl.col("line").cast(pl.Int64)).select(text).to_series().to_list()


def train_base_model(texts: list[str], tiny_base: TinyBase) -> BaseModel:
    """Train a small language model from nothing on raw text.

    Args:
        texts: what it reads.
        tiny_base: its shape and its training.

    Returns:
        The model in bfloat16, with a tokenizer whose chat template it has never seen in use.
    """
    tokenizer = train_tokenizer(texts, tiny_base.vocab_size)
    model = train_on_texts(create_model(tokenizer, tiny_base), tokenizer, texts, tiny_base)
    provenance = {"texts": len(texts), "texts_sha256": hash_value(texts)}
    return BaseModel(model=model, tokenizer=tokenizer, provenance=provenance)
