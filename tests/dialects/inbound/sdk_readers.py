"""The vendors' own stream readers, fed with our bytes."""

from __future__ import annotations

import json
from typing import Any


def anthropic_message(data: bytes) -> dict[str, Any]:
    """As `client.messages.stream(...)` accumulates it."""
    from anthropic.lib.streaming._messages import accumulate_event

    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for block in data.decode().split("\n\n"):
        event = next((json.loads(line[6:]) for line in block.split("\n") if line.startswith("data: ")), None)
        if event is not None and event["type"] != "ping":
            snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    return snapshot.to_dict()


def openai_completion(data: bytes) -> dict[str, Any]:
    """As `client.chat.completions.stream(...)` accumulates it; the stream must end with [DONE]."""
    from openai.lib.streaming.chat import ChatCompletionStreamState
    from openai.types.chat import ChatCompletionChunk

    state: Any = ChatCompletionStreamState()
    blocks = [block for block in data.decode().split("\n\n") if block.startswith("data: ")]
    assert blocks[-1] == "data: [DONE]"
    for block in blocks[:-1]:
        list(state.handle_chunk(ChatCompletionChunk.model_validate_json(block[6:])))
    return state.current_completion_snapshot.to_dict()
