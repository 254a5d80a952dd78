"""`classify`: what kind of task, how hard. Builds no app and imports no provider: it must be quick."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import click

from llm_router import nouns
from llm_router.classify import assess
from llm_router.cli import output
from llm_router.cli.options import json_option
from llm_router.cli.prompt import read_prompt
from llm_router.errors import UsageError
from llm_router.nouns import Assessment


@click.command()
@click.argument("words", nargs=-1, metavar="PROMPT|-")
@click.option("--jsonl", metavar="FILE|-", help='One {"id", "prompt"} object a line, one answer a line.')
@json_option
def classify(words: tuple[str, ...], jsonl: str | None, as_json: bool) -> int:
    """Say what kind of task a prompt is, how hard, and which tier of model can do it. No network.

    All numbers lie in [0,1]; p_small, p_mid and p_frontier are chances of success, gain is what a frontier model is
    expected to add to a small one.
    """
    if jsonl is not None:
        if words:
            raise UsageError("--jsonl takes its prompts from the file", fix="leave the prompt out")
        with _opened(jsonl) as lines:
            return _each(lines)
    found = assess(nouns.ask(read_prompt(words)))
    if as_json:
        output.emit(_facts(found) | {"reasons": found.reasons})
        return 0
    output.say(
        f"{found.task} · {found.complexity} · confidence {found.confidence:.2f} · difficulty {found.difficulty:.2f}"
    )
    output.say(f"  chances: {output.chances(_facts(found))}")
    for reason in found.reasons:
        output.say(f"  {reason}")
    output.say(f"  decided by the {found.source}")
    return 0


def _facts(found: Assessment) -> dict[str, object]:
    return {
        "task": found.task,
        "complexity": found.complexity,
        "confidence": round(found.confidence, 4),
        "difficulty": round(found.difficulty, 4),
        "gain": round(found.gain, 4),
        "p_small": round(found.p_small, 4),
        "p_mid": round(found.p_mid, 4),
        "p_frontier": round(found.p_frontier, 4),
        "by": found.source,
    }


@contextmanager
def _opened(name: str) -> Generator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(name).open("rb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror or error}", fix="check the path") from None


def _each(lines: BinaryIO) -> int:
    """A broken line is answered with its number and the rest still served; then the exit code is 2."""
    broken = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            one = _parsed(line)
        except ValueError as error:
            broken += 1
            body: dict[str, object] = {"line": number, "error": str(error)}
        else:
            body = {"id": one.get("id")} | _facts(assess(nouns.ask(str(one["prompt"]))))
        sys.stdout.write(json.dumps(body, ensure_ascii=False) + "\n")
    if broken:
        output.note(f"error: {broken} broken line(s)")
    return UsageError.exit_code if broken else 0


def _parsed(line: bytes) -> dict[str, object]:
    try:
        one = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {type(error).__name__}") from None
    if not isinstance(one, dict) or not isinstance(cast("dict[str, object]", one).get("prompt"), str):
        raise ValueError('a line is {"id": ..., "prompt": "..."}')  # noqa: TRY004 - it is the value that is wrong
    return cast("dict[str, object]", one)
