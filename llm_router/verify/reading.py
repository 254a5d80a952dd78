"""The verifiers that only read: pure, a millisecond together."""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec.structs import replace

from llm_router.checks import Check
from llm_router.nouns import Answer, Request
from llm_router.verify.code import lint, parse
from llm_router.verify.language import language
from llm_router.verify.prose import length, refusal, truncation
from llm_router.verify.schema import schema

Verifier = Callable[[Request, Answer], Check]
READERS: tuple[Verifier, ...] = (refusal, truncation, schema, parse, lint, language, length)
_LONGEST = 200_000  # characters an answer may have to be read


def read(request: Request, answer: Answer) -> list[Check]:
    """What all of them say, those that cannot judge left out. A defect of ours in one never costs the answer."""
    found: list[Check] = []
    for verifier in READERS if len(answer.text) <= _LONGEST else READERS[:2]:
        started = time.perf_counter()
        try:
            check = verifier(request, answer)
        except Exception as error:  # an answer may be anything
            check = Check(verifier.__name__, "unknown", f"{type(error).__name__}: {error}"[:160])
        found.append(replace(check, ms=(time.perf_counter() - started) * 1000))
    return [check for check in found if check.finding != "unknown" or check.detail]
