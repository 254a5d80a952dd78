"""JSON-RPC lines over the standard streams, which belong to the protocol alone from the moment this opens."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, BinaryIO, cast

JsonDict = dict[str, Any]
Deliver = Callable[[str, Any], None]
"""Takes a line for the client and the id of the request it answers (None for a notification)."""
Feed = Callable[[JsonDict | None], None]
"""Takes a message for the SDK, from any thread; None says that no more will come."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603
CONNECTION_CLOSED = -32000


def encode(message: JsonDict) -> str:
    return json.dumps(message, separators=(",", ":"))


def result_line(request_id: Any, result: JsonDict) -> str:
    return encode({"jsonrpc": "2.0", "id": request_id, "result": result})


def error_line(request_id: Any, code: int, message: str, data: Any = None) -> str:
    error: JsonDict = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return encode({"jsonrpc": "2.0", "id": request_id, "error": error})


def reserve_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take stdin and stdout away from everybody else: print, C libraries and children see /dev/null and stderr.

    The duplicates are not inherited by child processes (PEP 446).
    """
    sys.stdout.flush()
    wire_in, wire_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # started without a stderr
        os.dup2(nothing, 1)
    os.close(nothing)
    return os.fdopen(wire_in, "rb"), os.fdopen(wire_out, "wb")


class Writer:
    """Writes lines in the order they are handed over, from a thread of its own: a client that reads slowly
    delays neither the reading of its next message nor the calls in flight. Batched answers are held until
    all of their batch are there.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._batches: dict[Any, Batch] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._write_all, name="mcp-stdout", daemon=True)
        self._thread.start()

    def send(self, line: str, request_id: Any = None) -> None:
        """`request_id` says which request this answers; None for notifications and for errors without an id."""
        if self._batches and request_id is not None:
            self.settle(request_id, line)
        else:
            self._lines.put(line)

    def open_batch(self, request_ids: list[Any]) -> None:
        batch = Batch(set(request_ids))
        with self._lock:
            self._batches.update(dict.fromkeys(request_ids, batch))

    def settle(self, request_id: Any, line: str | None) -> None:
        """Put one answer into its batch (None: there will be none), and write the batch when it is complete."""
        with self._lock:
            batch = self._batches.pop(request_id, None)
            if batch is not None:
                batch.waiting.discard(request_id)
                if line is not None:
                    batch.lines.append(line)
                line = None
                if not batch.waiting and batch.lines:
                    line = f"[{','.join(batch.lines)}]"
        if line is not None:
            self._lines.put(line)

    def close(self, timeout_s: float) -> None:
        """Write what is queued; give up on a client that does not read it."""
        self._lines.put(None)
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            with suppress(OSError):
                self._out.close()

    def _write_all(self) -> None:
        # the client is gone: EOF on stdin says so too, and ends the process
        with suppress(OSError, ValueError):
            while (line := self._lines.get()) is not None:
                self._out.write(line.encode() + b"\n")
                self._out.flush()


class Batch:
    def __init__(self, waiting: set[Any]) -> None:
        self.waiting = waiting
        self.lines: list[str] = []


def decoded(lines: BinaryIO) -> Iterator[Any]:
    """Each line as JSON; one that is not JSON as the ValueError or RecursionError that says so. Ends at EOF."""
    for line in iter(lines.readline, b""):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            yield error


def as_object(value: Any) -> JsonDict:
    """The JSON object, or an empty one for any other value."""
    return cast("JsonDict", value) if isinstance(value, dict) else {}


def fault(frame: Any) -> str | None:
    """What is wrong with the JSON-RPC frame, if anything."""
    message = as_object(frame)
    if message.get("jsonrpc") != "2.0":
        return 'a message is an object with "jsonrpc": "2.0"'
    if "method" not in message:
        return (
            None if "id" in message and ("result" in message or "error" in message) else "method is missing"
        )
    if not isinstance(message["method"], str):
        return "method must be a string"
    if "id" in message and not usable_id(message["id"]):
        return "id must be a string or an integer"
    if not isinstance(message.get("params", {}), dict):
        return "params must be an object"
    return None


def usable_id(request_id: Any) -> bool:
    return isinstance(request_id, str | int) and not isinstance(request_id, bool)
