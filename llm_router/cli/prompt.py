"""Where the prompt comes from: words, files, stdin."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from llm_router.errors import UsageError

MAX_BYTES = 64 * 1024 * 1024


def read_prompt(words: Sequence[str], files: Sequence[str] = ()) -> str:
    """The words as one prompt, `-` among them replaced by stdin, then each file. Nothing given: stdin, if it is piped."""
    parts: list[str] = []
    plain = " ".join(_argument(word) for word in words if word != "-")
    if plain.strip():
        parts.append(plain)
    if "-" in words or (not words and not files and not sys.stdin.isatty()):
        parts.append(_text(_stdin(), "stdin"))
    parts += [_text(_file(Path(name)), name) for name in files]
    prompt = "\n\n".join(part for part in parts if part.strip())
    if not prompt:
        raise UsageError("there is no prompt", fix='give one: llm-router ask "..." (or `-` to read stdin)')
    return prompt


def _argument(word: str) -> str:
    """What the terminal sent, also where the locale has no letters for it."""
    with suppress(UnicodeEncodeError):
        return os.fsencode(word).decode("utf-8", "replace")
    return word


def _stdin() -> bytes:
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", fix="check the path") from None


def _text(raw: bytes, source: str) -> str:
    if len(raw) > MAX_BYTES:
        raise UsageError(f"{source} holds more than 64 MB", fix="send the part that matters")
    if b"\0" in raw:
        raise UsageError(f"{source} is binary, not text", fix="send text; convert it first")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"{source} is not UTF-8 text (byte {error.start + 1})"
        raise UsageError(what, fix="convert it: iconv -f latin1 -t utf-8") from None
