"""What the simulated models say: derived from the request alone, so the same prompt gets the same answer.

The answer names the model and carries `digest(prompt)`, by which a test sees which prompt arrived where.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from llm_router.sandbox import directives
from llm_router.sandbox.instances import instance
from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.turn import Offered, Turn, tokens

Stop = Literal["end", "length", "tool_use", "stop_sequence", "refusal"]
_QUOTED = 8000
_FILLERS = (
    "It was made without any model, so do not read meaning into it.",
    "The same prompt always gets these same words.",
    "Longer prompts get longer answers, so that tokens and costs differ.",
    "A real provider would have thought about the question instead.",
    "Nothing left this machine to produce it.",
)


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call of the simulated model."""

    id: str
    name: str
    arguments: JsonDict = field(default_factory=dict[str, Any])
    namespace: str | None = None
    search: bool = False
    freeform: bool = False

    @property
    def json(self) -> str:
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """`stop_sequence` is set when one ended the text."""

    text: str = ""
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    stop: Stop = "end"
    stop_sequence: str | None = None

    @property
    def reasoning_tokens(self) -> int:
        return tokens(len(self.thinking))

    @property
    def output_tokens(self) -> int:
        return tokens(len(self.text) + sum(len(c.name + c.json) for c in self.calls)) + self.reasoning_tokens


def digest(prompt: str) -> str:
    """Twelve hex digits that identify a prompt; every plain answer carries those of its own."""
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def answer(turn: Turn) -> Answer:
    """The answer to a turn: a scripted one, the tool's result quoted, JSON that fits, or the simulator's text."""
    calls, step = _calls(turn)
    says = directives.says(turn.said)
    if calls:
        text = says.get(step, "")
    elif turn.results:
        text = _closing(turn, says)
    else:
        text = says[min(says)] if says else _plain(turn)
    thinking = f"The sandbox thinks about prompt {digest(turn.prompt)}." if turn.thinking else ""
    if calls:
        return Answer(text, thinking, calls, "tool_use")
    return _cut(text, thinking, turn)


def sandbox_text(model: str, prompt: str) -> str:
    """The simulator's own words. Their number grows with the prompt, up to five sentences more."""
    start = " ".join(prompt[:400].split())
    start = start if len(start) <= 60 else start[:59] + "…"
    extra = _FILLERS[: min(len(_FILLERS), tokens(len(prompt)) // 40)]
    opening = f"This is the sandbox's {model} answering prompt {digest(prompt)} ({len(prompt)} characters): “{start}”."
    return " ".join((opening, *extra))


def _closing(turn: Turn, says: Mapping[int, str]) -> str:
    """After the last call: what the script says there, else what the tools answered."""
    last = max((directive.step for directive in directives.calls(turn.said)), default=-1)
    return next((says[step] for step in sorted(says) if step > last >= 0), None) or _quote(turn.results)


def _calls(turn: Turn) -> tuple[tuple[Call, ...], int]:
    """The next step of the directives not yet carried out whose tool is on offer, and its number; else the call that
    the request forces.
    """
    done = Counter(turn.called)
    found: list[Call] = []
    step = -1
    for directive in directives.calls(turn.said):
        name = next((n for n, left in done.items() if left and directive.means(n)), None)
        if name is not None:
            done[name] -= 1
        elif found and directive.step > step:
            break
        elif tool := _offered(directive, turn.tools):
            step = directive.step
            found.append(_call(tool, directive.arguments))
    if not found and turn.forced and not turn.results:
        tool = next((t for t in turn.tools if turn.forced in ("*", t.name)), None)
        found = [_call(tool, instance(tool.parameters or {"type": "object"}))] if tool else []
    return tuple(found), step


def _offered(directive: directives.CallDirective, tools: tuple[Offered, ...]) -> Offered | None:
    exact = (t for t in tools if directive.tool in (t.name, f"{t.namespace}__{t.name}"))
    return next(exact, None) or next((t for t in tools if directive.means(t.name)), None)


def _call(tool: Offered, arguments: JsonDict) -> Call:
    return Call(
        f"call_{secrets.token_hex(12)}", tool.name, arguments, tool.namespace, tool.search, tool.freeform
    )


def _quote(results: tuple[str, ...]) -> str:
    return "\n".join(f"The tool answered: {result[:_QUOTED]}" for result in results)


def _plain(turn: Turn) -> str:
    if turn.schema is not None:
        return json.dumps(instance(turn.schema), ensure_ascii=False)
    if turn.wants_json:
        return json.dumps({"model": turn.model, "prompt": digest(turn.prompt)})
    missing = [d.tool for d in directives.calls(turn.said)]
    if missing:
        offered = ", ".join(t.name for t in turn.tools) or "none"
        return f"The sandbox cannot call {', '.join(missing)}: the tools on offer are: {offered}."
    return sandbox_text(turn.model, turn.prompt)


def _cut(text: str, thinking: str, turn: Turn) -> Answer:
    """Honour stop sequences and the output limit, as a model would."""
    found = [(at, s) for s in turn.stop if s and (at := text.find(s)) >= 0]
    if found:
        at, sequence = min(found)
        return Answer(text[:at], thinking, stop="stop_sequence", stop_sequence=sequence)
    if turn.max_tokens is not None and tokens(len(text)) > turn.max_tokens:
        return Answer(text[: 4 * turn.max_tokens], thinking, stop="length")
    return Answer(text, thinking)
