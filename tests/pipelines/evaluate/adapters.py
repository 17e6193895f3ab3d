"""Adapters for tests of the evaluation: without effect, with any, trained on shuffled answers."""

import random

import torch

from tests.conftest import CPU, extract_adapter
from tuneline.examples import Example
from tuneline.models.adapter import Adapter
from tuneline.models.fingerprints import describe_inputs
from tuneline.models.loading import load_model
from tuneline.models.rendering import render_example
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Hardware, Recipe


def wrap_model(recipe: Recipe, hardware: Hardware, effect: bool):
    """Put a fresh LoRA on the base model; without effect its B is zero."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(2)
    config = LoraConfig(r=8, target_modules="all-linear", init_lora_weights=not effect)
    return get_peft_model(load_model(recipe, hardware), config)


def describe(tokenizer, train: list[Example], recipe: Recipe, dtype: str = "float32") -> dict:
    """Write the provenance that an adapter of these examples has."""
    hardware = CPU.model_copy(update={"dtype": dtype})
    return {**describe_inputs(train, [], tokenizer, recipe, hardware)}


def make_adapter(
    recipe: Recipe, hardware: Hardware, effect: bool, train: list[Example] | None = None
) -> Adapter:
    """Make an adapter that nobody has trained."""
    tokenizer = load_tokenizer(recipe)
    model = wrap_model(recipe, hardware, effect)
    return extract_adapter(model, tokenizer, describe(tokenizer, train or [], recipe))


def train_on_shuffled_answers(
    train: list[Example], recipe: Recipe, hardware: Hardware, steps: int
) -> Adapter:
    """Train on prompts whose answers belong to other prompts."""
    tokenizer = load_tokenizer(recipe)
    model = wrap_model(recipe, hardware, effect=False).train()
    answers = [example["completion"] for example in train]
    random.Random(0).shuffle(answers)
    rendered = [
        render_example(tokenizer, {**example, "completion": answer})
        for example, answer in zip(train, answers, strict=True)
    ]
    trained = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=8e-3)
    for step in range(steps):
        batch = [rendered[(8 * step + index) % len(rendered)] for index in range(8)]
        ids, labels = (
            torch.nn.utils.rnn.pad_sequence(
                [torch.tensor(row) for row in rows], batch_first=True, padding_value=value
            )
            for rows, value in (
                ([one.ids for one in batch], tokenizer.pad_token_id),
                ([one.labels for one in batch], -100),
            )
        )
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return extract_adapter(model, tokenizer, describe(tokenizer, train, recipe))
