"""Pieces of a streamed answer."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_PIECE = 16


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as sent. `token` marks those that carry a part of the answer: faults are placed by them."""

    data: bytes
    token: bool = False


def dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def sse(value: Any, event: str | None = None, *, token: bool = False) -> Frame:
    head = f"event: {event}\n".encode() if event else b""
    return Frame(head + b"data: " + dump(value) + b"\n\n", token)


def pieces(text: str) -> Iterable[str]:
    """A text as a stream would bring it; a short one still comes in at least two pieces."""
    step = min(_PIECE, max(1, (len(text) + 1) // 2))
    return [text[at : at + step] for at in range(0, len(text), step)]


def new_id(prefix: str) -> str:
    return f"{prefix}{secrets.token_hex(12)}"


def cut_index(frames: list[Frame], after: int) -> int:
    """Where a stream breaks that shall bring `after` parts of the answer and not its end."""
    marks = [i for i, frame in enumerate(frames) if frame.token]
    if after < len(marks):
        return marks[after]
    return marks[-1] + 1 if marks else min(1, len(frames))


def joined(frames: Iterator[Frame]) -> bytes:
    return b"".join(frame.data for frame in frames)
