"""What the MCP server lists: for docs/mcp.md."""

from __future__ import annotations

from docs_parts.markdown import table

from llm_router.mcp_server.static import HANDSHAKE, load_manifest
from llm_router.nouns import JsonDict


def _listed(method: str) -> JsonDict:
    return load_manifest()[HANDSHAKE]["results"][method]


def tools() -> str:
    rows = (
        (f"`{tool['name']}`", tool["description"], _arguments(tool), "yes" if "_meta" in tool else "")
        for tool in _listed("tools/list")["tools"]
    )
    return table(["tool", "for", "arguments (**required**)", "always in sight"], rows)


def _arguments(tool: JsonDict) -> str:
    schema = tool["inputSchema"]
    names = schema.get("properties", {})
    return (
        ", ".join(f"**{name}**" if name in schema.get("required", []) else name for name in names) or "none"
    )


def resources() -> str:
    found = [
        (f"`{each['uri']}`", "resource", each["description"])
        for each in _listed("resources/list")["resources"]
    ]
    for prompt in _listed("prompts/list")["prompts"]:
        taken = ", ".join(
            f"**{each['name']}**" if each.get("required") else each["name"] for each in prompt["arguments"]
        )
        found.append((f"`{prompt['name']}` ({taken})", "prompt", prompt["description"]))
    return table(["name", "kind", "what"], found)
