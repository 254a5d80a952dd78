"""How long a request is, and what it holds, without reading all of it.

Tokens are estimated from bytes: no tokeniser is right for every vendor, and one over the whole request costs more than
everything else here together. What is not text (a picture, a PDF, in base64) is counted apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from llm_router.nouns import Document, Feature, Image, Part, ToolResult, Usage
from llm_router.ports import Head

BYTES_PER_TOKEN = 4
TOKENS_PER_IMAGE = 1_500  # about what the largest picture that is not scaled down costs at most vendors
TOKENS_PER_PAGE = 2_000
BYTES_PER_TOKEN_OF_RECORDINGS = 500  # Google's 32 tokens a second of speech, 260 of film
BYTES_PER_PAGE = 60_000  # of a PDF; a guess between pages of text (20 kB) and scanned ones (150 kB)


@dataclass(slots=True)
class Media:
    """Of the pictures and documents of a body: how many of its bytes they are, what they cost instead, what they need."""

    size: int = 0
    tokens: int = 0
    needs: set[Feature] = field(default_factory=set[Feature])

    def add(self, parts: Iterable[Part]) -> None:
        for part in parts:
            match part:
                case Image():
                    self.picture(len(part.data or ""))
                case Document(text=None):
                    self.document(len(part.data or ""))
                case ToolResult():
                    self.add(part.content)
                case _:
                    pass

    def picture(self, size: int) -> None:
        """One of `size` bytes of base64."""
        self._count("vision", size, TOKENS_PER_IMAGE)

    def document(self, size: int) -> None:
        """A PDF of `size` bytes of base64."""
        self._count("documents", size, TOKENS_PER_PAGE * (1 + size * 3 // 4 // BYTES_PER_PAGE))

    def recording(self, size: int) -> None:
        """Sound or film of `size` bytes of base64: nothing that a model here could be known to need."""
        self.size += size
        self.tokens += 1 + size // BYTES_PER_TOKEN_OF_RECORDINGS

    def _count(self, need: Feature, size: int, tokens: int) -> None:
        self.needs.add(need)
        self.size += size
        self.tokens += tokens


def counted(usage: Usage, head: Head) -> Usage:
    """The usage of an answer, with our own estimate where the vendor told nothing of the input."""
    if usage.input_tokens or not usage.estimated:
        return usage
    return replace(usage, input_tokens=head.input_tokens)


def tokens(size: int, media: Media) -> int:
    """An estimate for a body of this many bytes, media included; never 0."""
    return max(1, (size - media.size) // BYTES_PER_TOKEN + media.tokens)
