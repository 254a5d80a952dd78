"""What is decided from a text alone: its task, how hard it is, and each tier's chance to do it well.

The trained artefact and the rules decide together; where there is no artefact that can be read, the rules alone.
Pure and standard library only. The hooks load this file by its path in a bare interpreter, where its siblings are
found beside it; nothing here may import what is slow to import.
"""

try:
    from . import artefact, difficulty, form, heads, rules
except ImportError:  # loaded by path, outside the package
    import sys

    sys.path.append(__file__[: __file__.rindex("judge.")])
    import artefact
    import difficulty
    import form
    import heads
    import rules

PATH = __file__[: __file__.rindex("judge.")] + artefact.FILE
_SHOWN = 5


class Judgement:
    """Numbers lie in [0,1]. `source` is "artefact", or "rules" where the text is none or the artefact cannot be read."""

    __slots__ = (
        "_by_rules", "_read", "complexity", "confidence", "difficulty", "gain", "p_frontier", "p_mid", "p_small", "rival",
        "source", "task",
    )  # fmt: skip

    def __init__(
        self, task: str, complexity: str, confidence: float, hardness: float, reasons: tuple[str, ...]
    ) -> None:
        self.task, self.complexity, self.confidence = task, complexity, confidence
        self.difficulty = hardness
        self._by_rules = reasons
        self._read: tuple[heads.Heads, int, list[float]] | None = None  # genre and measures
        self.source, self.rival = "rules", ""  # the second likeliest task
        self.p_small, self.p_mid, self.p_frontier = difficulty.chances(hardness)
        self.gain = self.p_frontier - self.p_small

    @property
    def reasons(self) -> tuple[str, ...]:
        """What spoke loudest. Found when it is asked for: a hook does not ask."""
        if self._read is None:
            return self._by_rules
        learned, genre, measures = self._read
        return (*self._by_rules[: _SHOWN - 1], f"reads like: {form.GENRES[genre]}", *learned.spoke(measures))

    def learned_from(self, learned: "heads.Heads", seen: "form.Form") -> None:
        self.source, self._read = "artefact", (learned, seen.genre, seen.measures)


class Brain:
    """The artefact in use, or why there is none. Read when first asked."""

    def __init__(self, path: str) -> None:
        self.path, self.problem = path, ""
        self._heads: heads.Heads | None = None

    def heads(self) -> "heads.Heads | None":
        if self._heads is None and not self.problem:
            try:
                self._heads = heads.Heads(artefact.Artefact(self.path))
            except (artefact.ArtefactError, KeyError, IndexError, TypeError, ValueError) as error:
                self.problem = str(error) or type(error).__name__
        return self._heads


SHIPPED = Brain(PATH)


def classify(text: str, task: str | None = None, brain: "Brain | None" = None) -> Judgement:
    """A given `task` is kept; only the rest is judged."""
    by_rules, reading, votes = rules.weigh(text, task)
    found = Judgement(*by_rules)
    learned = (brain or SHIPPED).heads()
    if reading is not None and learned is not None:
        _learned(found, learned, form.Form(text, reading, found.difficulty, found.confidence), votes, task)
    return found


def _learned(
    found: Judgement, learned: heads.Heads, seen: form.Form, votes: rules.Votes, task: str | None
) -> None:
    asked, totals = learned.asked(seen), learned.trees.totals(seen.measures)
    scores = learned.tasks(asked, votes)
    likeliest, found.rival = sorted(scores, key=scores.__getitem__, reverse=True)[:2]
    first, second = scores[likeliest], scores[found.rival]
    found.task = task or likeliest
    found.confidence = round(min(0.98, 0.42 + 0.33 * (first - second)), 2)
    found.difficulty = round(min(1.0, max(0.0, learned.level(totals, asked, found.difficulty))), 3)
    found.complexity = difficulty.level(found.difficulty)
    found.gain, middle = learned.gain(seen, totals), learned.ability(totals)
    found.p_small, found.p_mid, found.p_frontier = chances(middle, found.gain)
    found.learned_from(learned, seen)


def chances(middle: float, gain: float) -> tuple[float, float, float]:
    """Of a small, a mid and a frontier model: `gain` apart, around `middle`, never outside [0.01, 0.99]."""
    small = min(max(middle - gain / 2, 0.01), 0.99)
    frontier = min(max(middle + gain / 2, small), 0.99)
    return small, (small + frontier) / 2, frontier
