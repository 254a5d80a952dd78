"""What a wire format is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from llm_router.sandbox.answers import Answer
from llm_router.sandbox.frames import Frame
from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.turn import Turn
from llm_router.sandbox.wires.problems import Problem, Told


class InvalidError(ValueError):
    """The request is one that the vendor would refuse with 400; the text is the message it would send."""


@dataclass(frozen=True, slots=True)
class Wire:
    """`read` takes the decoded body and the model named by the path (""), and raises InvalidError, TypeError or
    KeyError for what the vendor would refuse. `stream` yields the events of a streamed answer, `error_event`
    makes the one that reports a failure inside a stream.
    """

    name: str
    read: Callable[[JsonDict, str], Turn]
    whole: Callable[[Turn, Answer], JsonDict]
    stream: Callable[[Turn, Answer], Iterator[Frame]]
    error: Callable[[Problem], Told]
    error_event: Callable[[Problem], Frame]
    media_type: str = "text/event-stream; charset=utf-8"
    request_id: str = "x-request-id"


def required(body: JsonDict, *names: str) -> None:
    for name in names:
        if name not in body:
            raise InvalidError(f"{name}: Field required")
