"""A stand-in for the Codex CLI: `codex login status` and `codex exec --json`, as the real one answers them.

CODEX_SANDBOX_LOGGED_OUT=1 logs it out: `login status` says so, and `exec` hangs, for the real one does not check.
CODEX_SANDBOX_FAULT is one of

    hang           reads the prompt and never answers
    hang_tree      the same with a child process, both deaf to SIGTERM
    fail           the server's error: turn.failed, exit code 1
    rate_limit     the subscription's limit: turn.failed, exit code 1
    unauthorized   a login that is no longer good: turn.failed, exit code 1
    garbage        text that is no JSON, exit code 0
    empty          an agent message without text
    truncated      ends after turn.started, exit code 0
    orphan         answers, and leaves a child process that keeps its output open
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from pathlib import Path
from typing import Any

from llm_router.sandbox.answers import Answer, answer
from llm_router.sandbox.standins.common import Setting, hang, prompt_from_stdin, start_child
from llm_router.sandbox.turn import Turn, tokens

_SETTING = Setting("CODEX")
_FAILURES = {
    "fail": "unexpected status 500 Internal Server Error: The server had an error while processing your request.",
    "rate_limit": "You've hit your usage limit. Upgrade to Pro or try again in 3 hours 12 minutes.",
    "unauthorized": "unexpected status 401 Unauthorized: Your access token could not be refreshed. Please log in again.",
}
_OVERHEAD = 1400  # tokens that the real client's own instructions cost with every feature switched off


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    if options.version:
        print("codex-cli 0.169.0")
        return 0
    if options.command == "login":
        _SETTING.log()
        print("Not logged in" if _SETTING.logged_out else "Logged in using ChatGPT", file=sys.stderr)
        return 1 if _SETTING.logged_out else 0
    if options.command == "exec":
        return _exec(options)
    print("the stand-in knows `login status` and `exec` only", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="codex", allow_abbrev=False)
    parser.add_argument("--version", "-V", action="store_true")
    commands = parser.add_subparsers(dest="command")
    login = commands.add_parser("login")
    login.add_argument("action", choices=["status"])
    run = commands.add_parser("exec", allow_abbrev=False)
    for flag in ("--json", "--skip-git-repo-check", "--ephemeral", "--ignore-user-config", "--ignore-rules"):
        run.add_argument(flag, action="store_true")
    run.add_argument("-s", "--sandbox", choices=["read-only", "workspace-write", "danger-full-access"])
    run.add_argument("-m", "--model", default="sandbox-codex")
    run.add_argument("-o", "--output-last-message", type=Path)
    run.add_argument("--output-schema", type=Path)
    run.add_argument("-C", "--cd", type=Path)
    run.add_argument("-c", "--config", action="append", default=[])
    for option in ("--color", "--enable", "--disable", "--profile"):
        run.add_argument(option, action="append", default=[])
    run.add_argument("-i", "--image", action="append", default=[])
    run.add_argument("prompt", nargs="?", default="-")
    return parser


def _exec(options: argparse.Namespace) -> int:
    prompt = prompt_from_stdin() if options.prompt == "-" else str(options.prompt)
    fault = _SETTING.fault
    child = start_child(stubborn=fault == "hang_tree") if fault in ("orphan", "hang_tree") else None
    _SETTING.log(prompt=prompt, child=child)
    if _SETTING.logged_out or fault in ("hang", "hang_tree"):
        hang(stubborn=fault == "hang_tree")
        return 1
    if fault == "garbage":
        print("thread 'main' panicked: this is {not json\n\x00\x1b[31m")
        return 0
    _say(options, "thread.started", thread_id=str(uuid.uuid4()))
    _say(options, "turn.started")
    if fault == "truncated":
        return 0
    if fault in _FAILURES:
        _say(options, "error", message=_FAILURES[fault])
        _say(options, "turn.failed", error={"message": _FAILURES[fault]})
        return 1
    return _complete(options, prompt, Answer() if fault == "empty" else None)


def _complete(options: argparse.Namespace, prompt: str, given: Answer | None) -> int:
    schema = json.loads(options.output_schema.read_text("utf-8")) if options.output_schema else None
    told = given or answer(Turn(model=options.model, prompt=prompt, said=prompt, schema=schema))
    _say(options, "item.completed", item={"id": "item_0", "type": "reasoning", "text": "Simulated."})
    _say(options, "item.completed", item={"id": "item_1", "type": "agent_message", "text": told.text})
    usage = {
        "input_tokens": tokens(len(prompt)) + _OVERHEAD,
        "cached_input_tokens": 0,
        "cache_write_input_tokens": 0,
        "output_tokens": told.output_tokens,
        "reasoning_output_tokens": 0,
    }
    _say(options, "turn.completed", usage=usage)
    if options.output_last_message:
        options.output_last_message.write_text(told.text, encoding="utf-8")
    if not options.json:
        print(told.text)
    return 0


def _say(options: argparse.Namespace, kind: str, **fields: Any) -> None:
    if options.json:
        print(json.dumps({"type": kind, **fields}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
