"""What the readers of every dialect make of a body alike: the user's last words, and what a model must be able to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from llm_router.dialects.inbound.sizes import Media
from llm_router.nouns import (
    Document,
    Effort,
    Feature,
    Image,
    JsonDict,
    Message,
    Part,
    Text,
    ToolResult,
    WebSearch,
)

REMINDER = "<system-reminder>"  # how a text begins that Claude Code puts into a user's turn
SILENCE = (Message("user", (Text(""),)),)  # the messages of a sketch in which no user wrote anything
DRAWN = "The assistant made this:"
EFFORTS: dict[str, Effort] = {word: word for word in get_args(Effort)}


def own_words(texts: Iterable[str], added: str | tuple[str, ...] = ()) -> tuple[Message, ...]:
    """What a user wrote himself of the texts of his turn, as the messages of a sketch; () where he wrote nothing. Texts
    that begin as in `added` were put there by his client.
    """
    own = [Text(text) for text in texts if text.strip() and not text.lstrip().startswith(added)]
    return (Message("user", tuple(own)),) if own else ()


def media_of_the_user(messages: Iterable[Message]) -> Iterable[Message]:
    """What a model has drawn, told as what its user shows next: other vendors take pictures from nobody else."""
    drawn: list[Part] = []
    for message in messages:
        said, results = message.parts, tuple(part for part in message.parts if isinstance(part, ToolResult))
        if message.role == "assistant":
            drawn += [part for part in said if isinstance(part, (Image, Document))]
            said = tuple(part for part in said if not isinstance(part, (Image, Document)))
        elif message.role == "user" and drawn:
            rest = tuple(part for part in said if not isinstance(part, ToolResult))
            said, drawn = (*results, Text(DRAWN), *drawn, *rest), []
        if said:
            yield Message(message.role, said)
    if drawn:
        yield Message("user", (Text(DRAWN), *drawn))


def needs(
    media: Media, *, tools: bool, schema: JsonDict | None, web: WebSearch | None = None
) -> frozenset[Feature]:
    """See nouns.Request. `tools`: whether one may be called."""
    found = set(media.needs)
    if tools:
        found.add("tools")
    if schema is not None:
        found.add("schema")
    if web is not None:
        found.add("web")
    return frozenset(found)
