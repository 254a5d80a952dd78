"""For what a thread does in its own time."""

import time


def soon(condition, limit_s=60.0):
    """What `condition` gives, as soon as it is true; after the limit whatever it gives."""
    until = time.monotonic() + limit_s
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.005)
    return found
