"""What the artefact makes of a text's form: linear heads over hashed grams and measures, and small additive trees.

Pure and standard library only, as its siblings are.
"""

from math import exp, sqrt

try:  # what `operator` hands on, without the half millisecond that importing it costs
    from _operator import itemgetter, mul, sub
except ImportError:  # another interpreter than CPython
    from operator import itemgetter, mul, sub

try:
    from . import artefact, form
except ImportError:  # loaded by path, outside the package
    import artefact
    import form

TYPE_CHECKING = False  # type checkers take it for true; importing it from `typing` would be slow
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TASKS = ("query", "research", "generate", "analyze", "code", "image", "video", "audio")
NODES, LEAVES = 5, 6  # of every tree
_RAISE = 128  # what is added to signed bytes: those of a `bytes` are taken out twice as fast as those of a memory view
_RAISED = bytes(range(_RAISE, 256)) + bytes(range(_RAISE))


class Trees:
    """Additive trees of at most six leaves. A child that is not negative is a node of the same tree, else leaf ~child."""

    def __init__(self, file: artefact.Artefact, name: str) -> None:
        self.measure = file.table(f"{name}.measure").tolist()
        self.threshold = file.numbers(f"{name}.threshold")
        self.less = file.table(f"{name}.less").tolist()
        self.more = file.table(f"{name}.more").tolist()
        self.leaf = file.numbers(f"{name}.leaf")

    def total(self, measures: list[float]) -> float:
        measure, threshold, less, more, leaf = self.measure, self.threshold, self.less, self.more, self.leaf
        total, leaves = 0.0, 0
        for first in range(0, len(measure), NODES):
            node = 0
            while node >= 0:
                place = first + node
                node = less[place] if measures[measure[place]] <= threshold[place] else more[place]
            total += leaf[leaves + ~node]
            leaves += LEAVES
        return total


class Heads:
    def __init__(self, file: artefact.Artefact) -> None:
        self.gain_trees, self.ability_trees = Trees(file, "gain"), Trees(file, "ability")
        self.level_trees = Trees(file, "level")
        grams = file.table("gain.grams")
        size = len(grams) // len(form.GENRES)
        self.gain_mask = size - 1
        self.gain_grams = [grams[place * size : (place + 1) * size] for place in range(len(form.GENRES))]
        self.gain_scale = file.numbers("gain.scale")
        self.gain_curve = file.numbers("gain.curve")
        self.ability_curve = file.numbers("ability.curve")
        tables = bytes(file.table("ask.grams")).translate(_RAISED)  # for each task, and for the level
        size = len(tables) // (len(TASKS) + 1)
        self.ask_mask = size - 1
        weights, width = file.numbers("ask.measures"), len(form.NAMES)
        self.ask = [
            (
                start,
                weights[place * width : (place + 1) * width],
                tables[place * size : (place + 1) * size],
                scale,
            )
            for place, (start, scale) in enumerate(
                zip(file.numbers("ask.start"), file.numbers("ask.scale"), strict=True)
            )
        ]
        self.centre = file.numbers("measures.centre")
        self.blend = file.numbers("blend")

    def gain(self, found: form.Form) -> float:
        """What a frontier model is expected to add to a small one."""
        mask = self.gain_mask
        places = [gram & mask for gram in found.grams]
        grams = sum(_taker(places)(self.gain_grams[found.genre])) / sqrt(len(places) or 1)
        score = self.gain_trees.total(found.measures) + grams * self.gain_scale[found.genre]
        start, slope = self.gain_curve
        return _chance(start + slope * score)

    def ability(self, found: form.Form) -> float:
        """The chance that lies halfway between a small and a frontier model's."""
        start, slope = self.ability_curve
        return _chance(start + slope * self.ability_trees.total(found.measures))

    def asked(self, found: form.Form) -> list[float]:
        """How strongly the text speaks for each task, and, last, its level."""
        mask = self.ask_mask
        places = [gram & mask for gram in found.ask]
        norm = sqrt(len(places) or 1)
        seen = [place for place, measure in enumerate(found.measures) if measure]
        shown, heard = _taker(seen), _taker(places)
        measures = shown(found.measures)
        return [
            start
            + sum(map(mul, shown(weights), measures))
            + (sum(heard(grams)) - _RAISE * len(places)) * scale / norm
            for start, weights, grams, scale in self.ask
        ]

    def tasks(self, asked: list[float], votes: dict[str, float]) -> dict[str, float]:
        """How strongly text and rules together speak for each task."""
        share = self.blend[0] / max(3.0, *votes.values())
        return {task: score + share * votes[task] for task, score in zip(TASKS, asked[:-1], strict=True)}

    def level(self, found: form.Form, asked: list[float], hardness: float) -> float:
        """Difficulty, of what was learned and what the rules found."""
        _, rules, text, trees, start, slope = self.blend
        learned = text * asked[-1] + trees * self.level_trees.total(found.measures)
        return start + slope * (rules * hardness + learned)

    def spoke(self, found: form.Form) -> list[str]:
        """The measures of form that raised the level most and lowered it most, in levels."""
        moves = list(map(mul, self.ask[-1][1], map(sub, found.measures, self.centre)))
        ends = (max(moves), min(moves))
        return [f"{form.NAMES[moves.index(move)]} {move * 4:+.1f}" for move in ends if abs(move) > 0.02]


def _taker(places: list[int]) -> "Callable[[list[float] | memoryview[int] | bytes], Sequence[float]]":
    """Takes the values of these places out of a table, all at once."""
    return itemgetter(*places) if len(places) > 1 else lambda values: [values[place] for place in places]


def _chance(score: float) -> float:
    return 1 / (1 + exp(-max(-30.0, min(30.0, score))))
