"""Trains `llm_router/classify/brain.bin` from data the user supplies.

    python scripts/train/train.py --outcomes DIR --labelled FILE [--issues FILE] [--out FILE] [--validate]

Deterministic: the same data and the versions in requirements.txt give the same bytes. `--validate` fits again and
again without a part of the data and tells how well that part is judged; what it fits is not kept. `--chances FILE` keeps
what is then said of each prompt of the outcomes that was left out, for scripts/simulate_learning.py.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1]), str(HERE.parents[2])]

import authored
import corpus
import fit
import pack
from corpus import Row
from outcome_data import key_of

from llm_router.classify import artefact, form, heads
from llm_router.classify.difficulty import LEVELS, level
from llm_router.classify.judge import chances as tiers
from llm_router.cli import eval_metrics as metrics

SHIPPED = HERE.parents[2] / "llm_router" / "classify" / artefact.FILE
FOLDS = 5
# Rows of outcome suites that also teach task and level: so many a source, each worth so much of a labelled prompt.
TAUGHT, WORTH = 150, 0.3
RULES_SHARE = 1.6  # of the task scores: a full vote of the rules against what was learned
HARDNESS_SHARE = (0.4, 0.3, 0.3)  # of the level: the rules' difficulty, the text's, the trees'
LEVEL_TREES = {"rounds": 40, "rate": 0.15}
STRETCHED = 0.9  # of the way to the labels' own spread
PEOPLE = {"labelled", "authored"}  # whose labels are the level's own scale
Fitted = tuple[pack.Trees, dict[str, np.ndarray]]  # trees towards one of `heads.TOTALS`, and sections


def sections(known: Sequence[Row]) -> dict[str, np.ndarray]:
    """Everything the artefact holds, fitted to these rows."""
    measured = [row for row in known if row.weak is not None]
    gain, ability, asked = _gain(measured), _ability(measured), _asked(_teachers(known))
    forest = pack.forest([trees for trees, _ in (gain, ability, asked)], len(form.NAMES))
    return gain[1] | ability[1] | asked[1] | forest


def _teachers(known: Sequence[Row]) -> list[Row]:
    """Labelled rows, and a bounded number from each other source that tells a level."""
    taken: dict[tuple[str, str], int] = {}
    rows: list[Row] = []
    for row in sorted(known, key=lambda row: hashlib.sha256(row.prompt.encode("utf-8", "replace")).digest()):
        if row.task is None:
            continue
        source = (row.suite, "" if row.suite in PEOPLE else row.domain)
        taken[source] = taken.get(source, 0) + 1
        if row.suite in PEOPLE or taken[source] <= TAUGHT:
            rows.append(row)
    return rows


def _gain(rows: Sequence[Row]) -> Fitted:
    x, y, weight = fit.measures(rows), fit.relative_gain(rows), fit.balance(rows)
    trees = fit.boosted(x, y, weight, rounds=100, rate=0.06)
    grams = fit.gain_grams(rows)
    learned = fit.ridge(grams, y, weight, 20.0)
    by_trees, by_grams = fit.predicted(trees, x), grams @ learned
    # Both are sure of themselves on what they have read; each counts as much as the other.
    share = by_trees.std() / by_grams.std()
    size = 1 << fit.GAIN_BITS
    shared = learned[:size]
    tables, steps = [], []
    for number, genre in enumerate(form.GENRES):
        own = learned[size * (1 + number) : size * (2 + number)]
        trust = 0.4 if genre in {"ask", "issue"} else 1.0  # grams of few sources carry little to others
        table, step = pack.quantised((shared + own) * share * trust)
        tables.append(table)
        steps.append(step)
    start, slope = fit.logistic(
        by_trees + share * by_grams, np.clip([row.gain for row in rows], 0, 1), weight
    )
    return trees, {
        "gain.grams": np.concatenate(tables),
        "gain.scale": np.array(steps, np.float32),
        "gain.curve": np.array([start, slope], np.float32),
    }


def _ability(rows: Sequence[Row]) -> Fitted:
    x, weight = fit.measures(rows), fit.balance(rows)
    y = np.array([((row.weak or 0) + (row.strong or 0)) / 2 for row in rows])
    trees = fit.boosted(x, y - y.mean(), weight, rounds=60, rate=0.1)
    start, slope = fit.logistic(fit.predicted(trees, x), y, weight)
    return trees, {"ability.curve": np.array([start, slope], np.float32)}


def _asked(rows: Sequence[Row]) -> Fitted:
    found, trees = _level_models(rows)
    tables, steps = zip(*(pack.quantised(table) for table in found.grams), strict=True)
    return trees, {
        "ask.grams": np.concatenate(tables),
        "ask.scale": np.array(steps, np.float32),
        "ask.measures": found.measures.astype(np.float32).ravel(),
        "ask.start": found.start.astype(np.float32),
        "measures.centre": found.centre.astype(np.float32),
        "blend": np.array([RULES_SHARE, *HARDNESS_SHARE, *_stretch(rows)], np.float32),
    }


def _level_models(rows: Sequence[Row]) -> tuple[fit.Asked, pack.Trees]:
    weight = np.array([row.weight if row.suite in PEOPLE else WORTH for row in rows])
    x, level_of = fit.measures(rows), _levels(rows)
    trees = fit.boosted(x, level_of - np.average(level_of, weights=weight), weight, **LEVEL_TREES)
    return fit.asked(rows, x, weight), trees


def _levels(rows: Sequence[Row]) -> fit.Array:
    """As difficulties, in [0,1]."""
    return np.array([((row.level or 0.0) + 0.5) / 4 for row in rows])


def _stretch(rows: Sequence[Row]) -> tuple[float, float]:
    """(start, slope): what is blended is too near to the middle; its spread becomes that of the labels. What the models
    say of a row is asked of models that have not read it, for they are surer of what they have read.
    """
    blended: list[float] = []
    wanted: list[float] = []
    for left_out in _parts(rows, lambda row: str(_fold(row, "stretch"))).values():
        ids = {id(row) for row in left_out}
        found, trees = _level_models([row for row in rows if id(row) not in ids])
        people = [row for row in left_out if row.suite in PEOPLE]
        x, rules = fit.measures(people), np.array([row.hardness for row in people])
        text = found.start[-1] + x @ found.measures[-1] + fit.ask_grams(people) @ found.grams[-1]
        shares = zip(HARDNESS_SHARE, (rules, text, fit.predicted(trees, x)), strict=True)
        blended += sum((share * part for share, part in shares), np.zeros(len(people))).tolist()
        wanted += _levels(people).tolist()
    slope = float(1 + (np.std(wanted) / np.std(blended) - 1) * STRETCHED)
    return float(np.mean(wanted) - slope * np.mean(blended)), slope


# ── validation ───────────────────────────────────────────────────────────────


def read_back(found: dict[str, np.ndarray]) -> heads.Heads:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / artefact.FILE
        pack.write(path, found)
        return heads.Heads(artefact.Artefact(str(path)))


def validate(known: Sequence[Row], others: Sequence[Row], chances: Path | None) -> None:
    """By groups of equal prompts, then without each family of suites. `others` are never trained on, only judged."""
    gains = {id(row): 0.0 for row in [*known, *others]}
    abilities: dict[int, float] = {}
    judged: dict[int, tuple[str, float]] = {}

    def judge(model: heads.Heads, rows: Iterable[Row]) -> None:
        for row in rows:
            assert row.seen
            asked, totals = model.asked(row.seen), model.trees.totals(row.seen.measures)
            gains[id(row)], abilities[id(row)] = model.gain(row.seen, totals), model.ability(totals)
            scores = model.tasks(asked, row.votes)
            level_of = model.level(totals, asked, row.hardness)
            judged[id(row)] = max(scores, key=lambda task: scores[task]), level_of

    parts = _parts(known, lambda row: str(_fold(row)))
    for left_out in parts.values():
        ids = {id(row) for row in left_out}
        judge(read_back(sections([row for row in known if id(row) not in ids])), left_out)
    judge(read_back(sections(known)), others)
    tell("by groups", [*known, *others], gains)
    tell_labelled([row for row in known if row.suite == "labelled"], judged)
    if chances:
        measured = [row for row in known if row.suite not in PEOPLE | {"issues"}]
        kept = {key_of(row.prompt): tiers(abilities[id(row)], gains[id(row)]) for row in measured}
        chances.write_text(json.dumps(kept), "utf-8")
    for left_out in _parts([row for row in known if row.suite != "labelled"], _family).values():
        ids = {id(row) for row in left_out}
        judge(read_back(sections([row for row in known if id(row) not in ids])), left_out)
    tell("without the suite", [*known, *others], gains)


def _fold(row: Row, salt: str = "") -> int:
    return int(hashlib.sha256(f"{salt}{corpus.group(row)}".encode()).hexdigest(), 16) % FOLDS


def _family(row: Row) -> str:
    return row.suite.partition("_")[0]


def _parts(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(key(row), []).append(row)
    return parts


def tell(title: str, rows: Iterable[Row], gains: dict[int, float]) -> None:
    found: dict[str, float] = {}
    measured = [row for row in rows if row.weak is not None and row.suite not in {"labelled", "authored"}]
    for suite, part in _parts(measured, lambda row: row.suite).items():
        outcomes = metrics.Outcomes([row.weak or 0 for row in part], [row.strong or 0 for row in part])
        value = metrics.apgr(metrics.blocks([gains[id(row)] for row in part]), outcomes)
        if value is not None and len(part) > 20:
            found[suite] = value
    print(f"{title}: APGR {np.mean(list(found.values())):.4f}", {k: round(v, 3) for k, v in found.items()})


def tell_labelled(rows: Sequence[Row], judged: dict[int, tuple[str, float]]) -> None:
    """Any accepted label counts. Two off: two levels or more from every accepted one."""
    tasks, levels, off = [], [], []
    said, first = [], []
    for row in rows:
        task, hardness = judged[id(row)]
        place = LEVELS.index(level(hardness))
        distance = min(abs(place - LEVELS.index(each)) for each in row.accepted[1])
        tasks.append(task in row.accepted[0])
        levels.append(distance == 0)
        off.append(distance > 1)
        said.append(place)
        first.append(row.level or 0.0)
    mad, ideal = np.array(said, float), np.round(first)
    expected = np.mean((mad[:, None] - ideal[None, :]) ** 2)
    kappa = 1 - np.mean((mad - ideal) ** 2) / expected
    print(
        f"labelled ({len(rows)}): task {np.mean(tasks):.3f}, level {np.mean(levels):.3f}, "
        f"weighted kappa {kappa:.3f}, two off {np.mean(off):.3f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--outcomes", type=Path, required=True)
    parser.add_argument("--labelled", type=Path, required=True)
    parser.add_argument("--issues", type=Path)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--validate", action="store_true")
    parser.add_argument("--chances", type=Path)
    asked = parser.parse_args()
    if asked.chances and not asked.validate:
        parser.error("--chances needs --validate")
    known = corpus.looked_at([row for row in corpus.outcomes(asked.outcomes) if row.split == "train"])
    known += corpus.looked_at(corpus.labelled(asked.labelled)) + corpus.looked_at(authored.rows())
    if asked.issues:
        known += corpus.looked_at(corpus.issues(asked.issues))
    if asked.validate:
        everything = corpus.looked_at(corpus.outcomes(asked.outcomes, trained_on=False))
        validate(known, [row for row in everything if row.split != "train"], asked.chances)
        return 0
    size = pack.write(asked.out, sections(known))
    print(f"{asked.out}: {size:,} bytes from {len(known):,} prompts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
