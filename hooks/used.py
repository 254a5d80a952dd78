"""Did a routed answer replace the host's own work? Pure functions over texts; only hashes of an answer are kept.

A text is read as its letters and digits without spaces, case and marks, so that layout, Markdown and the host's way
of joining pieces do not matter, in any script. Every run of WINDOW bytes is hashed; the smallest SAMPLE hashes of the
answer are its fingerprint, an even sample of it. Runs that stand in the question too are left out: whoever answers
repeats those.

    kept    how much of the answer came back, in the last message or in what was written to files or run since
    made    how much of the last message is the answer's text
    shared  how many of the last message's longer words the answer has as well

    used      kept >= 0.5, or a message made of the answer (made >= 0.6, kept >= 0.12): it replaced the work; or the
              hook has shown it to the user, and the host neither worked on nor wrote much of its own beside it
    reworked  some of it came back (kept >= 0.12), or its words did (shared >= 0.5), or other tools worked after it
    ignored   neither
"""

import binascii

WINDOW, SAMPLE = 16, 128
WORDS = 96
KEPT, MADE, PARTLY, SHARED = 0.5, 0.6, 0.12, 0.5
_LIMIT = 60_000  # characters of any text that are looked at
_ALL = 0xFFFFFFFF
_FEW = 8  # hashes or words below which a share says nothing
_LOOKS = frozenset(("Read", "Grep", "Glob", "LS", "WebSearch", "WebFetch", "Agent"))
_WORKS = _LOOKS | {"Write", "Edit", "Bash", "PowerShell"}
_UNDONE = "old_string"
_MUCH = 600  # characters of the host's own beside an answer that was shown
_TOLD = (
    "decision", "tool", "model", "tokens", "cost", "ms", "asked", "context", "chars", "after", "answered_at", "shown",
)  # fmt: skip


def fingerprint(answer: dict, tool_input: dict) -> "dict | None":
    """What is remembered of one answer, at most about 3 KB; None where there is no text. Sizes are characters."""
    text = answer.get("answer")
    if not isinstance(text, str) or not (letters := _letters(text)):
        return None
    asked = " ".join(v for k in ("prompt", "context") if isinstance(v := tool_input.get(k), str))
    known = _runs(_letters(asked), _ALL)
    runs = _runs(letters, _ALL)
    new = runs - known if len(runs - known) >= _FEW else runs
    marks, top = _sample(new, SAMPLE)
    words, words_top = _sample(_words(text) - _words(asked), WORDS)
    return {
        "decision": _text(answer.get("decision")),
        "model": _text(answer.get("model")),
        **_figures(answer),
        "asked": len(asked),
        "chars": len(text),
        "top": top,
        "marks": marks,
        "hits": [],
        "words": words,
        "words_top": words_top,
        "short": _short(text) if len(letters) < WINDOW + _FEW else [],
        "after": 0,
    }


def worked(answers: object, tool: str, tool_input: dict) -> list:
    """The answers after another tool call: what it wrote may be theirs, what it looked up is work done again."""
    watched = _whole(answers)
    text = "" if tool in _LOOKS else "\n".join(_texts(tool_input))
    letters = _letters(text)
    for answer in watched:
        found = _found(answer, letters, text)
        answer["hits"] = sorted({*answer["hits"], *found})
        answer["after"] += not found and tool in _WORKS
    return watched


def judge(answers: object, message: str) -> list:
    """One verdict for each answer: {"decision", "verdict", "kept", "made", "shared", "after", "chars", "reply_chars", ...}."""
    letters, words = _letters(message), _words(message)
    return [_judged(answer, letters, words, message) for answer in _whole(answers)]


def _judged(answer: dict, letters: bytes, words: set, message: str) -> dict:
    hits = {*answer["hits"], *_found(answer, letters, message)}
    kept = len(hits) / len(answer["marks"])
    made = _share(_runs(letters, answer["top"]), {*answer["marks"]})
    shared = _share({w for w in words if w <= answer["words_top"]}, {*answer["words"]})
    told = {key: answer.get(key) for key in _TOLD}
    measures = {"kept": round(kept, 2), "made": round(made, 2), "shared": round(shared, 2)}
    verdict, how = _verdict(kept, made, shared, answer["after"])
    if answer.get("shown") is True and not answer["after"] and len(message) * (1 - made) < _MUCH:
        verdict, how = "used", "it was shown to the user"
    return {**told, **measures, "verdict": verdict, "how": how, "reply_chars": len(message)}


def _verdict(kept: float, made: float, shared: float, after: int) -> "tuple[str, str]":
    """The verdict and, in a few words, why."""
    if kept >= KEPT:
        return "used", f"{kept:.0%} of it came back"
    if made >= MADE and kept >= PARTLY:
        return "used", f"{made:.0%} of the reply is its text"
    if kept >= PARTLY:
        return "reworked", f"only {kept:.0%} of it came back"
    if shared >= SHARED:
        return "reworked", f"{shared:.0%} of the reply's words are its words"
    if after:
        return "reworked", f"{after} other tool calls afterwards"
    return "ignored", "no trace of it"


def _found(answer: dict, letters: bytes, text: str) -> set:
    """The answer's hashes that stand in a text. A very short answer stands there as a whole phrase or not at all."""
    if answer["short"]:
        count, crc = answer["short"]
        words = _phrase(text)
        runs = (" ".join(words[at : at + count]) for at in range(len(words) - count + 1))
        return {*answer["marks"]} if any(_hash(run) == crc for run in runs) else set()
    return _runs(letters, answer["top"]) & {*answer["marks"]}


def _short(text: str) -> list:
    """[how many words, the hash of them all]"""
    words = _phrase(text)
    return [len(words), _hash(" ".join(words))]


def _share(of: set, within: set) -> float:
    return len(of & within) / len(of) if len(of) >= _FEW else 0.0


def _letters(text: str) -> bytes:
    return "".join(filter(str.isalnum, text[:_LIMIT].lower())).encode("utf-8", "replace")


def _runs(letters: bytes, top: int) -> set:
    """Hashes up to `top` of all runs; one run for a text shorter than that."""
    crc, last = binascii.crc32, max(1, len(letters) - WINDOW + 1)
    if not letters:
        return set()
    return {found for at in range(last) if (found := crc(letters[at : at + WINDOW])) <= top}


def _words(text: str) -> set:
    """Hashes of the longer words: they carry the matter."""
    return {_hash(word) for word in _phrase(text) if len(word) > 4}


def _phrase(text: str) -> list:
    return "".join(c if c.isalnum() else " " for c in text[:_LIMIT].lower()).split()


def _hash(text: str) -> int:
    return binascii.crc32(text.encode("utf-8", "replace"))


def _sample(hashes: set, size: int) -> "tuple[list, int]":
    """(the smallest `size` hashes, the largest of them): a sample that another text can be held to."""
    kept = sorted(hashes)[:size]
    return kept, kept[-1] if len(hashes) > size else _ALL


def _texts(value: object, depth: int = 0) -> list:
    """All texts a tool was given, but for what an edit takes away."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [each for key, each in value.items() if key != _UNDONE]
    if not isinstance(value, list) or depth > 3:
        return []
    return [text for each in value for text in _texts(each, depth + 1)]


def _whole(answers: object) -> list:
    """Those that are what `fingerprint` made; the state's file may hold anything."""
    lists = ("marks", "hits", "words", "short")
    numbers = ("top", "words_top", "after", "asked", "chars")
    return [
        dict(answer)
        for answer in (answers if isinstance(answers, list) else [])
        if isinstance(answer, dict)
        and all(
            isinstance(answer.get(key), list) and all(type(n) is int for n in answer[key]) for key in lists
        )
        and all(type(answer.get(key)) is int for key in numbers)
        and answer["marks"]
        and len(answer["short"]) in (0, 2)
        and "tokens" in answer
        and "cost" in answer
    ]


def _text(value: object) -> str:
    return value[:400] if isinstance(value, str) else ""


def _figures(answer: dict) -> dict:
    """Tokens, cost in micro-dollars, milliseconds; from the line under the answer what the host does not hand on."""
    tokens, dollars, ms = answer.get("tokens"), answer.get("cost_usd"), None
    parts = _text(answer.get("footer")).split(" · ")  # model · 1,234 tokens · $0.000013 · 12 ms
    if len(parts) > 3:
        written = [_number(part.strip("~$").partition(" ")[0]) for part in parts[1:4]]
        tokens, dollars = (written[0], written[1]) if tokens is None else (tokens, dollars)
        ms = written[2]
    known = type(tokens) in (int, float) and 0 <= tokens < 1e12
    priced = type(dollars) in (int, float) and abs(dollars) < 1e6
    return {
        "tokens": int(tokens) if known else None,
        "cost": round(dollars * 1e6) if priced else None,
        "ms": ms,
    }


def _number(text: str) -> "float | None":
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None
