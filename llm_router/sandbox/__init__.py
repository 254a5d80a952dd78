"""Simulated upstreams on loopback: real sockets, real wire formats, faults on demand.

    with Sandbox() as box:
        box.fault("gemini", Fault("status", status=429, retry_after=60))
        run(env=box.environ())
        assert box.requests[-1].vendor == "groq"

Nothing here asks a model; every answer says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llm_router.sandbox.answers import digest
    from llm_router.sandbox.box import Sandbox, serve
    from llm_router.sandbox.faults import Fault
    from llm_router.sandbox.listings import Installed
    from llm_router.sandbox.records import Recorded

__all__ = ["Fault", "Installed", "Recorded", "Sandbox", "digest", "serve"]
_HOMES = {"Fault": "faults", "Installed": "listings", "Recorded": "records", "digest": "answers"}


def __getattr__(name: str) -> Any:
    # on use, because the stand-in executables load a part of this package at every start
    if name not in __all__:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"llm_router.sandbox.{_HOMES.get(name, 'box')}"), name)
