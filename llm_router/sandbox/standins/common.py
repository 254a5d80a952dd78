"""What the stand-ins share: the log of their calls, and the ways they can fail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from llm_router.sandbox.plain import JsonDict

_LIFE_S = 120  # nothing a stand-in starts outlives its test by more than this
_SLEEP = f"import time; time.sleep({_LIFE_S})"


@dataclass(frozen=True, slots=True)
class Setting:
    """`name` in capitals; the variables <NAME>_SANDBOX_FAULT, _LOGGED_OUT and _LOG tell the rest."""

    name: str

    def _get(self, key: str) -> str:
        return os.environ.get(f"{self.name}_SANDBOX_{key}", "")

    @property
    def fault(self) -> str:
        return self._get("FAULT")

    @property
    def logged_out(self) -> bool:
        return self._get("LOGGED_OUT") not in ("", "0")

    def log(self, **facts: object) -> None:
        """Add a line to the log; of the environment only the names."""
        if path := self._get("LOG"):
            line: JsonDict = {
                "argv": sys.argv[1:],
                "cwd": str(_cwd()),
                "pid": os.getpid(),
                "env": sorted(os.environ),
            }
            with open(path, "a", encoding="utf-8") as log:  # noqa: PTH123 - pathlib would double the start-up time
                log.write(json.dumps(line | facts) + "\n")


def _cwd() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:
        return ""


def prompt_from_stdin() -> str:
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def start_child(*, stubborn: bool = False) -> int:
    """A child in our process group that holds our stdout open; the stubborn one ignores SIGTERM. Returns its pid."""
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " if stubborn else ""
    child = subprocess.Popen([sys.executable, "-S", "-E", "-c", code + _SLEEP], stdin=subprocess.DEVNULL)
    return child.pid


def hang(*, stubborn: bool = False) -> None:
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(_LIFE_S)
