"""What the artefact makes of a text's form: linear heads over hashed grams and measures, and small additive trees.

Pure and standard library only, as its siblings are.
"""

from math import exp, sqrt
from operator import mul, sub

try:
    from . import artefact, form
except ImportError:  # loaded by path, outside the package
    import artefact
    import form

TASKS = ("query", "research", "generate", "analyze", "code", "image", "video", "audio")
NODES, LEAVES = 5, 6  # of every tree


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
        grams = file.table("gain.grams")
        size = len(grams) // len(form.GENRES)
        self.gain_mask = size - 1
        self.gain_grams = [grams[place * size : (place + 1) * size] for place in range(len(form.GENRES))]
        self.gain_scale = file.numbers("gain.scale")
        self.gain_curve = file.numbers("gain.curve")
        self.ability_curve = file.numbers("ability.curve")
        asked = file.table("ask.grams")  # a table for each task, and one for the level
        size = len(asked) // (len(TASKS) + 1)
        self.ask_mask = size - 1
        self.ask_grams = [asked[place * size : (place + 1) * size] for place in range(len(TASKS) + 1)]
        self.ask_scale = file.numbers("ask.scale")
        weights, width = file.numbers("ask.measures"), len(form.NAMES)
        self.ask_measures = [weights[place * width : (place + 1) * width] for place in range(len(TASKS) + 1)]
        self.ask_start = file.numbers("ask.start")
        self.centre = file.numbers("measures.centre")
        self.blend = file.numbers("blend")

    def gain(self, found: form.Form) -> float:
        """What a frontier model is expected to add to a small one."""
        table, mask = self.gain_grams[found.genre], self.gain_mask
        grams = sum([table[gram & mask] for gram in found.grams]) / sqrt(len(found.grams) or 1)
        score = self.gain_trees.total(found.measures) + grams * self.gain_scale[found.genre]
        start, slope = self.gain_curve
        return _chance(start + slope * score)

    def ability(self, found: form.Form) -> float:
        """The chance that lies halfway between a small and a frontier model's."""
        start, slope = self.ability_curve
        return _chance(start + slope * self.ability_trees.total(found.measures))

    def tasks(self, found: form.Form, votes: dict[str, float]) -> dict[str, float]:
        """How strongly text and rules together speak for each task."""
        share = self.blend[0] / max(3.0, *votes.values())
        scores = self._asked(found, range(len(TASKS)))
        return {task: score + share * votes[task] for task, score in zip(TASKS, scores, strict=True)}

    def level(self, found: form.Form, hardness: float) -> float:
        """Difficulty, of what was learned and what the rules found."""
        _, rules, learned, start, slope = self.blend
        (level,) = self._asked(found, (len(TASKS),))
        return start + slope * (rules * hardness + learned * level)

    def spoke(self, found: form.Form) -> list[str]:
        """The measures of form that raised the level most and lowered it most, in levels."""
        moves = list(map(mul, self.ask_measures[-1], map(sub, found.measures, self.centre)))
        ends = (max(moves), min(moves))
        return [f"{form.NAMES[moves.index(move)]} {move * 4:+.1f}" for move in ends if abs(move) > 0.02]

    def _asked(self, found: form.Form, which: "range | tuple[int, ...]") -> list[float]:
        mask = self.ask_mask
        places = [gram & mask for gram in found.ask]
        norm = sqrt(len(places) or 1)
        return [
            self.ask_start[head]
            + sum(map(mul, self.ask_measures[head], found.measures))
            + sum(map(self.ask_grams[head].__getitem__, places)) * self.ask_scale[head] / norm
            for head in which
        ]


def _chance(score: float) -> float:
    return 1 / (1 + exp(-max(-30.0, min(30.0, score))))
