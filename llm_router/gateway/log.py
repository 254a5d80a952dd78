"""The service's log: one JSON object per line, for each request that ended and each event of the service's life.

    {"time": Unix seconds, "request": id, "decision": id, "provider": ..., "status": 200, "ms": ..., "cost_usd": ...}
    {"time": Unix seconds, "event": "reloaded: ...", "level": "info"}

Never a word of a prompt or an answer, never a key. Lines are written a few times a second and the file is rotated. A
disk that takes nothing costs the log its lines and nobody an answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

import msgspec

from llm_router.dialects.failures import redact
from llm_router.gateway.activity import Activity
from llm_router.nouns import JsonDict
from llm_router.service.journal import line_for_people, path_in

LARGEST = 10 * 1024 * 1024
KEPT = 5
EVERY_S = 0.2


class ServiceLog(logging.Handler):
    """Also takes what this package and the server log: as events. `echo`: say it on stderr too, for people."""

    def __init__(self, root: Path, *, echo: bool) -> None:
        super().__init__(logging.INFO)
        self._path = path_in(root)
        self._echo = echo
        self._file: RotatingFileHandler | None = None
        self._waiting: list[JsonDict] = []
        self._flushing: asyncio.TimerHandle | None = None

    def request(self, each: Activity) -> None:
        if not each.is_look:
            self._add(each.facts())

    def emit(self, record: logging.LogRecord) -> None:
        event = redact(record.getMessage())
        if record.exc_info:
            event += "\n" + redact(logging.Formatter().formatException(record.exc_info))
        self._add(
            {"time": round(record.created, 3), "event": event, "level": record.levelname.lower()},
        )

    def _add(self, facts: JsonDict) -> None:
        self._waiting.append(facts)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # before and after the server's time, or another thread
            self.flush()
            return
        if self._flushing is None:
            self._flushing = loop.call_later(EVERY_S, self.flush)

    def flush(self) -> None:
        self._flushing = None
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        lines = "\n".join(map(_line, waiting))
        with suppress(OSError):
            self._opened().emit(logging.makeLogRecord({"msg": lines}))
        if self._echo:
            with suppress(OSError, ValueError):
                sys.stderr.write("".join(f"{line_for_people(facts)}\n" for facts in waiting))
                sys.stderr.flush()

    def close(self) -> None:
        self.flush()
        if self._file is not None:
            self._file.close()
        super().close()

    def _opened(self) -> RotatingFileHandler:
        """Readable by the user alone. Raises OSError."""
        if self._file is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = _Rotating(
                self._path, maxBytes=LARGEST, backupCount=KEPT, encoding="utf-8", errors="backslashreplace"
            )
        return self._file


def _line(facts: JsonDict) -> str:
    try:
        return msgspec.json.encode(facts).decode()
    except UnicodeEncodeError:  # half a surrogate pair, in what a library said
        return json.dumps(facts)


class _Rotating(RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        """Also of each file that is begun anew."""
        os.close(os.open(self.baseFilename, os.O_CREAT | os.O_WRONLY, 0o600))
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """A full disk is no reason to write a trace for every line."""
