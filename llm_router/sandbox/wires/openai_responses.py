"""OpenAI Responses: what is asked. The events of the answer are in `openai_responses_out`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.turn import Entry, Offered, Turn, as_dict, dicts, last_turn, size, text_of, tokens
from llm_router.sandbox.wires import problems
from llm_router.sandbox.wires.openai_responses_out import error_event, stream, whole
from llm_router.sandbox.wires.problems import Problem, Told
from llm_router.sandbox.wires.wire import InvalidError, Wire, required


def read(body: JsonDict, _model: str) -> Turn:
    required(body, "model")
    given: Any = body.get("input") or []
    items = [{"role": "user", "content": given}] if isinstance(given, str) else dicts(given)
    choice = body.get("tool_choice")
    wanted = as_dict(as_dict(body.get("text") or {}).get("format") or {})
    effort = as_dict(body.get("reasoning") or {}).get("effort")
    return Turn(
        model=str(body["model"]),
        tools=tuple(_tools([*dicts(body.get("tools")), *_found(items)])),
        forced="*"
        if choice == "required"
        else str(as_dict(choice).get("name"))
        if isinstance(choice, dict)
        else None,
        schema=as_dict(wanted["schema"]) if wanted.get("type") == "json_schema" else None,
        wants_json=wanted.get("type") == "json_object",
        thinking=bool(body.get("reasoning")) and effort != "none",
        max_tokens=body.get("max_output_tokens"),
        stream=body.get("stream") is True,
        input_tokens=tokens(size(items) + size(body.get("instructions")) + size(body.get("tools"))),
        body=body,
        **last_turn(list(_entries(items, known=bool(body.get("previous_response_id"))))).fields(),
    )


def _found(items: list[JsonDict]) -> list[JsonDict]:
    """Tools that a client's tool search brought in, or that it offers among the messages."""
    return [
        tool
        for item in items
        if item.get("type") in ("tool_search_output", "additional_tools")
        for tool in dicts(item.get("tools"))
    ]


def _tools(tools: list[JsonDict], namespace: str | None = None) -> Iterator[Offered]:
    for tool in tools:
        if tool.get("type") == "namespace":
            yield from _tools(dicts(tool.get("tools")), str(tool["name"]))
        elif tool.get("type") == "tool_search" and tool.get("execution") == "client":
            yield Offered("tool_search", as_dict(tool.get("parameters") or {}), search=True)
        elif tool.get("type") == "custom":
            yield Offered(str(tool["name"]), namespace=namespace, freeform=True)
        elif tool.get("type") == "function":
            yield Offered(str(tool["name"]), as_dict(tool.get("parameters") or {}), namespace)


def _entries(items: list[JsonDict], *, known: bool) -> Iterator[Entry]:
    """`known`: the conversation goes on from a stored response, so calls may have been made out of sight."""
    called: set[str] = set()
    for item in items:
        kind = item.get("type") or "message"
        if kind == "message":
            role = item.get("role")
            said = "user" if role == "user" else "assistant" if role == "assistant" else "system"
            yield Entry(said, text_of(item.get("content")))
        elif kind in ("function_call", "custom_tool_call", "tool_search_call"):
            called.add(str(item.get("call_id")))
            yield Entry("assistant", calls=(str(item.get("name", "tool_search")),))
        elif kind == "tool_search_output":
            names = ", ".join(tool.name for tool in _tools(dicts(item.get("tools"))))
            yield Entry("user", results=(f"tools found: {names}",))
        elif kind in ("function_call_output", "custom_tool_call_output"):
            if item.get("call_id") not in called and not known:
                raise InvalidError(
                    f"No tool call found for function call output with call_id {item.get('call_id')}."
                )
            yield Entry("user", results=(text_of(item.get("output")),))


def error(problem: Problem) -> Told:
    """As in Chat Completions, but for the words about a context that does not fit."""
    status, body = problems.openai(problem)
    if problem.kind == "context_too_long":
        body["error"]["param"] = "input"
        body["error"]["message"] = problem.message or (
            "Your input exceeds the context window of this model. Please adjust your input and try again."
        )
    return status, body


WIRE = Wire("openai_responses", read, whole, stream, error, error_event)
