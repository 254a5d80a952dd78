"""Anthropic Messages. Refuses what the vendor refuses, since a translation that gets there is wrong."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from llm_router.sandbox.answers import Answer, digest
from llm_router.sandbox.frames import Frame, new_id, pieces, sse
from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.turn import (
    Entry,
    Offered,
    Turn,
    as_dict,
    as_list,
    dicts,
    last_turn,
    size,
    text_of,
    tokens,
)
from llm_router.sandbox.wires import problems
from llm_router.sandbox.wires.problems import Problem
from llm_router.sandbox.wires.wire import InvalidError, Wire, required

_STOPS = {"end": "end_turn", "length": "max_tokens", "tool_use": "tool_use", "refusal": "refusal"}
_SIGNED = "sandbox:"


def read(body: JsonDict, _model: str, *, counting: bool = False) -> Turn:
    """`counting`: for count_tokens, which needs no max_tokens."""
    required(body, "model", "messages", *(() if counting else ("max_tokens",)))
    messages = dicts(body["messages"])
    if not messages:
        raise InvalidError("messages: at least one message is required")
    entries = _entries(messages)
    choice = as_dict(body.get("tool_choice") or {})
    forced = {"any": "*", "tool": choice.get("name")}.get(str(choice.get("type")))
    output = as_dict(
        as_dict(body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    )
    return Turn(
        model=str(body["model"]),
        tools=tuple(
            Offered(str(t["name"]), as_dict(t.get("input_schema") or {})) for t in dicts(body.get("tools"))
        ),
        forced=forced,
        schema=output.get("schema"),
        thinking=as_dict(body.get("thinking") or {}).get("type") in ("enabled", "adaptive"),
        max_tokens=int(body.get("max_tokens") or 0) or None,
        stop=tuple(as_list(body.get("stop_sequences") or [])),
        stream=body.get("stream") is True,
        input_tokens=tokens(size(body.get("system")) + size(body.get("tools")) + size(messages)),
        body=body,
        **last_turn(entries).fields(),
    )


def _entries(messages: list[JsonDict]) -> list[Entry]:
    names: dict[str, str] = {}
    entries: list[Entry] = []
    for at, message in enumerate(messages):
        role = message.get("role")
        if role not in ("user", "assistant", "system"):
            raise InvalidError(f'messages.{at}.role: Input should be "user" or "assistant"')
        content = message.get("content")
        blocks = dicts([{"type": "text", "text": content}] if isinstance(content, str) else content)
        for place, block in enumerate(blocks):
            _check(block, f"messages.{at}.content.{place}", names)
        used = [b for b in blocks if b.get("type") == "tool_use"]
        names.update({str(b["id"]): str(b["name"]) for b in used})
        results = tuple(text_of(b.get("content")) for b in blocks if b.get("type") == "tool_result")
        text = text_of([b for b in blocks if b.get("type") == "text"])
        entries.append(Entry(role, text, tuple(str(b["name"]) for b in used), results))
    return entries


def _check(block: JsonDict, place: str, called: dict[str, str]) -> None:
    kind = block.get("type")
    if kind == "text" and not str(block["text"]).strip():
        raise InvalidError(f"{place}: text content blocks must be non-empty")
    if kind == "tool_result" and block.get("tool_use_id") not in called:
        raise InvalidError(
            f"{place}: unexpected `tool_use_id` found in `tool_result` blocks: {block.get('tool_use_id')}. Each "
            "`tool_result` block must have a corresponding `tool_use` block in the previous message."
        )
    if kind == "thinking" and not _ours(str(block.get("signature", ""))):
        raise InvalidError(f"{place}: Invalid `signature` in `thinking` block")


def _sign(text: str) -> str:
    return base64.b64encode(f"{_SIGNED}{digest(text)}".encode()).decode()


def _ours(signature: str) -> bool:
    try:
        return base64.b64decode(signature).startswith(_SIGNED.encode())
    except ValueError:
        return False


def whole(turn: Turn, answer: Answer) -> JsonDict:
    blocks = [block for block, _ in _blocks(turn, answer)]
    message = _message(turn, answer) | {"content": blocks, **_stop(answer)}
    return message | {"usage": _usage(turn) | _out(answer)}


def _message(turn: Turn, _answer: Answer) -> JsonDict:
    return {
        "id": new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": turn.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(turn),
    }


def _usage(turn: Turn) -> JsonDict:
    return {
        "input_tokens": turn.input_tokens - turn.cache_read - turn.cache_write,
        "cache_creation_input_tokens": turn.cache_write,
        "cache_read_input_tokens": turn.cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": turn.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 1,
        "service_tier": "standard",
    }


def _out(answer: Answer) -> JsonDict:
    out: JsonDict = {"output_tokens": answer.output_tokens}
    if answer.thinking:
        out["output_tokens_details"] = {"thinking_tokens": answer.reasoning_tokens}
    return out


def _stop(answer: Answer) -> JsonDict:
    return {"stop_reason": _STOPS.get(answer.stop, "stop_sequence"), "stop_sequence": answer.stop_sequence}


def _blocks(turn: Turn, answer: Answer) -> list[tuple[JsonDict, str]]:
    """Each content block with the text that streams into it."""
    blocks: list[tuple[JsonDict, str]] = []
    if answer.thinking:
        omitted = as_dict(turn.body.get("thinking") or {}).get("display") == "omitted"
        shown = "" if omitted else answer.thinking
        signature = _sign(answer.thinking)
        blocks.append(({"type": "thinking", "thinking": shown, "signature": signature}, shown))
    if answer.text:
        blocks.append(({"type": "text", "text": answer.text}, answer.text))
    for call in answer.calls:
        identity = {"id": call.id.replace("call_", "toolu_"), "name": call.name}
        blocks.append(({"type": "tool_use", **identity, "input": call.arguments}, call.json))
    return blocks


_EMPTIED: dict[str, JsonDict] = {
    "thinking": {"thinking": "", "signature": ""},
    "text": {"text": ""},
    "tool_use": {"input": {}},
}
_DELTAS = {
    "thinking": ("thinking_delta", "thinking"),
    "text": ("text_delta", "text"),
    "tool_use": ("input_json_delta", "partial_json"),
}


def stream(turn: Turn, answer: Answer) -> Iterator[Frame]:
    yield _event({"type": "message_start", "message": _message(turn, answer)})
    for index, (block, text) in enumerate(_blocks(turn, answer)):
        yield _event(
            {"type": "content_block_start", "index": index, "content_block": block | _EMPTIED[block["type"]]}
        )
        if index == 0:
            yield _event({"type": "ping"})
        yield from _deltas(index, block, text)
        yield _event({"type": "content_block_stop", "index": index})
    usage = {k: v for k, v in _usage(turn).items() if k.endswith("input_tokens")} | _out(answer)
    yield _event({"type": "message_delta", "delta": _stop(answer), "usage": usage})
    yield _event({"type": "message_stop"})


def _deltas(index: int, block: JsonDict, text: str) -> Iterator[Frame]:
    kind, key = _DELTAS[block["type"]]
    head = [""] if block["type"] == "tool_use" else []  # the vendor opens a tool's input with an empty piece
    for piece in (*head, *pieces(text)):
        delta = {"type": kind, key: piece}
        yield _event({"type": "content_block_delta", "index": index, "delta": delta}, token=True)
    if block["type"] == "thinking":
        signed = {"type": "signature_delta", "signature": block["signature"]}
        yield _event({"type": "content_block_delta", "index": index, "delta": signed})


def _event(data: dict[str, Any], *, token: bool = False) -> Frame:
    return sse(data, data["type"], token=token)


def error_event(problem: Problem) -> Frame:
    return _event(problems.anthropic(problem)[1])


WIRE = Wire("anthropic", read, whole, stream, problems.anthropic, error_event, request_id="request-id")
