"""Another process that holds a database: what it does to those who share the file."""

import subprocess
import sys
from contextlib import contextmanager

_HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("ROLLBACK")
"""


@contextmanager
def held(path, seconds):
    """From the first line of the block on, for so long. Gives the process; when it has ended the database is free."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        yield holder
        assert holder.wait(60) == 0
    finally:
        holder.kill()
        holder.wait(60)
        holder.stdout.close()
