"""`logs`: the service's log, one line per request."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from llm_router import paths
from llm_router.cli import output
from llm_router.errors import NotFoundError
from llm_router.service.journal import line_for_people, path_in

LOOK_EVERY_S = 0.2


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on; Ctrl-C ends it.")
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=20, show_default=True, help="How many of the last ones."
)
@click.option("--json", "as_json", is_flag=True, help="The lines as they are, one JSON object each.")
def logs(follow: bool, lines: int, as_json: bool) -> None:
    """What the service did: a line per request, with model, tokens, cost and time to the first token.

    No line holds a word of a prompt or an answer.
    """
    path = path_in(paths.home())
    if not path.exists() and not follow:
        raise NotFoundError("there is no log yet", fix="llm-router start")
    for line in _last(path, lines):
        _show(line, as_json=as_json)
    if follow:
        sys.stdout.flush()
        for line in _following(path):
            _show(line, as_json=as_json)
            sys.stdout.flush()


def _last(path: Path, count: int) -> list[str]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [line for line in deque(file, maxlen=count) if line.strip()]
    except FileNotFoundError:
        return []


def _following(path: Path) -> Iterator[str]:
    """What is added, in the file that has this name now: it is rotated, and may not exist yet."""
    at, inode, rest = _end(path), _inode(path), ""
    while True:
        time.sleep(LOOK_EVERY_S)
        if _inode(path) != inode:
            at, inode, rest = 0, _inode(path), ""
        with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
            file.seek(at)
            *whole, rest = (rest + file.read()).split("\n")
            at = file.tell()
            yield from whole


def _end(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _inode(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_ino
    return 0


def _show(line: str, *, as_json: bool) -> None:
    if as_json:
        output.say(line.rstrip("\n"))
        return
    try:
        facts: dict[str, Any] = json.loads(line)
    except ValueError:  # half a line, of a disk that was full
        return
    output.say(line_for_people(facts))
