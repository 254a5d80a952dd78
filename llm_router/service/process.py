"""Starting the service in the background, and stopping it: each waits until it is so, and says why it is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from llm_router import paths
from llm_router.admit.processes import alive
from llm_router.errors import NotFoundError, RouterError, UsageError
from llm_router.service.state import Service, running

START_S = 30.0
LOOK_EVERY_S = 0.02


def errors_path(root: Path) -> Path:
    """What a service in the background wrote on stderr since it was started."""
    return root / "logs" / "gateway.err"


def start(root: Path, *, host: str | None = None, port: int | None = None) -> tuple[Service, bool]:
    """The service, and whether it had to be started. Raises UsageError and RouterError with what it said."""
    if (found := running(root)) is not None:
        _check_same_port(found, port)
        return found, False
    options = [*(["--host", host] if host else []), *(["--port", str(port)] if port is not None else [])]
    child = _spawn([*command(), "--quiet", *options], root)
    limit = time.monotonic() + START_S
    while time.monotonic() < limit:
        if (found := running(root)) is not None:
            if found.pid != child.pid:  # somebody started one at the same moment, and was the first
                child.terminate()
                child.wait()
            return found, found.pid == child.pid
        if child.poll() is not None:
            raise _told(root, child.returncode)
        time.sleep(LOOK_EVERY_S)
    child.terminate()
    raise RouterError(f"the service did not start within {START_S:.0f} s", fix=f"see {errors_path(root)}")


def command() -> list[str]:
    """`-P`: a folder called llm_router where the user happens to be is not the program."""
    return [sys.executable, "-P", "-m", "llm_router", "serve"]


def stop(root: Path, limit_s: float, *, force: bool = False) -> Service | None:
    """The service that was stopped; None where there was none. `limit_s` is what its answers get to finish."""
    found = running(root)
    if found is None:
        return None
    _signal(found, "SIGKILL" if force else "SIGTERM")
    limit = time.monotonic() + limit_s
    while alive(found.pid, found.process):
        if time.monotonic() > limit:
            raise RouterError(
                f"the service (pid {found.pid}) did not stop within {limit_s:.0f} s",
                fix="llm-router stop --force",
            )
        time.sleep(LOOK_EVERY_S)
    return found


def reload(root: Path) -> Service:
    """Ask it to read its configuration again. Raises NotFoundError where none runs."""
    found = running(root)
    if found is None:
        raise NotFoundError("the service does not run", fix="llm-router start")
    _signal(found, "SIGHUP")
    return found


def _signal(service: Service, name: str) -> None:
    number = getattr(signal, name, None)
    if number is None:
        if name == "SIGHUP":
            raise UsageError("this system has no such signal", fix="llm-router restart")
        number = signal.SIGTERM
    with suppress(ProcessLookupError):
        os.kill(service.pid, number)


def _check_same_port(found: Service, port: int | None) -> None:
    if port and not found.url.endswith(f":{port}"):
        raise UsageError(
            f"the service already runs at {found.url} (pid {found.pid})",
            fix=f"llm-router restart --port {port}",
        )


def _spawn(argv: list[str], root: Path) -> subprocess.Popen[bytes]:
    """On its own: it outlives the terminal, and its standard streams are a file."""
    paths.ensure_home(root)
    errors = errors_path(root)
    errors.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(errors, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, b"\n")  # where nothing can be, nobody would find the service
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=root,
            start_new_session=True,
            env=os.environ | {"LLM_ROUTER_HOME": str(root.absolute())},
        )
    except OSError as error:
        raise RouterError(f"the service cannot be started: {error}", fix="llm-router doctor") from error
    finally:
        os.close(descriptor)


def _told(root: Path, code: int) -> RouterError:
    """The error of a service that ended at once, from what it wrote."""
    text = ""
    with suppress(OSError):
        text = errors_path(root).read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    said = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), "")
    fix = next((line.removeprefix("fix: ") for line in lines if line.startswith("fix: ")), "")
    kind = UsageError if code == UsageError.exit_code else RouterError
    return kind(said or f"the service ended at once with code {code}", fix=fix or f"see {errors_path(root)}")
