"""The names of models as clients are shown them and name them.

Claude Code offers of a gateway's list only what begins with `claude`; so it is shown every other model under a name
of that shape, and what it then asks for is that model.
"""

from __future__ import annotations

CLAUDE_SHAPE = "claude-router/"
LONG_WINDOW = "[1m]"  # behind a name it asks for the long window; Anthropic is told so in a beta
_LONG_CONTEXT = "context-1m-2025-08-07"
OF_CLAUDE = ("claude", "anthropic")


def shown_to_claude(name: str) -> str:
    return name if name.startswith(OF_CLAUDE) else CLAUDE_SHAPE + name


def without_window(name: str, headers: dict[str, str]) -> str:
    """The name itself, where it ends with LONG_WINDOW; what that means then stands in the headers."""
    betas = headers.get("anthropic-beta", "")
    if _LONG_CONTEXT not in betas:
        headers["anthropic-beta"] = f"{betas},{_LONG_CONTEXT}".lstrip(",")
    return name[: -len(LONG_WINDOW)]


def told_name(name: str | None) -> str | None:
    """What a client means by a name it was shown. `provider,model`, as Claude Code Router has it, is `provider/model`."""
    if name is None:
        return None
    name = name.strip().removeprefix(CLAUDE_SHAPE).removeprefix("models/")
    provider, comma, model = name.partition(",")
    return f"{provider.strip()}/{model.strip()}" if comma and provider.strip() and model.strip() else name
