"""classify: what kind of task a request is, how hard, how sure, and which tier can do it. Pure, no I/O.

`judge.classify` is the one place that decides from text, for every door and for the hooks.
"""

from functools import lru_cache

from llm_router.classify import difficulty, features, judge
from llm_router.nouns import Assessment, Complexity, Request, Task

LONGEST_KEPT = 10_000  # characters


def assess(request: Request) -> Assessment:
    """What the latest words of the user ask for. The caller's own `task` and `complexity` win."""
    if request.task and request.complexity:
        middle = (difficulty.LEVELS.index(request.complexity) + 0.5) / len(difficulty.LEVELS)
        return _said(request.task, request.complexity, middle)
    words = _words_of(request)
    judged = _kept if len(words) <= LONGEST_KEPT else _judged
    return judged(words, request.task, request.complexity)


def _judged(words: str, task: Task | None, complexity: Complexity | None) -> Assessment:
    found = judge.classify(words, task)
    if complexity:
        found.difficulty = difficulty.within(complexity, found.difficulty)
        found.complexity = complexity
    return Assessment(
        task=Task(found.task),
        complexity=Complexity(found.complexity),
        confidence=found.confidence,
        difficulty=found.difficulty,
        reasons=found.reasons,
        source="artefact" if found.source == "artefact" else "rules",
        p_small=found.p_small,
        p_mid=found.p_mid,
        p_frontier=found.p_frontier,
        gain=found.gain,
        rival=Task(found.rival) if found.rival else None,
    )


# in an agent's loop the user's words stay the same from turn to turn
_kept = lru_cache(256)(_judged)


def _said(task: Task, complexity: Complexity, hardness: float) -> Assessment:
    small, mid, frontier = difficulty.chances(hardness)
    return Assessment(
        task,
        complexity,
        1.0,
        hardness,
        ("said by the caller",),
        "caller",
        small,
        mid,
        frontier,
        frontier - small,
    )


def _words_of(request: Request) -> str:
    """The last user message that has words: the later ones of an agent's loop only carry tool results."""
    said = (message.text for message in reversed(request.messages) if message.role == "user")
    return next((text for text in said if any(part.strip() for part in features.windows(text))), "")
