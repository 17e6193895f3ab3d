"""Nodes of the tiny_base pipeline."""

import polars as pl

from tuneline.base_models import BaseModel
from tuneline.examples import Example
from tuneline.hashing import hash_value
from tuneline.parameters import Prompt, TinyBase
from tuneline.pipelines.tiny_base.balance import balance_texts
from tuneline.pipelines.tiny_base.tokenizer import END_OF_TURN, train_tokenizer
from tuneline.pipelines.tiny_base.training import create_model, train_on_texts


def collect_texts(pairs: pl.LazyFrame, train: list[Example], prompt: Prompt) -> list[str]:
    """Collect the raw text of the training side: no templates, no test or validation rows.

    Args:
        pairs: the clean rows, or the pairs that were made of them.
        train: the examples of the training side.
        prompt: names the columns; its words are left out, and so is the system message.

    Returns:
        One text a row: its columns, one under the other, and the token that ends a turn, so that
        the base knows it as an end, as a real base model does.
    """
    lines = pl.LazyFrame({"line": [str(example["meta"]["line"]) for example in train]})
    rows = pairs.join(lines, on="line", how="semi").collect(engine="streaming")
    text = pl.concat_str(prompt.text_columns(), separator="\n") + END_OF_TURN
    return rows.sort(pl.col("line").cast(pl.Int64)).select(text).to_series().to_list()


def train_base_model(tiny_base: TinyBase, **texts: list[str]) -> BaseModel:
    """Train a small language model from nothing on raw text.

    Args:
        tiny_base: its shape and its training.
        **texts: what it reads, by use case.

    Returns:
        The model in bfloat16, with a tokenizer whose chat template it has never seen in use.
    """
    balanced = balance_texts(texts, tiny_base.balance)
    tokenizer = train_tokenizer(balanced, tiny_base.vocab_size)
    model = train_on_texts(create_model(tokenizer, tiny_base), tokenizer, balanced, tiny_base)
    provenance = {
        use_case: {"texts": len(read), "texts_sha256": hash_value(read)}
        for use_case, read in texts.items()
    }
    return BaseModel(model=model, tokenizer=tokenizer, provenance=provenance)
