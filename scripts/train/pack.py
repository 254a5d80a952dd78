"""Writes the artefact: the layout is told in `llm_router/classify/artefact.py`."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from llm_router.classify.artefact import BODY, HEADER, MAGIC, ROW, VERSION

_CODES = {np.dtype(np.int8): b"b", np.dtype(np.uint8): b"B", np.dtype(np.float32): b"f"}


def quantised(table: NDArray[np.float64]) -> tuple[NDArray[np.int8], float]:
    """Weights in 255 steps, and the size of a step. What lies outside six deviations is cut."""
    used = table[table != 0]
    most = min(float(np.abs(table).max(initial=0)), 6 * float(used.std())) if used.size else 0.0
    step = (most or 1.0) / 127
    return np.clip(np.round(table / step), -127, 127).astype(np.int8), step


def write(path: Path, sections: Mapping[str, NDArray[np.generic]]) -> int:
    rows, body = b"", b""
    start = BODY + len(sections) * struct.calcsize(ROW)
    for name, values in sections.items():
        body += b"\0" * (-(start + len(body)) % 8)
        code = _CODES[values.dtype]
        rows += struct.pack(ROW, name.encode(), code, start + len(body), values.size)
        body += values.astype(values.dtype.newbyteorder("<")).tobytes()
    whole = rows + body
    header = struct.pack(HEADER, MAGIC, 0x0102, VERSION, BODY + len(whole), crc32(whole), len(sections))
    path.write_bytes(header + whole)
    return len(header + whole)
