"""What kind of work a text asks for, and how hard it is: votes of words and marks, no learned artefact.

Pure and standard library only. The hooks load this file by its path in a bare interpreter, where its siblings are
found beside it; nothing here may import what is slow to import.
"""

try:
    from . import difficulty, features, leads
except ImportError:  # loaded by path, outside the package
    import sys

    sys.path.append(__file__[: __file__.rindex("rules.")])
    import difficulty
    import features
    import leads

TASKS = ("query", "research", "generate", "analyze", "code", "image", "video", "audio")

Votes = dict[str, float]
Result = tuple[str, str, float, float, tuple[str, ...]]

_SHOWN = 5
_GREETINGS = frozenset(
    """hi|hello|hey|hi there|hello there|hey there|good morning|good afternoon|good evening|good night|bye|
    goodbye|thanks|thank you|thx|thanks a lot|hallo|guten tag|danke|hola|gracias|bonjour|salut|merci|ciao|grazie|olá|
    obrigado|привет|спасибо|你好|谢谢|こんにちは|ありがとう|안녕하세요""".replace("\n    ", "").split("|")
)
_LAYOUT = "\n\r\t\ufeff\xa0\u3000"


def classify(text: str, task: str | None = None) -> Result:
    """(task, complexity, confidence, difficulty, reasons). A given `task` is kept; only its difficulty is judged."""
    return weigh(text, task)[0]


def weigh(text: str, task: str | None = None) -> tuple[Result, features.Reading | None, Votes]:
    """What `classify` says, and what it was said from: nothing where the text is no request in words."""
    special = _special(text, task)
    if special:
        return special
    reading = features.read(text)
    if not reading.words and not reading.foreign and not reading.marks and not reading.paste:
        return _plain(task, 0.2, 0.05, "no words")
    votes, reasons = _votes(reading)
    chosen = task or max(votes, key=lambda name: votes[name])
    hardness = difficulty.estimate(reading, chosen, reasons)
    result = chosen, difficulty.level(hardness), _confidence(votes), hardness, tuple(reasons[:_SHOWN])
    return result, reading, votes


def _special(text: str, task: str | None) -> tuple[Result, features.Reading | None, Votes] | None:
    """Texts that are no request in words: nothing, bytes, commands to the client itself."""
    head, tail = features.windows(text)
    bare = head.strip() or tail.strip()
    if not bare:
        return _plain(task, 0.1, 0.0, "empty")
    sample = bare[:400]
    for char in _LAYOUT:
        sample = sample.replace(char, "")
    if not sample.isprintable() and sum(map(str.isprintable, sample)) < 0.9 * len(sample):
        return _plain(task, 0.1, 0.1, "not text")
    if len(bare) < 30 and bare.casefold().strip(" .,!~！。") in _GREETINGS:
        return _plain(task, 0.6, 0.02, "greeting")
    command, _, rest = bare.partition(" ")
    name = command[1:].replace("-", " ").replace("_", " ").replace(":", " ")
    if command[0] != "/" or not name.replace(" ", "").isalnum():
        return None
    if not rest.strip():
        return _plain(task, 0.3, 0.05, "slash command")
    (chosen, complexity, confidence, hardness, reasons), reading, votes = weigh(f"{name} {rest}", task)
    return (chosen, complexity, confidence / 2, hardness, ("slash command", *reasons)), reading, votes


def _plain(
    task: str | None, confidence: float, hardness: float, why: str
) -> tuple[Result, features.Reading | None, Votes]:
    return (task or "query", "simple", confidence, hardness, (why,)), None, {}


def _votes(reading: features.Reading) -> tuple[Votes, list[str]]:
    votes: Votes = dict.fromkeys(TASKS, 0.0)
    votes["code"] = 0.8  # what a coding assistant is mostly asked for
    reasons: list[str] = []
    _vote_leads(reading, votes, reasons)
    if reading.foreign:  # words that only look English
        for task in ("code", "query", "generate", "analyze", "research"):
            votes[task] *= 0.4
    _vote_words(reading, votes)
    _vote_topic(reading, votes)
    _vote_marks(reading, votes, reasons)
    if reading.foreign:
        _vote_stems(reading, votes, reasons)
    return votes, reasons


def _vote_leads(reading: features.Reading, votes: Votes, reasons: list[str]) -> None:
    """The first verb or question word of a sentence says most; of the first and the last sentence above all."""
    sentences = (
        reading.sentences if len(reading.sentences) < 18 else reading.sentences[:10] + reading.sentences[-8:]
    )
    found = [lead for lead in map(leads.lead, sentences) if lead]
    last = len(found) - 1
    for number, lead in enumerate(found):
        weight = 1.0 if number in {0, last} else 0.5 if number < 6 or number > last - 4 else 0.0
        for task, strength, why in lead:
            votes[task] += weight * strength
            if weight == 1.0 and why not in reasons:
                reasons.append(why)
    if "how to" in reasons and (reading.paste or "program" in reading.marks):
        votes["code"] += 2.5  # "how do I ..." about code that is shown wants that code changed


def _vote_words(reading: features.Reading, votes: Votes) -> None:
    count, hits = reading.count, reading.hits
    votes["code"] += min(2.0, 0.4 * count("code_noun")) + min(1.0, 0.25 * reading.names)
    votes["code"] += min(1.0, 0.3 * count("code_verb")) + min(2.5, 1.2 * hits.get("code", 0))
    votes["generate"] += min(1.5, 0.4 * count("text_noun")) + min(2.5, 1.2 * hits.get("generate", 0))
    votes["analyze"] += min(1.8, 0.4 * count("judge")) + min(1.0, 0.3 * count("judge_verb"))
    votes["analyze"] += min(2.5, 1.2 * hits.get("analyze", 0))
    votes["query"] += min(2.0, 0.8 * hits.get("query", 0))
    votes["research"] += min(3.0, 0.7 * count("search")) + 2.0 * (count("search") > 1)
    votes["research"] += min(3.0, 0.45 * count("survey")) + min(3.0, 1.5 * hits.get("research", 0))
    votes["audio"] += 5.0 * hits.get("audio", 0)


def _vote_topic(reading: features.Reading, votes: Votes) -> None:
    """What the matter and the form of the whole suggest: a sum in words, an open question, nothing of software."""
    count = reading.count
    if reading.question:
        short = reading.words < 40
        votes["query"] += 1.0 if short else -1.5
        votes["analyze"] += 1.0 if short else 2.0
        if reading.words > 16 and count("code_noun") + reading.names < 2:
            votes["analyze"] += 1.0 + (reading.words > 60)
            votes["research"] += 1.0
        if reading.numbers > 2 and not count("code_noun"):
            votes["analyze"] += 2.0
    quantities = count("quantity")
    if (quantities > 1 and reading.question) or (quantities > 2 and count("code_noun") < 3):
        votes["analyze"] += min(3.0, 0.6 * quantities + 0.3 * min(3, reading.numbers))
    if not count("code_noun") and not reading.names:
        votes["research"] += 0.5 * (count("survey") > 1)
        votes["code"] = max(0.0, votes["code"] - 0.6)


def _vote_marks(reading: features.Reading, votes: Votes, reasons: list[str]) -> None:
    hits = reading.hits
    contest = hits["#contest"] > 1
    weights = (
        ("contest", "code", 5.0 * contest),
        ("issue", "code", 4.0 if hits["#issue"] > 1 else 1.0),
        ("trace", "code", 1.5 * (reading.paste > 0)),
        ("math", "analyze", 5.0 * (hits["#math"] > 1 and not contest)),
        ("program", "code", 1.5),
        ("options", "query", 2.5),
        ("image", "image", 8.0),
        ("video", "video", 8.0),
        ("audio", "audio", 8.0),
    )
    for mark, task, weight in weights:
        if mark in reading.marks and weight:
            votes[task] += weight
            reasons.append(mark)


def _vote_stems(reading: features.Reading, votes: Votes, reasons: list[str]) -> None:
    found = {name[1:]: number for name, number in reading.hits.items() if name[0] == "~"}
    makes = found.get("make", 0) + found.get("draw", 0)
    for media in ("image", "video", "audio"):
        if makes and found.get(media) and not (found.get("code") or found.get("ask") or found.get("text")):
            votes[media] += 4.0 + (media != "image")
    for name, task, weight in (
        ("code", "code", 1.4),
        ("text", "generate", 1.6),
        ("analyze", "analyze", 1.8),
        ("ask", "query", 1.0 if found.get("analyze") else 1.8),
        ("research", "research", 1.2),
    ):
        if found.get(name):
            votes[task] += weight * min(3, found[name]) + (task == "generate" and makes > 0)
            reasons.append(f"{name} (not English)")
    votes["research"] += 2.0 * (found.get("research", 0) > 1)
    votes["image"] += 3.0 * (found.get("draw", 0) > 0)
    if makes and not found.get("code") and not reading.count("code_noun"):
        votes["code" if found.get("deep") or found.get("hard") else "generate"] += 1.0
    if not any(votes.values()):
        votes["query" if reading.question else "code"] += 0.5


def _confidence(votes: Votes) -> float:
    """How far the first task leads the second, less where there was little to go by."""
    first, second = sorted(votes.values(), reverse=True)[:2]
    return round(0.25 + 0.7 * (first - second) / max(first, 3.0), 2)
