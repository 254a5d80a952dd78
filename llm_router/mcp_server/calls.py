"""The tools that answer: a request is made of the arguments, sent along the path, and its events become progress."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import anyio
from mcp_types import CallToolResult

from llm_router.mcp_server.arguments import Ask, AskCode, AskRouted
from llm_router.mcp_server.results import answered, money, reported, usd
from llm_router.mcp_server.warm import Warm
from llm_router.nouns import (
    Checking,
    Chosen,
    Decision,
    Done,
    Event,
    Failed,
    JsonDict,
    Message,
    Reply,
    Request,
    Task,
    Text,
    Trying,
)

STILL_THERE_S = 10.0  # many clients give up after a minute without a sign
CLOSE_S = 3.0  # what a cancelled call gets to close its upstream


@dataclass(slots=True)
class Call:
    """What one tool call is made in. `say` sends progress, or nothing where the client did not ask for it."""

    warm: Warm
    say: Callable[[float, str], Awaitable[None]]
    session: str | None = None
    _steps: int = 0
    _last: str = ""

    async def progress(self, message: str) -> None:
        self._steps, self._last = self._steps + 1, message
        await self.say(self._steps, message)

    async def stay_in_touch(self) -> None:
        waited = 0.0
        while True:
            last = self._last
            await asyncio.sleep(STILL_THERE_S)
            waited = waited + STILL_THERE_S if self._last == last else STILL_THERE_S
            self._steps += 1
            await self.say(self._steps, f"{self._last}, {waited:.0f} s" if self._last else f"{waited:.0f} s")


async def answer(call: Call, arguments: Ask, task: Task) -> CallToolResult:
    return answered(await _reply(call, request_of(arguments, task, call.session)))


async def route(call: Call, arguments: AskRouted) -> CallToolResult:
    request = request_of(arguments, Task(arguments.task) if arguments.task else None, call.session)
    if arguments.dry_run:
        app = await call.warm.app()
        return reported(_choice(await app.dry_run(request)))
    reply = await _reply(call, request)
    result, assessed = answered(reply), reply.decision.assessment
    result.structured_content |= {"task": str(assessed.task), "complexity": str(assessed.complexity)}
    return result


def request_of(arguments: Ask, task: Task | None, session: str | None) -> Request:
    question = arguments.prompt
    if isinstance(arguments, AskCode) and arguments.language:
        question = f"{question}\n\nLanguage: {arguments.language}"
    parts = [f"<context>\n{arguments.context}\n</context>"] if arguments.context else []
    messages = [Message("user", tuple(Text(text) for text in (*parts, question)))]
    if arguments.system:
        messages.insert(0, Message("system", (Text(arguments.system),)))
    cap = arguments.max_cost_usd
    return Request(
        messages=tuple(messages),
        task=task,
        complexity=arguments.complexity,
        model=arguments.model,
        profile=arguments.profile,
        max_cost=None if cap is None else round(cap * 1_000_000),
        max_output_tokens=arguments.max_output_tokens,
        door="mcp",
        session=session,
    )


async def _reply(call: Call, request: Request) -> Reply:
    """The path runs in a task of its own: the SDK cancels again at every await, and what closes upstream
    connections and child processes must be cancelled once and then left to finish.
    """
    app = await call.warm.app()
    in_touch = asyncio.create_task(call.stay_in_touch())
    run = asyncio.create_task(_run(app.stream(request), call))
    try:
        return await asyncio.shield(run)
    finally:
        in_touch.cancel()
        if not run.done():
            run.cancel()
            with anyio.move_on_after(CLOSE_S, shield=True):
                await asyncio.wait({run})


async def _run(stream: AsyncIterator[Event], call: Call) -> Reply:
    """The request is not streamed, so that a model which fails halfway can still be replaced by the next one."""
    async for event in stream:
        if isinstance(event, Done):
            return event.reply
        if (news := _news(event)) is not None:
            await call.progress(news)
    raise AssertionError("a stream ends with Done or an error")


def _news(event: Event) -> str | None:
    match event:
        case Trying(candidate):
            return f"trying {candidate.model.ref}"
        case Chosen(candidate):
            return f"{candidate.model.ref} is faster, and answers"
        case Checking(candidate):
            return f"checking the answer of {candidate.model.ref}"
        case Failed(attempt):
            status = f" ({attempt.status})" if attempt.status else ""
            return f"{attempt.provider}/{attempt.model}: {attempt.outcome}{status}"
        case _:
            return None


def _choice(decision: Decision) -> JsonDict:
    """Which models would be asked, in order, and why; what was left out, and why."""
    assessed, plan = decision.assessment, decision.plan
    return {
        "task": str(assessed.task),
        "complexity": str(assessed.complexity),
        "confidence": round(assessed.confidence, 3),
        "reasons": list(assessed.reasons),
        "chain": [
            {"model": each.model.ref, "why": each.reason, "expected_cost_usd": usd(each.expected_cost)}
            for each in plan.candidates
        ],
        "skipped": [{"model": each.ref, "why": each.reason} for each in plan.skipped],
        "expected": money(plan.candidates[0].expected_cost) if plan.candidates else "nobody could answer",
    }
