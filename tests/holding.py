"""Another process that holds a database: what it does to those who share the file."""

import subprocess
import sys
from contextlib import contextmanager

_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


@contextmanager
def held(path):
    """For as long as the block, or until what it gives is called."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def let_go():
        holder.communicate(timeout=60)

    try:
        assert holder.stdout.readline() == "held\n"
        yield let_go
        if holder.poll() is None:
            let_go()
        assert holder.returncode == 0
    finally:
        holder.kill()
        holder.wait(60)
