"""The service begun at login: a systemd user unit on Linux, a launchd agent on macOS. Written only when asked for."""

from __future__ import annotations

import plistlib
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from llm_router.errors import RouterError, UsageError
from llm_router.service.process import command

NAME = "llm-router"
LABEL = "io.github.llm-router"
GRACE_S = 30.0  # for the end itself, after the last answer
_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Unit:
    """The file, and the commands that make the system take notice of its coming and going."""

    path: Path
    text: str
    enable: Sequence[Sequence[str]]
    disable: Sequence[Sequence[str]]


def unit(
    root: Path,
    home: Path,
    options: Sequence[str] = (),
    platform: str = sys.platform,
    *,
    stop_seconds: float = 60.0,
) -> Unit:
    """Raises UsageError where the system has neither. `options` are those of `serve`, `stop_seconds` what its answers get to
    finish.
    """
    argv = [*command(), "--quiet", *options]
    environ = {"LLM_ROUTER_HOME": str(root.absolute())}
    if platform == "darwin":
        return _launchd(argv, environ, root, home)
    if platform.startswith("linux"):
        return _systemd(argv, environ, home, stop_seconds + GRACE_S)
    raise UsageError("this system has neither systemd nor launchd", fix="start it yourself: llm-router start")


def write(each: Unit) -> None:
    """Write and enable it. Raises RouterError where the system refuses."""
    each.path.parent.mkdir(parents=True, exist_ok=True)
    each.path.write_text(each.text, encoding="utf-8")
    _run(each.enable)


def remove(each: Unit) -> bool:
    """Disable and delete it; whether there was one."""
    if not each.path.exists():
        return False
    with suppress(RouterError):  # it may not be loaded
        _run(each.disable)
    each.path.unlink()
    return True


def _systemd(argv: Sequence[str], environ: Mapping[str, str], home: Path, stop_s: float) -> Unit:
    variables = "".join(f"Environment={shlex.quote(f'{k}={v}')}\n" for k, v in environ.items()).replace(
        "%", "%%"
    )
    text = (
        "[Unit]\nDescription=llm-router gateway\nAfter=network.target\n\n"
        f"[Service]\nExecStart={shlex.join(argv).replace('%', '%%')}\nExecReload=/bin/kill -HUP $MAINPID\n{variables}"
        "EnvironmentFile=-%h/.config/llm-router/environment\nRestart=on-failure\n"
        f"TimeoutStopSec={stop_s:.0f}\n\n"
        "[Install]\nWantedBy=default.target\n"
    )
    path = home / ".config" / "systemd" / "user" / f"{NAME}.service"
    user = ["systemctl", "--user"]
    return Unit(
        path,
        text,
        enable=([*user, "daemon-reload"], [*user, "enable", "--now", NAME]),
        disable=([*user, "disable", "--now", NAME],),
    )


def _launchd(argv: Sequence[str], environ: Mapping[str, str], root: Path, home: Path) -> Unit:
    facts = {
        "Label": LABEL,
        "ProgramArguments": list(argv),
        "EnvironmentVariables": dict(environ),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "StandardErrorPath": str(root / "logs" / "gateway.err"),
    }
    path = home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    return Unit(
        path,
        plistlib.dumps(facts).decode(),
        enable=(["launchctl", "load", "-w", str(path)],),
        disable=(["launchctl", "unload", "-w", str(path)],),
    )


def _run(commands: Sequence[Sequence[str]]) -> None:
    for at, argv in enumerate(commands):
        try:
            done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_LIMIT_S)
            said = (done.stderr or done.stdout).strip() if done.returncode else None
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
        if said is not None:
            left = " && ".join(shlex.join(each) for each in commands[at:])
            raise RouterError(f"{shlex.join(argv)} failed: {said}", fix=f"run it yourself: {left}")
