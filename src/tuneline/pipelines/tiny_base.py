"""tiny_base: the training split's raw text → a small base model for laptops and tests."""

from typing import Any

import polars as pl
from kedro.pipeline import Node, Pipeline

from tuneline.examples import Example
from tuneline.models.adapter import BaseModel
from tuneline.models.rendering import find_end_tokens
from tuneline.parameters import Prompt, TinyBase
from tuneline.utils.files import make_scratch
from tuneline.utils.hashing import hash_value

SHAPE = {
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
}
PAD, END_OF_TEXT, END_OF_TURN = "<|pad|>", "<|endoftext|>", "<|end|>"
ROLES = ["<|system|>", "<|user|>", "<|assistant|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)


def create_model(tokenizer: Any, tiny_base: TinyBase) -> Any:
    """Create the model with seeded random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    set_seed(tiny_base.seed)
    ends = find_end_tokens(tokenizer)
    config = LlamaConfig(
        **tiny_base.model_dump(include=SHAPE),
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=ends,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def train_on_texts(model: Any, tokenizer: Any, texts: list[str], tiny_base: TinyBase) -> Any:
    """Train the model to continue texts, packed one after the other."""
    import torch
    from trl import SFTConfig, SFTTrainer

    from datasets import Dataset

    with make_scratch() as folder:
        arguments = SFTConfig(
            output_dir=folder,
            max_steps=tiny_base.steps,
            per_device_train_batch_size=tiny_base.batch_size,
            max_length=tiny_base.sequence_length,
            packing=True,
            packing_strategy="wrapped",
            shuffle_dataset=True,
            learning_rate=tiny_base.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=0.05,
            weight_decay=0.1,
            optim="adamw_torch",
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            save_strategy="no",
            report_to="none",
            logging_steps=100,
            seed=tiny_base.seed,
        )
        rows = Dataset.from_dict({"text": texts})
        trainer = SFTTrainer(model, arguments, train_dataset=rows, processing_class=tokenizer)
        trainer.train()
        return trainer.accelerator.unwrap_model(trainer.model).to(torch.bfloat16)


def train_tokenizer(texts: list[str], vocab_size: int) -> Any:
    """Train a byte-level BPE tokenizer, which can write any text.

    Padding, the end of a turn and the end of a text have tokens of their own.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PAD, END_OF_TEXT, END_OF_TURN, *ROLES],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        eos_token=END_OF_TEXT,
        additional_special_tokens=[END_OF_TURN, *ROLES],
        chat_template=CHAT_TEMPLATE,
        padding_side="left",
    )


def balance_texts(texts: dict[str, list[str]], balance: float) -> list[str]:
    """Repeat the texts of the smaller use cases.

    A use case of n characters is read in proportion to n ** balance, as multilingual models weigh
    their languages (BERT's own multilingual model with 0.7): what it lacks to that share, compared
    with the largest one, is made up by whole repetitions. A `balance` of 1 reads every text once; 0
    reads as much of every use case.
    """
    sizes = {use_case: sum(map(len, read)) for use_case, read in texts.items()}
    largest = max(sizes.values())
    return [
        text
        for use_case, read in texts.items()
        for text in read * round((largest / sizes[use_case]) ** (1 - balance))
    ]


def collect_texts(pairs: pl.LazyFrame, train: list[Example], prompt: Prompt) -> list[str]:
    """Collect the raw text of the training split: no templates, no test or validation rows.

    The columns of a row are one under the other, with the token that ends a turn, so that the base
    knows it as an end, as a real base model does.
    """
    lines = pl.LazyFrame({"line": [str(example["meta"]["line"]) for example in train]})
    rows = pairs.join(lines, on="line", how="semi").collect(engine="streaming")
    text = pl.concat_str(prompt.text_columns(), separator="\n") + END_OF_TURN
    return rows.sort(pl.col("line").cast(pl.Int64)).select(text).to_series().to_list()


def train_base_model(tiny_base: TinyBase, **texts: list[str]) -> BaseModel:
    """Train a small language model from nothing on raw text.

    Its tokenizer has a chat template that the model has never seen in use.
    """
    balanced = balance_texts(texts, tiny_base.balance)
    tokenizer = train_tokenizer(balanced, tiny_base.vocab_size)
    model = train_on_texts(create_model(tokenizer, tiny_base), tokenizer, balanced, tiny_base)
    provenance = {
        use_case: {"texts": len(read), "texts_sha256": hash_value(read)}
        for use_case, read in texts.items()
    }
    return BaseModel(model=model, tokenizer=tokenizer, provenance=provenance)


def create_pipeline(use_cases: dict[str, str]) -> Pipeline:
    """List the nodes; each use case names the dataset of its texts, `clean` or `pairs`."""
    collecting = [
        Node(
            collect_texts,
            name="collect_texts",
            namespace=use_case,
            inputs=[f"{use_case}.{pairs}", f"{use_case}.train", f"params:{use_case}.prompt"],
            outputs=f"{use_case}.base_texts",
        )
        for use_case, pairs in use_cases.items()
    ]
    training = Node(
        train_base_model,
        name="train_base_model",
        inputs={
            "tiny_base": "params:tiny_base",
            **{use_case: f"{use_case}.base_texts" for use_case in use_cases},
        },
        outputs="tiny_base",
    )
    return Pipeline([*collecting, training], tags=["tiny_base"])
