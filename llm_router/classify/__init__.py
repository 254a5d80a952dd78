"""classify: what kind of task a request is, how hard, how sure. Pure, no I/O.

`judge` is the one place that decides from text; a trained artefact takes its place there.
"""

from llm_router.classify import difficulty, features, rules
from llm_router.nouns import Assessment, Complexity, Request, Task

judge = rules.classify


def assess(request: Request) -> Assessment:
    """What the latest words of the user ask for. The caller's own `task` and `complexity` win."""
    if request.task and request.complexity:
        middle = (difficulty.LEVELS.index(request.complexity) + 0.5) / len(difficulty.LEVELS)
        return Assessment(request.task, request.complexity, 1.0, middle, ("said by the caller",), "caller")
    task, complexity, confidence, hardness, reasons = judge(_words_of(request), request.task)
    if request.complexity:
        complexity, hardness = request.complexity, difficulty.within(request.complexity, hardness)
    return Assessment(Task(task), Complexity(complexity), confidence, hardness, reasons)


def _words_of(request: Request) -> str:
    """The last user message that has words: the later ones of an agent's loop only carry tool results."""
    said = (message.text for message in reversed(request.messages) if message.role == "user")
    return next((text for text in said if any(part.strip() for part in features.windows(text))), "")
