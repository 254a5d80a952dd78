"""Errors as the caller's own dialect says them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from llm_router.dialects import inbound
from llm_router.errors import RefusedError, RouterError
from llm_router.gateway.http import JSON, HttpCall
from llm_router.ports import Problem


def stopping() -> RefusedError:
    return RefusedError(503, "llm-router is being stopped")


def problem(error: RouterError, dialect: str, request_id: str) -> Problem:
    """A refusal keeps its own status; every other error has the one its dialect gives it."""
    told = inbound.get(dialect).problem(error, request_id)
    return replace(told, status=error.status) if isinstance(error, RefusedError) else told


async def refuse(
    call: HttpCall, error: RouterError, dialect: str, headers: Iterable[tuple[str, str]] = ()
) -> None:
    """Answer with the error. Does nothing where an answer has begun already."""
    if call.status:
        return
    told = problem(error, dialect, call.request_id)
    more = [(name, value) for name, value in told.headers.items() if name.lower() != "x-request-id"]
    more += headers
    if told.status == 401 and not any(name.lower() == "www-authenticate" for name, _ in more):
        more.append(("www-authenticate", "Bearer"))
    if told.status in {408, 413}:  # the rest of the request is still on its way, and nobody reads it
        more.append(("connection", "close"))
    await call.reply(told.status, told.body, JSON, more)
