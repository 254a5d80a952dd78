"""What is kept of a prompt to recognise its like: hashes of its words, which nobody can read back. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

BITS = 1024
BUCKETS = 64
_READ_CHARS = 4_000  # half from the start and half from the end: there the question is
_WORD = re.compile(r"[^\W\d_]{2,}|\d+|[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Print:
    """`bits` is a set of hashed words and pairs of words (BITS wide), `bucket` one of BUCKETS that like prompts share
    as often as they share words (one MinHash).
    """

    bits: int
    bucket: int


def of_prompt(prompt: str) -> Print:
    half = _READ_CHARS // 2
    return _of_text(prompt if len(prompt) <= _READ_CHARS else f"{prompt[:half]} {prompt[-half:]}")


@lru_cache(128)  # an agent sends the same words with every call of its loop
def _of_text(text: str) -> Print:
    words = _WORD.findall(text.lower())
    hashes = [crc32(word.encode("utf-8", "replace")) for word in words]
    bits = 0
    for n, each in enumerate(hashes):
        bits |= 1 << each % BITS
        if n:
            bits |= 1 << (each * 31 + hashes[n - 1]) % BITS
    return Print(bits, min((h * 2654435761 % 2**32 for h in hashes), default=0) % BUCKETS)
