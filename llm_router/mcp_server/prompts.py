"""Prompts a person picks in the host: `/mcp__llm-router__ask ...` and the like."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mcp_types import GetPromptResult, Prompt, PromptArgument, PromptMessage, TextContent

from llm_router.mcp_server import reports
from llm_router.mcp_server.warm import Warm

PROMPTS = (
    Prompt(
        name="ask",
        description="Have the cheapest capable model answer",
        arguments=[PromptArgument(name="question", required=True)],
    ),
    Prompt(
        name="review",
        description="Have the uncommitted changes reviewed",
        arguments=[PromptArgument(name="focus", description="What to look for")],
    ),
    Prompt(
        name="explain-decision",
        description="Why a request went to the model it went to",
        arguments=[PromptArgument(name="decision", description="Its id; the last one if omitted")],
    ),
)


async def render(warm: Warm, name: str, arguments: Mapping[str, str]) -> GetPromptResult | None:
    """None where there is no such prompt. Raises RouterError, and ValueError naming a missing argument."""
    if name == "ask":
        question = arguments.get("question", "").strip()
        if not question:
            raise ValueError("question")
        return _said(f"Call llm_route with the prompt below and give me its answer as it is.\n\n{question}")
    if name == "review":
        focus = f" Look for {arguments['focus']}." if arguments.get("focus") else ""
        return _said(
            "Get the diff of my uncommitted changes (git diff HEAD) and call llm_code with it as context and the prompt"
            f" 'Review this diff: bugs first, then risks, each with file and line.{focus}'"
            " Check its findings against the code and tell me those that hold."
        )
    if name == "explain-decision":
        story = await reports.decision(warm, arguments.get("decision") or None)
        told = json.dumps(story, separators=(",", ":"), ensure_ascii=False)
        return _said(f"Explain this routing decision to me in a few plain sentences:\n\n{told}")
    return None


def _said(text: str) -> GetPromptResult:
    return GetPromptResult(messages=[PromptMessage(role="user", content=TextContent(text=text))])
