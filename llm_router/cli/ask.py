"""`ask`: one prompt through the whole path."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import aclosing
from decimal import Decimal, InvalidOperation
from math import isnan
from pathlib import Path
from typing import Any, get_args

import click

from llm_router import nouns, paths
from llm_router.checks import Mode, Verify
from llm_router.cli import output
from llm_router.cli.options import JsonFile, TaskName, json_option
from llm_router.cli.prompt import read_prompt
from llm_router.errors import UsageError
from llm_router.nouns import (
    Checking,
    Chosen,
    Complexity,
    Done,
    Event,
    Failed,
    Profile,
    Reply,
    Request,
    Task,
    TextDelta,
    Trying,
)


def _dollars(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Micro-dollars of `0.05` or `$0.05`."""
    if value is None:
        return None
    try:
        micros = int(Decimal(value.removeprefix("$")) * 1_000_000)
    except (InvalidOperation, ValueError, OverflowError):
        micros = -1
    if micros < 0:
        raise click.BadParameter(f"{value} is not an amount of US dollars such as 0.05")
    return micros


class _Seconds(click.FloatRange):
    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds: float = super().convert(value, param, ctx)
        return self.fail(f"{value} is not a number of seconds", param, ctx) if isnan(seconds) else seconds


@click.command()
@click.argument("words", nargs=-1, metavar="PROMPT|-")
@click.option("-t", "--task", type=TaskName(), help="Instead of the classifier's word.")
@click.option("-c", "--complexity", type=click.Choice([str(c) for c in Complexity]), help="Likewise.")
@click.option("-m", "--model", metavar="NAME", help="provider/model or an alias: this one, and no other.")
@click.option("-p", "--profile", type=click.Choice([str(p) for p in Profile]))
@click.option("--max-cost", metavar="USD", callback=_dollars, help="The most this call may cost.")
@click.option("-s", "--system", metavar="TEXT", help="System prompt.")
@click.option(
    "-f", "--file", "files", multiple=True, metavar="FILE", help="Append a text file to the prompt."
)
@click.option("--deadline", type=_Seconds(), metavar="SECONDS", help="For the whole call.")
@click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="Longest answer.")
@click.option(
    "--session", metavar="NAME", help="Earlier prompts of this name bear on how hard this one is taken."
)
@click.option(
    "--schema", type=JsonFile(), metavar="FILE", help="The answer must be JSON of this JSON Schema."
)
@click.option(
    "--verify",
    type=click.Choice(get_args(Mode)),
    help="Check the answer, and ask a stronger model where it fails.",
)
@click.option(
    "--test-command",
    metavar="COMMAND",
    help="Ends with 0 when the answer is good; run confined, in a copy of this folder with the answer in it.",
)
@click.option("--test-file", metavar="PATH", help="The file the answer's code is, where it does not say so.")
@click.option("--stream", is_flag=True, help="Print the answer as it comes (--json: one event a line).")
@click.option("--dry-run", is_flag=True, help="Show what would be done; call nobody.")
@click.option("-q", "--quiet", is_flag=True, help="The answer and nothing else.")
@json_option
def ask(
    words: tuple[str, ...], files: tuple[str, ...], dry_run: bool, as_json: bool, quiet: bool, **given: Any
) -> None:
    """Route a prompt to the cheapest capable model and print its answer.

    `-` among the words stands for stdin. The answer goes to stdout; who gave it, at what cost, to stderr.
    """
    request = _request(read_prompt(words, files), given)
    asyncio.run(_dry_run(request, as_json) if dry_run else _answer(request, as_json, quiet))


def _request(prompt: str, given: dict[str, Any]) -> Request:
    return nouns.ask(
        prompt,
        system=given["system"],
        task=Task(given["task"]) if given["task"] else None,
        complexity=Complexity(given["complexity"]) if given["complexity"] else None,
        profile=Profile(given["profile"]) if given["profile"] else None,
        model=given["model"],
        max_cost=given["max_cost"],
        max_output_tokens=given["max_tokens"],
        deadline_s=given["deadline"],
        stream=given["stream"],
        session=given["session"],
        schema=given["schema"],
        verify=_verify(given),
        project=paths.here().name or None,
    )


def _verify(given: dict[str, Any]) -> Verify | None:
    mode, tests, file = given["verify"], given["test_command"], given["test_file"]
    if not (mode or tests or file):
        return None
    tree = paths.here()
    if tests and (tree == Path.home() or tree == Path(tree.anchor)):
        raise UsageError(
            f"the tests would run in a copy of {tree}", fix="change to the project's folder first"
        )
    return Verify(mode, tests or "", str(tree), file or "")


async def _answer(request: Request, as_json: bool, quiet: bool) -> None:
    from llm_router.app import App

    app = App.build()
    printer = _Lines(request) if as_json else _Text(request, quiet=quiet)
    try:
        async with aclosing(app.stream(request)) as events:
            async for event in events:
                printer.show(event)
    finally:
        printer.close()
        await app.aclose()


async def _dry_run(request: Request, as_json: bool) -> None:
    from llm_router.app import App
    from llm_router.cli.story import facts, tell

    app = App.build()
    try:
        decision = await app.dry_run(request)
    finally:
        await app.aclose()
    if as_json:
        output.emit({"dry_run": True} | facts(decision))
    else:
        tell(facts(decision))


class _Lines:
    """JSON: the whole reply, or with --stream one object a line."""

    def __init__(self, request: Request) -> None:
        self.stream = request.stream

    def show(self, event: Event) -> None:
        from llm_router.cli.story import facts

        if isinstance(event, Done):
            body = (
                {"text": event.reply.text} | summary(event.reply) | {"decision": facts(event.reply.decision)}
            )
            output.emit(({"type": "done"} if self.stream else {}) | body)
        elif not self.stream:
            return
        elif isinstance(event, TextDelta):
            output.emit({"type": "delta", "text": event.text})
        elif isinstance(event, (Trying, Checking, Chosen)):
            output.emit({"type": type(event).__name__.lower(), "model": event.candidate.model.ref})
        elif isinstance(event, Failed):
            output.emit({"type": "failed", "attempt": output.attempt_line(event.attempt)})
        sys.stdout.flush()

    def close(self) -> None:
        pass


class _Text:
    """The answer on stdout; progress, failures and the last line on stderr."""

    def __init__(self, request: Request, *, quiet: bool) -> None:
        self.stream, self.quiet = request.stream, quiet
        self.progress = not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self.ended = True  # whether stdout stands at the start of a line
        self.shown = False

    def show(self, event: Event) -> None:
        if isinstance(event, Trying) and self.progress:
            self._progress(f"trying {event.candidate.model.ref}…")
        elif isinstance(event, Checking) and self.progress:
            self._progress(f"checking the answer of {event.candidate.model.ref}…")
        elif isinstance(event, Failed) and not self.quiet:
            self._progress("")
            output.note(f"failed {output.attempt_line(event.attempt)}")
        elif isinstance(event, TextDelta) and self.stream:
            self._progress("")
            self._write(event.text)
        elif isinstance(event, Done):
            self._progress("")
            if not self.stream:
                self._write(event.reply.text)
            self.close()
            if not self.quiet:
                output.note(last_line(event.reply))

    def close(self) -> None:
        self._progress("")
        if not self.ended:
            self._write("\n")

    def _write(self, text: str) -> None:
        sys.stdout.write(output.visible(text, terminal=sys.stdout.isatty()))
        sys.stdout.flush()
        self.ended = text.endswith("\n") if text else self.ended

    def _progress(self, text: str) -> None:
        if self.progress and (text or self.shown):
            sys.stderr.write(f"\r\x1b[2K{text}")
            sys.stderr.flush()
            self.shown = bool(text)


def summary(reply: Reply) -> dict[str, object]:
    decision, usage, winner = reply.decision, reply.answer.usage, reply.decision.winner
    return {
        "model": f"{winner.provider}/{winner.model}" if winner else reply.answer.model,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": output.usd(decision.cost),
        "ms": round(decision.total_ms),
        "id": decision.id,
    }


def last_line(reply: Reply) -> str:
    """`provider/model · 12+34 tokens · free · 812 ms · d_0lx3k9f2a7c41e`."""
    one, winner = summary(reply), reply.decision.winner
    cost = output.money(reply.decision.cost, winner.billing if winner else None)
    about = "~" if reply.answer.usage.estimated else ""
    tokens = f"{about}{one['input_tokens']}+{one['output_tokens']} tokens"
    doubts = output.doubts(winner.verification if winner else None)
    return f"{one['model']} · {tokens} · {cost} · {one['ms']} ms{doubts} · {one['id']}"
