"""Gemini through `gemini -o json`: the user's Google login as a provider, without tools, hooks, servers or memory."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from llm_router.dialects.cli_messages import classify
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
    workplace,
)
from llm_router.providers.process import Finished, run

LOGIN = "Run `gemini` once and sign in, or set GEMINI_API_KEY."
UPDATE = "npm i -g @google/gemini-cli"

# The client's own alias. Left to choose, it first asks a second model which to take, and tries that for a minute.
PREFERRED = "pro"

_NOT_LOGGED_IN = 41  # its exit code for a missing or refused login

# What a login consists of. The call's own home links to these and to nothing else of the user's.
_LOGIN_FILES = (
    "oauth_creds.json",
    "gemini-credentials.json",
    "google_accounts.json",
    "installation_id",
    ".env",
)
_SELECTED = re.compile(r'"selectedType"\s*:\s*"([a-z-]+)"')  # the file may have comments, which JSON has not
_SETTINGS: JsonDict = {
    "tools": {"core": ["none_such"]},  # a list of tools that names none
    "hooksConfig": {"enabled": False},
    "context": {"includeDirectoryTree": False},
    "general": {"maxAttempts": 1, "enableAutoUpdate": False, "enableAutoUpdateNotification": False},
    "privacy": {"usageStatisticsEnabled": False},
}


class GeminiCli:
    """Implements `ports.Provider`. `cwd` is where the client runs; by default an empty folder of each call's own."""

    name = "gemini-cli"
    dialect = "gemini_cli"

    def __init__(self, executable: str, *, environ: Mapping[str, str], cwd: Path | None = None) -> None:
        self._executable, self._cwd = executable, cwd
        self._environ = clean_environ(environ, own=("GEMINI_", "GOOGLE_"))

    async def stream(self, call: Call) -> AsyncGenerator[JsonDict]:
        """One event: the client speaks at its end."""
        prompt = str(call.payload.get("prompt", "")).encode("utf-8", "replace")
        with as_upstream(self.name, timeout_s=call.timeout_s, fix=UPDATE), self._place(call) as folder:
            finished = await run(
                self._command(call),
                environ=self._call_environ(folder),
                cwd=self._cwd or folder / "cwd",
                timeout_s=call.timeout_s,
                stdin=prompt,
            )
        yield _body(finished)

    async def readiness(self) -> Readiness:
        """Looks for a login; the client has no command that tells."""
        method = self._method()
        if method is None:
            return Readiness(ready=False, detail="not signed in", fix=LOGIN)
        return Readiness(ready=True, detail=f"signed in ({method})")

    async def aclose(self) -> None:
        """Nothing lives between calls."""

    def _home(self) -> Path | None:
        """The folder with the user's `.gemini`."""
        named = (
            self._environ.get("GEMINI_CLI_HOME")
            or self._environ.get("HOME")
            or self._environ.get("USERPROFILE")
        )
        return Path(named) / ".gemini" if named else None

    def _method(self) -> str | None:
        """How the user signs in: as the client's settings say, or as what is there suggests."""
        home = self._home()
        selected = _SELECTED.search(_read(home / "settings.json")) if home else None
        if selected:
            return selected[1]
        if self._environ.get("GEMINI_API_KEY") or (home and "GEMINI_API_KEY=" in _read(home / ".env")):
            return "gemini-api-key"
        if self._environ.get("GOOGLE_GENAI_USE_VERTEXAI") == "true":
            return "vertex-ai"
        if home and ((home / "oauth_creds.json").exists() or (home / "gemini-credentials.json").exists()):
            return "oauth-personal"
        return None

    @contextmanager
    def _place(self, call: Call) -> Generator[Path]:
        """A home of the call's own: the user's login, but neither their servers, hooks, memory nor history."""
        method = self._method()
        settings = _SETTINGS | ({"security": {"auth": {"selectedType": method}}} if method else {})
        files = {
            "system.md": str(call.payload.get("system") or INSTRUCTIONS),
            "home/.gemini/settings.json": json.dumps(settings),
        }
        with workplace(files) as folder:
            if (home := self._home()) is not None:
                for name in _LOGIN_FILES:
                    _link(home / name, folder / "home" / ".gemini" / name)
            yield folder

    def _call_environ(self, folder: Path) -> dict[str, str]:
        return self._environ | {
            "GEMINI_CLI_HOME": str(folder / "home"),
            "GEMINI_SYSTEM_MD": str(folder / "system.md"),
            "GEMINI_CLI_TRUST_WORKSPACE": "true",  # or it refuses to run in a folder it has not seen
            "GEMINI_CLI_NO_RELAUNCH": "true",
            "TMPDIR": str(folder),  # where it leaves reports that hold the prompt
            "NO_COLOR": "1",
        }

    def _command(self, call: Call) -> list[str]:
        chosen = PREFERRED if call.model in ("", DEFAULT_MODEL) else call.model
        return [self._executable, "-m", chosen, "-o", "json", "-e", "none"]


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError):
        return ""


def _link(source: Path, target: Path) -> None:
    """A link and no copy: a renewed token is written back to where the user's client looks for it."""
    if not source.is_file():
        return
    if sys.platform == "win32":  # where links need a privilege
        target.hardlink_to(source)
    else:
        target.symlink_to(source)


def _body(finished: Finished) -> JsonDict:
    """The object on standard output, or the error at the end of the other. Raises UpstreamError."""
    if body := _object(finished.stdout):
        if not body.get("error"):
            return body
    else:
        body = _object(finished.stderr)
    if error := record(body.get("error")):
        status = error.get("code")
        status = 401 if status == _NOT_LOGGED_IN else status
        raise classify(
            "gemini-cli", str(error.get("message", "")), status=status if isinstance(status, int) else None
        )
    if finished.code == _NOT_LOGGED_IN:
        raise classify("gemini-cli", "It is not signed in.", status=401)
    if finished.code != 0:
        raise exit_failure("gemini-cli", finished.code, finished.stderr, fix=UPDATE)
    raise UpstreamError(FailureKind.MALFORMED, "gemini printed no JSON object.", fix=UPDATE)


def _object(text: str) -> JsonDict:
    """The last JSON object that begins a line: warnings may stand before it."""
    for match in reversed(list(re.finditer(r"^\{", text, re.MULTILINE))):
        try:
            value, _ = json.JSONDecoder().raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if (found := record(value)) and ("response" in found or "error" in found):
            return found
    return {}
