"""The structures and functions of llama.cpp, as its headers have them."""

import ctypes
from typing import Any

LogFunction = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
TOKENS, VOID, TEXT, INT = (
    ctypes.POINTER(ctypes.c_int32),
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_int32,
)

# 64-bit words: four times what the largest structure of today takes.
ROOM = 128


class Quantization(ctypes.Structure):
    """`llama_model_quantize_params`."""

    _fields_ = (
        ("nthread", ctypes.c_int32),
        ("ftype", ctypes.c_int),
        ("rest", ctypes.c_uint64 * ROOM),
    )


class ModelSettings(ctypes.Structure):
    """`llama_model_params`."""

    _fields_ = (("rest", ctypes.c_uint64 * ROOM),)


class ContextSettings(ctypes.Structure):
    """`llama_context_params`."""

    _fields_ = (
        ("n_ctx", ctypes.c_uint32),
        ("n_batch", ctypes.c_uint32),
        ("rest", ctypes.c_uint64 * ROOM),
    )


class Batch(ctypes.Structure):
    """`llama_batch`."""

    _fields_ = (
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        *((name, ctypes.c_void_p) for name in ("embd", "pos", "n_seq_id", "seq_id", "logits")),
    )


# By function: what it gives, and what it takes.
SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "llama_log_set": (None, (LogFunction, VOID)),
    "llama_backend_init": (None, ()),
    "llama_model_quantize_default_params": (Quantization, ()),
    "llama_model_quantize": (ctypes.c_uint32, (TEXT, TEXT, ctypes.POINTER(Quantization))),
    "llama_model_default_params": (ModelSettings, ()),
    "llama_model_load_from_file": (VOID, (TEXT, ModelSettings)),
    "llama_model_chat_template": (TEXT, (VOID, TEXT)),
    "llama_model_get_vocab": (VOID, (VOID,)),
    "llama_context_default_params": (ContextSettings, ()),
    "llama_init_from_model": (VOID, (VOID, ContextSettings)),
    "llama_n_ctx": (ctypes.c_uint32, (VOID,)),
    "llama_n_batch": (ctypes.c_uint32, (VOID,)),
    "llama_set_n_threads": (None, (VOID, INT, INT)),
    "llama_get_memory": (VOID, (VOID,)),
    "llama_memory_clear": (None, (VOID, ctypes.c_bool)),
    "llama_batch_get_one": (Batch, (TOKENS, INT)),
    "llama_decode": (INT, (VOID, Batch)),
    "llama_get_logits_ith": (ctypes.POINTER(ctypes.c_float), (VOID, INT)),
    "llama_vocab_n_tokens": (INT, (VOID,)),
    "llama_vocab_bos": (INT, (VOID,)),
    "llama_vocab_eos": (INT, (VOID,)),
    "llama_vocab_get_add_bos": (ctypes.c_bool, (VOID,)),
    "llama_vocab_get_text": (TEXT, (VOID, INT)),
    "llama_vocab_is_eog": (ctypes.c_bool, (VOID, INT)),
    "llama_tokenize": (INT, (VOID, TEXT, INT, TOKENS, INT, ctypes.c_bool, ctypes.c_bool)),
    "llama_token_to_piece": (INT, (VOID, INT, TEXT, INT, INT, ctypes.c_bool)),
}
