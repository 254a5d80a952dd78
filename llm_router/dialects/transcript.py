"""A conversation as one prompt, for command line clients that take text and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from llm_router.dialects.encoding import (
    check_features,
    check_stops,
    document_text,
    flat_parts,
    offered,
    result_text,
    split_system,
    unsupported,
)
from llm_router.nouns import Document, Image, Model, Part, Request, Text, ToolCall, ToolResult

_SPEAKERS = {"system": "System", "user": "User", "assistant": "Assistant"}


def check_text_only(request: Request, model: Model) -> None:
    """Raises UpstreamError(UNSUPPORTED) for what cannot be said in words."""
    check_features(request, model)
    check_stops(request, model, 0)
    if offered(request):
        raise unsupported(model, "tools")
    for part in flat_parts(request.messages):
        if isinstance(part, Image):
            raise unsupported(model, "images")
        if isinstance(part, Document) and part.text is None:
            raise unsupported(model, "documents")


def prompt_and_system(request: Request) -> tuple[str, str]:
    """The prompt and the system text. A single user message is the prompt, word for word."""
    system, messages = split_system(request.messages)
    if len(messages) == 1 and messages[0].role == "user":
        return _words(messages[0].parts), system
    turns = [f"{_SPEAKERS[m.role]}: {text}" for m in messages if (text := _words(m.parts))]
    if turns and messages[-1].role == "user":
        turns.append("Answer the user's last message. Write the answer only, without a speaker's name.")
    return "\n\n".join(turns), system


def _words(parts: Iterable[Part]) -> str:
    return "\n\n".join(text for part in parts if (text := _word(part)))


def _word(part: Part) -> str:
    match part:
        case Text(text):
            return text
        case Document():
            return document_text(part)
        case ToolCall(_, name, arguments):
            return f"[called the tool {name} with {arguments}]"
        case ToolResult():
            return f"[the tool answered: {result_text(part)}]"
        case _:
            return ""
