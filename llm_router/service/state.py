"""Which service runs, for other processes of the user: `<home>/service.json`, written once it serves.

{"pid": 1234, "process": "...", "url": "http://127.0.0.1:8484", "since": Unix seconds, "version": "0.1.0",
 "host": null, "port": null}
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from llm_router import __version__, locks, paths
from llm_router.admit.processes import alive, marker

FILE, LOCK = "service.json", "service.lock"
LOCK_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Service:
    """`process` tells this process from another that gets its pid later. `host` and `port` are what its command line said,
    above the configuration.
    """

    pid: int
    process: str
    url: str
    since: float
    version: str
    host: str | None = None
    port: int | None = None


def running(root: Path) -> Service | None:
    """The service of this home. A file that a killed one left behind counts for nothing."""
    found = _read(root)
    return found if found is not None and alive(found.pid, found.process) else None


def remember(root: Path, url: str, host: str | None = None, port: int | None = None) -> None:
    """Say that this process is the service, unless another of the same home is already: of several that say so at once
    the first is. A disk that takes nothing is no reason not to serve.
    """
    pid = os.getpid()
    service = Service(pid, marker(pid), url, time.time(), __version__, host, port)
    with suppress(OSError):
        paths.ensure_home(root)
        with locks.held(root / LOCK, LOCK_WAIT_S):
            if running(root) is None:
                temporary = root / f"{FILE}.{pid}"
                temporary.write_text(json.dumps(asdict(service)), encoding="utf-8")
                temporary.replace(root / FILE)


def forget(root: Path) -> None:
    """Take away what this process wrote."""
    found = _read(root)
    if found is not None and found.pid == os.getpid():
        with suppress(OSError):
            (root / FILE).unlink()


def _read(root: Path) -> Service | None:
    with suppress(OSError, ValueError, TypeError, KeyError):
        body: dict[str, Any] = json.loads((root / FILE).read_text(encoding="utf-8"))
        return Service(
            int(body["pid"]),
            str(body["process"]),
            str(body["url"]),
            float(body["since"]),
            str(body["version"]),
            body.get("host"),
            body.get("port"),
        )
    return None
