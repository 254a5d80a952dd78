"""What is decided from a text alone: its task, how hard it is, and each tier's chance to do it well.

Pure and standard library only. The hooks load this file by its path in a bare interpreter, where its siblings are
found beside it; nothing here may import what is slow to import.
"""

try:
    from . import difficulty, rules
except ImportError:  # loaded by path, outside the package
    import sys

    sys.path.append(__file__[: __file__.rindex("judge.")])
    import difficulty
    import rules


class Judgement:
    """Numbers lie in [0,1]. `source` is "artefact", or "rules" where there is none that can be read."""

    __slots__ = (
        "complexity", "confidence", "difficulty", "gain", "p_frontier", "p_mid", "p_small", "reasons", "source", "task",
    )  # fmt: skip

    def __init__(
        self, task: str, complexity: str, confidence: float, hardness: float, reasons: tuple[str, ...]
    ) -> None:
        self.task, self.complexity, self.confidence, self.reasons = task, complexity, confidence, reasons
        self.difficulty = hardness
        self.source = "rules"
        self.p_small, self.p_mid, self.p_frontier = difficulty.chances(hardness)
        self.gain = self.p_frontier - self.p_small


def classify(text: str, task: str | None = None) -> Judgement:
    """A given `task` is kept; only the rest is judged."""
    return Judgement(*rules.classify(text, task))
