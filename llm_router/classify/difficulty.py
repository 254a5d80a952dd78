"""How hard a request is, given its task: what the words and the form of the ask add up to. Pure, standard library."""

from math import log2

try:
    from . import features
except ImportError:  # loaded by path, outside the package
    import features

LEVELS = ("simple", "moderate", "complex", "deep_reasoning")
EDGES = (0.25, 0.5, 0.75)  # difficulty from which the next level begins

_PER_LEVEL = 0.25 / 0.7  # weights are in levels of the labelling scale, whose borders lie 0.7 apart

SMALL = 16  # words of a small edit
_IN_PASSING = 0.3  # of the weight of hard words there

# Where a task starts, and how much each doubling of the ask's words adds, in levels (0 simple ... 3 deep reasoning).
_START = {
    "query": (-0.2, 0.2),
    "research": (1.0, 0.05),
    "generate": (0.35, 0.09),
    "analyze": (0.25, 0.17),
    "code": (0.15, 0.11),
    "image": (-0.4, 0.24),
    "video": (-0.5, 0.24),
    "audio": (-0.3, 0.24),
}


def estimate(reading: features.Reading, task: str, reasons: list[str]) -> float:
    """In [0,1]: what the words and the form of the ask add to the start of its task. The strongest join `reasons`."""
    start, slope = _START[task]
    terms = [term for term in _word_terms(reading, task) + _form_terms(reading) if term[1]]
    total = start + slope * (0.5 + log2(reading.words + 2)) + sum(weight for _, weight in terms)
    strongest = sorted(terms, key=lambda term: -abs(term[1]))[:2]
    reasons.extend(f"{name} {weight:+.1f}" for name, weight in strongest)
    return round(min(1.0, max(0.02, total * _PER_LEVEL)), 3)


def _word_terms(reading: features.Reading, task: str) -> list[tuple[str, float]]:
    count, hits = reading.count, reading.hits
    deep = min(3, count("deep") + hits.get("deep", 0) + hits.get("~deep", 0))
    hard = min(4, count("hard") + hits.get("hard", 0) + 1.5 * hits.get("~hard", 0))
    easy = min(3, count("trivial") + hits.get("trivial", 0) + hits.get("~trivial", 0))
    if easy and reading.words <= SMALL:  # what is edited may have a grand name
        deep, hard = deep * _IN_PASSING, hard * _IN_PASSING
    # its own words are the story, not the work
    if task in {"image", "video", "audio"} or hits["#contest"] > 1:
        return []
    return [
        ("deep words", 0.26 * deep if task == "query" else 0.5 * min(1, deep) + 0.45 * deep),
        ("hard words", hard * {"query": 0.1, "analyze": 0.2}.get(task, 0.27)),
        ("small edit", -0.12 * easy * (task == "code")),
        ("quantities", 0.18 * min(5, count("quantity")) * (task == "analyze")),
        ("long text", 0.35 * min(2, count("big_text")) * (task == "generate")),
        ("short text", -0.2 * (count("small_text") > 0) * (task == "generate")),
        ("survey", 0.28 * min(5, count("survey")) * (task in {"research", "analyze"})),
    ]


def _form_terms(reading: features.Reading) -> list[tuple[str, float]]:
    hits, marks = reading.hits, reading.marks
    contest = hits["#contest"] > 1
    return [
        ("long ask", 0.25 * (reading.words > 60 and not contest)),
        ("formulas", 0.6 * (hits["#math"] > 1 and not contest)),
        ("contest", contest * (0.3 + 0.4 * min(3, hits["#huge"]) + 0.2 * (reading.chars > 1200))),
        ("report of a fault", 0.3 * (hits["#issue"] > 1)),
        ("paste", 0.4 * (reading.paste > 2 and reading.words >= 25 and not contest and hits["#issue"] < 2)),
        ("trace", -0.2 * ("trace" in marks and hits["#issue"] < 2)),
        ("options", -0.2 * ("options" in marks)),
    ]


def level(difficulty: float) -> str:
    return LEVELS[sum(difficulty >= edge for edge in EDGES)]


def within(level_name: str, difficulty: float) -> float:
    """The difficulty nearest to `difficulty` that belongs to this level."""
    bounds = (0.0, *EDGES, 1.001)
    place = LEVELS.index(level_name)
    return min(max(difficulty, bounds[place]), bounds[place + 1] - 0.001)


def chances(difficulty: float) -> tuple[float, float, float]:
    """How likely a small, a mid and a frontier model do it well, where nothing but its difficulty is known."""
    return 0.97 - 0.75 * difficulty, 0.98 - 0.55 * difficulty, 0.99 - 0.35 * difficulty
