"""A strict reader of Anthropic's streams: what it accepts, every client accepts. For all tests that receive such a stream.

    message = order.message(data)      # AssertionError for anything out of order
    error = order.error(data)          # of a stream that must end with an error event

`python -m order FILE` reads a recorded stream.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_PIECES = {
    "text": {"text_delta": "text", "citations_delta": ""},
    "thinking": {"thinking_delta": "thinking", "signature_delta": "signature"},
    "tool_use": {"input_json_delta": "partial_json"},
    "server_tool_use": {"input_json_delta": "partial_json"},
}
_STOPS = {"end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal"}
_COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def events(data: bytes) -> list[Json]:
    """Every event has one name and one line of JSON that repeats it; the last is whole too."""
    assert data.endswith(b"\n\n"), f"the last event is cut off: {data[-80:]!r}"
    read: list[Json] = []
    for block in data[:-2].split(b"\n\n"):
        if block.startswith(b":"):
            continue
        lines = block.split(b"\n")
        assert len(lines) == 2, f"an event of {len(lines)} lines: {block!r}"
        assert lines[0].startswith(b"event: "), block
        assert lines[1].startswith(b"data: "), block
        event = json.loads(lines[1][6:])
        assert event["type"] == lines[0][7:].decode(), block
        read.append(event)
    return read


def message(data: bytes) -> Json:
    """The message that a stream tells, which must be whole."""
    reading = _Reading()
    for event in events(data):
        reading.take(event)
    assert reading.state == "stopped", f"the stream ends while {reading.state}"
    return reading.message


def error(data: bytes) -> Json:
    """The error that ends a stream; what came before it is in order."""
    *before, last = events(data)
    reading = _Reading()
    for event in before:
        reading.take(event)
    assert reading.state != "stopped", "an error after the end"
    assert last["type"] == "error", last
    assert isinstance(last["error"]["message"], str)
    assert isinstance(last["error"]["type"], str)
    return last["error"]


class _Reading:
    def __init__(self) -> None:
        self.state = "expecting message_start"
        self.message: Json = {}
        self._json = ""
        self._signed = False

    def take(self, event: Json) -> None:
        assert self.state != "stopped", f"{event['type']} after message_stop"
        if event["type"] == "ping":
            assert self.state != "expecting message_start", "ping before message_start"
            return
        getattr(self, f"_{event['type']}")(event)

    @property
    def _block(self) -> Json:
        return self.message["content"][-1]

    def _message_start(self, event: Json) -> None:
        assert self.state == "expecting message_start", f"message_start while {self.state}"
        self.message = event["message"]
        told = {key: self.message[key] for key in ("type", "role", "content", "stop_reason", "stop_sequence")}
        assert told == {
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }
        assert self.message["id"].startswith("msg_")
        assert self.message["model"]
        usage = self.message["usage"]
        cached = sum(usage.get(f"cache_{what}_input_tokens") or 0 for what in ("read", "creation"))
        assert usage["input_tokens"] + cached > 0, "no input at all"
        self.state = "between blocks"

    def _content_block_start(self, event: Json) -> None:
        assert self.state == "between blocks", f"content_block_start while {self.state}"
        assert event["index"] == len(self.message["content"]), "an index out of order"
        block = event["content_block"]
        assert block["type"] in (*_PIECES, "redacted_thinking"), block
        if block["type"] == "tool_use":
            assert block["input"] == {}
            assert block["id"]
            assert block["name"]
        self.message["content"].append(block)
        self._json, self._signed = "", False
        self.state = "in a block"

    def _content_block_delta(self, event: Json) -> None:
        assert self.state == "in a block", f"content_block_delta while {self.state}"
        assert event["index"] == len(self.message["content"]) - 1, "a delta of a block that is not open"
        delta = event["delta"]
        kinds = _PIECES.get(self._block["type"], {})
        assert delta["type"] in kinds, f"{delta['type']} inside {self._block['type']}"
        assert not self._signed, "thinking after its signature"
        match delta["type"]:
            case "input_json_delta":
                self._json += delta["partial_json"]
            case "citations_delta":
                pass
            case kind:
                self._signed = kind == "signature_delta"
                self._block[kinds[kind]] = self._block.get(kinds[kind], "") + delta[kinds[kind]]

    def _content_block_stop(self, event: Json) -> None:
        assert self.state == "in a block", f"content_block_stop while {self.state}"
        assert event["index"] == len(self.message["content"]) - 1
        if self._block["type"] == "tool_use":
            self._block["input"] = json.loads(self._json or "{}")
        self.state = "between blocks"

    def _message_delta(self, event: Json) -> None:
        assert self.state == "between blocks", f"message_delta while {self.state}"
        assert event["delta"]["stop_reason"] in _STOPS
        calls = any(block["type"] == "tool_use" for block in self.message["content"])
        assert calls or event["delta"]["stop_reason"] != "tool_use", "tool_use without a tool"
        self.message |= event["delta"]
        assert "output_tokens" in event["usage"]
        assert all(event["usage"].get(name, 0) >= 0 for name in _COUNTS)
        self.message["usage"] |= event["usage"]
        self.state = "expecting message_stop"

    def _message_stop(self, event: Json) -> None:
        assert event == {"type": "message_stop"}
        assert self.state == "expecting message_stop", f"message_stop while {self.state}"
        self.state = "stopped"


if __name__ == "__main__":
    print(json.dumps(message(Path(sys.argv[1]).read_bytes()), indent=2))
