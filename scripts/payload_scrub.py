"""What is replaced in recorded hook payloads: ids, paths, times; and the name of the file each is kept in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_IDS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?<=call_)[0-9a-f]{24}|(?<=toolu_)[0-9a-f]{24}|(?<=\bd_)[0-9a-f]{12,}|\ba[0-9a-f]{16}\b"
)
_FIXED = (
    (re.compile(r'("(?:\w*duration_ms|totalDurationMs)": )[\d.]+'), r"\g<1>12"),
    (re.compile(r"(\$[\d.]+ · )\d+ ms"), r"\g<1>12 ms"),
    (re.compile(r"(PGID: )\d+"), r"\g<1>4242"),
    (re.compile(r"session-\d{4}-\d\d-\d\dT\d\d-\d\d-?[0-9a-f]{8}"), "session-2026-01-01T00-00-00000000"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d[:-]\d\d[:-]\d\d(\.\d+Z?)?"), "2026-01-01T00:00:00"),
    (re.compile(r"\b20\d\d/\d\d/\d\d\b"), "2026/01/01"),
    (re.compile(r"\w+day, \w+ \d+, 20\d\d"), "Thursday, January 1, 2026"),
)


def scrubber(plain: Mapping[str, str]) -> Callable[[str], str]:
    """`plain` are paths and addresses, and what is shown instead. The same id becomes the same fake every time, so
    that the payloads of a host still fit together.
    """
    fakes: dict[str, str] = {}

    def fake(found: re.Match[str]) -> str:
        number = len(fakes) + 1
        shaped = (
            f"00000000-0000-4000-8000-{number:012d}" if "-" in found[0] else str(number).zfill(len(found[0]))
        )
        return fakes.setdefault(found[0], shaped)

    def scrub(text: str) -> str:
        for real, shown in plain.items():
            text = text.replace(real, shown)
        for pattern, shown in _FIXED:
            text = pattern.sub(shown, text)
        return _IDS.sub(fake, text)

    return scrub


def variant(payload: dict[str, Any]) -> str:
    tool = str(payload.get("tool_name") or "").rpartition("__")[2].replace("mcp_llm-router_", "")
    prompt = str(payload.get("prompt") or "")
    parts = [
        tool,
        payload.get("source"),
        payload.get("reason"),
        payload.get("trigger"),
        payload.get("notification_type"),
    ]
    parts += [
        "subagent" if payload.get("agent_id") and (tool or prompt) else "",
        "slash" if prompt.startswith("/") else "",
        "context" if prompt.startswith("<hook_context>") else "",
    ]
    answered = payload.get("tool_response")
    parts.append(
        "error" if isinstance(answered, dict) and (answered.get("error") or answered.get("isError")) else ""
    )
    parts.append("plugin" if "__plugin_" in str(payload.get("tool_name")) else "")
    return "-".join(str(part) for part in parts if part)
