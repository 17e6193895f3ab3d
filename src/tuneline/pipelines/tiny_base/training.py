"""Training a small Llama from nothing."""

from typing import Any

from tuneline.files import make_scratch
from tuneline.parameters import TinyBase
from tuneline.rendering import find_end_tokens

SHAPE = {
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
}


def create_model(tokenizer: Any, tiny_base: TinyBase) -> Any:
    """Create the model with seeded random weights.

    Args:
        tokenizer: gives the special tokens.
        tiny_base: the shape.

    Returns:
        A LlamaForCausalLM in float32 with tied embeddings.
    """
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
    """Train the model to continue texts, packed one behind the other.

    Args:
        model: the model.
        tokenizer: its tokenizer.
        texts: what it reads; each ends with the end-of-text token.
        tiny_base: steps, batch, length, learning rate and seed.

    Returns:
        The model in bfloat16.
    """
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
