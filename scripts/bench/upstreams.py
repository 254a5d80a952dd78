"""The simulated vendors, and the official SDKs calling them without us."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from processes import HERE, Child

from llm_router.sandbox.environment import environ

Say = Callable[[], str]
VENDORS = ("openai", "anthropic", "gemini", "ollama")


class Upstream:
    """The sandbox in another process."""

    def __init__(self) -> None:
        self._child = Child([sys.executable, str(HERE / "upstream.py")])

    def __enter__(self) -> Self:
        self._url: str = json.loads(self._child.line())["url"]
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close()

    def environ(self, *vendors: str) -> dict[str, str]:
        """What points a program at these vendors; without any, at all there are."""
        return environ(self._url, vendors or None)

    def last(self, vendor: str) -> dict[str, Any]:
        """The last question it got: {"model", "path", "body"}."""
        self._child.send([{"vendor": vendor}])
        return json.loads(self._child.line())

    def alone(self, vendor: str) -> Alone:
        """The last question again, by the vendor's SDK."""
        return alone(vendor, self.environ(vendor), self.last(vendor))


@dataclass(frozen=True, slots=True)
class Alone:
    """One question to an official SDK as its documentation shows it, whole and streamed.

    Both give the text of the answer, read to its end: a stream that is only opened would cost next to nothing.
    """

    plain: Say
    streamed: Say
    close: Callable[[], object]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def alone(vendor: str, env: dict[str, str], last: dict[str, Any]) -> Alone:
    """`env` says where the vendor is, `last` is a question as `Upstream.last` gives it."""
    return _CALLS[vendor](env, last)


def _openai(env: dict[str, str], last: dict[str, Any]) -> Alone:
    import openai

    if not last["path"].endswith("/chat/completions"):
        raise NotImplementedError(f"no floor for {last['path']}")
    key, url = env["OPENAI_API_KEY"], env["OPENAI_BASE_URL"]
    client = openai.OpenAI(api_key=key, base_url=url, max_retries=0)
    create: Any = client.chat.completions.create
    body = _without(last["body"], "stream", "stream_options")
    options = {"stream": True, "stream_options": {"include_usage": True}}

    def streamed() -> str:
        chunks = create(**body, **options)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    return Alone(lambda: create(**body).choices[0].message.content, streamed, client.close)


def _anthropic(env: dict[str, str], last: dict[str, Any]) -> Alone:
    import anthropic

    key, url = env["ANTHROPIC_API_KEY"], env["ANTHROPIC_BASE_URL"]
    # a time limit of our own: else it refuses plain calls that may become long
    client = anthropic.Anthropic(api_key=key, base_url=url, max_retries=0, timeout=60)
    create: Any = client.messages.create
    body = _without(last["body"], "stream")

    def streamed() -> str:
        events = create(**body, stream=True)
        return "".join(getattr(e.delta, "text", "") for e in events if e.type == "content_block_delta")

    def plain() -> str:
        bounded = body | {"max_tokens": min(body["max_tokens"], 16_384)}  # for more its SDK wants a stream
        return "".join(getattr(part, "text", "") for part in create(**bounded).content)

    return Alone(plain, streamed, client.close)


def _gemini(env: dict[str, str], last: dict[str, Any]) -> Alone:
    from google import genai
    from google.genai.types import HttpOptions

    client = genai.Client(
        api_key=env["GEMINI_API_KEY"], http_options=HttpOptions(base_url=env["GEMINI_BASE_URL"])
    )
    models: Any = client.models
    config = last["body"].get("generationConfig", {}) | _without(last["body"], "contents", "generationConfig")
    asked = {"model": last["model"], "contents": last["body"]["contents"], "config": config}

    def streamed() -> str:
        return "".join(chunk.text or "" for chunk in models.generate_content_stream(**asked))

    return Alone(lambda: models.generate_content(**asked).text, streamed, client.close)


def _ollama(env: dict[str, str], last: dict[str, Any]) -> Alone:
    import ollama

    client: Any = ollama.Client(host=env["OLLAMA_BASE_URL"])
    body = _without(last["body"], "stream", "truncate")  # the API knows it, the SDK's method does not

    def streamed() -> str:
        return "".join(piece.message.content or "" for piece in client.chat(**body, stream=True))

    return Alone(lambda: client.chat(**body).message.content, streamed, client.close)


def _without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


_CALLS = {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini, "ollama": _ollama}
