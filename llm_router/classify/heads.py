"""What the artefact makes of a text's form: linear heads over hashed grams and measures, and small additive trees.

Pure and standard library only, as its siblings are.
"""

from math import exp, sqrt

try:  # what `bisect` and `operator` hand on, without the half millisecond that importing those costs
    from _bisect import bisect_left
    from _operator import add, itemgetter, mul, sub
except ImportError:  # another interpreter than CPython
    from bisect import bisect_left
    from operator import add, itemgetter, mul, sub

try:
    from . import artefact, form
except ImportError:  # loaded by path, outside the package
    import artefact
    import form

TYPE_CHECKING = False  # type checkers take it for true; importing it from `typing` would be slow
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TASKS = ("query", "research", "generate", "analyze", "code", "image", "video", "audio")
LEAVES = 6  # of every tree
TOTALS = ("gain", "ability", "level")  # what trees are summed up to
GAIN, ABILITY, LEVEL = range(3)
_first_left = b"\0"  # the first leaf that is not ruled out, by the bits of those that are
for _leaf in range(LEAVES):
    _first_left += _first_left[:-1] + bytes([_leaf + 1])
_first_left = _first_left.ljust(256)  # as `translate` wants it
_RAISE = 128  # what is added to signed bytes: those of a `bytes` are taken out twice as fast as those of a memory view
_RAISED = bytes(range(_RAISE, 256)) + bytes(range(_RAISE))


class Forest:
    """Additive trees, all at once. Of each split the file tells which leaves of its tree are ruled out where the measure
    is larger; a tree's answer is the first leaf that is left (as QuickScorer does it, Lucchese et al. 2015).

        splits.count        how many there are of each measure; they lie in that order, smaller thresholds first
        splits.threshold    of each
        splits.tree         of each: which tree it is in
        splits.rules_out    of each: bits of leaves
        trees.leaf          LEAVES of each tree, left to right
        trees.end           for each of TOTALS, the number of the first tree that no longer counts towards it
    """

    def __init__(self, file: artefact.Artefact) -> None:
        self.leaf = file.numbers("trees.leaf")
        self.starts = range(0, len(self.leaf), LEAVES)
        self.ends = file.table("trees.end").tolist()
        self.tree, self.rules_out = file.table("splits.tree"), file.table("splits.rules_out")
        thresholds, end = file.numbers("splits.threshold"), 0
        self.splits: list[tuple[int, int, list[float]]] = []  # measure, first split, thresholds
        for measure, count in enumerate(file.table("splits.count")):
            if count:
                self.splits.append((measure, end, thresholds[end : end + count]))
                end += count
        self.ruled_out: dict[int, list[int]] = {}  # by measure, then by how many splits; filled when needed

    def totals(self, measures: list[float]) -> list[float]:
        ruled_out = 0
        for measure, first, thresholds in self.splits:
            value = measures[measure]
            if value > thresholds[0]:
                by_splits = self.ruled_out.get(measure) or self._summed_up(measure, first, len(thresholds))
                ruled_out |= by_splits[bisect_left(thresholds, value)]
        firsts = ruled_out.to_bytes(len(self.starts), "little").translate(_first_left)
        leaves = _taker([*map(add, self.starts, firsts)])(self.leaf)
        return [sum(leaves[start:end]) for start, end in zip((0, *self.ends), self.ends, strict=False)]

    def _summed_up(self, measure: int, first: int, count: int) -> list[int]:
        """A byte for every tree: the bits of all leaves that the first n splits rule out, n from none to all."""
        sums = [0]
        for place in range(first, first + count):
            sums.append(sums[-1] | self.rules_out[place] << 8 * self.tree[place])
        self.ruled_out[measure] = sums
        return sums


class Heads:
    def __init__(self, file: artefact.Artefact) -> None:
        self.trees = Forest(file)
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

    def gain(self, found: form.Form, totals: list[float]) -> float:
        """What a frontier model is expected to add to a small one."""
        mask = self.gain_mask
        places = [gram & mask for gram in found.grams]
        grams = sum(_taker(places)(self.gain_grams[found.genre])) / sqrt(len(places) or 1)
        score = totals[GAIN] + grams * self.gain_scale[found.genre]
        start, slope = self.gain_curve
        return _chance(start + slope * score)

    def ability(self, totals: list[float]) -> float:
        """The chance that lies halfway between a small and a frontier model's."""
        start, slope = self.ability_curve
        return _chance(start + slope * totals[ABILITY])

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

    def level(self, totals: list[float], asked: list[float], hardness: float) -> float:
        """Difficulty, of what was learned and what the rules found."""
        _, rules, text, trees, start, slope = self.blend
        learned = text * asked[-1] + trees * totals[LEVEL]
        return start + slope * (rules * hardness + learned)

    def spoke(self, measures: list[float]) -> list[str]:
        """The measures of form that raised the level most and lowered it most, in levels."""
        moves = list(map(mul, self.ask[-1][1], map(sub, measures, self.centre)))
        ends = (max(moves), min(moves))
        return [f"{form.NAMES[moves.index(move)]} {move * 4:+.1f}" for move in ends if abs(move) > 0.02]


def _taker(places: list[int]) -> "Callable[[list[float] | memoryview[int] | bytes], Sequence[float]]":
    """Takes the values of these places out of a table, all at once."""
    return itemgetter(*places) if len(places) > 1 else lambda values: [values[place] for place in places]


def _chance(score: float) -> float:
    return 1 / (1 + exp(-max(-30.0, min(30.0, score))))
