"""Waiting for what happens in another thread or process, as a busy machine lets it happen."""

import time

LIMIT_S = 120.0  # ends a test that hangs; no test that passes comes near it


def wait_for(condition, what="it", limit_s=LIMIT_S):
    """Whatever `condition` gives, as soon as it gives something."""
    limit = time.monotonic() + limit_s
    while not (found := condition()):
        assert time.monotonic() < limit, f"{what} did not happen within {limit_s} s"
        time.sleep(0.02)
    return found
