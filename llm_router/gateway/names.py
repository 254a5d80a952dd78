"""The names of models as clients are shown them and name them.

Claude Code offers of a gateway's list only what begins with `claude`; so it is shown every other model under a name
of that shape, and what it then asks for is that model.
"""

from __future__ import annotations

CLAUDE_SHAPE = "claude-router/"
OF_CLAUDE = ("claude", "anthropic")


def shown_to_claude(name: str) -> str:
    return name if name.startswith(OF_CLAUDE) else CLAUDE_SHAPE + name


def told_name(name: str | None) -> str | None:
    """What a client means by a name it was shown. `provider,model`, as Claude Code Router has it, is `provider/model`."""
    if name is None:
        return None
    name = name.strip().removeprefix(CLAUDE_SHAPE).removeprefix("models/")
    provider, comma, model = name.partition(",")
    return f"{provider.strip()}/{model.strip()}" if comma and provider.strip() and model.strip() else name
