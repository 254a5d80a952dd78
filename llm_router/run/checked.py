"""Whose answers are checked before they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_router.checks import Mode, Verify
from llm_router.nouns import Assessment, Request
from llm_router.settings import RoutingSettings

if TYPE_CHECKING:
    from llm_router.run.cascade import Cascade, Harder

_CHECKED_DOORS = frozenset({"cli", "mcp"})


def cascade_for(
    request: Request, assessment: Assessment, routing: RoutingSettings, harder: Harder
) -> Cascade | None:
    """The checks of this request, or None: see `_mode`."""
    verify = request.verify or Verify()
    mode = _mode(request, verify, routing.verify)
    if mode == "off":
        return None
    from llm_router.run.cascade import Cascade  # with every verifier, for who is answered only
    from llm_router.verify import Workshop

    workshop = Workshop(routing.test_seconds, routing.unisolated_tests)
    return Cascade(assessment, verify, mode, workshop, harder)


def _mode(request: Request, verify: Verify, by_settings: Mode) -> Mode:
    """What the caller says stands above the settings, and tests given are a word too. Where nobody asked, `auto` leaves
    alone whoever streams (an answer must be held back until it is checked) and every door but the tools' and our own.
    """
    asked = verify.mode or ("auto" if verify.tests else None)
    if request.origin is not None and request.stream:
        return "off"
    mode = asked or by_settings
    if mode == "auto" and asked is None and (request.stream or request.door not in _CHECKED_DOORS):
        return "off"
    return mode
