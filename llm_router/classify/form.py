"""A text as numbers: its tokens and pairs of tokens, hashed, and the measures of its form. What the artefact reads.

Pure and standard library only, as its siblings are. The order of `NAMES` is part of the artefact's format: whoever
changes a measure trains anew and raises `artefact.VERSION`.
"""

from math import log2
from zlib import crc32

try:
    from . import features
except ImportError:  # loaded by path, outside the package
    import features

GENRES = ("options", "contest", "issue", "program", "math", "sum", "ask", "chat")
# Characters that are looked at, and tokens of these that tell the task; what lies between is matter.
HEAD, TAIL = 1200, 600
ASK_HEAD, ASK_TAIL = 90, 45

_DIGITS = bytes.maketrans(b"123456789", b"000000000")  # of a number its length is kept
_LETTERS = b"abcdefghijklmnopqrstuvwxyz"
# A token is a run of bytes of one kind: letters, zeros, parts of other scripts' letters, signs; none of blanks.
_KINDS = bytearray(b"s" * 128 + b"x" * 128)
_KINDS[48] = 48
for _code in _LETTERS:
    _KINDS[_code] = 97
for _code in b" \t\n\r\v\f":
    _KINDS[_code] = 32
# So many in a row at most; what is longer is cut by telling its pieces apart by other names.
_CUTS = ((b"s" * 8, b"ttttuuuu"), (b"s" * 4, b"tttt"), (b"x" * 12, b"yyyyyyzzzzzz"), (b"x" * 6, b"yyyyyy"))
_WITHIN = b"\xff"  # a byte that is in no text
_EDGES = _WITHIN + b" " * 255  # by how the kind of a byte differs from that of the one before
_ZEROS = b" " * 48 + b"0" + b" " * 207  # all else is a blank
_CAPITALS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_COUNTED = tuple(bytes([code]) for code in b"?$\\=({[`,.;:\"'-+*/%<>^_#|!")
_UNCOUNTED = bytes(range(256)).translate(None, b"".join(_COUNTED))
_KEYWORDS = (
    "for ", "if ", "while ", "return", "def ", "class ", "import ", "else", ".append", "[::", "range(",
    "in ", "lambda", "sorted", "join", "split", "replace", "max", "min", "dict", "set(",
)  # fmt: skip
_OPERATORS = tuple(_COUNTED.index(sign) for sign in (b"+", b"-", b"*", b"/", b"%"))
_CATEGORIES = (
    "deep", "hard", "trivial", "quantity", "survey", "code_noun", "code_verb", "text_noun", "judge", "judge_verb",
    "search", "english", "foreign",
)  # fmt: skip
_MARKS = ("#contest", "#huge", "#issue", "#trace", "#math", "#program")
NAMES = (
    "length", "tokens", "letters", "length of words", "long words", "repetition", "digits", "share of digits",
    "longest number", "lines", "length of lines", "last line", "first line", "options", "length of options",
    "length before the options", "deep indent", "deeper indent", "other scripts", "capitals", "longest line",
    "different words", "operators", "longest quotation",
    *(f"signs {sign.decode()}" for sign in _COUNTED),
    *(f"code {word.strip()}" for word in _KEYWORDS),
    "prose", "names", "figures", "pasted lines", "sentences", "a question",
    *(f"{name} words" for name in _CATEGORIES),
    *(f"marks of {name[1:]}" for name in _MARKS),
    "difficulty by rules", "confidence of rules",
)  # fmt: skip


class Form:
    """`grams` are 32-bit hashes of the distinct tokens and pairs, `ask` those near its ends,
    `measures` the numbers named in NAMES.
    """

    __slots__ = ("ask", "genre", "grams", "measures")

    def __init__(self, text: str, reading: features.Reading, hardness: float, confidence: float) -> None:
        whole = f"{text[:HEAD]}\n{text[-TAIL:]}" if len(text) > HEAD + TAIL else text
        raw = whole.encode("utf-8", "surrogatepass")
        lower = whole.lower()
        low = lower.encode("utf-8", "surrogatepass").translate(_DIGITS)
        tokens = _tokens(low)
        distinct = set(tokens)
        single = list(map(crc32, tokens))
        pairs = list(map(crc32, tokens[1:], single))
        self.grams = {*single, *pairs}
        if len(tokens) > ASK_HEAD + ASK_TAIL:
            self.ask = {*single[:ASK_HEAD], *single[-ASK_TAIL:], *pairs[:ASK_HEAD], *pairs[-ASK_TAIL:]}
        else:
            self.ask = self.grams
        counted = raw.translate(None, _UNCOUNTED)
        signs = [log2(1 + counted.count(sign)) for sign in _COUNTED]
        words = [log2(1 + lower.count(word)) for word in _KEYWORDS]
        options = _options(raw)
        self.measures = [
            *_of_tokens(low, tokens, distinct),
            *_of_lines(raw, options),
            *_of_matter(raw, distinct, signs),
            *signs,
            *words,
            _log(reading.words),
            _log(reading.names),
            _log(reading.numbers),
            _log(reading.paste),
            _log(len(reading.sentences)),
            float(reading.question),
            *[float(min(8, reading.count(name))) for name in _CATEGORIES],
            *[float(reading.hits.get(name, 0)) for name in _MARKS],
            hardness,
            confidence,
        ]
        self.measures.insert(0, _log(len(text)))
        self.genre = _genre(reading, options, words, signs)


def _log(count: float) -> float:
    return log2(1 + count)


def _tokens(low: bytes) -> list[bytes]:
    """Runs of one kind. A blank is put wherever the kind changes, for all places at once: byte by byte would be slow."""
    kinds = low.translate(_KINDS)
    for run, pieces in _CUTS:
        kinds = kinds.replace(run, pieces)
    number, size = int.from_bytes(kinds, "big"), len(kinds)
    spread = bytearray(2 * size)
    spread[::2] = (number ^ number >> 8).to_bytes(size, "big").translate(_EDGES)
    spread[1::2] = low
    return bytes(spread).translate(None, _WITHIN).split()


def _of_tokens(low: bytes, tokens: list[bytes], distinct: set[bytes]) -> tuple[float, ...]:
    lengths = [len(token) for token in distinct if 96 < token[0] < 128]
    digits, size = low.count(b"0"), len(low) or 1
    count = len(lengths) or 1
    return (
        _log(len(tokens)),
        _log(size - len(low.translate(None, _LETTERS))),
        sum(lengths) / count,
        len([length for length in lengths if length > 8]) / count,
        len(distinct) / (len(tokens) or 1),
        _log(digits),
        digits / size,
        float(max(map(len, low.translate(_ZEROS).split()))) if digits else 0.0,
    )


def _of_lines(raw: bytes, options: int) -> tuple[float, ...]:
    bare = raw.strip()
    lines = raw.count(b"\n")
    start = raw.find(b"\nA") if options else -1
    return (
        _log(lines),
        _log(len(raw) / (1 + lines)),
        _log(len(bare) - 1 - bare.rfind(b"\n")),
        _log(len(bare.partition(b"\n")[0])),
        float(options),
        _log((len(raw) - start) / options) if start >= 0 else 0.0,
        _log(start if start >= 0 else len(raw)),
    )


def _of_matter(raw: bytes, distinct: set[bytes], signs: list[float]) -> tuple[float, ...]:
    lines = raw.split(b"\n")
    size = len(raw) or 1
    return (
        raw.count(b"\n        ") / len(lines),
        _log(raw.count(b"\n            ")),
        0.0 if raw.isascii() else len(raw.translate(None, _ASCII)) / size,
        1 - len(raw.translate(None, _CAPITALS)) / size,
        _log(max(map(len, lines))),
        _log(len(distinct)),
        sum(signs[place] for place in _OPERATORS),
        _log(max(map(len, raw.split(b"'")[1:-1:2]), default=0)),
    )


_ASCII = bytes(range(128))


def _options(raw: bytes) -> int:
    """How many answers are offered, lettered from A on."""
    for count in range(16):
        letter = b"\n%c" % (65 + count)
        if letter + b". " not in raw and letter + b") " not in raw:
            return count
    return 16


def _genre(reading: features.Reading, options: int, words: list[float], signs: list[float]) -> int:
    """What kind of text it is by its looks; each has its own table of grams."""
    hits = reading.hits
    looks = (
        options > 2,
        hits["#contest"] > 1,
        hits["#issue"] > 1,
        words[4] + words[6] + hits["#program"] + hits["#trace"] >= 2,  # def, import
        hits["#math"] > 1 or signs[2] > 1,  # backslashes
        reading.numbers > 1 and reading.question,
        reading.words > 30,
    )
    return looks.index(True) if True in looks else len(looks)
