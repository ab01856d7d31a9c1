"""Tokenizers that need no training: a token is a letter."""

from __future__ import annotations

import string
from typing import Any

import transformers


def clip_tokenizer(length: int) -> Any:
    """Return one of CLIP, for ``length`` tokens."""
    letters = list(_bytes().values())
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: place for place, word in enumerate(words)}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=length)


def t5_tokenizer(length: int) -> Any:
    """Return one of T5, for ``length`` tokens."""
    letters = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), ("\u2581", -2.0)]
    letters += [(letter, -3.0) for letter in string.printable.strip()]
    return transformers.T5Tokenizer(vocab=letters, extra_ids=0, model_max_length=length)


def qwen_tokenizer() -> Any:
    """Return one of Qwen2."""
    words = [*_bytes().values(), "<|im_start|>", "<|im_end|>", "<|endoftext|>"]
    return transformers.Qwen2Tokenizer(
        vocab={word: place for place, word in enumerate(words)},
        merges=[],
        extra_special_tokens=["<|im_start|>", "<|im_end|>"],
    )


def _bytes() -> dict[int, str]:
    """Return the printable characters that stand for bytes in byte-level vocabularies (GPT-2)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in printable]
    codes = printable + [256 + place for place in range(len(hidden))]
    return {byte: chr(code) for byte, code in zip(printable + hidden, codes, strict=True)}
