"""The models: ridge regression over hashed grams and measures, and small boosted trees. Deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm
import numpy as np
from corpus import Row
from numpy.typing import NDArray
from pack import SPLITS, Trees
from scipy import sparse
from scipy.sparse.linalg import lsqr

from llm_router.classify import form
from llm_router.classify.heads import LEAVES, TASKS

Array = NDArray[np.float64]
GAIN_BITS, ASK_BITS = 14, 12
_QUIET = {"verbose": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True}


def measures(rows: Sequence[Row]) -> Array:
    return np.array([row.seen.measures for row in rows if row.seen], dtype=np.float64)


def balance(rows: Sequence[Row], power: float = 0.5) -> Array:
    """Weights under which a suite counts by a power of its size, mean 1."""
    names, place, count = np.unique([row.suite for row in rows], return_inverse=True, return_counts=True)
    del names
    weights = np.array([row.weight for row in rows]) * count[place] ** (power - 1.0)
    return weights / weights.mean()


def relative_gain(rows: Sequence[Row]) -> Array:
    """The gain less the mean of its suite, so that what is learned is order within a suite, over the root of the mean gain."""
    gains, suites = np.array([row.gain for row in rows]), np.array([row.suite for row in rows])
    out = np.zeros(len(rows))
    for suite in np.unique(suites):
        here = suites == suite
        mean = gains[here].mean()
        out[here] = (gains[here] - mean) / max(mean, 0.05) ** 0.5
    return out


def boosted(
    x: Array, y: Array, weight: Array, *, rounds: int, rate: float, objective: str = "regression"
) -> Trees:
    options = _QUIET | {
        "objective": objective,
        "num_leaves": LEAVES,
        "learning_rate": rate,
        "min_data_in_leaf": 40,
        "feature_fraction": 0.4,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 5,
        "seed": 7,
        "boost_from_average": False,
    }
    model = lightgbm.train(options, lightgbm.Dataset(x, y, weight=weight), rounds)
    return _laid_out([tree["tree_structure"] for tree in model.dump_model()["tree_info"]])


def _laid_out(trees: list[dict[str, object]]) -> Trees:
    out = Trees(
        np.zeros(len(trees) * SPLITS, np.uint8),
        np.zeros(len(trees) * SPLITS, np.float32),
        np.full(len(trees) * SPLITS, -1, np.int8),
        np.full(len(trees) * SPLITS, -1, np.int8),
        np.zeros(len(trees) * LEAVES, np.float32),
    )
    for number, tree in enumerate(trees):
        _lay(out, number, tree, [0, 0])
    return out


def _lay(out: Trees, number: int, node: dict[str, object], used: list[int]) -> int:
    """The place of a node as its parent names it; `used` counts the nodes and leaves laid so far."""
    if "split_feature" not in node:
        leaf, used[1] = used[1], used[1] + 1
        out.leaf[number * LEAVES + leaf] = node["leaf_value"]
        return ~leaf
    place, used[0] = used[0], used[0] + 1
    at = number * SPLITS + place
    out.measure[at], out.threshold[at] = node["split_feature"], node["threshold"]
    out.less[at] = _lay(out, number, node["left_child"], used)  # type: ignore[arg-type]
    out.more[at] = _lay(out, number, node["right_child"], used)  # type: ignore[arg-type]
    return place


def predicted(trees: Trees, x: Array) -> Array:
    total = np.zeros(len(x))
    for tree in range(len(trees.leaf) // LEAVES):
        node = np.zeros(len(x), int)
        for _ in range(SPLITS):
            inner = node >= 0
            at = tree * SPLITS + np.where(inner, node, 0)
            goes = x[np.arange(len(x)), trees.measure[at]] <= trees.threshold[at]
            node = np.where(inner, np.where(goes, trees.less[at], trees.more[at]), node)
        total += trees.leaf[tree * LEAVES + ~node]
    return total


def gain_grams(rows: Sequence[Row]) -> sparse.csr_matrix:
    """A shared table, then one for each genre; their sums are what the artefact holds."""
    size = 1 << GAIN_BITS

    def places(seen: form.Form) -> list[int]:
        found = [gram & (size - 1) for gram in sorted(seen.grams)]
        return [*found, *(place + size * (1 + seen.genre) for place in found)]

    return _matrix(
        [(places(row.seen), len(row.seen.grams)) for row in rows if row.seen], size * (1 + len(form.GENRES))
    )


def ask_grams(rows: Sequence[Row]) -> sparse.csr_matrix:
    size = 1 << ASK_BITS
    found = [
        ([gram & (size - 1) for gram in sorted(row.seen.ask)], len(row.seen.ask)) for row in rows if row.seen
    ]
    return _matrix(found, size)


def _matrix(rows: list[tuple[list[int], int]], width: int) -> sparse.csr_matrix:
    data = np.concatenate([np.full(len(places), 1 / np.sqrt(max(1, count))) for places, count in rows])
    ends = np.concatenate([[0], np.cumsum([len(places) for places, _ in rows])])
    matrix = sparse.csr_matrix(
        (data, np.concatenate([places for places, _ in rows]).astype(int), ends), (len(rows), width)
    )
    matrix.sum_duplicates()
    return matrix


def ridge(x: sparse.csr_matrix, y: Array, weight: Array, penalty: float) -> Array:
    root = np.sqrt(weight)
    return lsqr(sparse.diags(root) @ x, root * y, damp=penalty**0.5, iter_lim=300)[0]


@dataclass
class Asked:
    """Linear heads over standardised measures and grams: one for each task, and the level. `centre`: the measures' means."""

    centre: Array
    start: Array
    measures: Array
    grams: Array


def asked(
    rows: Sequence[Row],
    x: Array,
    weight: Array,
    penalties: tuple[float, float] = (20.0, 20.0),
    scales: tuple[float, float] = (0.3, 3.0),
) -> Asked:
    """Measures that are the rules' own words stay out: rules and text are weighed against each other later."""
    centre = np.average(x, axis=0, weights=weight)
    spread = np.maximum(x.std(axis=0), 0.05)
    own = [number for number, name in enumerate(form.NAMES) if not name.endswith((" by rules", " of rules"))]
    scaled = np.zeros_like(x)
    scaled[:, own] = np.clip((x[:, own] - centre[own]) / spread[own], -4, 4)
    design = sparse.hstack([sparse.csr_matrix(scaled * scales[0]), ask_grams(rows) * scales[1]]).tocsr()
    targets = [np.array([1.0 if row.task == task else 0.0 for row in rows]) for task in TASKS]
    targets.append(np.array([((row.level or 0.0) + 0.5) / 4 for row in rows]))
    starts, by_measure, by_gram = [], [], []
    for number, target in enumerate(targets):
        mean = float(np.average(target, weights=weight))
        found = ridge(design, target - mean, weight, penalties[number == len(TASKS)])
        slope = found[: x.shape[1]] * scales[0] / spread
        by_measure.append(slope)
        by_gram.append(found[x.shape[1] :] * scales[1])
        starts.append(mean - float(slope @ centre))
    return Asked(centre, np.array(starts), np.array(by_measure), np.array(by_gram))


def logistic(score: Array, target: Array, weight: Array, rounds: int = 60) -> tuple[float, float]:
    """(start, slope) of the curve that makes a chance of a score, by Newton's method; targets are chances too."""
    design = np.stack([np.ones_like(score), score], 1)
    beta = np.array([0.0, 1.0])
    for _ in range(rounds):
        chance = 1 / (1 + np.exp(-design @ beta))
        curve = design.T @ (design * (weight * chance * (1 - chance))[:, None])
        beta = beta + np.linalg.solve(curve + 1e-6 * np.eye(2), design.T @ (weight * (target - chance)))
    return float(beta[0]), float(beta[1])
