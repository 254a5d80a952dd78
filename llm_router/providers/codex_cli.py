"""Codex through `codex exec`: the user's ChatGPT subscription as a provider, without tools, files or memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path

from llm_router.dialects.cli_messages import lost_turn
from llm_router.dialects.failures import redact
from llm_router.dialects.reading import record
from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind, JsonDict
from llm_router.ports import Call, Readiness
from llm_router.providers.cli_client import (
    DEFAULT_MODEL,
    INSTRUCTIONS,
    as_upstream,
    clean_environ,
    exit_failure,
    said,
    workplace,
)
from llm_router.providers.process import child, run

LOGIN = "codex login"
UPDATE = "npm i -g @openai/codex"
STATUS_TIMEOUT_S = 10.0
FAREWELL_S = 0.5  # to close its own books after the last event

# What a plain answer does not need. Each costs tokens in every request; a name Codex does not know is ignored.
_FEATURES_OFF = (
    "shell_tool",
    "unified_exec",
    "goals",
    "multi_agent",
    "tool_search",
    "plugins",
    "apps",
    "skill_search",
    "hooks",
    "sleep_tool",
    "tool_suggest",
    "view_image",
    "image_generation",
    "browser_use",
    "computer_use",
    "shell_snapshot",
    "daemon_auto_start",
)
_CONFIG = (
    'web_search="disabled"',
    "skills.bundled.enabled=false",
    "include_environment_context=false",
    "include_permissions_instructions=false",
    "include_collaboration_mode_instructions=false",
    "agents.enabled=false",
    "project_doc_max_bytes=0",
    *(f"features.{name}=false" for name in _FEATURES_OFF),
)


class CodexCli:
    """Implements `ports.Provider`. `cwd` is where Codex runs; by default an empty folder of each call's own."""

    name = "codex"
    dialect = "codex_cli"

    def __init__(self, executable: str, *, environ: Mapping[str, str], cwd: Path | None = None) -> None:
        self._executable, self._cwd = executable, cwd
        # OPENAI_API_KEY is left out on purpose: the call would be paid by the token instead of by the subscription
        self._environ = clean_environ(environ, own=("CODEX_",))

    async def stream(self, call: Call) -> AsyncGenerator[JsonDict]:
        async with aclosing(self._events(call)) as events:
            while True:
                with as_upstream(self.name, timeout_s=call.timeout_s, fix=UPDATE):
                    async with asyncio.timeout(call.timeout_s):
                        event = await anext(events, None)
                if event is None:
                    return
                yield event

    async def readiness(self) -> Readiness:
        """Asks `codex login status`: `codex exec` itself does not check, and hangs when nobody is logged in."""
        try:
            with workplace({}) as folder:
                finished = await run(
                    [self._executable, "login", "status"],
                    environ=self._environ,
                    cwd=folder,
                    timeout_s=STATUS_TIMEOUT_S,
                )
        except TimeoutError:
            return Readiness(ready=False, detail="`codex login status` does not answer", fix=UPDATE)
        except OSError as error:
            return Readiness(ready=False, detail=f"codex cannot be started: {error.strerror}", fix=UPDATE)
        words = redact(said(finished.stdout + finished.stderr))[-200:]
        if finished.code != 0:
            return Readiness(ready=False, detail=words or "not logged in", fix=LOGIN)
        return Readiness(ready=True, detail=words or "logged in")

    async def aclose(self) -> None:
        """Nothing lives between calls."""

    async def _events(self, call: Call) -> AsyncGenerator[JsonDict]:
        """The events up to the end of the turn. Raises UpstreamError for a turn that is lost."""
        payload = call.payload
        files = {"instructions.md": str(payload.get("system") or INSTRUCTIONS)}
        if payload.get("schema"):
            files["schema.json"] = json.dumps(payload["schema"])
        prompt = str(payload.get("prompt", "")).encode("utf-8", "replace")
        with workplace(files) as folder:
            environ = self._environ | {"TMPDIR": str(folder)}
            command = self._command(call, folder)
            cwd = self._cwd or folder / "cwd"
            heard = False
            async with child(command, environ=environ, cwd=cwd, stdin=prompt) as process:
                async with aclosing(process.lines()) as lines:
                    async for line in lines:
                        if not (event := _event(line)):
                            continue
                        heard = True
                        if (lost := lost_turn(event)) is not None:
                            raise lost
                        yield event
                        if event.get("type") == "turn.completed":
                            await process.ends_within(FAREWELL_S)
                            return
                code = await process.code()
                if code != 0:
                    raise exit_failure(self.name, code, process.stderr, fix=UPDATE)
                if not heard:
                    raise UpstreamError(FailureKind.MALFORMED, "codex printed no JSON event.", fix=UPDATE)

    def _command(self, call: Call, folder: Path) -> list[str]:
        command = [self._executable, "exec", "--json", "--skip-git-repo-check", "--ephemeral"]
        command += ["--ignore-user-config", "--ignore-rules", "-s", "read-only"]
        if call.model and call.model != DEFAULT_MODEL:
            command += ["-m", call.model]
        for setting in (*_CONFIG, f"model_instructions_file={json.dumps(str(folder / 'instructions.md'))}"):
            command += ["-c", setting]
        if call.payload.get("schema"):
            command += ["--output-schema", str(folder / "schema.json")]
        return [*command, "-"]


def _event(line: str) -> JsonDict:
    """The event of this line; empty for anything else: clients print warnings between their events."""
    if not line.lstrip().startswith("{"):
        return {}
    try:
        return record(json.loads(line))
    except (ValueError, RecursionError):
        return {}
