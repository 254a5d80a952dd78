"""How large a request is: tokens in, and tokens the answer is likely and at most to have. Estimates, never exact."""

from __future__ import annotations

import json

from llm_router.nouns import Complexity, Document, Image, Part, Request, Text, Thinking, ToolCall, ToolResult

MESSAGE_TOKENS = 4
IMAGE_TOKENS = 1_600
DOCUMENT_TOKENS = 3_000  # a document behind a URL: a few pages
DOCUMENT_CHARS_PER_TOKEN = 40  # base64 of a PDF: its text is a small part of it

EXPECTED_OUTPUT = {
    Complexity.SIMPLE: 300,
    Complexity.MODERATE: 1_000,
    Complexity.COMPLEX: 3_000,
    Complexity.DEEP_REASONING: 8_000,
}
LARGEST_OUTPUT = {
    Complexity.SIMPLE: 4_096,
    Complexity.MODERATE: 8_192,
    Complexity.COMPLEX: 16_384,
    Complexity.DEEP_REASONING: 32_768,
}
AGENTS_OUTPUT = 32_768  # an agent writes whole files in its calls, after "go on" too


def text_tokens(text: str) -> int:
    """Four characters to a token; other scripts by the bytes they take beyond one: about 0.65 a token for a
    Cyrillic letter, one for a Chinese character, one and a half for an emoji.
    """
    tokens = len(text) / 4
    if not text.isascii():
        tokens += (len(text.encode(errors="surrogatepass")) - len(text)) * 0.4
    return int(tokens) + 1 if text else 0


def input_tokens(request: Request) -> int:
    """All messages and tools, each read once; of a sketch what its door has estimated."""
    if request.input_tokens is not None:
        return request.input_tokens
    total = sum(MESSAGE_TOKENS + sum(map(_part_tokens, m.parts)) for m in request.messages)
    for tool in request.tools:
        total += (
            text_tokens(tool.name) + text_tokens(tool.description) + text_tokens(json.dumps(tool.parameters))
        )
    if request.schema is not None:
        total += text_tokens(json.dumps(request.schema))
    return total


def _part_tokens(part: Part) -> int:
    match part:
        case Text(text=text) | Thinking(text=text):
            return text_tokens(text)
        case Image():
            return IMAGE_TOKENS
        case Document(text=text, data=data):
            return _document_tokens(text, data)
        case ToolCall(name=name, arguments=arguments):
            return text_tokens(name) + text_tokens(arguments)
        case ToolResult(content=content):
            return sum(map(_part_tokens, content))


def _document_tokens(text: str | None, data: str | None) -> int:
    if text is not None:
        return text_tokens(text)
    return (
        DOCUMENT_TOKENS if data is None else max(DOCUMENT_TOKENS // 2, len(data) // DOCUMENT_CHARS_PER_TOKEN)
    )


def expected_output(request: Request, complexity: Complexity) -> int:
    expected = EXPECTED_OUTPUT[complexity]
    return min(expected, request.max_output_tokens) if request.max_output_tokens else expected


def largest_output(
    request: Request, complexity: Complexity, max_output: int | None, *, has_tools: bool = False
) -> int:
    """The bound a budget reserves for: what the request allows, else much where it offers tools and the default of its
    complexity where not; never more than the model can say. Only where money was reserved for it does it limit the call:
    what costs more was not set aside.
    """
    largest = request.max_output_tokens or (AGENTS_OUTPUT if has_tools else LARGEST_OUTPUT[complexity])
    return min(largest, max_output) if max_output else largest
