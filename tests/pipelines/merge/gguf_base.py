"""A small base model that llama.cpp knows: of Llama's kind, with a vocabulary of sentencepiece."""

from pathlib import Path

import sentencepiece
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import generate_merges

from tests.conftest import PROJECT
from tuneline.parameters import Recipe

LLAMA_CPP = PROJECT / "llama.cpp"
CONTROL = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
# It inserts a system message of its own, as SmolLM2's does.
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if loop.first and m['role'] != 'system' %}"
    "{{ '<|system|>You sell.<|end|>' }}{% endif %}"
    "{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
WORDS = "Write a product description for: Oak Spoon Blue Teapot Wool Scarf lasts for many years."


def make_gguf_base(recipe: Recipe, folder: Path) -> Recipe:
    """Make the base model; answer with a recipe that names it.

    It has learned a few descriptions by heart, so that its logits are far apart.
    """
    folder.mkdir()
    (folder / "text").write_text("\n".join(f"{WORDS} {number}" for number in range(400)))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text"),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=420,
        byte_fallback=True,
        hard_vocab_limit=False,
        control_symbols=CONTROL,
        minloglevel=2,
    )
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    vocab = {pieces.id_to_piece(index): index for index in range(pieces.get_piece_size())}
    scores = {piece: pieces.get_score(index) for piece, index in vocab.items()}
    plain = {piece: index for piece, index in vocab.items() if len(piece) > 1}
    merges = generate_merges({**vocab, **plain}, scores)
    bpe = Tokenizer(models.BPE(vocab=vocab, merges=merges, fuse_unk=True, byte_fallback=True))
    # A blank after each control token, as llama.cpp has it.
    bpe.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<unk>",
        additional_special_tokens=CONTROL,
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocab),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    model = LlamaForCausalLM(config)
    learn(model, tokenizer)
    model.to(torch.bfloat16).save_pretrained(folder)
    return recipe.model_copy(update={"base_model": str(folder)})


def learn(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Learn what is said of some things."""
    texts = [
        tokenizer.apply_chat_template(
            [
                {"role": "user", "content": f"Write a product description for: {thing}"},
                {"role": "assistant", "content": f"The {thing} lasts for many years."},
            ],
            tokenize=False,
        )
        for thing in ("Oak Spoon", "Blue Teapot", "Wool Scarf", "Oak Teapot", "Blue Scarf")
    ]
    batch = tokenizer(texts, padding=True, add_special_tokens=False, return_tensors="pt")
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        loss = model(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
