"""How the command line speaks: JSON or text on stdout, notes and errors on stderr. Imports neither click nor rich."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from llm_router.checks import Verification
from llm_router.errors import RouterError
from llm_router.nouns import Attempt, Billing

SCHEMA_VERSION = 1
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def wants_json(arguments: Sequence[str]) -> bool:
    """Before click has parsed: an error in the options themselves must come in the asked form too."""
    return "--json" in arguments[: arguments.index("--") if "--" in arguments else None]


def use_utf8() -> None:
    """Answers are UTF-8 whatever the locale says; half a surrogate never breaks an output."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def emit(body: Mapping[str, object]) -> None:
    """One JSON object on one line."""
    sys.stdout.write(json.dumps({"schema_version": SCHEMA_VERSION} | dict(body), ensure_ascii=False) + "\n")


def say(text: str = "") -> None:
    sys.stdout.write(visible(text, terminal=sys.stdout.isatty()) + "\n")


def note(text: str) -> None:
    """To stderr. What cannot be written there must not fail a command that has done its work."""
    try:
        sys.stderr.write(visible(text, terminal=True) + "\n")
        sys.stderr.flush()
    except OSError:
        sys.stderr = io.StringIO()


def visible(text: str, *, terminal: bool) -> str:
    """What a model or an upstream wrote must not steer the user's terminal."""
    return _CONTROL.sub("", text) if terminal else text


def show_error(error: RouterError, *, as_json: bool) -> None:
    if as_json:
        emit(error.as_dict())
        sys.stdout.flush()
        return
    note(f"error: {error.message}")
    if error.fix:
        note(f"fix: {error.fix}")
    if error.decision is not None:
        note(f"more: llm-router explain {error.decision.id}")


def attempt_line(attempt: Attempt) -> str:
    """`groq/llama: rate_limited 429, retry after 60 s: too many requests (31 ms)`."""
    status = f" {attempt.status}" if attempt.status else ""
    wait = f", retry after {attempt.retry_after_s:.0f} s" if attempt.retry_after_s else ""
    detail = f": {attempt.detail}" if attempt.detail else ""
    return (
        f"{attempt.provider}/{attempt.model}: {attempt.outcome}{status}{wait}{detail} ({attempt.ms:.0f} ms)"
    )


def doubts(found: Verification | None) -> str:
    """Of an answer that was given though checks of it failed: ` · checks failed: tests`; "" of any other."""
    return (
        f" · checks failed: {', '.join(c.verifier for c in found.failed)}" if found and found.failed else ""
    )


def abandon_stdout() -> None:
    """Let nothing flush into a closed pipe at exit."""
    with suppress(OSError, ValueError):  # a stream without a descriptor has nothing to flush into
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def did_you_mean(word: str, known: Sequence[str]) -> str:
    import difflib

    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else ""


def money(micros: int | None, billing: Billing | str | None = None) -> str:
    """`$0.0012`, `free`, `subscription`, or `unpriced`: an unknown price is never shown as zero."""
    if billing == Billing.SUBSCRIPTION and not micros:
        return "subscription"
    if micros is None:
        return "unpriced"
    if not micros:
        return "free" if billing == Billing.LOCAL else "$0"
    sign, micros = "-" if micros < 0 else "", abs(micros)
    if micros < 10_000:
        return sign + f"${micros / 1e6:.6f}".rstrip("0")
    return f"{sign}${micros / 1e6:.4f}" if micros < 1_000_000 else f"{sign}${micros / 1e6:,.2f}"


def usd(micros: int | None) -> float | None:
    """Dollars for JSON."""
    return None if micros is None else micros / 1e6


def chances(found: Mapping[str, Any]) -> str:
    """The chances of each tier, as `p_small`, `p_mid`, `p_frontier` and `gain` of an assessment."""
    tiers = ", ".join(f"{tier} {found[f'p_{tier}']:.2f}" for tier in ("small", "mid", "frontier"))
    return f"{tiers}; a stronger model is expected to add {found['gain']:.2f}"
