"""The SDK server: one set of tools, resources and prompts for every transport and both protocol eras."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from llm_router import __version__
from llm_router.errors import NotFoundError, RouterError
from llm_router.mcp_server import prompts, reports, results
from llm_router.mcp_server.calls import Call
from llm_router.mcp_server.tools import chosen
from llm_router.mcp_server.warm import Warm
from llm_router.nouns import JsonDict

NAME = "llm-router"
INSTRUCTIONS = (
    "Hands self-contained work to the cheapest model that can do it, free and local ones first. "
    "That model sees only prompt and context: no conversation, no files. Put in what it needs. "
    "Where the answer fits, use it as it is. llm_route chooses the kind of task itself."
)
RESOURCES = {
    "llm-router://usage": ("usage", "This month's calls, tokens and cost by model"),
    "llm-router://catalogue": ("catalogue", "Models, tiers, limits and aliases"),
}

Context = ServerRequestContext[Warm, Any]


@asynccontextmanager
async def _lifespan(_server: Server[Warm]) -> AsyncGenerator[Warm]:
    warm = Warm()
    warm.build_ahead()
    try:
        yield warm
    finally:
        await warm.aclose()


def build(names: Collection[str] | None = None, version: str = __version__) -> Server[Warm]:
    """The server with these tools (None: all)."""
    tools = chosen(names)

    async def list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool.declared() for tool in tools.values()])

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = tools.get(params.name)
        if tool is None:  # as a result, like wrong arguments, and as the SDK's own high-level server does
            return results.failed(
                NotFoundError(f"Unknown tool: {params.name}", fix=f"call one of {', '.join(tools)}")
            )
        try:
            return await tool(_call(context), params.arguments or {})
        except RouterError as error:
            return results.failed(error)
        except Exception as error:  # a defect of ours: its text may hold anything, so only stderr sees it
            traceback.print_exc()
            return results.failure(
                f"{tool.name} broke ({type(error).__name__})",
                "`llm-router doctor`; details on the server's stderr",
            )

    return Server(
        NAME,
        version=version,
        instructions=INSTRUCTIONS,
        lifespan=_lifespan,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=_list_resources,
        on_list_resource_templates=_list_templates,
        on_read_resource=_read_resource,
        on_list_prompts=_list_prompts,
        on_get_prompt=_get_prompt,
    )


def _call(context: Context) -> Call:
    async def say(step: float, message: str) -> None:
        await context.session.report_progress(step, message=message)

    # over HTTP the environment is that of whoever started the service, not of the host that calls
    session = os.environ.get("CLAUDE_CODE_SESSION_ID") if context.request is None else None
    return Call(context.lifespan_context, say, session)


async def _list_resources(_: Context, __: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
    return types.ListResourcesResult(
        resources=[
            types.Resource(uri=uri, name=name, description=description, mime_type="application/json")
            for uri, (name, description) in RESOURCES.items()
        ]
    )


async def _list_templates(
    _: Context, __: types.PaginatedRequestParams | None
) -> types.ListResourceTemplatesResult:
    return types.ListResourceTemplatesResult(resource_templates=[])


async def _read_resource(
    context: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    uri = str(params.uri)
    if uri not in RESOURCES:
        raise MCPError(
            types.INVALID_PARAMS, f"Resource not found: {uri}", {"uri": uri, "resources": list(RESOURCES)}
        )
    try:
        facts = await reports.resource(context.lifespan_context, RESOURCES[uri][0])
    except RouterError as error:
        raise _refused(error) from error
    text = json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
    content = types.TextResourceContents(uri=uri, mime_type="application/json", text=results.clean(text))
    return types.ReadResourceResult(contents=[content])


async def _list_prompts(_: Context, __: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
    return types.ListPromptsResult(prompts=list(prompts.PROMPTS))


async def _get_prompt(context: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
    try:
        rendered = await prompts.render(context.lifespan_context, params.name, params.arguments or {})
    except RouterError as error:
        raise _refused(error) from error
    except ValueError as error:
        raise MCPError(types.INVALID_PARAMS, f"Missing argument: {error}") from error
    if rendered is None:
        known = [prompt.name for prompt in prompts.PROMPTS]
        raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name}", {"prompts": known})
    return rendered


def _refused(error: RouterError) -> MCPError:
    facts: JsonDict = json.loads(json.dumps(error.as_dict(), default=str))
    return MCPError(types.INTERNAL_ERROR, f"{error.message}. {error.fix}".rstrip(), facts)
