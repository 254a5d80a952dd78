"""What the command line clients share: a clean environment, an empty place to work in, and their failures."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from llm_router.dialects.cli_messages import classify
from llm_router.errors import UpstreamError
from llm_router.nouns import FailureKind
from llm_router.providers.process import MAX_OUTPUT, OutputTooLargeError

DEFAULT_MODEL = "default"  # the catalogue's name for "let the client choose"

# Without instructions of ours a client sends its own, thousands of tokens about editing files.
INSTRUCTIONS = (
    "You are a helpful assistant. Answer the request directly and completely. You have no tools and no files."
)

_SECRET = re.compile(r"API_?KEY|ACCESS_?KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
# A host's own settings: with them a client would talk to the host's vendor, or back to a gateway of ours.
_HOSTS = ("ANTHROPIC_", "CLAUDE_", "CLAUDECODE", "OPENAI_", "LLM_ROUTER_")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]")
_STACK = re.compile(r"^\s+at .*$|^Warning: .*$|^\[STARTUP\].*$|^WARNING: proceeding.*$", re.MULTILINE)


def clean_environ(environ: Mapping[str, str], *, own: Sequence[str]) -> dict[str, str]:
    """The environment without other vendors' keys and hosts' settings. What begins with one of `own` stays."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(tuple(own)) or not (name.startswith(_HOSTS) or _SECRET.search(name))
    }


@contextmanager
def workplace(files: Mapping[str, str]) -> Generator[Path]:
    """A folder for one call, with an empty `cwd` and these files beside it; gone afterwards, with all litter."""
    with tempfile.TemporaryDirectory(prefix="llm-router-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "cwd").mkdir()
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        yield folder


@contextmanager
def as_upstream(provider: str, *, timeout_s: float, fix: str) -> Generator[None]:
    """Turn what can go wrong around a process into UpstreamError."""
    try:
        yield
    except TimeoutError:
        raise UpstreamError(
            FailureKind.TIMEOUT,
            f"No answer within {timeout_s:g} s.",
            fix="Give it longer, or use another model.",
        ) from None
    except OutputTooLargeError:
        raise UpstreamError(
            FailureKind.MALFORMED, f"More than {MAX_OUTPUT // 2**20} MB of output; it was stopped."
        ) from None
    except OSError as error:
        raise UpstreamError(
            FailureKind.CONNECTION, f"{provider} could not be started: {error.strerror or error}.", fix=fix
        ) from None


def exit_failure(provider: str, code: int, stderr: str, *, fix: str) -> UpstreamError:
    """What an exit code other than 0 without any word on standard output means: the end of the error output."""
    words = said(stderr)
    if "unexpected argument" in words or "Unknown argument" in words:
        return UpstreamError(
            FailureKind.UNSUPPORTED, f"This version of {provider} is too old: {words[:300]}", fix=fix
        )
    error = classify(provider, words)
    if not words:
        error = UpstreamError(
            error.kind, f"{provider} ended with exit code {code} and said nothing.", fix=fix
        )
    return error


def said(stderr: str) -> str:
    """The error output without colours, stack traces and start-up chatter."""
    plain = _STACK.sub("", _ESCAPES.sub("", stderr))
    return " ".join(plain.split())[-2_000:]
