"""Writes the artefact: the layout is told in `llm_router/classify/artefact.py`."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from llm_router.classify.artefact import BODY, HEADER, MAGIC, ROW, VERSION
from llm_router.classify.heads import LEAVES

SPLITS = LEAVES - 1  # of a tree

_CODES = {np.dtype(np.int8): b"b", np.dtype(np.uint8): b"B", np.dtype(np.float32): b"f"}


def quantised(table: NDArray[np.float64]) -> tuple[NDArray[np.int8], float]:
    """Weights in 255 steps, and the size of a step. What lies outside six deviations is cut."""
    used = table[table != 0]
    most = min(float(np.abs(table).max(initial=0)), 6 * float(used.std())) if used.size else 0.0
    step = (most or 1.0) / 127
    return np.clip(np.round(table / step), -127, 127).astype(np.int8), step


@dataclass
class Trees:
    """Five splits and six leaves for each tree; a child that is not negative is a split of the same tree, else leaf ~child.
    Leaves are numbered from left to right, left being where the measure is not larger than the threshold.
    """

    measure: NDArray[np.uint8]
    threshold: NDArray[np.float32]
    less: NDArray[np.int8]
    more: NDArray[np.int8]
    leaf: NDArray[np.float32]


def forest(sums: Sequence[Trees], measures: int) -> dict[str, NDArray[np.generic]]:
    """The sections of `llm_router.classify.heads.Forest`, of the trees of each of its totals."""
    splits: list[tuple[int, float, int, int]] = []
    ends: list[int] = []
    count = 0
    for trees in sums:
        for number in range(len(trees.leaf) // LEAVES):
            for place in _splits_of(trees, number):
                at = number * SPLITS + place
                if trees.less[at] == trees.more[at]:  # a tree of a single leaf
                    continue
                ruled_out = sum(1 << leaf for leaf in _leaves(trees, number, int(trees.less[at])))
                splits.append((int(trees.measure[at]), float(trees.threshold[at]), count, ruled_out))
            count += 1
        ends.append(count)
    splits.sort()
    by_measure, thresholds, tree, rules_out = zip(*splits, strict=True)
    return {
        "splits.count": np.array([by_measure.count(measure) for measure in range(measures)], np.uint8),
        "splits.threshold": np.array(thresholds, np.float32),
        "splits.tree": np.array(tree, np.uint8),
        "splits.rules_out": np.array(rules_out, np.uint8),
        "trees.leaf": np.concatenate([trees.leaf for trees in sums]),
        "trees.end": np.array(ends, np.uint8),
    }


def _splits_of(trees: Trees, number: int) -> list[int]:
    """Those that are in use, from the root down."""
    found = [0]
    for place in found:
        children = (trees.less[number * SPLITS + place], trees.more[number * SPLITS + place])
        found += [int(child) for child in children if child >= 0]
    return found


def _leaves(trees: Trees, number: int, node: int) -> list[int]:
    if node < 0:
        return [~node]
    at = number * SPLITS + node
    return [leaf for child in (trees.less[at], trees.more[at]) for leaf in _leaves(trees, number, int(child))]


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
