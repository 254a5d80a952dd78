"""A client in a terminal of its own, under tmux: typed into and read like a user would."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self


class Terminal:
    """`environ` is the whole environment of the client; nothing of this process's reaches it."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], cwd: Path, socket: Path) -> None:
        self._tmux = ("tmux", "-S", str(socket), "-f", "/dev/null")
        pairs = (f"{name}={value}" for name, value in {**environ, "TERM": "xterm-256color"}.items())
        line = shlex.join(("env", "-i", *pairs, *command))
        self._do(
            "new-session",
            "-d",
            "-x",
            "180",
            "-y",
            "50",
            "-c",
            str(cwd),
            line,
            ";",
            "set",
            "remain-on-exit",
            "on",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._do("kill-server", check=False)

    def _do(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            (*self._tmux, *arguments), capture_output=True, text=True, check=check, timeout=60
        )
        return done.stdout

    def screen(self) -> str:
        return self._do("capture-pane", "-p", "-S", "-500", check=False)

    def type(self, text: str) -> None:
        """A line and Enter; the keys go in after the text has arrived, as a paste would be taken for one otherwise."""
        self.keys(text, literal=True)
        self.wait(lambda screen: text[-20:] in screen.replace("\n", ""), "the text to arrive")
        self.keys("Enter")

    def keys(self, *names: str, literal: bool = False) -> None:
        self._do("send-keys", *(("-l",) if literal else ()), *names)

    def wait(self, seen: Callable[[str], bool], what: str, timeout: float = 120.0) -> str:
        """The screen on which `seen` holds; TimeoutError with the last screen when that does not come."""
        end = time.monotonic() + timeout
        while not seen(screen := self.screen()):
            if time.monotonic() > end:
                raise TimeoutError(f"waited for {what}; the screen is:\n{screen}")
            time.sleep(0.1)
        return screen

    def ended(self) -> bool:
        return self._do("list-panes", "-F", "#{pane_dead}", check=False).strip() != "0"
