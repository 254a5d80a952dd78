"""The table of tools: what each is called, when to use it, what it takes and gives, and who does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from pydantic import ValidationError

from llm_router.mcp_server import calls, reports, results
from llm_router.mcp_server.arguments import (
    Arguments,
    Ask,
    AskCode,
    AskRouted,
    Classify,
    Nothing,
    Rate,
    UsageOf,
    complaint,
    input_schema,
)
from llm_router.mcp_server.calls import Call
from llm_router.nouns import JsonDict, Task

Run = Callable[[Call, Any], Awaitable[types.CallToolResult]]


@dataclass(frozen=True, slots=True)
class Tool:
    """`calls_out`: it asks a model. `always_load`: hosts that hide tools behind a search show this one at once."""

    name: str
    description: str
    arguments: type[Arguments]
    output_schema: JsonDict
    run: Run
    calls_out: bool = False
    always_load: bool = False

    def declared(self) -> types.Tool:
        """All tools only read: what they change is the router's own book. Codex runs no others unasked."""
        return types.Tool(
            name=self.name,
            description=self.description,
            input_schema=input_schema(self.arguments),
            output_schema=self.output_schema,
            annotations=types.ToolAnnotations(
                read_only_hint=True,
                idempotent_hint=None if self.calls_out else True,
                open_world_hint=self.calls_out,
            ),
            _meta={"anthropic/alwaysLoad": True} if self.always_load else None,
        )

    async def __call__(self, call: Call, given: JsonDict) -> types.CallToolResult:
        """Wrong arguments are a result, not a protocol error: hosts show results to their model, which can mend them."""
        mended = {
            key: results.clean(value) if isinstance(value, str) else value for key, value in given.items()
        }
        try:
            arguments = self.arguments.model_validate(mended)
        except ValidationError as error:
            told = complaint(error, input_schema(self.arguments))
            return results.misused(f"{self.name}: {told}")
        return await self.run(call, arguments)


def _answering(task: Task) -> Run:
    async def run(call: Call, arguments: Ask) -> types.CallToolResult:
        return await calls.answer(call, arguments, task)

    return run


# Three tools are always in the host's sight, because a model that has to search for a tool first answers by itself:
# the general one, and those for the two kinds of work a coding session has most of. They cost it about 800 tokens;
# the rest is found by name.
TOOLS = (
    Tool(
        "llm_route",
        "Answer with the cheapest capable model, chosen for you. For any self-contained task; dry_run explains the choice.",
        AskRouted,
        results.ROUTE_SCHEMA,
        calls.route,
        calls_out=True,
        always_load=True,
    ),
    Tool(
        "llm_query",
        "Answer a self-contained question: facts, definitions, how-to, explanations.",
        Ask,
        results.ANSWER_SCHEMA,
        _answering(Task.QUERY),
        calls_out=True,
        always_load=True,
    ),
    Tool(
        "llm_research",
        "Answer a broad question: compare options, survey a field, gather background.",
        Ask,
        results.ANSWER_SCHEMA,
        _answering(Task.RESEARCH),
        calls_out=True,
    ),
    Tool(
        "llm_generate",
        "Write text: drafts, summaries, translations, docs, commit messages.",
        Ask,
        results.ANSWER_SCHEMA,
        _answering(Task.GENERATE),
        calls_out=True,
    ),
    Tool(
        "llm_analyze",
        "Analyze text, logs or data put in context: causes, comparison, evaluation.",
        Ask,
        results.ANSWER_SCHEMA,
        _answering(Task.ANALYZE),
        calls_out=True,
    ),
    Tool(
        "llm_code",
        "Write, explain, review or fix code. Put the files it needs in context.",
        AskCode,
        results.ANSWER_SCHEMA,
        _answering(Task.CODE),
        calls_out=True,
        always_load=True,
    ),
    Tool(
        "llm_classify",
        "Task, complexity and difficulty of a prompt; instant, asks no model.",
        Classify,
        results.CLASS_SCHEMA,
        reports.classify,
    ),
    Tool("llm_usage", "Calls, tokens, cost and savings so far.", UsageOf, results.ROWS_SCHEMA, reports.usage),
    Tool(
        "llm_budget",
        "Spending caps: spent, left, when each resets.",
        Nothing,
        results.ROWS_SCHEMA,
        reports.budget,
    ),
    Tool(
        "llm_health",
        "Which providers can answer now, and what others lack.",
        Nothing,
        results.ROWS_SCHEMA,
        reports.health,
    ),
    Tool(
        "llm_rate",
        "Say whether an earlier answer was good; routing learns from it.",
        Rate,
        results.RATED_SCHEMA,
        reports.rate,
    ),
)


def chosen(names: Collection[str] | None) -> dict[str, Tool]:
    """The tools of these names, in the table's order; None means all."""
    return {tool.name: tool for tool in TOOLS if names is None or tool.name in names}
