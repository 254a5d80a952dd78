"""What the demo plays: prompts, the faults arranged for them, and what must come of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llm_router.checks import Verify
from llm_router.nouns import Message, Profile, Request, Text, ask
from llm_router.sandbox import Fault

KEYS = ("gemini", "groq", "openai", "anthropic")
FREE = ("ollama", "codex")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One prompt. `tried` and `left_out` are `fnmatch` patterns: of the attempts, `provider:outcome` in order, and of
    a model not asked, with its reason. `code` is that of the expected error. `codex` is a fault of its stand-in.
    """

    prompt: str
    tried: str
    told: str = ""
    faults: Mapping[str, Fault] = field(default_factory=dict[str, Fault])
    codex: str | None = None
    before: tuple[str, ...] = ()
    asked: Mapping[str, Any] = field(default_factory=dict[str, Any])
    left_out: str = ""
    code: str = ""

    def request(self) -> Request:
        """`before` are the earlier turns, the user's first."""
        last = ask(self.prompt, door="demo", **self.asked)
        if not self.before:
            return last
        said = [
            Message("assistant" if n % 2 else "user", (Text(text),)) for n, text in enumerate(self.before)
        ]
        return Request((*said, *last.messages), door="demo", **self.asked)


@dataclass(frozen=True, slots=True)
class Act:
    """Scenes with the same things set up. Failures of earlier acts are forgotten: their cooldowns have passed."""

    title: str
    providers: tuple[str, ...]
    scenes: tuple[Scene, ...]
    flags: Mapping[str, object] = field(default_factory=dict[str, object])


def _log(lines: int) -> str:
    rows = (
        f"10:{n // 60 % 60:02d}:{n % 60:02d} worker-{n % 7} job {n} took {n * 37 % 900} ms"
        for n in range(lines)
    )
    return "\n".join(rows)


_TRACE = """\
Traceback (most recent call last):
  File "shop.py", line 41, in checkout
    total = sum(item["price"] for item in cart)
TypeError: 'NoneType' object is not iterable

why does this fail?"""
_BOOK = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "year": {"type": "integer"}},
    "required": ["title", "year"],
    "additionalProperties": False,
}
_BUSY = "model is overloaded, please try again later"

_FREE_FIRST = Act(
    "Free first. Ollama runs, Codex is logged in, four API keys are set",
    (*FREE, *KEYS),
    (
        Scene(prompt="what does HTTP status 418 mean?", tried="ollama:ok"),
        Scene(
            prompt="write a Python function that checks whether a string is a palindrome", tried="ollama:ok"
        ),
        Scene(
            prompt="write a commit message for: fix off-by-one in pagination, add a test", tried="ollama:ok"
        ),
        Scene(prompt="¿Cuál es la diferencia entre un proceso y un hilo?", tried="ollama:ok"),
        Scene(prompt=_TRACE, tried="ollama:ok", told="streamed", asked={"stream": True}),
        Scene(
            prompt="Title and year as JSON: 'The Mythical Man-Month, Frederick Brooks, 1975'",
            tried="ollama:ok",
            told="must be JSON of a given schema",
            asked={"schema": _BOOK},
        ),
        Scene(
            prompt="yup, do it",
            tried="ollama:ok",
            told="a follow-up: two earlier turns go with it",
            before=("rename the flag --colour to --color", "That touches 4 files. Shall I?"),
        ),
        Scene(
            prompt=f"{_log(120)}\n\nwhich job took longest?",
            tried="ollama:ok",
            told="a small question under a long paste",
        ),
        Scene(
            prompt=f"{_log(4500)}\n\nexplain how the load spreads, and why",
            tried="ollama:ok",
            told="a paste too large for the model that would be first",
            left_out="ollama/*window*too small*",
        ),
    ),
)

_FALLING_BACK = Act(
    "Ollama goes down, and Codex reaches its limit",
    (*FREE, *KEYS),
    (
        Scene(
            prompt="refactor to async, same behaviour: def load(urls): return [get(u).json() for u in urls]",
            tried="ollama:overloaded ollama:overloaded codex:ok",
            told="Ollama answers 503",
            faults={"ollama": Fault("status", status=503, message=_BUSY)},
        ),
        Scene(
            prompt="what is the difference between a mutex and a semaphore?",
            tried="codex:ok",
            told="a moment later: Ollama rests, nobody waits for it",
            left_out="ollama/*cooling*",
        ),
        Scene(
            prompt="Research what HTTP/3 changed compared to HTTP/2, with sources",
            tried="codex:rate_limited gemini:ok",
            told="Codex has used up its subscription's hours",
            codex="rate_limit",
        ),
    ),
)

_FAILING = Act(
    "API keys only, and every kind of failure",
    KEYS,
    (
        Scene(
            prompt="explain how TCP slow start works",
            tried="gemini:rate_limited openai:ok",
            told="Gemini: 429, Retry-After 60. Nobody waits: the next one is asked",
            faults={"gemini": Fault("status", status=429, retry_after=60)},
        ),
        Scene(
            prompt="explain how a B-tree splits a full node",
            tried="openai:ok",
            told="a moment later: that model of Gemini is left alone for its minute",
            left_out="gemini/*cooling*",
        ),
        Scene(
            prompt="name three uses of a Bloom filter",
            tried="gemini:empty groq:ok",
            told="Gemini's small model: 200 with nothing in it. Empty is a failure",
            faults={"gemini": Fault("empty")},
        ),
        Scene(
            prompt="explain what a memory barrier is for",
            tried="openai:truncated anthropic:ok",
            told="streamed. OpenAI's ends before its first word: the next one starts afresh",
            faults={"openai": Fault("truncated", clean=True)},
            asked={"stream": True},
        ),
        Scene(
            prompt="Prove that there are infinitely many primes of the form 4k+3, and justify every step",
            tried="anthropic:overloaded openai:ok",
            told="--profile premium: the strongest first. Anthropic: 529, overloaded",
            faults={"anthropic": Fault("status", status=529)},
            asked={"profile": Profile.PREMIUM},
        ),
        Scene(
            prompt=f"{_log(600)}\n\nwhich worker is the slowest?",
            tried="groq:context_too_long gemini:ok",
            told="--model fast: Groq first. Too long for it: only larger windows are kept",
            faults={"groq": Fault("context_too_long")},
            asked={"model": "fast"},
        ),
    ),
)

_YOUR_WORD = Act(
    "Your word counts",
    KEYS,
    (
        Scene(
            prompt="review this name for a public API: get_or_create_or_fail",
            tried="anthropic:ok",
            told="--model sonnet",
            asked={"model": "sonnet"},
        ),
        Scene(
            prompt="analyse the trade-offs of optimistic and pessimistic locking for a booking system",
            tried="*:ok",
            told="--max-cost 0.01: whoever could cost more is left out",
            asked={"max_cost": 10_000},
            left_out="*it can cost up to*",
        ),
        Scene(
            prompt="and which of the two would you take?",
            tried="anthropic:billing",
            told="--model sonnet, and the account is out of credit: never silently replaced",
            faults={"anthropic": Fault("out_of_credit")},
            asked={"model": "sonnet"},
            code="credentials",
        ),
    ),
)

_WRONG = """```python
def median(values):
    return sorted(values)[len(values) // 2]
```"""
_RIGHT = """```python
def median(values):
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2
```"""
_MEDIAN = "from median import median; assert median([3, 1, 2]) == 2; assert median([4, 1, 2, 3]) == 2.5"

_CHECKED = Act(
    "An answer is checked before it is trusted",
    KEYS,
    (
        Scene(
            prompt="write a Python function median(values) for a list of numbers",
            tried="gemini:rejected openai:ok",
            told="--test-command: Gemini's small model forgets even lengths, its test fails",
            faults={"gemini": Fault("says", message=_WRONG), "openai": Fault("says", message=_RIGHT)},
            asked={"verify": Verify(tests=f'{shlex.quote(sys.executable)} -c "{_MEDIAN}"', file="median.py")},
        ),
    ),
    # the tests are ours, so they may run where the system permits no isolation
    {"routing.unisolated_tests": True},
)

_BUDGET = Act(
    "A daily budget of $0.05",
    (*FREE, *KEYS),
    (
        Scene(
            prompt="Design an exactly-once payment pipeline over three regions: data model, failure modes",
            tried="anthropic:budget",
            told="--model opus: it could cost more than is left, so it is not called",
            asked={"model": "opus"},
            code="budget",
        ),
        Scene(prompt="what does errno 11 mean?", tried="ollama:ok", told="what is free goes on"),
    ),
    {"budget.daily": "0.05"},
)

ACTS = (_FREE_FIRST, _FALLING_BACK, _FAILING, _YOUR_WORD, _CHECKED, _BUDGET)
