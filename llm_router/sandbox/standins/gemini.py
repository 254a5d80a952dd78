"""A stand-in for the Gemini CLI: `gemini -m MODEL -o json` with the prompt on stdin.

GEMINI_SANDBOX_LOGGED_OUT=1 takes its login away: exit code 41. GEMINI_SANDBOX_FAULT is one of hang, hang_tree, orphan,
garbage, empty (as for `codex`), or fail (500), rate_limit (429), unauthorized (401): an error as JSON, and the status
modulo 256 as exit code.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid

from llm_router.sandbox.answers import Answer, answer
from llm_router.sandbox.plain import JsonDict
from llm_router.sandbox.standins.common import Setting, hang, prompt_from_stdin, start_child
from llm_router.sandbox.turn import Turn, tokens
from llm_router.sandbox.wires.problems import Problem
from llm_router.sandbox.wires.problems import gemini as told_by_vendor

_SETTING = Setting("GEMINI")
_STATUSES = {"fail": 500, "rate_limit": 429, "unauthorized": 401}
_NO_LOGIN = (
    "Please set an Auth method in your settings.json or specify one of the following environment variables before "
    "running: GEMINI_API_KEY, GOOGLE_GENAI_USE_VERTEXAI, GOOGLE_GENAI_USE_GCA"
)


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    if options.version:
        print("0.61.0")
        return 0
    parts = [prompt_from_stdin(), options.prompt or ""]
    prompt = "\n\n".join(part for part in parts if part)
    fault = _SETTING.fault
    child = start_child(stubborn=fault == "hang_tree") if fault in ("orphan", "hang_tree") else None
    _SETTING.log(prompt=prompt, child=child)
    if _SETTING.logged_out:
        return _fail(options, "FatalAuthenticationError", _NO_LOGIN, 41)
    if fault in ("hang", "hang_tree"):
        hang(stubborn=fault == "hang_tree")
        return 1
    if fault == "garbage":
        print("Loaded cached credentials.\n{not json")
        return 0
    if fault in _STATUSES:
        status, body = told_by_vendor(Problem(status=_STATUSES[fault]))
        return _fail(options, "Error", json.dumps(body), status)
    _answer(options, prompt, Answer() if fault == "empty" else None)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gemini", allow_abbrev=False)
    parser.add_argument("--version", "-v", action="store_true")
    parser.add_argument("-m", "--model", default="sandbox-gemini")
    parser.add_argument("-o", "--output-format", choices=["text", "json"], default="text")
    parser.add_argument("-p", "--prompt")
    parser.add_argument("-e", "--extensions", action="append", default=[])
    parser.add_argument("--approval-mode")
    parser.add_argument("--skip-trust", action="store_true")
    return parser


def _fail(options: argparse.Namespace, kind: str, message: str, code: int) -> int:
    """On stderr, the log of what was tried first."""
    error = {"type": kind, "message": message, "code": code}
    told = _json({"session_id": str(uuid.uuid4()), "error": error})
    print("Error when talking to Gemini API {\n  status: 0\n}", file=sys.stderr)
    print(told if options.output_format == "json" else message, file=sys.stderr)
    return code % 256


def _answer(options: argparse.Namespace, prompt: str, given: Answer | None) -> None:
    told = given or answer(Turn(model=options.model, prompt=prompt, said=prompt))
    if options.output_format == "text":
        print(told.text)
        return
    asked, said = tokens(len(prompt)), told.output_tokens
    counted = {"input": asked, "prompt": asked, "candidates": said, "total": asked + said}
    counted |= {"cached": 0, "thoughts": 0, "tool": 0}
    api = {"totalRequests": 1, "totalErrors": 0, "totalLatencyMs": 1}
    stats = {"models": {options.model: {"api": api, "tokens": counted}}}
    print(_json({"session_id": str(uuid.uuid4()), "response": told.text, "stats": stats}))


def _json(value: JsonDict) -> str:
    return json.dumps(value, indent=2, ensure_ascii=True)


if __name__ == "__main__":
    sys.exit(main())
