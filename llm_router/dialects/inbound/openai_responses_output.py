"""What a Responses caller is given: the items of an answer and the response around them."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from llm_router.dialects.inbound.faults import Fault, common_headers
from llm_router.dialects.inbound.openai_chat_errors import openai_error, openai_fault
from llm_router.dialects.inbound.openai_responses_items import NATIVE
from llm_router.dialects.inbound.openai_responses_requests import offers
from llm_router.dialects.inbound.openai_responses_tools import FREEFORM_FIELD, Kind, Offer, Toolbox
from llm_router.dialects.inbound.signatures import tagged
from llm_router.dialects.inbound.sizes import counted
from llm_router.dialects.inbound.tool_names import originals
from llm_router.dialects.reading import arguments_object
from llm_router.errors import RouterError
from llm_router.nouns import Answer, JsonDict, Request, Thinking, Tool, ToolChoice, Usage
from llm_router.ports import Head, Problem

# OpenAI looks at how ids of items begin when it gets them back.
PREFIXES: Mapping[Kind, str] = {
    "function": "fc",
    "custom": "ctc",
    "tool_search": "tsc",
    "local_shell": "lsh",
    "shell": "sh",
    "apply_patch": "apc",
}


def message(item_id: str, text: str, status: str = "completed") -> JsonDict:
    said = [output_text(text)] if status == "completed" else []
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": said}


def output_text(text: str) -> JsonDict:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def reasoning(item_id: str, thinking: Thinking, issuer: str, *, shown: bool) -> JsonDict | None:
    """None where there is nothing for the caller to read or to keep. OpenAI's own goes back to it with its id."""
    seal = tagged(thinking, issuer, shown=shown, native=NATIVE)
    if (thinking.issuer or issuer) == NATIVE:
        own_id, _, seal = seal.partition(":")
        item_id = own_id or item_id
    summary = [{"type": "summary_text", "text": thinking.text}] if shown and thinking.text else []
    if not (summary or seal):
        return None
    item: JsonDict = {"id": item_id, "type": "reasoning", "summary": summary}
    return item | ({"encrypted_content": seal} if seal else {})


class Calls:
    """The tools of a request, looked up when the first of them is called."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._offers: dict[str, Offer] | None = None
        self._names: dict[str, str] = {}

    def offer(self, name: str) -> Offer:
        """What the caller knows as this tool; a name nobody offered is told as it is."""
        if self._offers is None:
            origin = self._request.origin
            here = origin is not None and origin.dialect == "openai_responses"
            self._offers = (offers(origin.body) if here and origin else Toolbox()).by_name()
            self._names = originals(self._request)
        name = self._names.get(name, name)
        return self._offers.get(name) or Offer(Tool(name), name=name)


def call(item_id: str, call_id: str, offer: Offer, arguments: str, status: str = "completed") -> JsonDict:
    """A call as the tool it is of has them. A freeform tool's text is taken out of the JSON it came in."""
    item: JsonDict = {"id": item_id, "status": status, "call_id": call_id}
    match offer.kind:
        case "custom":
            item |= {"type": "custom_tool_call", "name": offer.name, "input": freeform(arguments)}
        case "tool_search":
            found = arguments_object(arguments)
            return item | {"type": "tool_search_call", "execution": "client", "arguments": found}
        case "local_shell":
            return item | {"type": "local_shell_call", "action": _action(arguments)}
        case "shell":
            return item | {"type": "shell_call", "action": _commands(arguments)}
        case "apply_patch":
            return item | {"type": "apply_patch_call", "operation": _operation(arguments)}
        case "function":
            item |= {"type": "function_call", "name": offer.name, "arguments": arguments}
    return item | ({"namespace": offer.namespace} if offer.namespace else {})


def freeform(arguments: str) -> str:
    """The text a model wrote for a freeform tool, also where it wrote it plainly."""
    if not arguments:
        return ""
    given = arguments_object(arguments)
    text = given.get(FREEFORM_FIELD, given.get("_raw"))
    return text if isinstance(text, str) else arguments


def _action(arguments: str) -> JsonDict:
    given = arguments_object(arguments)
    command: Any = given.get("command", given.get("_raw", ""))
    if isinstance(command, str):
        command = ["bash", "-lc", command]
    action: JsonDict = {"type": "exec", "command": command, "env": given.get("env") or {}}
    known = ("working_directory", "timeout_ms", "user")
    return action | {key: given[key] for key in known if given.get(key) is not None}


def _commands(arguments: str) -> JsonDict:
    given = arguments_object(arguments)
    commands: Any = given.get("commands", given.get("_raw", []))
    limits = {key: given.get(key) for key in ("timeout_ms", "max_output_length")}
    return {"commands": [commands] if isinstance(commands, str) else commands, **limits}


def _operation(arguments: str) -> JsonDict:
    given = arguments_object(arguments)
    operation = {"type": given.get("type") or "update_file", "path": given.get("path") or ""}
    if operation["type"] == "delete_file":
        return operation
    return operation | {"diff": given.get("diff", given.get("_raw", ""))}


def new_base() -> str:
    """What all ids of one response share: no two responses have an id in common."""
    return secrets.token_hex(16)


def response(head: Head, base: str) -> JsonDict:
    """As it is announced, without its output. The tools are not repeated: they may be the largest part of it all."""
    request = head.request
    effort = request.reasoning.effort if request.reasoning else None
    shown = request.reasoning is not None and request.reasoning.shown
    form: JsonDict = {"type": "text"}
    if request.schema is not None:
        form = {"type": "json_schema", "name": "answer", "schema": request.schema}
    return {
        "id": f"resp_{base}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": request.max_output_tokens,
        "model": head.model,
        "output": [],
        "parallel_tool_calls": request.tool_choice.parallel,
        "previous_response_id": None,
        "reasoning": {"effort": effort, "summary": "auto" if shown else None},
        "store": False,
        "temperature": request.temperature,
        "text": {"format": form},
        "tool_choice": _choice(request.tool_choice),
        "tools": [],
        "top_p": request.top_p,
        "truncation": "disabled",
        "usage": None,
        "metadata": {},
    }


def _choice(choice: ToolChoice) -> Any:
    match choice.mode:
        case "tool":
            return {"type": "function", "name": choice.name}
        case "any":
            return "required"
        case mode:
            return mode


def completed(begun: JsonDict, items: Sequence[JsonDict], answer: Answer, head: Head) -> JsonDict:
    reason = {"length": "max_output_tokens", "refusal": "content_filter"}.get(answer.stop_reason)
    return begun | {
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": list(items),
        "usage": usage(counted(answer.usage, head)),
    }


def failed(begun: JsonDict, items: Sequence[JsonDict], fault: Fault) -> JsonDict:
    error = {"code": code(fault), "message": message_of(fault)}
    return begun | {"status": "failed", "output": list(items), "error": error}


def message_of(fault: Fault) -> str:
    """Inside a stream Codex looks for when to come back in the words."""
    if fault.what != "rate_limit" or fault.retry_after_s is None or "try again in" in fault.message:
        return fault.message
    return f"{fault.message.rstrip('.')}. Please try again in {max(1, math.ceil(fault.retry_after_s))}s."


def code(fault: Fault) -> str:
    """What Codex acts on: https://github.com/openai/codex, `codex-api/src/sse/responses.rs`."""
    return openai_error(fault)["code"] or ("invalid_prompt" if fault.what == "invalid" else "server_error")


def usage(counts: Usage) -> JsonDict:
    return {
        "input_tokens": counts.input_tokens,
        "input_tokens_details": {
            "cached_tokens": counts.cache_read_tokens,
            "cache_write_tokens": counts.cache_write_tokens,
        },
        "output_tokens": counts.output_tokens,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning_tokens},
        "total_tokens": counts.input_tokens + counts.output_tokens,
    }


def problem(error: RouterError, request_id: str) -> Problem:
    """Codex stops at once at `usage_limit_reached` and says when it ends; a plain 429 it would try again."""
    wrong = openai_fault(error)
    told = openai_error(wrong)
    if wrong.what == "budget":
        told["type"] = "usage_limit_reached"
        if wrong.resets_at:
            told["resets_at"] = int(wrong.resets_at)
    headers = common_headers(wrong) | {"x-request-id": request_id}
    return Problem(wrong.status, msgspec.json.encode({"error": told}), headers)
