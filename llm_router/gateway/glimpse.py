"""What turns and sessions need to know of a body beside its sketch: how it begins and how it ends, in any dialect.

One typed pass: what nobody asks for is skipped and never becomes an object.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from llm_router.dialects.inbound.anthropic_requests import RESULT_NOTES
from llm_router.dialects.inbound.sketches import REMINDER

OPENING = 1_000  # characters of what was said first: enough to tell conversations apart
_REMINDED = "</system-reminder>"
_INSTRUCTING = frozenset({"system", "developer"})
_ASSISTING = frozenset({"assistant", "model"})
_RAW = msgspec.Raw()


class Glimpse(msgspec.Struct, frozen=True):
    """`system` is the raw JSON of the system prompt, `opening` what a person said first, `tail` what the client added
    behind the last prompt or into it. `goes_on`: the last message brings tool results, and nobody's words.
    """

    system: bytes = b""
    tools: bytes = b""
    opening: str = ""
    tail: str = ""
    goes_on: bool = False
    cache_key: str = ""
    safeguarded: bool = False

    @property
    def offers_tools(self) -> bool:
        return len(self.tools) > len(b"[]") and self.tools != b"null"


class _Piece(msgspec.Struct):
    """A content block, or a part of Gemini's. Typed loosely: what is no text is not read."""

    type: str | None = None
    text: str | None = None
    thought: bool | None = None
    functionResponse: msgspec.Raw = _RAW  # noqa: N815 - the vendor's name
    function_response: msgspec.Raw = _RAW


class _Item(msgspec.Struct):
    """A message, an item of Responses, or a content of Gemini."""

    role: str | None = None
    type: str | None = None
    content: str | list[_Piece] | None = None
    parts: list[_Piece] | None = None

    @property
    def instructs(self) -> bool:
        return self.role in _INSTRUCTING or self.type == "additional_tools"

    @property
    def by_the_model(self) -> bool:
        return self.role in _ASSISTING or (self.type or "").endswith(("_call", "reasoning"))

    @property
    def brings_results(self) -> bool:
        if self.role in {"tool", "function"} or (self.type or "").endswith("_output"):
            return True
        return any(
            piece.type == "tool_result" or piece.functionResponse or piece.function_response
            for piece in self.pieces
        )

    @property
    def pieces(self) -> Sequence[_Piece]:
        return self.parts or (self.content if isinstance(self.content, list) else ())

    def texts(self) -> Iterable[str]:
        if isinstance(self.content, str):
            yield self.content
        for piece in self.pieces:
            if piece.text and not piece.thought:
                yield piece.text


class _Body(msgspec.Struct):
    """Every dialect at once: their names do not collide."""

    system: msgspec.Raw = _RAW
    instructions: msgspec.Raw = _RAW
    systemInstruction: msgspec.Raw = _RAW  # noqa: N815 - the vendor's name
    system_instruction: msgspec.Raw = _RAW
    tools: msgspec.Raw = _RAW
    messages: list[msgspec.Raw] | None = None
    contents: list[msgspec.Raw] | None = None
    input: str | list[msgspec.Raw] | None = None
    prompt_cache_key: str | None = None
    safeguards: msgspec.Raw = _RAW


_body = msgspec.json.Decoder(_Body)
_item = msgspec.json.Decoder(_Item)


def glimpse(body: bytes) -> Glimpse:
    """Never raises: of a body that cannot be read its parser will say why."""
    try:
        read = _body.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Glimpse()
    items = _Items(
        read.messages or read.contents or (read.input if isinstance(read.input, list) else None) or []
    )
    system = read.system or read.instructions or read.systemInstruction or read.system_instruction
    goes_on, tail = _end(items)
    return Glimpse(
        system=bytes(system) or _leading(items),
        tools=bytes(read.tools) or _among(items),
        opening=read.input[:OPENING] if isinstance(read.input, str) else _opening(items),
        tail=tail,
        goes_on=goes_on,
        cache_key=read.prompt_cache_key or "",
        safeguarded=bytes(read.safeguards) not in {b"", b"null", b"[]"},
    )


def own_words(text: str) -> str:
    """Without what a client wraps around, or puts in the place of, what a person wrote."""
    if REMINDER not in text:
        return text.strip()
    before, *wrapped = text.split(REMINDER)
    return "".join([before, *(each.partition(_REMINDED)[2] for each in wrapped)]).strip()


class _Items:
    """The items of a conversation, of which only a few at its ends are read, and each once."""

    def __init__(self, raw: Sequence[msgspec.Raw]) -> None:
        self.raw = raw
        self._read: dict[int, _Item] = {}

    def __getitem__(self, at: int) -> _Item:
        if (item := self._read.get(at)) is None:
            try:
                item = _item.decode(self.raw[at])
            except (msgspec.DecodeError, UnicodeDecodeError):
                item = _Item()
            self._read[at] = item
        return item


def _leading(items: _Items) -> bytes:
    """Where the system prompt is a message it comes first."""
    for at in range(min(2, len(items.raw))):
        if items[at].role in _INSTRUCTING:
            return bytes(items.raw[at])
    return b""


def _among(items: _Items) -> bytes:
    """Codex offers tools as an item of its input to the models it knows."""
    first = bytes(items.raw[0]) if items.raw else b""
    return first if b'"additional_tools"' in first[:100] else b""


def _opening(items: _Items) -> str:
    for at in range(len(items.raw)):
        item = items[at]
        if item.role == "user" and not item.brings_results:
            said = own_words("\n".join(item.texts()))
            if said:
                return said[:OPENING]
    return ""


def _end(items: _Items) -> tuple[bool, str]:
    """Whether the loop goes on, and what stands in and behind the last prompt."""
    tail: list[str] = []
    for at in reversed(range(len(items.raw))):
        item = items[at]
        if item.by_the_model:
            break
        tail += item.texts()
        if item.instructs:
            continue
        said = [own_words(text) for text in item.texts()]
        new = [text for text in said if text and text not in RESULT_NOTES]
        if item.role in {"tool", "function"}:
            new = []
        return not new and (item.brings_results or any(item.texts())), "\n".join(tail)
    return False, "\n".join(tail)
