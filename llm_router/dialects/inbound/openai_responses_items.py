"""The conversation of a Responses caller: a list of items, of which several make one turn."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any, Literal, cast

from llm_router.dialects.inbound.bodies import json_text, refused, untranslatable
from llm_router.dialects.inbound.openai_responses_tools import (
    FREEFORM_FIELD,
    Offer,
    gathered,
    needed,
    offered_name,
)
from llm_router.dialects.inbound.signatures import untagged
from llm_router.dialects.reading import arguments_text, record, records, string
from llm_router.nouns import Document, Image, JsonDict, Message, Part, Text, Thinking, ToolCall, ToolResult

NATIVE = "openai"
_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?:;[^;,]+)*?;base64,", re.IGNORECASE)
_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
# What OpenAI did on the way to an answer that the caller has: the answer stays, how it came about is not told again.
_TRACES = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "image_generation_call",
        "code_interpreter_call",
        "mcp_call",
        "mcp_list_tools",
        "program",
        "program_output",
    }
)


_PLAIN_OUTPUTS = frozenset(
    f"{kind}_output" for kind in ("function_call", "custom_tool_call", "local_shell_call", "apply_patch_call")
)


class Conversation:
    """Collects items to messages. `found` are the tools that the conversation itself has brought up."""

    def __init__(self) -> None:
        self.found: list[Offer] = []
        self._role: Literal["system", "user", "assistant"] | None = None
        self._parts: list[Part] = []
        self._messages: list[Message] = []

    def messages(self, given: str | Iterable[JsonDict]) -> tuple[Message, ...]:
        """Raises UsageError, or UpstreamError(UNSUPPORTED) for what only OpenAI can read."""
        if isinstance(given, str):
            return (Message("user", (Text(given),)),)
        for at, item in enumerate(given):
            self._item(item, f"input.{at}")
        self._close()
        return tuple(self._messages)

    def _close(self) -> None:
        if self._role is not None and self._parts:
            self._messages.append(Message(self._role, tuple(self._parts)))
        self._role, self._parts = None, []

    def _say(
        self, role: Literal["system", "user", "assistant"], parts: Iterable[Part], *, joins: bool
    ) -> None:
        """`joins`: what one side does in a row is one turn; its messages stay apart."""
        if not joins or self._role != role:
            self._close()
        self._role = role
        self._parts.extend(parts)

    def _item(self, item: JsonDict, path: str) -> None:
        kind = string(item.get("type")) or ("message" if "role" in item else "")
        match kind:
            case "message":
                self._message(item, path)
            case "reasoning":
                self._say("assistant", (_reasoning(item),), joins=True)
            case "item_reference" | "":
                raise refused(
                    path, "nothing is stored here: send the item itself instead of a reference to it"
                )
            case _ if kind in _TRACES:
                pass
            case _ if kind.endswith("_output"):
                self._say("user", (self._result(kind, item, path),), joins=self._answers_calls())
            case _ if kind.endswith("_call"):
                self._say("assistant", (_call(kind, item, path),), joins=True)
            case "additional_tools":
                self.found += gathered(records(item.get("tools")), f"{path}.tools").offers
            case _:
                raise untranslatable(f"{path}: an item of type {kind!r}")

    def _answers_calls(self) -> bool:
        return all(isinstance(part, ToolResult) for part in self._parts)

    def _message(self, item: JsonDict, path: str) -> None:
        role = _ROLES.get(string(item.get("role")))
        if role is None:
            raise refused(
                f"{path}.role", f"Input should be one of {', '.join(_ROLES)}, not {item.get('role')!r}"
            )
        self._say(role, content(item.get("content"), f"{path}.content"), joins=role == "assistant")

    def _result(self, kind: str, item: JsonDict, path: str) -> ToolResult:
        call_id = _call_id(item, path)
        if kind == "tool_search_output":
            found = gathered(records(item.get("tools")), f"{path}.tools").offers
            self.found += found
            names = ", ".join(offer.tool.name for offer in found) or "none"
            return ToolResult(call_id, (Text(f"Tools found, ready to be called: {names}"),))
        if kind == "shell_call_output":
            told = "\n".join(map(_ran, records(item.get("output"))))
            return ToolResult(call_id, (Text(told),) if told else ())
        if kind not in _PLAIN_OUTPUTS:
            raise untranslatable(f"{path}: an item of type {kind!r}")
        output = item.get("output") or ""
        failed = item.get("status") == "failed"
        parts = content(output if isinstance(output, (str, list)) else json_text(output), f"{path}.output")
        told = tuple(part for part in parts if isinstance(part, (Text, Image, Document)))
        return ToolResult(call_id, told, failed)


def _call(kind: str, item: JsonDict, path: str) -> ToolCall:
    call_id = _call_id(item, path)
    match kind:
        case "function_call":
            return ToolCall(call_id, _name(item, path), arguments_text(item.get("arguments") or ""))
        case "custom_tool_call":
            return ToolCall(
                call_id, _name(item, path), json_text({FREEFORM_FIELD: string(item.get("input"))})
            )
        case "tool_search_call":
            return ToolCall(call_id, "tool_search", arguments_text(item.get("arguments")))
        case "local_shell_call":
            action = {key: value for key, value in record(item.get("action")).items() if key != "type"}
            return ToolCall(call_id, "local_shell", json_text(action))
        case "shell_call":
            action = record(item.get("action"))
            return ToolCall(call_id, "shell", json_text({k: v for k, v in action.items() if v is not None}))
        case "apply_patch_call":
            return ToolCall(call_id, "apply_patch", json_text(record(item.get("operation"))))
        case _:
            raise untranslatable(f"{path}: an item of type {kind!r}")


def _ran(command: JsonDict) -> str:
    outcome = record(command.get("outcome"))
    ended = f"exit code {outcome['exit_code']}" if "exit_code" in outcome else string(outcome.get("type"))
    told = (string(command.get("stdout")), string(command.get("stderr")), f"({ended})" if ended else "")
    return "\n".join(filter(None, told))


def _call_id(item: JsonDict, path: str) -> str:
    return string(item.get("call_id")) or needed(item, "id", path)


def _name(item: JsonDict, path: str) -> str:
    name = needed(item, "name", path)
    return offered_name(name, string(item.get("namespace")) or None)


def _reasoning(item: JsonDict) -> Thinking:
    """What somebody else than OpenAI thought bears our tag; OpenAI's own needs its id to go back with."""
    shown = records(item.get("summary")) or records(item.get("content"))
    text = "\n\n".join(string(block.get("text")) for block in shown)
    encrypted = string(item.get("encrypted_content"))
    thought = untagged(text, encrypted or None, native=NATIVE)
    if thought.issuer == NATIVE and encrypted:
        return Thinking(text, f"{string(item.get('id'))}:{encrypted}", NATIVE)
    return thought


def content(given: Any, path: str) -> list[Part]:
    """The parts of a message or of a tool's output. Raises UsageError, or UpstreamError(UNSUPPORTED)."""
    if given is None:
        return []
    if isinstance(given, str):
        return [Text(given)] if given else []
    if not isinstance(given, list):
        raise refused(path, "Input should be a string or a list of content parts")
    return [_part(block, f"{path}.{at}") for at, block in enumerate(records(cast("object", given)))]


def _part(block: JsonDict, path: str) -> Part:
    match block.get("type"):
        case "input_text" | "output_text" | "text" | "summary_text":
            return Text(string(block.get("text")))
        case "refusal":
            return Text(string(block.get("refusal")))
        case "input_image":
            return _image(block, path)
        case "input_file":
            return _file(block, path)
        case kind:
            raise untranslatable(f"{path}: content of type {kind!r}")


def _image(block: JsonDict, path: str) -> Image:
    url = block.get("image_url")
    url = string(url) or string(record(url).get("url"))
    if not url:
        if block.get("file_id"):
            raise untranslatable(f"{path}: an image by its file_id")
        raise refused(f"{path}.image_url", "Field required")
    if found := _DATA_URL.match(url):
        return Image(found["type"] or "image/png", url[found.end() :])
    return Image(url=url)


def _file(block: JsonDict, path: str) -> Document:
    title = string(block.get("filename")) or None
    if url := string(block.get("file_url")):
        return Document(url=url, title=title)
    data = string(block.get("file_data"))
    if not data:
        if block.get("file_id"):
            raise untranslatable(f"{path}: a file by its file_id")
        raise refused(path, "file_data or file_url: Field required")
    found = _DATA_URL.match(data)
    media_type = (found["type"] if found else "") or "application/pdf"
    data = data[found.end() :] if found else data
    if not media_type.startswith("text/"):
        return Document(media_type, data, title=title)
    try:
        return Document(media_type, text=base64.b64decode(data).decode(), title=title)
    except (binascii.Error, ValueError):
        raise refused(f"{path}.file_data", "text that is no base64 of UTF-8") from None
