"""One shape for what every host says to a hook, and each host's own words for what the hook says back.

    read -> {"host", "event", "native", "session", "agent", "cwd", "prompt", "tool", "ours", "tool_input", "tool_output",
             "failed", "answer", "tool_use_id", "last_message", "transcript", "source", "raw"}
    write <- {"context": for the model, "deny": why a tool must not run, "system": for the user, "status": a status line}

Hosts: "claude", "codex", "gemini-cli". `event` speaks Claude Code's names whatever the host calls it (`native`); a tool
of the host is named as Claude Code names it, one of our own server is its bare name with `ours` true. `answer` holds
what such a tool answered: {"answer", "model", "footer"[, "tokens", "cost_usd", "decision"]}, {} when it failed.
"""

import codec

ALIASES = {"claude-code": "claude", "gemini": "gemini-cli", "gemini_cli": "gemini-cli"}
_EVENTS = {
    "BeforeAgent": "UserPromptSubmit",
    "AfterAgent": "Stop",
    "BeforeTool": "PreToolUse",
    "AfterTool": "PostToolUse",
    "PostToolUseFailure": "PostToolUse",
}
_TOOLS = {
    "MultiEdit": "Edit",
    "NotebookEdit": "Edit",
    "Task": "Agent",
    # Codex
    "shell": "Bash",
    "local_shell": "Bash",
    "exec_command": "Bash",
    "unified_exec": "Bash",
    "apply_patch": "Edit",
    "spawn_agent": "Agent",
    "web_search": "WebSearch",
    "view_image": "Read",
    # Gemini CLI
    "run_shell_command": "Bash",
    "read_file": "Read",
    "read_many_files": "Read",
    "replace": "Edit",
    "write_file": "Write",
    "glob": "Glob",
    "grep_search": "Grep",
    "search_file_content": "Grep",
    "list_directory": "LS",
    "google_web_search": "WebSearch",
    "web_fetch": "WebFetch",
    "delegate_to_agent": "Agent",
    "invoke_agent": "Agent",
}
_SERVER = "llm-router"
_LIMIT = 9_500  # Claude Code swaps a context of more than 10,000 characters for a file and a preview
# another word to the model at the end of a turn is another request, and another bill
_TO_THE_USER_ONLY = {"Stop", "SubagentStop", "SessionEnd"}


def read(host: str, event: str, raw: "bytes | str") -> dict:
    """Every key of the module's docstring, each of its type, whatever the host sent. Never raises on content."""
    try:
        said = codec.loads(raw)
    except (ValueError, RecursionError):
        said = {}
    said = said if isinstance(said, dict) else {}
    native = _text(said, "hook_event_name") or event
    name, ours = tool(_text(said, "tool_name"), _dict(said, "mcp_context"))
    payload = {
        "host": ALIASES.get(host, host),
        "event": _EVENTS.get(native, native),
        "native": native,
        "session": _text(said, "session_id"),
        "agent": _text(said, "agent_id"),
        "cwd": _text(said, "cwd"),
        "prompt": _typed(_text(said, "prompt")),
        "tool": name,
        "ours": ours,
        "tool_input": _dict(said, "tool_input"),
        "tool_use_id": _text(said, "tool_use_id"),
        "last_message": _text(said, "last_assistant_message") or _text(said, "prompt_response"),
        "transcript": _transcript(said),
        "source": _text(said, "source") or _text(said, "reason"),
        "raw": said,
    }
    response = said.get("tool_response")
    payload["failed"] = native == "PostToolUseFailure" or _failed(response)
    payload["tool_output"] = _text(said, "error") if native == "PostToolUseFailure" else _output(response)
    payload["answer"] = _answer(response, payload["tool_output"]) if ours and not payload["failed"] else {}
    return payload


def tool(name: str, context: "dict | None" = None) -> tuple:
    """(name, whether it is ours): `mcp__llm-router__llm_query` and `run_shell_command` are "llm_query" and "Bash"."""
    server, short = _server(name, context or {})
    if not server:
        return _TOOLS.get(name, name), False
    plain = server.replace("_", "-")
    ours = plain == _SERVER or (plain.startswith("plugin-") and plain.endswith("-" + _SERVER))
    return (short, True) if ours else (name, False)


def _server(name: str, context: dict) -> tuple:
    if name.startswith("mcp__"):
        _, _, rest = name.partition("__")
        server, _, short = rest.rpartition("__")
        return server, short
    if name.startswith("mcp_"):
        if isinstance(context.get("server_name"), str) and isinstance(context.get("tool_name"), str):
            return context["server_name"], context["tool_name"]
        for server in (_SERVER, _SERVER.replace("-", "_")):
            if name.startswith(f"mcp_{server}_"):
                return server, name[len(server) + 5 :]
    return "", name


def write(host: str, event: str, result: dict) -> str:
    """The host's JSON on one line, or "" for nothing. `event` is the host's own name of it."""
    if result.get("status"):
        return result["status"]
    said = {}
    neutral = _EVENTS.get(event, event)
    own = {}
    if result.get("deny") and neutral == "PreToolUse":
        if ALIASES.get(host, host) == "gemini-cli":
            said["decision"], said["reason"] = "deny", _short(result["deny"])
        else:
            own["permissionDecision"], own["permissionDecisionReason"] = "deny", _short(result["deny"])
    if result.get("context") and neutral not in _TO_THE_USER_ONLY:
        own["additionalContext"] = _short(result["context"])
    if own:
        said["hookSpecificOutput"] = {"hookEventName": event, **own}
    if result.get("system"):
        said["systemMessage"] = _harmless(_short(result["system"]))
    return codec.dumps(said) if said else ""


def _short(text: str) -> str:
    return text if len(text) <= _LIMIT else text[: _LIMIT - 1] + "…"


def _harmless(text: str) -> str:
    """What a model wrote must not steer the user's terminal."""
    return text.translate(dict.fromkeys((*range(9), *range(11, 32), *range(127, 160))))


def _transcript(said: dict) -> str:
    """The file the agent's conversation is in; Claude Code names the main thread's, and keeps a subagent's below it."""
    path, agent = _text(said, "transcript_path"), _text(said, "agent_id")
    if path.endswith(f"{_text(said, 'session_id')}.jsonl") and agent:
        return f"{path[: -len('.jsonl')]}/subagents/agent-{agent}.jsonl"
    return path


def _typed(prompt: str) -> str:
    """Without what hooks said at the start of the session: headless, Gemini CLI puts it before the first prompt."""
    while prompt.startswith("<hook_context>") and "</hook_context>" in prompt:
        prompt = prompt.partition("</hook_context>")[2].lstrip()
    return prompt


def _text(said: dict, key: str) -> str:
    value = said.get(key)
    return value if isinstance(value, str) else ""


def _dict(said: dict, key: str) -> dict:
    value = said.get(key)
    return value if isinstance(value, dict) else {}


def _failed(response: object) -> bool:
    return isinstance(response, dict) and bool(response.get("isError") or response.get("error"))


def _output(response: object) -> str:
    """The text of a tool's result, however the host wraps it."""
    if isinstance(response, str):
        return response
    if isinstance(response, list):
        return "\n".join(_output(part) for part in response)
    if not isinstance(response, dict):
        return ""
    for key in ("returnDisplay", "llmContent", "text", "stdout", "content"):
        if response.get(key):
            return _output(response[key])
    return ""


def _answer(response: object, text: str) -> dict:
    structured = response.get("structuredContent") if isinstance(response, dict) else None
    if not isinstance(structured, dict):
        try:
            structured = codec.loads(text)
        except (ValueError, RecursionError):
            structured = None
    if isinstance(structured, dict) and isinstance(structured.get("answer"), str):
        return {"model": "", "footer": "", **structured}
    body, _, footer = text.rpartition("\n\n")
    if " · " in footer and footer.endswith(" ms"):
        return {"answer": body, "footer": footer, "model": footer.partition(" · ")[0]}
    return {"answer": text, "footer": "", "model": ""}
