"""Which llm-routers a call has passed through, told in a header: one may be a provider of another, and a call that comes
back to where it was is refused.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

from llm_router import paths

HEADER = "x-llm-router-hop"
MOST = 8  # more in a row are a mistake too
FILE = "installation"


@cache
def mark(root: Path) -> str:
    """What tells this home from all others; made when it is first asked for. A home that takes no file, or whose file is
    damaged, is known by where it is.
    """
    with suppress(OSError, ValueError):
        if made := _kept(root / FILE) or _made(root):
            return made
    return sha256(os.fsencode(root.absolute())).hexdigest()[:16]


def passed(told: str, own: str) -> str:
    """The header of a call that goes on."""
    return f"{told},{own}"


def comes_back(told: str, own: str) -> bool:
    """Whether a call that shows this header has been here."""
    before = told.split(",")
    return own in before or len(before) >= MOST


def _kept(file: Path) -> str:
    return file.read_text(encoding="ascii").strip() if file.exists() else ""


def _made(root: Path) -> str:
    """Of those that make one at the same moment all get that of the first."""
    paths.ensure_home(root)
    made = os.urandom(8).hex()
    file, temporary = root / FILE, root / f"{FILE}.{made}"
    temporary.write_text(made, encoding="ascii")
    try:
        with suppress(FileExistsError):
            os.link(temporary, file)
    finally:
        temporary.unlink()
    return _kept(file)
