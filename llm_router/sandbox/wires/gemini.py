"""Gemini generateContent. Requests are read in camelCase or snake_case, as the vendor does."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

from llm_router.sandbox.answers import Answer, digest
from llm_router.sandbox.frames import Frame, dump, new_id, pieces, sse
from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.turn import Entry, Offered, Turn, as_dict, as_list, dicts, last_turn, size, tokens
from llm_router.sandbox.wires import problems
from llm_router.sandbox.wires.problems import Problem
from llm_router.sandbox.wires.wire import InvalidError, Wire

_FINISH = {"length": "MAX_TOKENS", "refusal": "SAFETY"}


def _pick(body: JsonDict, name: str) -> Any:
    return body.get(name, body.get(re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), name)))


def _section(body: JsonDict, name: str) -> JsonDict:
    return as_dict(_pick(body, name) or {})


def read(body: JsonDict, model: str) -> Turn:
    contents = dicts(body.get("contents"))
    if not contents:
        raise InvalidError("* GenerateContentRequest.contents: contents is not specified")
    config = _section(body, "generationConfig")
    schema = _pick(config, "responseJsonSchema") or _pick(config, "responseSchema")
    wants_json = _pick(config, "responseMimeType") == "application/json"
    thinking = _section(config, "thinkingConfig")
    return Turn(
        model=model,
        tools=tuple(_tools(body)),
        forced=_forced(body),
        schema=as_dict(schema) if schema and wants_json else None,
        wants_json=wants_json,
        thinking=bool(_pick(thinking, "includeThoughts") or _pick(thinking, "thinkingBudget")),
        max_tokens=_pick(config, "maxOutputTokens"),
        stop=tuple(as_list(_pick(config, "stopSequences") or [])),
        input_tokens=tokens(
            size(contents) + size(body.get("tools")) + size(_pick(body, "systemInstruction"))
        ),
        body=body,
        **last_turn([_entry(c, at) for at, c in enumerate(contents)]).fields(),
    )


def _tools(body: JsonDict) -> Iterator[Offered]:
    for tool in dicts(body.get("tools")):
        for declared in dicts(_pick(tool, "functionDeclarations")):
            schema = _pick(declared, "parametersJsonSchema") or declared.get("parameters")
            yield Offered(str(declared["name"]), as_dict(schema or {}))


def _forced(body: JsonDict) -> str | None:
    config = _section(_section(body, "toolConfig"), "functionCallingConfig")
    if config.get("mode") != "ANY":
        return None
    names = as_list(_pick(config, "allowedFunctionNames") or [])
    return str(names[0]) if len(names) == 1 else "*"


def _entry(content: JsonDict, at: int) -> Entry:
    role = content.get("role", "user")
    if role not in ("user", "model", "function"):
        raise InvalidError("Please use a valid role: user, model.")
    parts = dicts(content.get("parts"))
    if not parts:
        raise InvalidError(
            f"* GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty."
        )
    text = "\n".join(str(p["text"]) for p in parts if p.get("text") and not p.get("thought"))
    calls = tuple(str(as_dict(c)["name"]) for p in parts if (c := _pick(p, "functionCall")))
    results = tuple(_result(as_dict(r)) for p in parts if (r := _pick(p, "functionResponse")))
    return Entry("assistant" if role == "model" else "user", text, calls, results)


def _result(answered: JsonDict) -> str:
    """A function's answer is an object; clients put its text under one of these names."""
    response = as_dict(answered.get("response") or {})
    said = next((response[key] for key in ("output", "result", "error") if key in response), response)
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def whole(turn: Turn, answer: Answer) -> JsonDict:
    parts: list[JsonDict] = [{"text": answer.thinking, "thought": True}] if _shows(turn, answer) else []
    if answer.text:
        parts.append({"text": answer.text})
    parts += _call_parts(answer)
    return _chunk(turn, answer, parts, new_id(""), finish=_finish(answer))


def _shows(turn: Turn, answer: Answer) -> bool:
    config = _section(_section(turn.body, "generationConfig"), "thinkingConfig")
    return bool(answer.thinking and _pick(config, "includeThoughts"))


def _call_parts(answer: Answer) -> list[JsonDict]:
    """The vendor signs its thoughts on the first call of a turn, and wants the signature back."""
    parts: list[JsonDict] = [{"functionCall": {"name": c.name, "args": c.arguments}} for c in answer.calls]
    if parts:
        parts[0]["thoughtSignature"] = base64.b64encode(digest(answer.calls[0].json).encode()).decode()
    return parts


def _finish(answer: Answer) -> str:
    return _FINISH.get(answer.stop, "STOP")


def _chunk(
    turn: Turn, answer: Answer, parts: list[JsonDict], identity: str, finish: str | None = None
) -> JsonDict:
    """One response; a candidate without parts has no `parts` at all."""
    content: JsonDict = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    candidate: JsonDict = {"content": content, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = _usage(turn, answer, done=finish is not None)
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": turn.model,
        "responseId": identity,
    }


def _usage(turn: Turn, answer: Answer, *, done: bool) -> JsonDict:
    said = answer.output_tokens - answer.reasoning_tokens
    usage: JsonDict = {
        "promptTokenCount": turn.input_tokens,
        "totalTokenCount": turn.input_tokens + (answer.output_tokens if done else 0),
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": turn.input_tokens}],
    }
    if done:
        usage["candidatesTokenCount"] = said
    if done and answer.thinking:
        usage["thoughtsTokenCount"] = answer.reasoning_tokens
    return usage


def chunks(turn: Turn, answer: Answer) -> Iterator[tuple[JsonDict, bool]]:
    """The responses of a stream, and whether each carries a part of the answer."""
    identity = new_id("")
    if _shows(turn, answer):
        yield _chunk(turn, answer, [{"text": answer.thinking, "thought": True}], identity), True
    for piece in pieces(answer.text):
        yield _chunk(turn, answer, [{"text": piece}], identity), True
    for part in _call_parts(answer):
        yield _chunk(turn, answer, [part], identity), True
    last: list[JsonDict] = [{"text": ""}] if answer.text else []
    yield _chunk(turn, answer, last, identity, _finish(answer)), False


def stream(turn: Turn, answer: Answer) -> Iterator[Frame]:
    for chunk, token in chunks(turn, answer):
        yield sse(chunk, token=token)


def stream_array(turn: Turn, answer: Answer) -> Iterator[Frame]:
    """Without `alt=sse` the vendor streams one JSON array, an element at a time."""
    for at, (chunk, token) in enumerate(chunks(turn, answer)):
        yield Frame((b",\r\n" if at else b"[") + dump(chunk), token)
    yield Frame(b"]")


def error_event(problem: Problem) -> Frame:
    return sse(problems.gemini(problem)[1])


def error_element(problem: Problem) -> Frame:
    return Frame(b",\r\n" + dump(problems.gemini(problem)[1]) + b"]")


WIRE = Wire("gemini", read, whole, stream, problems.gemini, error_event, "text/event-stream")
ARRAY = Wire(
    "gemini", read, whole, stream_array, problems.gemini, error_element, "application/json; charset=UTF-8"
)
