"""For all tests: what a busy machine, or the way a test run was started, must not change."""

import signal
from contextlib import suppress

from hypothesis import HealthCheck, settings

# examples have no time limit: a busy machine proves nothing
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# a run in the background is told to ignore interrupts, and every process it starts would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)

# some tests are a thousand clients, with the sandbox behind them: shells allow less than they could
with suppress(
    ImportError, ValueError, OSError
):  # Windows has no such limit, macOS "unlimited" ones that are not
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
