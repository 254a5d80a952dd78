"""Anthropic's prompt cache: a prefix that ends at a `cache_control` mark is written once and then read."""

from __future__ import annotations

import json
from dataclasses import replace

from llm_router.sandbox.answers import digest
from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.turn import Turn, dicts, size, tokens

_MINIMUM = 1024


def with_cache(turn: Turn, seen: set[str]) -> Turn:
    """The turn with its cache figures. `seen` holds the prefixes written so far, and gains this turn's."""
    steps = _prefixes(turn.body)
    marks = [i for i, (_, _, marked) in enumerate(steps) if marked and steps[i][1] >= _MINIMUM]
    if not marks:
        return turn
    until = steps[: marks[-1] + 1]
    read = min(max((count for prefix, count, _ in until if prefix in seen), default=0), turn.input_tokens)
    write = max(0, min(until[-1][1], turn.input_tokens) - read)
    seen.update(steps[i][0] for i in marks)
    return replace(turn, cache_read=read, cache_write=write)


def _prefixes(body: JsonDict) -> list[tuple[str, int, bool]]:
    """For each block of tools, system and messages, in the order the vendor caches them: a hash of all up to and
    including it, the tokens so far, and whether a cache mark stands there.
    """
    items = [*dicts(body.get("tools")), *_blocks(body.get("system"))]
    for message in dicts(body["messages"]):
        items += [{"role": message.get("role"), **block} for block in _blocks(message.get("content"))]
    found: list[tuple[str, int, bool]] = []
    running, chars = str(body.get("model")), 0
    for item in items:
        plain = {key: value for key, value in item.items() if key != "cache_control"}
        running = digest(running + json.dumps(plain, sort_keys=True))
        chars += size(plain)
        found.append((running, tokens(chars), bool(item.get("cache_control"))))
    return found


def _blocks(content: object) -> list[JsonDict]:
    return dicts(content) if isinstance(content, list) else [{"type": "text", "text": content or ""}]
