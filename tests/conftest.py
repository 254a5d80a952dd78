"""For all tests: what a busy machine, or the way a test run was started, must not change."""

import signal
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings

from llm_router import inventory
from llm_router.providers import listing
from llm_router.record import ledger
from llm_router.run import tiebreak
from tests.clock import Clock

# examples have no time limit: a busy machine proves nothing
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# a run in the background is told to ignore interrupts, and every process it starts would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)

# some tests are a thousand clients, with the sandbox behind them: shells allow less than they could
# Windows has no such limit, macOS "unlimited" ones that are not
with suppress(ImportError, ValueError, OSError):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))

# what a user is not kept waiting for is waited for here: a busy machine proves nothing by being late
_LIMITS = (
    (ledger, "CLOSE_S"),
    (inventory, "LISTING_LIMIT_S"),
    (inventory, "CHECK_LIMIT_S"),
    (listing, "LISTING_LIMIT_S"),
    (listing, "DETAILS_LIMIT_S"),
    (tiebreak, "LIMIT_S"),
    (tiebreak, "QUICK_MS"),
)
_OWN = [(module, name, getattr(module, name)) for module, name in _LIMITS]
for _module, _name in _LIMITS:
    setattr(_module, _name, 60_000.0 if _name.endswith("_MS") else 60.0)


@pytest.fixture
def own_limits(monkeypatch):
    """For tests of these limits: they are what they are for a user."""
    for limit in _OWN:
        monkeypatch.setattr(*limit)


@pytest.fixture
def clock():
    return Clock()
