"""For all tests: what a busy machine, or the way a test run was started, must not change."""

import signal

from hypothesis import HealthCheck, settings

# examples have no time limit: a busy machine proves nothing
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# a run in the background is told to ignore interrupts, and every process it starts would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)
