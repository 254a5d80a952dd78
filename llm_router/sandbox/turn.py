"""What a client asked, whichever wire format it used: each format reads its body into a `Turn`.

Entry...  one per message of the conversation
Turn      the last turn of it, and what bears on the answer
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from llm_router.sandbox.plain import JsonDict

_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
_NOT_READ = {
    "role",
    "type",
    "id",
    "data",
    "signature",
    "cache_control",
    "tool_use_id",
    "tool_call_id",
    "call_id",
}


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool the client offers. The last three exist in OpenAI Responses only; a `freeform` tool takes text, which a
    directive gives as `{"input": TEXT}`.
    """

    name: str
    parameters: JsonDict = field(default_factory=dict[str, Any])
    namespace: str | None = None
    search: bool = False
    freeform: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One message: what it says, which tools it calls, and the texts of the tool results it brings."""

    role: Literal["system", "user", "assistant"]
    text: str = ""
    calls: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """`prompt` is the last user message, `said` the whole run of user messages it ends, `called` the tools
    called since, `results` what they answered. `forced` is the tool the model must call ("*" = any).
    `input_tokens` counts everything sent; `cache_read` and `cache_write` are parts of it.
    """

    model: str
    prompt: str = ""
    said: str = ""
    called: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    tools: tuple[Offered, ...] = ()
    forced: str | None = None
    schema: JsonDict | None = None
    wants_json: bool = False
    thinking: bool = False
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    stream: bool = False
    input_tokens: int = 0
    cache_read: int = 0
    cache_write: int = 0
    vendor: str = ""
    body: JsonDict = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Last:
    """The last turn of a conversation; fits into `Turn(**...)`."""

    prompt: str
    said: str
    called: tuple[str, ...]
    results: tuple[str, ...]

    def fields(self) -> dict[str, Any]:
        return {"prompt": self.prompt, "said": self.said, "called": self.called, "results": self.results}


def last_turn(entries: Sequence[Entry]) -> Last:
    """Find the last message a person wrote. Clients wrap prompts in reminders and follow them with context of
    their own, so a message of nothing but reminders, or one that brings tool results, does not count.
    """
    spoken = [i for i, entry in enumerate(entries) if _is_prompt(entry)]
    if not spoken:
        return Last("", "", (), ())
    end = start = spoken[-1]
    while start > 0 and entries[start - 1].role != "assistant" and not entries[start - 1].results:
        start -= 1
    after = entries[end + 1 :]

    return Last(
        prompt=entries[end].text,
        said="\n".join(e.text for e in entries[start : end + 1] if e.role == "user"),
        called=tuple(name for e in after for name in e.calls),
        results=tuple(text for e in after for text in e.results),
    )


def _is_prompt(entry: Entry) -> bool:
    if entry.role != "user":
        return False
    text = _REMINDER.sub("", entry.text).strip()
    return "[[" in text if entry.results else bool(text)


def tokens(chars: int) -> int:
    """The sandbox's token count: four characters each."""
    return (chars + 3) // 4


def size(value: Any) -> int:
    """Characters a model would read in a piece of a request body; an image or a file counts 1000."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(size(item) for item in as_list(value))
    if isinstance(value, dict):
        return sum(
            1000 if k == "data" else size(v)
            for k, v in as_dict(value).items()
            if k == "data" or k not in _NOT_READ
        )
    return 0


# Decoded JSON is Any; these say what is expected and refuse the rest, as a vendor would (the server answers 400).


def as_dict(value: Any) -> JsonDict:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    return value  # pyright: ignore[reportUnknownVariableType]


def as_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected an array, got {type(value).__name__}")
    return value  # pyright: ignore[reportUnknownVariableType]


def dicts(value: Any) -> list[JsonDict]:
    """The objects of an optional array."""
    return [as_dict(item) for item in as_list(value or [])]


def text_of(content: Any) -> str:
    """The text of a content that is a string, None, or a list of blocks that may have a `text`."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(str(block["text"]) for block in dicts(content) if block.get("text"))
