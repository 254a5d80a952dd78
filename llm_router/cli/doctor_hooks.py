"""`doctor --hooks`: what each host has of us, whether its hooks fire, how long they take, what is out of date."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from llm_router import __version__
from llm_router.cli.doctor import Check
from llm_router.hosts import hook_health, launcher, snapshot
from llm_router.hosts.hook_health import Health
from llm_router.hosts.host import Machine
from llm_router.windows import local_text

if TYPE_CHECKING:
    from llm_router.hosts.brought import Brought
    from llm_router.hosts.install import Standing

_PROBE = b'{"hook_event_name": "UserPromptSubmit", "session_id": "doctor", "prompt": "what is a mutex?"}'
_PROBE_S = 10.0
_PROBES = 3  # the first one may have to compile
_SILENT = {
    "claude": "start a new session of Claude Code; hooks are read when it starts",
    "codex": "Codex runs hooks only once you trust them: start `codex` and look through /hooks",
    "gemini-cli": "start a new session of Gemini CLI, in a folder that you trust",
}


def checks(home: Path) -> Iterator[Check]:
    """Never raises: what cannot be looked at is a problem among the others."""
    from llm_router.hosts.install import status

    machine = Machine.here()
    seen = hook_health.read(home)
    yield _probe()
    standings = status(
        machine, home, scopes=("user",) if machine.project == machine.home else ("user", "project")
    )
    hooked = [each for each in standings if each.hooks is not None]
    for each in hooked:
        if each.scope == "user" or each.ours:
            yield from _host(each, [one for one in seen if one.host == each.host])
    yield from _server_only([each for each in standings if each.hooks is None])
    if any(each.ours or each.brought for each in hooked):
        yield _told(home)


def _host(each: Standing, seen: list[Health]) -> Iterator[Check]:
    name = each.host if each.scope == "user" else f"{each.host} (project)"
    install = f"llm-router install --host {each.host}" + (
        " --scope project" if each.scope == "project" else ""
    )
    for error in each.errors:
        yield Check(name, "problem", error.message, error.fix)
    if each.errors:
        return
    if not each.found and not each.ours:
        yield Check(name, "ok", "not on this machine")
        return
    if each.brought:
        yield from _plugin(name, each, each.brought)
    elif each.hooks == "missing":
        yield Check(name, "warning", f"no hooks; MCP server {each.mcp or 'not supported'}", install)
        return
    elif "outdated" in (each.hooks, each.mcp):
        yield Check(
            name,
            "warning",
            f"hooks {each.hooks}, MCP server {each.mcp}, by another version or place",
            install,
        )
    else:
        status = "ok" if each.mcp == "installed" else "warning"
        yield Check(
            name, status, f"hooks {each.hooks}, MCP server {each.mcp}", "" if status == "ok" else install
        )
    yield _fires(name, each.host, seen)


def _plugin(name: str, each: Standing, plugin: Brought) -> Iterator[Check]:
    if plugin.version and plugin.version != __version__:
        yield Check(
            name, "warning", f"{plugin.what} is {plugin.version}, this is {__version__}", plugin.update
        )
    else:
        yield Check(name, "ok", f"has {plugin}")
    if each.hooks != "missing":
        yield Check(
            name,
            "warning",
            "hooks twice: the plugin's, and installed ones",
            f"llm-router uninstall --host {each.host}",
        )


def _fires(name: str, host: str, seen: list[Health]) -> Check:
    """From what the hooks have written down themselves."""
    if not seen:
        return Check(name, "warning", "no hook has fired yet", _SILENT.get(host, ""))
    runs, errors = sum(one.runs for one in seen), sum(one.errors for one in seen)
    last = max(one.last_run for one in seen)
    slowest = max(seen, key=lambda one: one.ms_p50 or 0.0)
    detail = f"{runs:,} runs of {len(seen)} hooks, last {local_text(last)}"
    detail += f", slowest {slowest.hook.partition(' ')[2]} at a median of {slowest.ms_p50 or 0:.1f} ms"
    if errors:
        worst = max(seen, key=lambda one: one.last_error_at)
        detail += (
            f"; {errors:,} failed, last {worst.hook} at {local_text(worst.last_error_at)}: {worst.last_error}"
        )
        return Check(
            name, "warning", detail, f"if it is fixed: llm-router hooks cleanup --remove '{worst.hook}'"
        )
    if (slowest.ms_p50 or 0.0) > hook_health.SLOW_MS:
        return Check(
            name,
            "warning",
            detail,
            "llm-router install compiles the hooks anew; a busy disk or an antivirus also does this",
        )
    return Check(name, "ok", detail)


def _server_only(standings: list[Standing]) -> Iterator[Check]:
    for each in standings:
        if each.scope == "user" and (each.found or each.ours or each.errors):
            broken = each.mcp != "installed"
            detail = f"MCP server {each.mcp}; the host has no hooks"
            yield Check(
                each.host,
                "warning" if broken else "ok",
                detail,
                f"llm-router install --host {each.host}" if broken else "",
            )


def _told(home: Path) -> Check:
    try:
        body = json.loads((home / snapshot.FILE).read_text(encoding="ascii"))
        at = float(body["written_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return Check(
            "snapshot", "warning", "the hooks know neither prices nor budgets yet", "llm-router doctor"
        )
    age = "just now" if time.time() - at < 60 else local_text(at)
    return Check(
        "snapshot", "ok", f"written {age}: enforce {body.get('enforce')}, profile {body.get('profile')}"
    )


def _probe() -> Check:
    """Run one hook here and now, as a host would, in a home of its own."""
    try:
        command = launcher.arguments("claude", "UserPromptSubmit")
    except FileNotFoundError as error:
        return Check("hooks", "problem", str(error), "pip install --force-reinstall llm-router")
    with tempfile.TemporaryDirectory() as folder:
        times = [_run(command, Path(folder)) for _ in range(_PROBES)]
        seen = hook_health.read(Path(folder))
    if None in times or not seen or seen[0].errors:
        why = seen[0].last_error if seen and seen[0].errors else "it left no record"
        return Check("hooks", "problem", f"a hook started by {command[0]} fails: {why}", "llm-router install")
    best = min(ms for ms in times if ms is not None)
    return Check("hooks", "ok", f"{launcher.hooks_folder()}: a prompt's hook takes {best:.0f} ms")


def _run(command: list[str], home: Path) -> float | None:
    """Milliseconds; None when it failed or hung."""
    environ = {**os.environ, "LLM_ROUTER_HOME": str(home)}
    begun = time.perf_counter()
    try:
        done = subprocess.run(
            command, input=_PROBE, env=environ, capture_output=True, timeout=_PROBE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (time.perf_counter() - begun) * 1000 if done.returncode == 0 else None
