"""Directives inside a prompt, by which a real client can be scripted:

[[call TOOL {"json": "args"}]]      call this tool; two of them are parallel calls
[[then]]                            between calls: those after it wait for the results of those before
[[say TEXT]]                        answer exactly TEXT; beside calls it is said with them
[[fault KIND key=value ...]]        fail this request, e.g. [[fault status status=429 retry_after=60]]

So an agent is scripted: [[say First I read.]] [[call Read {"path": "a"}]] [[then]] [[say Done.]]
What stands inside the arguments of a call is for whoever gets them: a subagent's prompt has directives of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from llm_router.sandbox.plain import JsonDict

_CALL = re.compile(r"\[\[call\s+([\w.:/-]+)\s*")
_SAY = re.compile(r"\[\[say (.*?)\]\](?!\])", re.DOTALL)
_THEN = "[[then]]"
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
    found: list[CallDirective] = []
    step = last = 0
    for match, arguments, end in _scanned(text):
        step += text.count(_THEN, last, match.start())
        last = end
        if arguments is not None:
            found.append(CallDirective(match[1], arguments, step))
    return found


def _scanned(text: str) -> Iterator[tuple[re.Match[str], JsonDict | None, int]]:
    """Each call, its arguments and where they end, those inside the arguments of another left out."""
    at = 0
    while match := _CALL.search(text, at):
        arguments, length = _arguments(text[match.end() :])
        at = match.end() + length
        yield match, arguments, at


def _arguments(rest: str) -> tuple[JsonDict | None, int]:
    """The arguments at the start of `rest`, and how long they are; some clients pass a prompt on in quotes, with those
    inside escaped: then the length is 0.
    """
    for written in (rest, rest.replace('\\"', '"')):
        end = _json_end(written, 0) if written.startswith("{") else 0
        if end is not None and written[end:].lstrip().startswith("]]"):
            return json.loads(written[:end] or "{}"), end if written is rest else 0
    return None, 0


def _own(text: str) -> str:
    """Without the arguments of calls."""
    kept, last = list[str](), 0
    for match, _, end in _scanned(text):
        kept.append(text[last : match.end()])
        last = end
    return "".join([*kept, text[last:]])


def says(text: str) -> dict[int, str]:
    """What is said at each step: its first say directive."""
    parts = enumerate(_own(text).split(_THEN))
    return {step: told for step, part in parts if (told := say(part)) is not None}


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
    match = _FAULT.search(_own(text))
    if not match:
        return None
    kind, *pairs = match[1].split()
    return kind, {key: _value(raw) for key, _, raw in (pair.partition("=") for pair in pairs)}


def _value(raw: str) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw
