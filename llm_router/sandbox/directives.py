"""Directives inside a prompt, by which a real client can be scripted:

[[call TOOL {"json": "args"}]]      call this tool; two of them are parallel calls
[[then]]                            between calls: those after it wait for the results of those before
[[say TEXT]]                        answer exactly TEXT
[[fault KIND key=value ...]]        fail this request, e.g. [[fault status status=429 retry_after=60]]
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from llm_router.nouns import JsonDict

_CALL = re.compile(r"\[\[call\s+([\w.:/-]+)\s*")
_SAY = re.compile(r"\[\[say (.*?)\]\](?!\])", re.DOTALL)
_FAULT = re.compile(r"\[\[fault\s+([^\]]+)\]\]")


@dataclass(frozen=True, slots=True)
class CallDirective:
    """`step` counts the [[then]] before it."""

    tool: str
    arguments: JsonDict
    step: int = 0

    def means(self, name: str) -> bool:
        """Clients rename tools: `mcp__server__TOOL`, `server_TOOL`. The exact name or such a suffix will do."""
        return name == self.tool or (name.endswith(self.tool) and name[-len(self.tool) - 1] in "_.-/:")


def calls(text: str) -> list[CallDirective]:
    """Every call directive, in order; one whose arguments are not a JSON object is left alone."""
    found = ((match, _arguments(text[match.end() :])) for match in _CALL.finditer(text))
    return [
        CallDirective(match[1], arguments, text.count("[[then]]", 0, match.start()))
        for match, arguments in found
        if arguments is not None
    ]


def _arguments(rest: str) -> JsonDict | None:
    """The arguments at the start of `rest`; some clients pass a prompt on in quotes, with those inside escaped."""
    for written in (rest, rest.replace('\\"', '"')):
        end = _json_end(written, 0) if written.startswith("{") else 0
        if end is not None and written[end:].lstrip().startswith("]]"):
            return json.loads(written[:end] or "{}")
    return None


def say(text: str) -> str | None:
    """The text of the first say directive. It may hold brackets if it is JSON or they do not come in pairs."""
    start = text.find("[[say ")
    if start >= 0 and text[start + 6 : start + 7] in ("{", "["):
        end = _json_end(text, start + 6)
        if end is not None and text.startswith("]]", end):
            return text[start + 6 : end]
    match = _SAY.search(text)
    return match[1] if match else None


def _json_end(text: str, start: int) -> int | None:
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except ValueError:
        return None


def fault(text: str) -> tuple[str, dict[str, Any]] | None:
    """The kind and the options of the first fault directive; option values are JSON where they parse as such."""
    match = _FAULT.search(text)
    if not match:
        return None
    kind, *pairs = match[1].split()
    return kind, {key: _value(raw) for key, _, raw in (pair.partition("=") for pair in pairs)}


def _value(raw: str) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw
