"""How an upstream's answer reaches a caller who speaks its dialect: as it came."""

from __future__ import annotations

from collections.abc import Mapping

from llm_router import dialects
from llm_router.dialects.passing import Passing
from llm_router.errors import RouterError
from llm_router.nouns import Answer, Model, Request, Usage
from llm_router.ports import Dialect, Head, Inbound
from llm_router.providers.raw import RawProvider
from llm_router.run.upstream import OverWire, answered

_PING = b": ping\n\n"  # a comment: to no reader of server-sent events an event
_PINGS: Mapping[str, bytes] = {"gemini": b"\r\n\r\n", "ollama": b""}  # Google's SDK knows no comments

# What a caller's own headers tell a vendor about the body. Only its own vendor may hear the rest.
_OF_DIALECT: Mapping[str, tuple[str, ...]] = {
    "anthropic": ("anthropic-beta", "anthropic-version"),
    "openai_chat": ("openai-beta",),
    "openai_responses": ("openai-beta",),
}
_OF_VENDOR: Mapping[str, tuple[str, ...]] = {
    "anthropic": ("anthropic-", "x-claude-code-", "x-app", "x-stainless-"),
    "openai": (
        *("openai-beta", "x-openai-", "x-codex-", "originator"),
        *("session_id", "session-id", "thread-id", "conversation_id", "x-client-request-id"),
    ),
}
_OAUTH = "oauth-"  # a beta of callers who are signed in; we come with a key


def forwarded(
    headers: Mapping[str, str], provider: str, dialect: str, *, signed_in: bool = False
) -> dict[str, str]:
    """Of the caller's headers (names in lower case) those that go on to an upstream of the same dialect. `signed_in`: by
    the caller's own login.
    """
    allowed = _OF_DIALECT.get(dialect, ()) + _OF_VENDOR.get(provider, ())
    sent = {name: value for name, value in headers.items() if name.startswith(allowed)} if allowed else {}
    if betas := sent.pop("anthropic-beta", ""):
        told = [beta for each in betas.split(",") if (beta := each.strip())]
        kept = [beta for beta in told if signed_in or not beta.startswith(_OAUTH)]
        sent |= {"anthropic-beta": ",".join(kept)} if kept else {}
    return sent


class Passage:
    """A Lane. Once the end mark was seen, the last piece is held back: it is the end of an answer only when the
    stream has ended too, and the decision was recorded.
    """

    def __init__(
        self, upstream: OverWire, speaks: Passing, inbound: Inbound, head: Head, *, shown: str | None
    ) -> None:
        self._upstream, self._speaks = upstream, speaks
        self._inbound, self._head, self._shown = inbound, head, shown
        self._tap = speaks.tap(head.request, head.issuer, shown)
        self._pending: list[bytes] = []
        self.alive = self.real = self.whole = False
        self.seen_chars = 0

    @property
    def usage(self) -> Usage | None:
        return self._tap.usage

    async def open(self, model: Model) -> None:
        await self._upstream.send(model.id, self._speaks.head(self._head.request, model))

    async def read(self) -> bool:
        piece, tap = await self._upstream.piece(), self._tap
        if out := tap.feed(piece) if piece else tap.end():
            self._pending.append(out)
        self.alive, self.real, self.whole = tap.alive, tap.begun, tap.ended
        self.seen_chars = tap.seen_chars
        if tap.error is not None:
            raise tap.error
        return bool(piece)

    def write(self) -> bytes:
        ready = len(self._pending) - self.whole
        if ready <= 0:
            return b""
        data = b"".join(self._pending[:ready])
        del self._pending[:ready]
        return data

    def answer(self) -> Answer:
        """What it cost and how it ended; of its content next to nothing was read."""
        if self._tap.body:
            return answered(self._dialect, self._tap.body)[0]
        return self._tap.answer()

    def end(self, answer: Answer) -> bytes:
        """It was told as it passed; but for one that came as a plain body, which is told now."""
        if self._tap.body:
            return self._inbound.renderer(self._head).end(answer)
        return b"".join(self._pending) + self._tap.close()

    def error(self, error: RouterError) -> bytes:
        return b"".join(self._pending) + self._inbound.renderer(self._head).error(error)

    def ping(self) -> bytes:
        return _PINGS.get(self._inbound.name, _PING)

    async def plain(self) -> tuple[Answer, bytes]:
        body = await self._upstream.whole()
        answer, streamed = answered(self._dialect, body)
        if streamed:
            return answer, self._inbound.render(answer, self._head)
        self.real = self._tap.acts(body)
        return answer, self._speaks.plain(body, self._head.issuer, self._shown)

    @property
    def _dialect(self) -> Dialect:
        return dialects.get(self._inbound.name)

    async def aclose(self) -> None:
        await self._upstream.aclose()


def spoken(provider: RawProvider, request: Request) -> RawProvider | None:
    """The upstream as it speaks the caller's own dialect; None where it does not."""
    return provider.speaking(request.origin.dialect) if request.origin is not None else None
