"""The simulated vendors, and the official SDKs calling them without us."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Self

from processes import HERE, Child

from llm_router.sandbox.environment import environ

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

    def environ(self, vendor: str) -> dict[str, str]:
        """What points a program at this one vendor."""
        return environ(self._url, [vendor])

    def last(self, vendor: str) -> dict[str, Any]:
        """The last question it got: {"model", "path", "body"}."""
        self._child.send([{"vendor": vendor}])
        return json.loads(self._child.line())

    def same_call(self, vendor: str) -> Callable[[], object]:
        """The last question again, by the vendor's official SDK as its documentation shows it."""
        return _CALLS[vendor](self.environ(vendor), self.last(vendor))


def _openai(env: dict[str, str], last: dict[str, Any]) -> Callable[[], object]:
    import openai

    key, url = env["OPENAI_API_KEY"], env["OPENAI_BASE_URL"]
    client = openai.OpenAI(api_key=key, base_url=url, max_retries=0)
    create: Any = (
        client.responses.create if last["path"].endswith("/responses") else client.chat.completions.create
    )
    return lambda: create(**last["body"])


def _anthropic(env: dict[str, str], last: dict[str, Any]) -> Callable[[], object]:
    import anthropic

    key, url = env["ANTHROPIC_API_KEY"], env["ANTHROPIC_BASE_URL"]
    create: Any = anthropic.Anthropic(api_key=key, base_url=url, max_retries=0).messages.create
    return lambda: create(**last["body"])


def _gemini(env: dict[str, str], last: dict[str, Any]) -> Callable[[], object]:
    from google import genai
    from google.genai.types import HttpOptions

    options = HttpOptions(base_url=env["GEMINI_BASE_URL"])
    client = genai.Client(api_key=env["GEMINI_API_KEY"], http_options=options)
    body = dict(last["body"])
    contents, config = body.pop("contents"), body.pop("generationConfig", {}) | body
    models: Any = client.models
    # the client stays in this closure: its methods stop working once it is collected
    return lambda: models.generate_content(model=last["model"], contents=contents, config=config) and client


def _ollama(env: dict[str, str], last: dict[str, Any]) -> Callable[[], object]:
    import ollama

    client: Any = ollama.Client(host=env["OLLAMA_BASE_URL"])
    return lambda: client.chat(**last["body"])


_CALLS = {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini, "ollama": _ollama}
