"""Random answers as an upstream may stream them, and what they amount to."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from llm_router.dialects.assembler import Assembler
from llm_router.nouns import Answer, Delta, TextDelta, ThinkingDelta, ToolCall, ToolCallDelta, Usage

USAGE = Usage(input_tokens=20, output_tokens=9, cache_read_tokens=5, cache_write_tokens=2, reasoning_tokens=3)

letters = st.characters(codec="utf-8", exclude_categories=("Cs",))
words, said = st.text(letters, max_size=9), st.text(letters, min_size=1, max_size=9)
arguments = st.dictionaries(
    words, words | st.integers(-9, 9) | st.booleans() | st.none() | st.lists(words, max_size=2), max_size=3
).map(json.dumps)


@st.composite
def deltas(draw: st.DrawFn, names: tuple[str, ...] = ("read", "run")) -> list[Delta]:
    """Calls in pieces that are mixed with each other and with words and thoughts; a call's first piece names it."""
    queues: list[list[Delta]] = [
        [delta]
        for delta in draw(
            st.lists(
                st.builds(TextDelta, said)
                | st.builds(ThinkingDelta, said)
                | st.builds(ThinkingDelta, words, st.just("c2ln")),
                max_size=6,
            )
        )
    ]
    for index in range(draw(st.integers(0, 3))):
        text, cut = draw(arguments), draw(st.integers(0, 40))
        first = ToolCallDelta(index, text[:cut], f"call_{index}", draw(st.sampled_from(names)))
        queues.append([first, *([ToolCallDelta(index, text[cut:])] if text[cut:] else [])])
    mixed: list[Delta] = []
    while queues:
        queue = queues[draw(st.integers(0, len(queues) - 1))]
        mixed.append(queue.pop(0))
        queues = [queue for queue in queues if queue]
    return _renumbered(mixed)


def _renumbered(mixed: list[Delta]) -> list[Delta]:
    """Calls count from 0 in the order in which they begin."""
    order: dict[int, int] = {}
    out: list[Delta] = []
    for delta in mixed:
        if isinstance(delta, ToolCallDelta):
            index = order.setdefault(delta.index, len(order))
            call_id = f"call_{index}" if delta.id else None
            out.append(ToolCallDelta(index, delta.arguments, call_id, delta.name))
        else:
            out.append(delta)
    return out


@st.composite
def batches(draw: st.DrawFn, of: list[Delta]) -> list[list[Delta]]:
    """The same deltas as they may arrive together."""
    cuts = sorted(draw(st.lists(st.integers(0, len(of)), max_size=4)))
    return [of[a:b] for a, b in zip([0, *cuts], [*cuts, len(of)], strict=True)]


def assembled(told: list[Delta]) -> Answer:
    assembler = Assembler()
    for delta in told:
        assembler.add(delta)
    parts = assembler.parts()
    calls = any(isinstance(part, ToolCall) for part in parts)
    return Answer(parts, "tool_use" if calls else "end", USAGE)
